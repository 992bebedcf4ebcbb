/** What the main thread asks the writer about dropped files. @module */
import type {
  Claimed,
  ClaimedContent,
  ClaimRow,
  FileReason,
  NewClaim,
  OpenClaim,
} from "../../ingest/file-drop/claims.ts";

/** All are about the files of one channel, by its number. */
interface OfChannel {
  readonly channel: number;
}

/** Changes with the time at which they are made, by wall clock. */
export type FileChange = OfChannel & { readonly atMs: number } & (
    | { readonly change: "withdraw"; readonly ids: readonly number[] }
    | { readonly change: "forget"; readonly ids: readonly number[] }
    | { readonly change: "settle"; readonly files: readonly SettledFile[] }
    | { readonly change: "setAside"; readonly files: readonly AsideFile[] }
    | { readonly change: "plan"; readonly files: readonly PlannedFile[] }
    | { readonly change: "moved"; readonly files: readonly MovedFile[] }
  );

export interface SettledFile extends ClaimedContent {
  readonly verdict: "duplicate" | "reappeared";
}

export interface AsideFile {
  readonly id: number;
  readonly reason: FileReason;
  readonly sha256: Uint8Array | undefined;
}

export interface PlannedFile {
  readonly id: number;
  readonly targets: readonly Uint8Array[];
}

export interface MovedFile extends PlannedFile {
  readonly left: boolean;
}

/** Questions, with the type of their answers. Changes are durable when answered. */
export interface FileQuestions {
  fileClaim: {
    readonly ask: OfChannel & { readonly claims: readonly NewClaim[]; readonly atMs: number };
    readonly answer: Claimed[];
  };
  fileChange: { readonly ask: FileChange; readonly answer: undefined };
  fileAttempt: { readonly ask: OfChannel & { readonly id: number }; readonly answer: number };
  fileKnown: {
    readonly ask: OfChannel & {
      readonly contentKeys: readonly Uint8Array[];
      readonly sinceMs: number;
    };
    readonly answer: boolean[];
  };
  fileOpen: { readonly ask: OfChannel; readonly answer: OpenClaim[] };
  fileLeft: { readonly ask: OfChannel; readonly answer: ClaimRow[] };
  fileMovedSince: {
    readonly ask: OfChannel & { readonly sinceMs: number };
    readonly answer: ClaimRow[];
  };
  fileKept: {
    readonly ask: OfChannel & { readonly beforeMs: number };
    readonly answer: Uint8Array[];
  };
  fileList: {
    readonly ask: OfChannel & { readonly beforeId: number; readonly count: number };
    readonly answer: ClaimRow[];
  };
}

/** The writer thread, as far as dropped files go. */
export interface FileWriter {
  ask<Name extends keyof FileQuestions>(
    name: Name,
    ask: FileQuestions[Name]["ask"],
  ): Promise<FileQuestions[Name]["answer"]>;
}

/** What `status` shows of a channel's files: how many are in each state; of `moved` those that were set aside. */
export interface FileCounts {
  readonly claimed: number;
  readonly committed: number;
  readonly aside: number;
  readonly movedAside: number;
}
