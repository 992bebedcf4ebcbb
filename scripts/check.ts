/**
 * `npm run check`: types, lint, format, architecture, rule coverage for what is claimed.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const bin = (name: string): string => join(root, "node_modules/.bin", name);

const STEPS: readonly { readonly name: string; readonly command: readonly string[] }[] = [
  {
    name: "types",
    command: [process.execPath, join(root, "node_modules/typescript/bin/tsc"), "-p", "."],
  },
  { name: "lint and format", command: [bin("biome"), "check", "--error-on-warnings"] },
  {
    name: "architecture",
    command: [
      process.execPath,
      "--test",
      "test/architecture.test.ts",
      "test/architecture-sockets.test.ts",
      "test/architecture-page.test.ts",
    ],
  },
  { name: "error catalogue in README", command: [process.execPath, "scripts/docs.ts", "--check"] },
  { name: "rules claimed", command: [process.execPath, "scripts/rules.ts"] },
];

let failed = 0;
for (const { name, command } of STEPS) {
  const [program = "", ...args] = command;
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: root, encoding: "utf8" });
  console.log(`${status === 0 ? "ok    " : "FAILED"}  ${name}`);
  if (status !== 0) {
    failed += 1;
    console.log(`${stdout}${stderr}`);
  }
}
process.exitCode = failed === 0 ? 0 : 1;
