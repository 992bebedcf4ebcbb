/**
 * What file drop asks of the store: a durable row for each file that it takes, so that a file is sent
 * once whatever happens between the folder and the commit (04 P17, P24, and its table of crash points).
 *
 * Of a file: claimed → committed or aside → moved. `committed` is written with the messages of the file in one
 * commit (`AppendEntry.claim`), or alone where nothing is sent of it. Of a file with very many messages that
 * commit is the last of several steps; a claimed row says how far they have come. Names are patient data: the
 * store seals them (04 P34, 08 2.1).
 *
 * Imports nothing: it is the one file of this part that the outbox, which answers it, may know.
 *
 * @module
 */

/** Data, the sender's word that it is complete (P8), and what is known about it (P44). */
export type FilePart = "data" | "control" | "sidecar";

/** What a status call says of a file; by it the same file is recognised. Windows: the file index. */
export interface FileState {
  readonly size: number;
  readonly modifiedNs: bigint;
  readonly inode: bigint;
}

/** One file in the drop folder. */
export interface DroppedFile extends FileState {
  readonly part: FilePart;
  /** Relative to the drop folder, as bytes of the system, `/` between folders. */
  readonly name: Uint8Array;
}

/** What is claimed, committed and moved together; the data file first. */
export interface NewClaim {
  /** 16 hexadecimal digits, by chance: what logs and alarms call the file (P34). */
  readonly claim: string;
  readonly files: readonly DroppedFile[];
  /** Why it will be set aside without being read: in its row, so that no restart forgets it. */
  readonly unfit?: FileReason | undefined;
}

/** Why a file is in the error folder. Names are public and never reused. */
export const FILE_REASONS = [
  /** No MSH at all (P39). */
  "noHeader",
  /** UTF-16 or UTF-32 (03 X3). */
  "wideCharacters",
  /** More messages than `maxMessagesPerFile`, or a longer envelope than can travel (P40). */
  "tooManyMessages",
  /** Above `maxFileBytes` or `maxBinaryBytes` (P22). */
  "tooLarge",
  /** Empty for `zeroByteWaitSeconds` (P45). */
  "empty",
  /** The content gate did not open in `maxWaitSeconds` (P9). */
  "contentGate",
  /** Its side-car, or the file of a side-car, did not come (P44). */
  "unpaired",
  /** The side-car is not what it must be (P44). */
  "sidecar",
  /** `namePattern` took longer than its limit (P43). */
  "namePattern",
  /** There is no room in quarantine for its bad messages (03 E7). */
  "quarantineFull",
  /** It could not be read `maxAttempts` times (P32). */
  "unreadable",
  /** The process ended again and again while it was worked on alone (P32). */
  "endedProcess",
  /** Written to after it was archived: a copy of the new content (P11). */
  "lateWrite",
  /** It was in `work/`, and is no longer (P65). Nothing lies in the error folder. */
  "vanished",
] as const;
export type FileReason = (typeof FILE_REASONS)[number];

export const CLAIM_STATES = ["claimed", "committed", "aside", "moved"] as const;
export type ClaimState = (typeof CLAIM_STATES)[number];

/**
 * What became of a file's content. `partial`: some of its messages are in quarantine (P38). `duplicate`,
 * `reappeared`: nothing of it was sent, the same content (P26), or the same file, had been.
 */
export const CLAIM_VERDICTS = ["sent", "partial", "duplicate", "reappeared"] as const;
export type ClaimVerdict = (typeof CLAIM_VERDICTS)[number];

/** A row, as far as it has come. */
export interface ClaimRow {
  readonly claim: string;
  /** As claimed. Empty where the row is damaged: its file stays where it is, by its `claim`, until a person looks. */
  readonly files: readonly DroppedFile[];
  /** Grows; never used twice. */
  readonly id: number;
  readonly channel: number;
  readonly state: ClaimState;
  /** Wall time, as all here, in ms since 1970. */
  readonly claimedAtMs: number;
  /** How often it was worked on alone, after the process had ended with it in hand (P32). */
  readonly attempts: number;
  /** Of the data file, once it was read whole. */
  readonly sha256: Uint8Array | undefined;
  /** From `committed` on; not of one that was set aside. */
  readonly verdict: ClaimVerdict | undefined;
  /** Why it was set aside; of a claimed row why it is to be, without being read. */
  readonly reason: FileReason | undefined;
  /** When it was committed or set aside. */
  readonly decidedAtMs: number | undefined;
  /** In the order of `files`: where each goes, relative to the archive or error folder, once that is decided. */
  readonly targets: readonly Uint8Array[];
  readonly movedAtMs: number | undefined;
  /** Messages of it in the outbox and blocks in quarantine; together the whole file, once it was sent. */
  readonly messageCount: number;
  readonly asideCount: number;
  /** Entries that are stored of this content, from its beginning; of a claimed row those of the steps so far (P24). */
  readonly appended: number;
}

