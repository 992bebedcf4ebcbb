/**
 * `npm run -s pair -- --dir DIR`: see `make-pair.ts`. Prints one line of JSON.
 *
 * With `--enroll` the agent has no imported identity but an enrolled one, from a token and a code (07 1.5); that takes
 * some ten seconds, for its receiver has to run meanwhile.
 *
 * @module
 */
import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Program } from "./demo/program.ts";
import { enrolPair } from "./enrol-pair.ts";
import { makePair } from "./make-pair.ts";

const receiverMain = fileURLToPath(new URL("../receiver/main.ts", import.meta.url));

const EXIT_USAGE = 64;
const EXIT_CANNOT_CREATE = 73;

function fail(exit: number, what: string, next: string): never {
  console.error(`pair: ${what}\n  ${next}`);
  process.exit(exit);
}

function isEmpty(folder: string): boolean {
  try {
    return readdirSync(folder).length === 0;
  } catch {
    // Not there yet: it will be made, or that says why not.
    return true;
  }
}

const { values } = parseArgs({
  options: { dir: { type: "string" }, enroll: { type: "boolean", default: false } },
});
if (values.dir === undefined) fail(EXIT_USAGE, "--dir is missing", "npm run -s pair -- --dir DIR");
const folder = resolve(values.dir);
if (!isEmpty(folder)) fail(EXIT_CANNOT_CREATE, "the folder is not empty", "Name a new one");
const pair = await makePair({ folder, files: true, enrolling: values.enroll });
if (values.enroll) {
  const serve = [receiverMain, "serve", "--config", pair.receiverConfig];
  const receiver = await Program.start(serve, join(folder, "receiver/enrolment.log"));
  try {
    await enrolPair(pair);
  } finally {
    await receiver.stop("SIGTERM");
  }
}
console.log(JSON.stringify(pair));
