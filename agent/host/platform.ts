/** What differs between systems for those who work on folders. @module */
import { closeSync, constants, existsSync, openSync, type PathLike } from "node:fs";

export const isWindows = process.platform === "win32";

/** Whether units of systemd may lie here; whether it runs the machine is another question. */
export const hasSystemd = process.platform === "linux";

/** Linux: what is open is reachable by its number, whatever was put under its name since. */
export const hasDescriptorPaths = process.platform === "linux" && existsSync("/proc/self/fd");

/** libuv's UV_FS_O_EXLOCK: CreateFile that shares neither reading nor writing nor deleting. */
const SHARE_NOTHING = 0x1000_0000;

/**
 * Whether another program has a file open (04 P10). Known on Windows alone: elsewhere locks are advisory.
 *
 * @throws the operating system's error, unless it is a sharing violation
 */
export function isHeld(path: PathLike): boolean {
  if (!isWindows) return false;
  try {
    closeSync(openSync(path, constants.O_RDONLY | SHARE_NOTHING));
    return false;
  } catch (error) {
    if (codeOf(error) === "EBUSY") return true;
    throw error;
  }
}

/**
 * 04 P62: an error that scanners, indexers and backups cause for moments. Windows says "access denied", too, of a
 * file that is being deleted.
 */
export function isBusy(error: unknown, onWindows = isWindows): boolean {
  const code = codeOf(error);
  // A server of shares says EBUSY for its Windows's "sharing violation".
  return code === "EBUSY" || (onWindows && (code === "EPERM" || code === "EACCES"));
}

const codeOf = (error: unknown): unknown => (error as { code?: unknown } | null)?.code;

/** Stops this thread; for workers that do nothing else. */
export function pauseThread(forMs: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, forMs);
}
