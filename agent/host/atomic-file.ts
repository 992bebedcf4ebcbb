/** Files that are either wholly there after a power cut, or not at all (05 S10). @module */
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";

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
  const first = mkdirSync(folder, { recursive: true, mode });
  if (first === undefined) return;
  for (let made = folder; ; made = dirname(made)) {
    flushFolder(dirname(made));
    if (made === first || dirname(made) === made) return;
  }
}

/**
 * Replaces a file: temporary name, flush, rename, flush of the folder. Readers see the old content
 * or the new, never a part.
 */
export function replaceFile(file: string, content: Uint8Array | string, mode: number): void {
  const temporary = `${file}.new`;
  const descriptor = openSync(temporary, "w", mode);
  try {
    writeSync(descriptor, Buffer.from(content));
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(temporary, file);
  flushFolder(dirname(file));
}

/** Creates a file that must not exist yet, flushed with its name. @throws EEXIST among others */
export function createFile(file: string, content: Uint8Array | string, mode: number): void {
  const descriptor = openSync(file, "wx", mode);
  try {
    writeSync(descriptor, Buffer.from(content));
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  flushFolder(dirname(file));
}
