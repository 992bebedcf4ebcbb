/**
 * Flush times as another program sees them: in a process of its own, which may have a library preloaded.
 *
 *   flush-times.ts FOLDER     a JSON array, in ms
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { flushTimes } from "./limits.ts";

const COUNT = 100;

/**
 * Overwriting 4 KiB and flushing it, in ms.
 *
 * @param environment what that process finds beside this one's
 */
export function flushTimesIn(
  folder: string,
  environment: Readonly<Record<string, string>>,
): number[] {
  const env = { ...process.env, ...environment };
  const printed = execFileSync(process.execPath, [import.meta.filename, folder], { env });
  return JSON.parse(printed.toString("utf8")) as number[];
}

const [folder] = process.argv.slice(2);
if (import.meta.main && folder !== undefined) {
  console.log(JSON.stringify(flushTimes(join(folder, "flush"), COUNT)));
}