/** By which a file is recognised before it is read. */
interface Recognised {
  /**
   * A row of the channel, committed or moved, whose data file has the same name, identity, size and time: the disk
   * has forgotten a rename, if the content is the same as well. Not one that was set aside: its file is judged anew.
   */
  readonly sameAs: ClaimRow | undefined;
}

/** What a claim was given. */
export interface Claimed extends Recognised {
  readonly id: number;
  readonly claimedAtMs: number;
}

/** A row that is not `moved`; `sameAs` is looked for while it is `claimed`. */
export type OpenClaim = ClaimRow & Recognised;

/** What a claimed file was found to hold. */
export interface ClaimedContent {
  readonly id: number;
  /** Of the whole data file, 32 bytes. */
  readonly sha256: Uint8Array;
  /** 32 bytes; equal for what counts as the same content (P26). */
  readonly contentKey: Uint8Array;
}

/**
 * With the entries of one step of a file: its row says in the same commit how far it has come, and becomes
 * `committed` with the last step (P24). Most files have one. Entries that the row counts already are not stored
 * again, whatever the duplicate policy says: a file that was interrupted is given once more from its beginning.
 */
export interface ClaimMark extends ClaimedContent {
  /** Of the step's first entry among all entries of the file, from 0. */
  readonly from: number;
  readonly isLast: boolean;
}

export const isOneOfSeveral = (step: ClaimMark | undefined): boolean =>
  step !== undefined && (step.from > 0 || !step.isLast);

/**
 * The files of one channel. Promises resolve once a change is durable; they reject as the store refuses, with nothing
 * changed. A change that does not fit the state of a row, as one that is told again, leaves it as it is.
 */
export interface FileClaims {
  /** All or none; before any of the files is touched (P17). */
  claim(claims: readonly NewClaim[]): Promise<Claimed[]>;
  /**
   * Takes claims back of files that are where they were, or gone: as if they had never been. The row of a file of which
   * a step is stored becomes `moved` instead: it still counts what the same content need not bring again.
   */
  withdraw(ids: readonly number[]): Promise<void>;
  /** Counts `attempts` up (P32). @returns the new count; 0 if the row is not `claimed` */
  attempt(id: number): Promise<number>;
  /** For each key whether a file with this content was committed at or after `sinceMs` (P26). */
  known(contentKeys: readonly Uint8Array[], sinceMs: number): Promise<boolean[]>;
  /** `committed`, though nothing is sent of it (P26). */
  settle(
    files: readonly (ClaimedContent & { readonly verdict: "duplicate" | "reappeared" })[],
  ): Promise<void>;
  /** `aside` (P31). @param sha256 if it was read whole */
  setAside(
    files: readonly {
      readonly id: number;
      readonly reason: FileReason;
      readonly sha256: Uint8Array | undefined;
    }[],
  ): Promise<void>;
  /** Writes down where files will go, before they do: where a name can only be kept by an empty file. */
  plan(
    files: readonly { readonly id: number; readonly targets: readonly Uint8Array[] }[],
  ): Promise<void>;
  /**
   * `moved`.
   *
   * @param targets empty where the file was deleted, is left where it was, or has vanished
   * @param left it lies where it was (P19): `left` names the row until `forget`
   */
  moved(
    files: readonly {
      readonly id: number;
      readonly targets: readonly Uint8Array[];
      readonly left: boolean;
    }[],
  ): Promise<void>;
  /** Of files that were left in place and are gone (P19): their rows go with time, as those of moved files do. */
  forget(ids: readonly number[]): Promise<void>;
  /** Rows that are not `moved`, oldest first. */
  open(): Promise<OpenClaim[]>;
  /** `moved` at or after `sinceMs`, oldest first, at most 1,000 (P11). */
  movedSince(sinceMs: number): Promise<ClaimRow[]>;
  /** With `claimBy` `row`: those that were left in place, for they must not be read again (P19). */
  left(): Promise<ClaimRow[]>;
  /**
   * Of rows decided before `beforeMs`: targets that must stay, for a message of the file is unsettled or in
   * quarantine (P30), or it has not been moved yet. Rejects with `STORE_BODY_DAMAGED` where one of them cannot be
   * read: then nothing may be pruned.
   */
  keptTargets(beforeMs: number): Promise<Uint8Array[]>;
  /** Newest first, before row `beforeId` (0: all), at most `count`, for an operator. */
  list(beforeId: number, count: number): Promise<ClaimRow[]>;
}
