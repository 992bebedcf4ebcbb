/**
 * Content that its sender has not flushed goes with a power cut, while a row of ours says that it is here: it is made
 * durable before the file leaves the drop folder (04 P1).
 *
 * @module
 */
import { closeSync, constants, fdatasyncSync, fstatSync, openSync } from "node:fs";
import { isWindows } from "../host/platform.ts";
import type { WorkerVoice } from "./conversation.ts";
import { codeIs, doing, stepFaultOf } from "./faults.ts";
import type { Folder } from "./folder.ts";
import type { FileState } from "./messages.ts";
import type { ByteName } from "./names.ts";
import { type OpenFile, type OpenRefusal, openSafely } from "./safe-open.ts";

export interface FlushRules {
  /** Of local folders alone: no promise rests on a flush to a share (P50). */
  readonly flushes: boolean;
  readonly rejectHardLinks: boolean;
  /** A larger file is set aside unread (P22): it is as durable as its sender has made it. */
  readonly maxBytes: number;
  readonly voice: WorkerVoice;
}

/**
 * Flushes the content of a file, as far as the account may.
 *
 * @returns why it is not the file that it was, or nothing
 * @throws {AgentError} `FOLDER_FAILED` where the disk cannot
 */
export function flushContent(
  folder: Folder,
  name: ByteName,
  state: FileState,
  { flushes, rejectHardLinks, maxBytes, voice }: FlushRules,
): OpenRefusal | undefined {
  if (!flushes || state.size > maxBytes) return undefined;
  voice.touched();
  const opened = openedFile(folder, name, state, rejectHardLinks);
  if (opened === undefined || typeof opened === "string") return opened;
  using file = opened;
  doing(folder.role, "flush", () => flush(file));
  return undefined;
}

/** @returns nothing where it may not be read: that is found, and said, when it is read */
function openedFile(
  folder: Folder,
  name: ByteName,
  state: FileState,
  rejectHardLinks: boolean,
): OpenFile | OpenRefusal | undefined {
  try {
    return openSafely(folder, name, state, rejectHardLinks);
  } catch (error) {
    stepFaultOf(error);
    return undefined;
  }
}

function flush(file: OpenFile): void {
  try {
    if (isWindows) flushToWrite(file);
    else fdatasyncSync(file.descriptor);
  } catch (error) {
    // What we may not write is as durable as its sender has made it; some file systems know no flush.
    if (isWindows && codeIs(error, "EBUSY", "ENOENT")) return;
    if (!codeIs(error, "EPERM", "EACCES", "EBADF", "EINVAL", "ENOTSUP", "EOPNOTSUPP", "EROFS")) {
      throw error;
    }
  }
}

/** Windows flushes only for whoever has opened the file to write. Nothing is written. */
function flushToWrite({ folder, name, status }: OpenFile): void {
  const descriptor = openSync(folder.path(name), constants.O_RDWR);
  try {
    // Something else may have been put there since.
    if (fstatSync(descriptor, { bigint: true }).ino === status.ino) fdatasyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
