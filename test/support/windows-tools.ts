/** Debian's tools that make packages for Windows. @module */
import { spawnSync } from "node:child_process";

/** @returns which is missing, in words; `false`: none */
export function toolMissing(...names: readonly string[]): string | false {
  const missing = names.find(
    (name) => spawnSync("which", [name], { stdio: "ignore" }).status !== 0,
  );
  return missing === undefined ? false : `needs ${missing} (Debian: nsis, wixl, msitools)`;
}
