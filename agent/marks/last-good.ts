/** `trust/last-good`: the last known good configuration as a bundle (07 2.12, 2.13), outside of the store. @module */
import { closeSync, constants, existsSync, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { makeFolder, replaceFile } from "../host/atomic-file.ts";
import { TRUST_FOLDER } from "./marks-files.ts";

const FILE = "last-good";
/** A bundle (07 2.13). */
const FILE_MAX_BYTES = 5 * 1_048_576;

/**
 * Reads it; nothing is verified.
 *
 * @returns `absent` where there is none, `unreadable` where it is no plain file, too large, or cannot be read
 */
export function readLastGood(stateDir: string): Uint8Array | "absent" | "unreadable" {
  const file = join(stateDir, TRUST_FOLDER, FILE);
  if (!existsSync(file)) return "absent";
  try {
    const descriptor = openSync(file, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
    try {
      const stat = fstatSync(descriptor);
      if (!stat.isFile() || stat.size > FILE_MAX_BYTES) return "unreadable";
      return wholeOf(descriptor, stat.size);
    } finally {
      closeSync(descriptor);
    }
  } catch {
    // Whatever it was: the table has a row for a last-good that cannot be used.
    return "unreadable";
  }
}

/** Replaces it, flushed. @throws the operating system's error, untranslated; the old one is there then */
export function writeLastGood(stateDir: string, bundle: Uint8Array): void {
  if (bundle.length > FILE_MAX_BYTES) throw new RangeError("Cannot keep a bundle of that size");
  const folder = join(stateDir, TRUST_FOLDER);
  makeFolder(folder, 0o700);
  replaceFile(join(folder, FILE), bundle, 0o600);
}

function wholeOf(descriptor: number, size: number): Uint8Array | "unreadable" {
  const bytes = new Uint8Array(size);
  let at = 0;
  while (at < size) {
    const count = readSync(descriptor, bytes, at, size - at, at);
    if (count === 0) return "unreadable";
    at += count;
  }
  return bytes;
}
