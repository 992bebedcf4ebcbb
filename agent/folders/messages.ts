/**
 * What is asked of a folder worker, and what it answers. All of it can be cloned across a thread or process border.
 *
 * The worker does the calls of the system and knows nothing of the store, of HL7 or of what a file is for;
 * the one who asks makes rows durable between two calls (04 P17, P24). Every file is opened anew by the
 * rules of P21.
 *
 * @module
 */

/** Bytes of the system, relative to the drop folder, `/` between folders. */
export type FileName = Uint8Array;
export type FilePart = "data" | "control" | "sidecar";
export type FolderRole = "drop" | "work" | "archive" | "error" | "target" | "temp" | "sent";
/** What kind of storage a folder is on (P48). */
export type ShareKind = "local" | "smb" | "nfs";

/** Settings of one folder that files are picked up from. Times in ms, folders absolute. Keys as in 04. */
export interface PickupSettings {
  readonly folder: string;
  readonly workFolder: string;
  readonly archiveFolder: string;
  readonly errorFolder: string;
  readonly shareKind: "auto" | ShareKind;
  readonly sentinelFile: string | undefined;
  readonly completion: "stability" | "controlFile" | "rename";
  readonly ignorePatterns: readonly string[];
  readonly includePatterns: readonly string[];
  readonly orphanAfterMs: number;
  /** `undefined`: by the kind of share. */
  readonly stableForMs: number | undefined;
  readonly growAlarmMs: number;
  readonly controlSuffixes: readonly string[];
  readonly contentGate: "off" | "hl7" | "pdf" | "zip";
  readonly minFileBytes: number;
  readonly maxWaitMs: number;
  readonly busyAlarmMs: number;
  readonly zeroByteWaitMs: number;
  readonly maxFilesPerPoll: number;
  readonly order: "mtimeThenName" | "name" | "nameNatural";
  readonly strictOrder: boolean;
  readonly recursive: boolean;
  readonly maxDepth: number;
  readonly claimBy: "rename" | "row";
  readonly rejectHardLinks: boolean;
  /** `maxFileBytes` or `maxBinaryBytes`, as the channel's content is. */
  readonly maxBytes: number;
  readonly sidecar: "none" | "json" | "hl7";
  readonly pairTimeoutMs: number;
  /** A regular expression with named groups, or none (P43). */
  readonly namePattern: string | undefined;
  readonly fileMode: number;
  readonly folderMode: number;
}

export interface FileState {
  readonly size: number;
  readonly modifiedNs: bigint;
  readonly inode: bigint;
}

export interface DroppedFile extends FileState {
  readonly part: FilePart;
  readonly name: FileName;
}

/** Where a folder was found (P47). Names: they stay between worker and driver. */
export interface RecordedFolder {
  readonly role: FolderRole;
  readonly path: string;
  /** Without links, each character a byte. */
  readonly location: string;
  readonly mount: {
    readonly point: string;
    readonly root: string;
    readonly type: string;
    readonly source: string;
  };
}

/** What `open` found. */
export interface FolderStanding {
  /** Given to the next worker, so that it does not take another folder for this one. */
  readonly recorded: readonly RecordedFolder[];
  readonly kind: ShareKind;
  /** What is mounted there, such as `cifs`; the source of the mount is nobody's business but the worker's. */
  readonly fileSystem: string;
  /** An exclusive name in archive and error folder is made by a link; else by an empty file, and then `plan` comes first. */
  readonly canLink: boolean;
  /** One of its folders is on a share: a thread that hangs there could not be ended (P46). */
  readonly mayHang: boolean;
}

/** One step of the folder test (P3): which, where, and what the system said. */
export interface FolderFinding {
  readonly folder: FolderRole;
  readonly step:
    | "exists"
    | "create"
    | "write"
    | "flush"
    | "rename"
    | "list"
    | "read"
    | "delete"
    | "flushFolder"
    | "rights";
  /** The system's code, such as `EACCES`; `undefined`: the step worked. */
  readonly sysCode: string | undefined;
  /** `rights`: senders may write where only the agent should (P2). */
  readonly warning: "writableBySenders" | undefined;
}

/** `uncopied`: it was written to, and what is there now could not be copied to the error folder. */
export type LateWrite = "copied" | "uncopied" | "unread";

/** A complete file, with what belongs to it. Valid until the next `poll`; `more` leaves it valid. */
export interface Candidate {
  readonly token: number;
  /** Data first. */
  readonly files: readonly DroppedFile[];
  /** It is to be set aside, without being read. */
  readonly unfit: "tooLarge" | "empty" | "contentGate" | "unpaired" | "sidecar" | undefined;
}

