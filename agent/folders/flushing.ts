/**
 * Content that its sender has not flushed goes with a power cut, while a row of ours says that it is here: it is made
 * durable before the file leaves the drop folder (04 P1).
 *
 * @module
 */
import { fdatasyncSync } from "node:fs";
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

function flush({ descriptor }: OpenFile): void {
  try {
    fdatasyncSync(descriptor);
  } catch (error) {
    // Windows flushes only for whoever may write; some file systems know no flush.
    if (!codeIs(error, "EPERM", "EACCES", "EBADF", "EINVAL", "ENOTSUP", "EOPNOTSUPP", "EROFS")) {
      throw error;
    }
  }
}
