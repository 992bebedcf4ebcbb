/**
 * Fails if a rule of `test/claimed-rules.txt` has no test that names it: `test('[F3] …')`.
 *
 * Long tests do not count, nor what only they run: a rule that nothing else tests could break with every change.
 *
 * @module
 */
import { globSync, readFileSync } from "node:fs";

const claimed = readFileSync("test/claimed-rules.txt", "utf8")
  .split("\n")
  .filter((line) => !line.startsWith("#"))
  .flatMap((line) => line.split(/\s+/).filter(Boolean));

const named = new Set<string>();
const LONG = /\.(?:long|scene)\.ts$/;
for (const file of globSync("test/**/*.ts").filter((one) => !LONG.test(one))) {
  const groups = readFileSync(file, "utf8").matchAll(
    /\[((?:[A-Z][A-Za-z0-9-]*)(?:,\s*[A-Z][A-Za-z0-9-]*)*)\]/g,
  );
  for (const [, ids = ""] of groups) for (const id of ids.split(/,\s*/)) named.add(id);
}

const missing = claimed.filter((id) => !named.has(id));
console.log(
  `${claimed.length - missing.length} of ${claimed.length} claimed rules are named by a test`,
);
if (missing.length > 0) console.log(`no test names: ${missing.join(" ")}`);
process.exitCode = missing.length === 0 ? 0 : 1;
