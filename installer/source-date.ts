/** The one time that everything of a release bears: that of its commit (09 PK13). @module */
import { execFileSync } from "node:child_process";
import { ROOT } from "./root.ts";

/**
 * @returns Unix seconds: `SOURCE_DATE_EPOCH` where it is set (reproducible-builds.org), otherwise the commit's time
 * @throws {Error} where neither is known: an archive of the sources without its history needs the variable
 */
export function sourceDate(): number {
  const set = process.env["SOURCE_DATE_EPOCH"];
  if (set !== undefined && /^\d+$/.test(set)) return Number(set);
  try {
    const printed = execFileSync("git", ["log", "-1", "--format=%ct"], {
      ...{ cwd: ROOT, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] },
    });
    return Number(printed.trim());
  } catch (cause) {
    const message = "no history here: set SOURCE_DATE_EPOCH to the time of the release";
    throw new Error(message, { cause });
  }
}
