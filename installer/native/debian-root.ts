/** Debian of a certain release as a folder, in which programs are compiled or tried; made once, below `build` (09 5). @module */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../root.ts";

export type Release = "bullseye" | "bookworm" | "trixie";

/** Of the machine, unless `DEBIAN_MIRROR` names another: an old release moves to archive.debian.org one day. */
const MIRROR = "http://deb.debian.org/debian";
/** What a trial and a compiler have no use for: 300 MB. */
const UNUSED = [
  ...["usr/share/doc", "usr/share/man", "usr/share/locale"],
  ...["var/cache/apt", "var/lib/apt/lists"],
];

const folderOf = (release: Release): string => join(ROOT, "build/roots", release);

/** @returns its folder if it was made here */
export function madeDebianRoot(release: Release): string | undefined {
  return existsSync(folderOf(release)) ? folderOf(release) : undefined;
}

/**
 * Made unless it is there; minutes and a gigabyte for one with compilers.
 *
 * @param packages beside those that every Debian has
 * @returns its folder
 * @throws {Error} if this account may not, or the mirror is not reached
 */
export function debianRoot(release: Release, packages: readonly string[] = []): string {
  const made = madeDebianRoot(release);
  if (made !== undefined) return made;
  const folder = folderOf(release);
  if (process.getuid?.() !== 0 || spawnSync("debootstrap", ["--version"]).status !== 0) {
    throw new Error(`a root of Debian ${release} is made by root, with the package debootstrap`);
  }
  const unfinished = `${folder}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { recursive: true });
  const include = packages.length === 0 ? [] : [`--include=${packages.join(",")}`];
  const mirror = process.env["DEBIAN_MIRROR"] ?? MIRROR;
  const args = ["--variant=minbase", ...include, release, unfinished, mirror];
  console.log(`making a root of Debian ${release} (once)`);
  const { status, stdout } = spawnSync("debootstrap", args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`debootstrap ${release}: ${stdout.slice(-1_000)}`);
  for (const path of UNUSED) rmSync(join(unfinished, path), { recursive: true, force: true });
  renameSync(unfinished, folder);
  return folder;
}

/** Its own `/proc` is there for as long as the command runs, and for it alone. */
const ENTER = 'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"';

/**
 * A command that runs another one inside, without anything of our environment; for root.
 *
 * @param cwd as seen from inside
 */
export function insideCommand(root: string, cwd: string, command: readonly string[]): string[] {
  const path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
  const there = ["/bin/sh", "-c", 'cd "$0" && exec "$@"', cwd, ...command];
  return ["env", "-i", path, "LC_ALL=C", "unshare", "-m", "sh", "-c", ENTER, root, ...there];
}

/** @throws {Error} with what it said, unless it ends with 0 */
export function runInside(root: string, cwd: string, command: readonly string[]): void {
  const [program = "", ...args] = insideCommand(root, cwd, command);
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: "utf8" });
  if (status !== 0) {
    throw new Error(`${command[0]}: ${error?.message ?? `${stdout}${stderr}`}`);
  }
}
