/** Across file systems (04 P28): a copy that is compared before anything is deleted. @module */
import { createHash } from "node:crypto";
import { closeSync, fstatSync, fsyncSync, futimesSync, readSync, writeSync } from "node:fs";
import type { WorkerVoice } from "./conversation.ts";
import { codeIs, doing, folderFault } from "./faults.ts";
import type { Folder } from "./folder.ts";
import type { ByteName } from "./names.ts";
import type { Place } from "./placement.ts";
import { openSafely } from "./safe-open.ts";

const STEP_BYTES = 1024 * 1024;
/** A flush of more could be silent for longer than a watchdog waits. */
const FLUSH_EVERY_BYTES = 8 * 1024 * 1024;

export interface CopyRules {
  readonly fileMode: number;
  /** More is not copied: a file that is set aside for its size is only ever renamed. */
  readonly maxBytes: number;
  readonly voice: WorkerVoice;
}

/**
 * Copies a file to a temporary name, flushed and compared, with the time of its source.
 *
 * @param temporary of ours: what is there is of a copy that was not finished
 * @throws {AgentError} `FOLDER_FAILED`
 */
export function copyFile(from: Place, to: Folder, temporary: ByteName, rules: CopyRules): void {
  const opened = openSafely(from.folder, from.name, undefined, false);
  if (typeof opened === "string") throw folderFault(from.folder.role, "copy", { code: "ENOENT" });
  using source = opened;
  if (source.status.size > BigInt(rules.maxBytes))
    throw folderFault(to.role, "copy", { code: "EFBIG" });
  to.remove(temporary);
  const target = to.create(temporary, rules.fileMode);
  if (target === undefined) throw folderFault(to.role, "copy", { code: "EEXIST" });
  let isGood = false;
  try {
    const size = Number(source.status.size);
    const written = pour(source.descriptor, size, from.folder, rules, (bytes, at) => {
      doing(to.role, "write", () => writeWhole(target, bytes));
      if (at % FLUSH_EVERY_BYTES < bytes.length) doing(to.role, "flush", () => fsyncSync(target));
    });
    keepTimes(target, source.descriptor);
    doing(to.role, "flush", () => fsyncSync(target));
    const found = hashOf(to, temporary, rules);
    if (found !== written) throw folderFault(to.role, "compare", { code: "EIO" });
    isGood = true;
  } finally {
    closeSync(target);
    if (!isGood) to.remove(temporary);
  }
}

/** SHA-256 in hexadecimal. @returns nothing if there is no plain file of that name */
export function hashOf(
  folder: Folder,
  name: ByteName,
  { voice }: { voice: WorkerVoice },
): string | undefined {
  const opened = openSafely(folder, name, undefined, false);
  if (typeof opened === "string") return undefined;
  using file = opened;
  return pour(file.descriptor, Number(file.status.size), folder, { voice }, () => {});
}

/** @returns the hash of what was read, at most `size` bytes */
function pour(
  descriptor: number,
  size: number,
  from: Folder,
  { voice }: { voice: WorkerVoice },
  take: (bytes: Uint8Array, at: number) => void,
): string {
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafe(Math.min(STEP_BYTES, Math.max(size, 1)));
  for (let at = 0; at < size; ) {
    const length = Math.min(buffer.length, size - at);
    const got = doing(from.role, "read", () => readSync(descriptor, buffer, 0, length, at));
    if (got === 0) break;
    const bytes = buffer.subarray(0, got);
    hash.update(bytes);
    at += got;
    take(bytes, at);
    voice.touched();
  }
  return hash.digest("hex");
}

function writeWhole(descriptor: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at, bytes.length - at);
}

/** For whoever looks at the archive. Where the account may not, a late write is told by the content (04 P11). */
function keepTimes(target: number, source: number): void {
  const { atimeMs, mtimeMs } = fstatSync(source);
  try {
    futimesSync(target, atimeMs / 1_000, mtimeMs / 1_000);
  } catch (error) {
    if (!codeIs(error, "EPERM", "EACCES", "EINVAL", "ENOTSUP", "EOPNOTSUPP")) throw error;
  }
}
