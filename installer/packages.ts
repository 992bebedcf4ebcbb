/** Packages of npm for other platforms than this one, which npm does not install: fetched at what `package-lock.json` names. @module */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./root.ts";

/** `npm ci` empties it, with all else that is in there. */
const FETCHED = join(ROOT, "node_modules/.fetched");

interface Locked {
  readonly version: string;
  readonly integrity: string;
}

/** @throws {Error} if the lock file does not name it */
function locked(name: string): Locked {
  const lock: unknown = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8"));
  // The shape of lock files of version 3, which npm wrote.
  const { packages } = lock as { packages: Record<string, Locked> };
  const found = packages[`node_modules/${name}`];
  if (found === undefined) throw new Error(`package-lock.json has no ${name}`);
  return found;
}

/** What the lock file says its content is. @throws {Error} if it does not name it */
export const lockedIntegrity = (name: string): string => locked(name).integrity;

/**
 * Its folder: where npm installed it, or else where it lies once it was fetched.
 *
 * @returns an absolute path; of a package that was not fetched yet there is nothing there
 * @throws {Error} if the lock file does not name it
 */
export function packageFolder(name: string): string {
  const installed = join(ROOT, "node_modules", name);
  if (existsSync(join(installed, "package.json"))) return installed;
  return join(FETCHED, `${name.replaceAll("/", "+")}-${locked(name).version}`);
}

/**
 * Fetches it unless it is there.
 *
 * @returns its folder
 * @throws {Error} if npm does not have it, or if it is not what the lock file names
 */
export function fetchPackage(name: string): string {
  const folder = packageFolder(name);
  if (existsSync(folder)) return folder;
  const { version, integrity } = locked(name);
  mkdirSync(FETCHED, { recursive: true });
  const work = mkdtempSync(join(FETCHED, "fetching-"));
  try {
    run("npm", ["pack", `${name}@${version}`, "--silent", "--pack-destination", work], work);
    const archive = join(work, `${name.replace("@", "").replaceAll("/", "-")}-${version}.tgz`);
    const hash = `sha512-${createHash("sha512").update(readFileSync(archive)).digest("base64")}`;
    if (hash !== integrity) throw new Error(`${name} is not what package-lock.json names`);
    run("tar", ["-xzf", archive, "-C", work], work);
    // Another build may have been faster: its folder is the same.
    if (!existsSync(folder)) renameSync(join(work, "package"), folder);
    return folder;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function run(program: string, args: readonly string[], cwd: string): void {
  const { status } = spawnSync(program, args, { cwd, stdio: ["ignore", "ignore", "inherit"] });
  if (status !== 0) throw new Error(`${program} ${args.slice(0, 2).join(" ")} failed`);
}
