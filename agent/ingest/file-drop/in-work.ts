/** A file between its claim and its move, as the driver holds it. What must outlive the process stands in its row. @module */
import type { StepFault } from "../../folders/messages.ts";
import type { ClaimRow, DroppedFile, FileReason } from "./claims.ts";

export interface FileInWork {
  readonly id: number;
  readonly claim: string;
  /** By which the archive's folder is named: the same each time it is tried. */
  readonly claimedAtMs: number;
  /** Data first. */
  readonly files: readonly DroppedFile[];
  /** Committed before, under the same name, identity, size and time. */
  readonly sameAs: ClaimRow | undefined;
  /** To be set aside without being read. */
  readonly unfit: FileReason | undefined;
  /** The process had ended with it in hand: worked on alone (P32). */
  readonly suspect: boolean;
  /** This process has counted it (P32). */
  isCounted: boolean;
  /** Times that it could not be read, and how many of them were errors (P32, P62). */
  tries: number;
  failures: number;
  /** What the system said last. */
  fault: StepFault | undefined;
  /** Monotonic: since when another program holds it, and when it is tried again. */
  busySinceMs: number | undefined;
  retryAtMs: number;
}

/** What it begins with. */
export const NOT_TRIED = {
  isCounted: false,
  tries: 0,
  failures: 0,
  fault: undefined,
  busySinceMs: undefined,
  retryAtMs: 0,
} as const;

/** A file whose content is safe, or which is set aside, and which still has to go where it belongs (P25, P29, P31). */
export interface FileToMove {
  readonly id: number;
  readonly claim: string;
  readonly claimedAtMs: number;
  readonly files: readonly DroppedFile[];
  readonly sha256: Uint8Array | undefined;
  targets: readonly Uint8Array[];
  readonly duplicate: boolean;
  /** To the error folder, and why; else to the archive. */
  readonly reason: FileReason | undefined;
  /** What the system said, if that is why; no restart remembers it. */
  readonly fault: StepFault | undefined;
  /** How often it could not be moved, and when that is tried again, monotonic (P29). */
  moveFailures: number;
  retryAtMs: number;
}

/** What has been decided. @param reason why it goes to the error folder */
export function movable(
  { id, claim, claimedAtMs, files }: FileInWork,
  sha256: Uint8Array | undefined,
  {
    duplicate = false,
    reason,
    fault,
  }: {
    readonly duplicate?: boolean;
    readonly reason?: FileReason | undefined;
    readonly fault?: StepFault | undefined;
  },
): FileToMove {
  const known = { id, claim, claimedAtMs, files, sha256, duplicate, reason, fault };
  return { ...known, targets: [], ...NOT_FAILED };
}

/** Of a row that is committed or set aside. */
export const toMoveFrom = (row: ClaimRow): FileToMove => ({
  id: row.id,
  claim: row.claim,
  files: row.files,
  sha256: row.sha256,
  claimedAtMs: row.claimedAtMs,
  targets: row.targets,
  duplicate: row.verdict === "duplicate" || row.verdict === "reappeared",
  reason: row.reason,
  fault: undefined,
  ...NOT_FAILED,
});

const NOT_FAILED = { moveFailures: 0, retryAtMs: 0 } as const;

/** By which a reason file names the rule (P31). */
export const RULE_OF: Readonly<Record<FileReason, string>> = {
  noHeader: "04 P39",
  quarantineFull: "03 E7",
  wideCharacters: "03 X3",
  tooManyMessages: "04 P40",
  tooLarge: "04 P22",
  empty: "04 P45",
  contentGate: "04 P9",
  unpaired: "04 P44",
  sidecar: "04 P44",
  namePattern: "04 P43",
  unreadable: "04 P32",
  endedProcess: "04 P32",
  lateWrite: "04 P11",
  vanished: "04 P65",
};

/** What the row says of a file is known by its claim. */
export const named = ({ claim, files }: Pick<FileInWork, "claim" | "files">) => ({ claim, files });