/** Where and why the system refused (P52). No names. */
export interface StepFault {
  readonly step: string;
  readonly folder: FolderRole;
  readonly sysCode: string;
}

/** Why something in the folder was not taken. */
export const TROUBLES = [
  /** Links, several names of one file, pipes, devices: section 12. */
  "refused",
  /** It changes for longer than `growAlarmMs` (P7). */
  "growing",
  /** An ignored temporary name, older than `orphanAfterMs` (P6). */
  "orphaned",
  /** Data without control, or control without data, for `orphanAfterMs` (P8). */
  "controlMissing",
  /** A control file by stem that matches several (P8). */
  "controlAmbiguous",
  /** It is held by another program for longer than `busyAlarmMs` (P10, P62). */
  "busy",
  /** It cannot be looked at, opened or claimed; or not be put back into the drop folder. */
  "unreadable",
] as const;
export type Trouble = (typeof TROUBLES)[number];

export interface TroubleFound {
  /** How many are in it now, and of how many that was not said within the last hour. */
  readonly count: number;
  readonly fresh: number;
  /** Of `unreadable`: what the system said last. */
  readonly fault?: StepFault;
}

export interface PollResult {
  /** In the order of P14, at most `maxFilesPerPoll`. */
  readonly candidates: readonly Candidate[];
  /** Names in the folder that are not ignored; a subfolder that was not listed counts as one. */
  readonly fileCount: number;
  /** Of those: not looked at, for there are too many, or because their folder may not be read. */
  readonly untrackedCount: number;
  /** Of those: not complete yet. */
  readonly waitingCount: number;
  readonly troubles: Readonly<Partial<Record<Trouble, TroubleFound>>>;
  /** With `claimBy` `row`: claims whose files are gone or have changed. */
  readonly leftGone: readonly string[];
}

export type ClaimOutcome =
  /** In `work/`; or, with `claimBy` `row`, still where it was. */
  | { readonly claim: string; readonly outcome: "claimed" }
  /** Not there any more, or no longer as it was listed: as if it had not been seen (P16, P18). */
  | { readonly claim: string; readonly outcome: "gone" | "changed" | "refused" | "busy" }
  | { readonly claim: string; readonly outcome: "failed"; readonly sysCode: string };

export type ReadOutcome =
  | {
      readonly claim: string;
      readonly outcome: "whole";
      readonly bytes: Uint8Array;
      readonly sha256: Uint8Array;
      readonly about: About;
    }
  /** Larger than what was asked for at once: `readPart` goes on from the beginning. */
  | {
      readonly claim: string;
      readonly outcome: "large";
      readonly size: number;
      readonly about: About;
    }
  | {
      readonly claim: string;
      readonly outcome: "unfit";
      readonly reason: "tooLarge" | "sidecar" | "namePattern";
    }
  /** Size, time or identity are not those of the claim: nothing of it may be used (P23). `gone`: not in `work/` (P65). */
  | { readonly claim: string; readonly outcome: "changed" | "gone" | "refused" }
  | ({ readonly claim: string; readonly outcome: "busy" } & Partial<StepFault>)
  | ({ readonly claim: string; readonly outcome: "failed" } & StepFault);

/** What is known of a file besides its bytes (P43). */
export interface About {
  /** Named groups of `namePattern` that matched. */
  readonly named: Readonly<Record<string, string>>;
  /** Bytes of the side-car, read by the rules of P21 and at most `SIDECAR_MAX_BYTES`. */
  readonly sidecar: Uint8Array | undefined;
}

export interface ReadEnd {
  readonly sha256: Uint8Array;
  readonly outcome: "unchanged" | "changed";
}

export type MoveOutcome =
  /** Relative to the archive or error folder, in the order of the files; empty where it was deleted or left. */
  | { readonly claim: string; readonly outcome: "moved"; readonly targets: readonly FileName[] }
  /** Names are free, but can only be kept by an empty file: make them durable, then ask again with them. */
  | { readonly claim: string; readonly outcome: "planned"; readonly targets: readonly FileName[] }
  /** It is neither in `work/` nor in the drop folder nor where it was to go (P65). */
  | { readonly claim: string; readonly outcome: "vanished" }
  | ({ readonly claim: string; readonly outcome: "failed" } & StepFault);

/** A claim as its row says it. */
export interface ClaimedFiles {
  readonly claim: string;
  readonly files: readonly DroppedFile[];
}

