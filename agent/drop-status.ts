/** What `status` shows of a folder that files are taken from (04). @module */
import type { Facts } from "./errors.ts";
import type { FileDropState, FileDropStatus } from "./ingest/file-drop/file-drop.ts";
import type { FileCounts } from "./outbox/files/file-messages.ts";

/** Times are RFC 3339. No names of files: those are patient data (04 P34). */
export interface FolderStatus {
  readonly state: FileDropState;
  readonly since: string;
  /** `local`, `smb` or `nfs`; `undefined` until the folder was reached. */
  readonly shareKind: string | undefined;
  readonly fileSystem: string | undefined;
  /** In the drop folder as of the last poll, and how many of them are not complete. */
  readonly files: number;
  readonly incomplete: number;
  /** Claimed and not decided yet; decided and not moved yet. */
  readonly inWork: number;
  readonly toMove: number;
  /** Set aside, as far back as the store's report goes (04 P31): not what lies in the error folder now. */
  readonly setAside: number;
  readonly lastPollAt: string | undefined;
  /** Why it is not being watched. */
  readonly lastError: string | undefined;
  readonly summary: string | undefined;
  readonly remedy: string | undefined;
  readonly facts: Facts;
}

/** @param kept of the store's rows */
export function folderStatus(found: FileDropStatus, kept: FileCounts): FolderStatus {
  const { state, sinceMs, standing, error, lastPollAtMs } = found;
  return {
    state,
    since: new Date(sinceMs).toISOString(),
    shareKind: standing?.kind,
    fileSystem: standing?.fileSystem,
    files: found.fileCount,
    incomplete: found.waitingCount,
    inWork: found.inWorkCount,
    toMove: found.toMoveCount,
    setAside: kept.aside + kept.movedAside,
    lastPollAt: lastPollAtMs === undefined ? undefined : new Date(lastPollAtMs).toISOString(),
    lastError: error?.code,
    summary: error?.summary,
    remedy: error?.remedy,
    facts: error?.facts ?? {},
  };
}
