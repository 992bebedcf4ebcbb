/** What differs between systems for those who work on folders. @module */
import { closeSync, constants, existsSync, openSync, type PathLike } from "node:fs";

export const isWindows = process.platform === "win32";

/** Linux: what is open is reachable by its number, whatever was put under its name since. */
export const hasDescriptorPaths = process.platform === "linux" && existsSync("/proc/self/fd");

/** libuv's UV_FS_O_EXLOCK: CreateFile that shares neither reading nor writing nor deleting. */
const SHARE_NOTHING = 0x1000_0000;

/**
 * Whether another program has a file open (04 P10). Known on Windows alone: elsewhere locks are advisory.
 *
 * @throws the operating system's error, unless it says that the file is held
 */
export function isHeld(path: PathLike): boolean {
  if (!isWindows) return false;
  try {
    closeSync(openSync(path, constants.O_RDONLY | SHARE_NOTHING));
    return false;
  } catch (error) {
    if (isBusy(error)) return true;
    throw error;
  }
}

/** 04 P62: an error that scanners, indexers and backups cause for moments. */
export function isBusy(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  // A server of shares says EBUSY for its Windows's "sharing violation".
  return code === "EBUSY" || (isWindows && (code === "EPERM" || code === "EACCES"));
}

/** Stops this thread; for workers that do nothing else. */
export function pauseThread(forMs: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, forMs);
}
