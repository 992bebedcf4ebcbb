/**
 * Folders that the agent makes: beside the folder of its channel, or in it (04 P2). Elsewhere they must be there: a share that
 * is not mounted must not be replaced by a folder on this disk (P47).
 *
 * @module
 */
import { existsSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { Folder } from "./folder.ts";
import { byteNameFrom } from "./names.ts";
import type { Patience } from "./patience.ts";
import type { RootPath } from "./roots.ts";

/** Whether the agent makes `path` where it is missing. Pure. @param folder the one of the channel */
export function isMadeBeside(path: string, folder: string): boolean {
  const parent = dirname(resolve(path));
  const given = resolve(folder);
  return parent === given || parent === dirname(given);
}

/**
 * Makes those that are missing, with exactly `mode`.
 *
 * @param main must be there
 * @throws {AgentError} `FOLDER_FAILED`
 */
export function makeBeside(
  main: RootPath,
  others: readonly RootPath[],
  mode: number,
  patience: Patience,
): void {
  using _main = Folder.open(main.role, patience, resolve(main.path));
  for (const { role, path } of others) {
    if (!isMadeBeside(path, main.path) || existsSync(path)) continue;
    using parent = Folder.open(role, patience, dirname(resolve(path)));
    parent.make(byteNameFrom(basename(path)), mode)[Symbol.dispose]();
  }
}