export interface Move extends ClaimedFiles {
  readonly sha256: Uint8Array | undefined;
  /** Wall time in ms since 1970 by which the archive's folder is named: that of the decision, so that it is the same each time. */
  readonly atMs: number;
  /** From the row; empty: not decided yet. */
  readonly targets: readonly FileName[];
  readonly duplicate: boolean;
}

/** What `<name>.reason.json` says (P31). */
export interface Reason {
  readonly code: string;
  readonly rule: string;
  readonly channel: string;
  /** What the system said, if that is why. */
  readonly fault?: StepFault;
}

/** Methods of a folder that files are picked up from: request and answer. */
export interface PickupMethods {
  /**
   * First of all, once. Records where the folder is (P47); fails if a folder cannot be used, if it is not where a worker
   * before this one had `recorded` it, or if files cannot be renamed into `work/` (P2) and are not claimed by row (P19).
   */
  open: {
    readonly ask: PickupSettings & { readonly recorded?: readonly RecordedFolder[] };
    readonly answer: FolderStanding;
  };
  /** The folder test (P3): every step in every folder, the failing ones named. */
  test: { readonly ask: undefined; readonly answer: readonly FolderFinding[] };
  /** @param left claims that were left in place (P19): not to be read again while they are as they were */
  left: { readonly ask: readonly ClaimedFiles[]; readonly answer: undefined };
  poll: { readonly ask: undefined; readonly answer: PollResult };
  /**
   * What the last `poll` found complete and did not hand out, in its order, at most `maxFilesPerPoll`: without another
   * listing. Each is looked at again before it is claimed, as always. Fewer: list again. None with `strictOrder`,
   * where something that has come meanwhile may have to go first.
   */
  more: { readonly ask: undefined; readonly answer: readonly Candidate[] };
  /** Renames into `work/` and flushes both folders, once for all (P17). */
  claim: {
    readonly ask: readonly { readonly token: number; readonly claim: string }[];
    readonly answer: readonly ClaimOutcome[];
  };
  /**
   * Puts claimed files back under their names, made unique if need be, for a claim that is withdrawn. What cannot go
   * back now stays in `work/`, is tried again with later polls, and is `unreadable` meanwhile.
   */
  putBack: { readonly ask: readonly ClaimedFiles[]; readonly answer: undefined };
  /** Where the files of open claims are, after the worker or the agent has started (P51). */
  whereIs: {
    readonly ask: readonly ClaimedFiles[];
    readonly answer: readonly {
      readonly claim: string;
      readonly place: "work" | "drop" | "split" | "nowhere";
    }[];
  };
  /** P20: what lies in `work/` under no known claim goes back, or stays as with `putBack`. @returns how many went back */
  strays: { readonly ask: readonly string[]; readonly answer: number };
  /** Reads files whole, in order, as long as they fit into `maxBytes` together; at least the first. */
  read: {
    readonly ask: { readonly claims: readonly ClaimedFiles[]; readonly maxBytes: number };
    readonly answer: readonly ReadOutcome[];
  };
  /** The next bytes of a large file, in order from its beginning; empty at its end. */
  readPart: {
    readonly ask: { readonly claim: string; readonly maxBytes: number };
    readonly answer: Uint8Array;
  };
  /** After the last part, or to give up. */
  readEnd: { readonly ask: { readonly claim: string }; readonly answer: ReadEnd };
  archive: {
    readonly ask: {
      readonly moves: readonly Move[];
      readonly after: "archive" | "delete" | "leave";
    };
    readonly answer: readonly MoveOutcome[];
  };
  aside: {
    readonly ask: readonly (Move & { readonly reason: Reason })[];
    readonly answer: readonly MoveOutcome[];
  };
  /**
   * P11: whether archived files are as they were committed; of those that are not, a copy goes to the error folder.
   *
   * @returns claims that were written to, or could not be looked at
   */
  lookBack: {
    readonly ask: readonly (Move & { readonly reason: Reason })[];
    readonly answer: readonly { readonly claim: string; readonly found: LateWrite }[];
  };
  /** P30: deletes what is older, a step at a time. @param kept targets that stay */
  prune: {
    readonly ask: {
      readonly folder: "archive" | "error";
      readonly beforeMs: number;
      readonly kept: readonly FileName[];
    };
    readonly answer: { readonly deleted: number; readonly bytes: number; readonly more: boolean };
  };
}
export type PickupMethod = keyof PickupMethods;
