/**
 * What is asked of a worker for a folder that files are written to, and what it answers (04 section 11).
 *
 * As in `messages.ts`: the worker does the calls of the system, and knows nothing of the store. One message is
 * written at a time.
 *
 * @module
 */
import type { Mount } from "../host/mounts.ts";
import type { FolderFinding, ShareKind } from "./messages.ts";

/** Where a folder was (P47). Never leaves the machine: a mount's source names servers, or people. */
export interface FolderMark {
  /** Canonical, one character a byte. */
  readonly location: string;
  readonly mount: Mount;
}

/** Settings of one target folder; folders absolute. Keys as in 04. */
export interface OutletSettings {
  /** Its name is a part of temporary names: by it the agent knows its own. */
  readonly channel: string;
  readonly folder: string;
  /** On the same file system; `undefined`: the target folder. */
  readonly tempFolder: string | undefined;
  readonly tempSuffix: string;
  readonly controlSuffix: string | undefined;
  readonly onCollision: "suffix" | "hold" | "overwrite";
  /** `undefined`: no copies are kept. */
  readonly sentFolder: string | undefined;
  readonly shareKind: "auto" | ShareKind;
  readonly sentinelFile: string | undefined;
  readonly fileMode: number;
  readonly folderMode: number;
  /** A regular expression for the names that the channel gives (04 P58); `undefined`: nobody looks after its files. */
  readonly ownNames: string | undefined;
  /** Where the folder was when the configuration was applied (P47); `undefined`: it is applied now. */
  readonly mark: FolderMark | undefined;
}

/** What `outletOpen` found. */
export interface OutletStanding {
  readonly kind: ShareKind;
  /** One of its folders is on a share: a thread that hangs there could not be ended (P46). */
  readonly mayHang: boolean;
  /** To be compared for as long as the agent runs, whatever becomes of the worker. */
  readonly mark: FolderMark;
  /** Temporary files of this channel that a crash had left (P57): they are gone now. */
  readonly leftoverCount: number;
}

/** A message as the worker sees it. */
export interface OutletFile {
  /** Its number in the store: a part of its temporary name. */
  readonly key: number;
  /** Safe (P55). */
  readonly name: string;
  /** What its name says whose it is; `undefined`: nothing, so that a file that lies there is somebody else's. */
  readonly id: string | undefined;
  readonly bytes: number;
  /** Of its bytes. */
  readonly sha256: Uint8Array;
  /** Wall time, in ms since 1970: of the row, and of now. */
  readonly createdAtMs: number;
  readonly sentAtMs: number;
}

export type OutletAnswer =
  /** Go on behind these bytes. */
  | { readonly outcome: "more" }
  /** It lies under its final name, durable, its control file beside it. */
  | { readonly outcome: "written"; readonly collided: boolean }
  /** It lay there already (P57): nothing was written. */
  | { readonly outcome: "there" }
  /** Another file has its name, and `onCollision` is `hold`. */
  | { readonly outcome: "nameTaken" };

/** How many of our files are still in the folder (P58). */
export interface Uncollected {
  readonly count: number;
  readonly oldestMs: number;
}

/**
 * Methods of a target folder: request and answer. Faults are `FOLDER_FAILED` and `FOLDER_MOVED`; with the fact
 * `published` the file may have been seen under its final name.
 */
export interface OutletMethods {
  /** First of all, once. Records where the folder is, or compares; removes what a crash has left. */
  outletOpen: { readonly ask: OutletSettings; readonly answer: OutletStanding };
  /** The folder test (P3): every step in every folder, the failing ones named. Without `outletOpen`; makes no folder. */
  outletTest: { readonly ask: OutletSettings; readonly answer: readonly FolderFinding[] };
  /** That it is still the folder (P47), and that a file can be made in it. */
  outletLook: { readonly ask: undefined; readonly answer: undefined };
  /** The next bytes of a message, from its beginning on; with the last ones it gets its final name (P53). */
  outletWrite: {
    readonly ask: {
      readonly file: OutletFile;
      readonly from: number;
      readonly bytes: Uint8Array;
      readonly last: boolean;
    };
    readonly answer: OutletAnswer;
  };
  /** The rest of a message will not come: what was written of it goes. */
  outletDrop: { readonly ask: undefined; readonly answer: undefined };
  /** Which of our files lie there for longer than `forMs`. */
  outletUncollected: { readonly ask: { readonly forMs: number }; readonly answer: Uncollected };
  /** P30: deletes copies of what was sent before a day, a step at a time. */
  outletPrune: {
    readonly ask: { readonly beforeMs: number };
    readonly answer: { readonly deleted: number; readonly bytes: number; readonly more: boolean };
  };
}
export type OutletMethod = keyof OutletMethods;
