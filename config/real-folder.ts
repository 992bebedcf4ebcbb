/** Where a path leads when every link in it is followed. @module */
import { lstatSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/**
 * Of a path that does not exist, what exists of it is followed: what is made there later lies there.
 *
 * @param path absolute
 * @returns nothing where it cannot be known: a link that leads nowhere, or a folder that may not be looked into
 */
export function realFolder(path: string): string | undefined {
  const missing: string[] = [];
  for (let there = path; ; there = dirname(there)) {
    const real = followed(there);
    if (real !== "absent") return real === undefined ? undefined : join(real, ...missing);
    if (dirname(there) === there) return undefined;
    missing.unshift(basename(there));
  }
}

function followed(path: string): string | "absent" | undefined {
  try {
    return realpathSync.native(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") return undefined;
  }
  try {
    lstatSync(path);
    // A link that leads nowhere: whoever makes its target decides where it leads.
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? "absent" : undefined;
  }
}
