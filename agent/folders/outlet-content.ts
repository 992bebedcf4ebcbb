/** What lies in a folder that files are written to: compared, and named exclusively (04 P53, P56, P57). @module */
import { createHash } from "node:crypto";
import { closeSync, fstatSync, readSync, writeSync } from "node:fs";
import { codeIs, doing, folderFault } from "./faults.ts";
import type { Folder } from "./folder.ts";
import type { ByteName } from "./names.ts";

const READ_BYTES = 1_048_576;

/**
 * Whether a file has this length and hash. Opened without following links and without blocking.
 *
 * @throws {AgentError} `FOLDER_FAILED`
 */
export function isSameContent(
  folder: Folder,
  name: ByteName,
  wanted: { readonly bytes: number; readonly sha256: Uint8Array },
  touched: () => void,
): boolean {
  const descriptor = openedToRead(folder, name);
  if (typeof descriptor !== "number") return false;
  try {
    return doing(folder.role, "read", () => hasContent(descriptor, wanted, touched));
  } finally {
    closeSync(descriptor);
  }
}

/** What nobody may read is not known to be ours. */
function openedToRead(folder: Folder, name: ByteName): number | undefined {
  try {
    const opened = folder.openToRead(name);
    return typeof opened === "number" ? opened : undefined;
  } catch (error) {
    const code = (error as { facts?: { sysCode?: unknown } }).facts?.sysCode;
    if (codeIs({ code }, "EACCES", "EPERM", "EISDIR", "ENODEV")) return undefined;
    throw error;
  }
}

function hasContent(
  descriptor: number,
  { bytes, sha256 }: { readonly bytes: number; readonly sha256: Uint8Array },
  touched: () => void,
): boolean {
  const status = fstatSync(descriptor);
  if (!status.isFile() || status.size !== bytes) return false;
  const digest = createHash("sha256");
  const piece = new Uint8Array(Math.min(Math.max(bytes, 1), READ_BYTES));
  for (let at = 0; at < bytes; ) {
    const count = readSync(descriptor, piece, 0, Math.min(piece.length, bytes - at), at);
    if (count === 0) return false;
    digest.update(piece.subarray(0, count));
    at += count;
    touched();
  }
  return Buffer.compare(digest.digest(), sha256) === 0;
}

/** A disk that is nearly full takes a part. */
export function writeAll(descriptor: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
}

/**
 * Gives a file a second name, exclusively. Where there are no links the name is looked for, and the file renamed: an
 * empty file made first, to be renamed over, would be seen by a reader and taken (P53).
 *
 * @returns false if the name is taken
 * @throws {AgentError} `FOLDER_FAILED`
 */
export function isNamed(from: Folder, name: ByteName, to: Folder, toName: ByteName): boolean {
  switch (from.link(name, to, toName)) {
    case "done":
      return true;
    case "exists":
      return isSameFile(from, name, to, toName);
    case "otherFileSystem":
      throw folderFault(to.role, "publish", { code: "EXDEV" });
    case "refused":
      if (to.look(toName) !== undefined) return false;
      renameTo(from, name, to, toName);
      return true;
  }
}

/** Replaces what is there. @throws {AgentError} `FOLDER_FAILED` */
export function renameTo(from: Folder, name: ByteName, to: Folder, toName: ByteName): void {
  const outcome = from.rename(name, to, toName);
  if (outcome === "done") return;
  throw folderFault(to.role, "publish", { code: outcome === "gone" ? "ENOENT" : "EXDEV" });
}

/** NFS: the answer was lost, and the same link asked for again. */
function isSameFile(from: Folder, name: ByteName, to: Folder, toName: ByteName): boolean {
  const [one, other] = [from.look(name), to.look(toName)];
  return one !== undefined && one.ino !== 0n && one.ino === other?.ino && one.dev === other.dev;
}
