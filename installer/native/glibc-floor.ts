/** Nothing that is shipped for Linux may want more of the system's libraries than the oldest system has (09 PK11, T-K08). @module */
import { execFileSync } from "node:child_process";

/** Of RHEL 8, Debian 10, Ubuntu 20.04, and what Node itself wants. */
const FLOOR: ReadonlyMap<string, string> = new Map([
  ["GLIBC", "2.28"],
  ["GLIBCXX", "3.4.25"],
  ["CXXABI", "1.3.11"],
  ["GCC", "8.0.0"],
]);

const MAX_SAID_BYTES = 64 * 2 ** 20;

/**
 * The versions of symbols that a file wants.
 *
 * @param file ELF, of any processor
 * @returns such as `GLIBC_2.28`
 */
export function wantedVersions(file: string): readonly string[] {
  const args = ["LC_ALL=C", "readelf", "--version-info", "--wide", file];
  const said = execFileSync("env", args, { encoding: "utf8", maxBuffer: MAX_SAID_BYTES });
  // What it has itself stands before: a table of definitions.
  const [, needs = ""] = said.split(/^Version needs section/m);
  return [...new Set([...needs.matchAll(/Name: (\S+)/g)].map(([, name = ""]) => name))];
}

/** @throws {Error} with what is too new */
export function refuseAboveFloor(file: string): void {
  const wanted = wantedVersions(file);
  if (wanted.length === 0) throw new Error(`${file}: names no version of a system library`);
  const above = wanted.filter((name) => {
    const [library = "", version = ""] = name.split("_");
    const floor = FLOOR.get(library);
    return floor === undefined || isAbove(version, floor);
  });
  if (above.length > 0) throw new Error(`${file} wants ${above.join(", ")}: newer than we promise`);
}

function isAbove(version: string, floor: string): boolean {
  const [ours, theirs] = [version, floor].map((one) => one.split(".").map(Number));
  for (const [index, part] of (ours ?? []).entries()) {
    const limit = theirs?.[index] ?? 0;
    if (part !== limit) return !(part < limit);
  }
  return false;
}
