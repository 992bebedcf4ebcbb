/** Files in and out: nothing is overwritten but a document that gets one more signature. @module */
import { closeSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { createFile, replaceFile } from "#agent/host/atomic-file.ts";
import { BUNDLE_MAX_BYTES } from "../limits.ts";
import { SignError, type SignErrorCode } from "./sign-error.ts";

const SECRET = 0o600;
const PUBLIC = 0o644;

/** @throws {SignError} `FILE_UNREADABLE`, also for a file of more than 5 MB, or what is said instead */
export function readBytes(file: string, mostBytes: number = BUNDLE_MAX_BYTES): Uint8Array {
  try {
    const descriptor = openSync(file, "r");
    try {
      const { size } = fstatSync(descriptor);
      if (size > mostBytes) throw new SignError("FILE_UNREADABLE", `${file} is too large`);
      return new Uint8Array(readFileSync(descriptor));
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw translated("FILE_UNREADABLE", file, error);
  }
}

/**
 * Reads a file that only its owner may read.
 *
 * @throws {SignError} `KEY_EXPOSED`, `FILE_UNREADABLE`
 */
export function readSecret(file: string): Uint8Array {
  const most = 65_536;
  try {
    const descriptor = openSync(file, "r");
    try {
      const { mode } = fstatSync(descriptor);
      // Rights on Windows are an access list: there the mode says nothing.
      const isExposed = "getuid" in process && (mode & 0o077) !== 0;
      if (isExposed) throw new SignError("KEY_EXPOSED", file);
      const buffer = new Uint8Array(most);
      return buffer.slice(0, readSync(descriptor, buffer));
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw translated("FILE_UNREADABLE", file, error);
  }
}

/** Creates a file that must not exist. @throws {SignError} `FILE_EXISTS`, `FILE_UNWRITABLE` */
export function writeNew(file: string, content: Uint8Array | string): void {
  create(file, content, PUBLIC);
}

/** The same, with mode 0600 from the first byte on. */
export function writeSecret(file: string, content: Uint8Array | string): void {
  create(file, content, SECRET);
}

/** Puts a document in the place of what it was before one more signature. */
export function replaceDocument(file: string, content: Uint8Array): void {
  try {
    replaceFile(file, content, PUBLIC);
  } catch (error) {
    throw translated("FILE_UNWRITABLE", file, error);
  }
}

function create(file: string, content: Uint8Array | string, mode: number): void {
  try {
    createFile(file, content, mode);
  } catch (error) {
    const isThere = error instanceof Error && "code" in error && error.code === "EEXIST";
    throw translated(isThere ? "FILE_EXISTS" : "FILE_UNWRITABLE", file, error);
  }
}

function translated(code: SignErrorCode, file: string, cause: unknown): SignError {
  if (cause instanceof SignError) return cause;
  const why = cause instanceof Error && "code" in cause ? ` (${String(cause.code)})` : "";
  return new SignError(code, `${file}${why}`, { cause });
}
