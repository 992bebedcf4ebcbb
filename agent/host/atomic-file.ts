/** Files that are either wholly there after a power cut, or not at all (05 S10). @module */
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { codeOf } from "../errors.ts";

/**
 * Makes the names inside a folder durable. Does nothing on Windows, which has no such call.
 *
 * @throws the operating system's error, untranslated
 */
export function flushFolder(folder: string): void {
  if (process.platform === "win32") return;
  const descriptor = openSync(folder, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Creates a folder and all above it, each name flushed in its parent.
 *
 * @param mode applied to folders that are made, not to those that exist
 */
export function makeFolder(folder: string, mode: number): void {
  const first = firstMade(folder, mode);
  if (first === undefined) return;
  for (let made = folder; ; made = dirname(made)) {
    flushFolder(dirname(made));
    if (made === first || dirname(made) === made) return;
  }
}

function firstMade(folder: string, mode: number): string | undefined {
  try {
    return mkdirSync(folder, { recursive: true, mode });
  } catch (error) {
    // Node says ENOENT of a file system that is mounted read-only; what would hold the new folder says EROFS.
    let nearest = dirname(folder);
    while (!existsSync(nearest) && dirname(nearest) !== nearest) nearest = dirname(nearest);
    if (codeOf(error) === "ENOENT") accessSync(nearest, constants.W_OK);
    throw error;
  }
}

/**
 * Replaces a file: temporary name, flush, rename, flush of the folder. Readers see the old content
 * or the new, never a part.
 */
export function replaceFile(file: string, content: Uint8Array | string, mode: number): void {
  const temporary = `${file}.new`;
  // Left by a crash, perhaps with other rights.
  rmSync(temporary, { force: true });
  writeNew(temporary, content, mode);
  renameSync(temporary, file);
  flushFolder(dirname(file));
}

/** Creates a file that must not exist yet, flushed with its name. @throws EEXIST among others */
export function createFile(file: string, content: Uint8Array | string, mode: number): void {
  writeNew(file, content, mode);
  flushFolder(dirname(file));
}

/** The whole content, flushed, or no file. */
function writeNew(file: string, content: Uint8Array | string, mode: number): void {
  // Windows has no modes: without the right to write, a file could not be replaced there. Its access list says who may.
  const right = process.platform === "win32" ? mode | 0o200 : mode;
  const descriptor = openSync(file, "wx", right);
  try {
    // `writeSync` may write a part of it only, on a disk that is nearly full.
    writeFileSync(descriptor, content);
    fsyncSync(descriptor);
  } catch (error) {
    rmSync(file, { force: true });
    throw error;
  } finally {
    closeSync(descriptor);
  }
}
