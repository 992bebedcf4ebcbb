/** Installs a stand-in for the executable, where it is run: in a machine of the test's own. @module */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { AgentError } from "#agent/errors.ts";
import { install } from "#agent/service/linux/install.ts";

const [, , file = "", addOns = ""] = process.argv;
const LINUX = join(import.meta.dirname, "../../../../installer/linux");

try {
  const placed = await install(
    {
      file,
      addOns: new Map(addOns.split(",").map((name) => [name, () => Buffer.from(name)])),
    },
    (name) => readFileSync(join(LINUX, name)),
  );
  process.stdout.write(JSON.stringify(placed));
} catch (error) {
  if (!(error instanceof AgentError)) throw error;
  process.stderr.write(error.message);
  process.exitCode = error.exit;
}
