/**
 * Runs test files on the pinned Node for Windows, under wine, one after the other.
 *
 *   node scripts/bootstrap.mjs scripts/wine.ts PATTERN …     files whose path contains one of the patterns
 *
 * Some fail there and say nothing about Windows: wine 8 makes no links and junctions, Linux's names have other limits,
 * and some tests are about Linux alone. `test/agent/folders/windows.test.ts` is what is claimed.
 *
 * @module
 */
import { globSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Wine, wineInside, wineMissing } from "#test/support/wine.ts";
import { fetchWindowsNode } from "./windows-node.ts";

const LIMIT_MS = 300_000;
const patterns = process.argv.slice(2);
const files = globSync("test/**/*.test.ts")
  .filter((file) => patterns.some((pattern) => file.includes(pattern)))
  .sort();
fetchWindowsNode();
const missing = wineMissing();
if (missing !== false) console.log(missing);
else {
  using wine = new Wine();
  for (const file of files) {
    const startMs = performance.now();
    const { printed } = await wine.run([wineInside(join(process.cwd(), file))], LIMIT_MS);
    const count = (what: string): number =>
      Number(new RegExp(`^ℹ ${what} (\\d+)`, "m").exec(printed)?.[1] ?? 0);
    const seconds = Math.round((performance.now() - startMs) / 1_000);
    console.log(
      `${file}: ${count("pass")} passed, ${count("fail")} failed, ${count("skipped")} skipped (${seconds} s)`,
    );
    const failed = printed.slice(printed.indexOf("✖ failing tests:"));
    for (const [line] of failed.matchAll(/^✖ .*$/gm))
      if (count("fail") > 0) console.log(`  ${line}`);
    writeFileSync(join("build", `wine-${file.replaceAll("/", "-")}.log`), printed);
  }
}
process.exitCode = missing === false && files.length > 0 ? 0 : 1;
