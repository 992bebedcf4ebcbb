/** What the main thread and the writer thread say to each other. Order is kept in both directions. @module */
import type { Kek } from "../../sealing/key-ring.ts";
import type { ChannelTail, StoreChannel } from "../epochs/channel-tails.ts";
import type { EpochNotice, EpochQuestions } from "../epochs/epoch-messages.ts";
import type { FoundMissing } from "../epochs/missing.ts";
import type { FileCounts, FileQuestions } from "../files/file-messages.ts";
import type { PlainFault } from "../format/fault.ts";
import type { DamagedRow, WalkTotals } from "../format/row-walk.ts";
import type { HourQuestions } from "../hours/hour-messages.ts";
import type { InboxQuestions, InboxRoomNotice } from "../inbox/inbox-messages.ts";
import type { SetAsideBlock, SetAsideRow } from "../quarantine-reader.ts";
import type { ReadRange, ReadResult, TracedMessage } from "../reader.ts";
import type { SpaceNotice, SpaceOptions, SpaceStanding } from "../space/space-messages.ts";
import type { SupportQuestions } from "../support/support-messages.ts";
import type { TrustQuestions } from "../trust/trust-messages.ts";
import type { UpkeepQuestions } from "../upkeep/upkeep-questions.ts";
import type { PackedBatch } from "./append-batch.ts";
import type { Staged } from "./staged-bytes.ts";

/** What the configuration names. */
export interface ServedChannels {
  readonly channels: readonly StoreChannel[];
  /** Channels that messages come down on (06 TP34). */
  readonly downstream: readonly string[];
}

/** Given to the thread when it starts. */
export interface WriterOptions extends SpaceOptions {
  readonly stateDir: string;
  readonly allowVolatileState: boolean;
  readonly channels: readonly StoreChannel[];
  /** Channels that messages come down on (06 TP34); absent: none. */
  readonly downstream?: readonly string[];
  readonly newStoreId: Uint8Array;
  readonly kek: Kek;
  /** 03 D1: messages that are remembered at least, whatever the time. */
  readonly duplicateMemoryKeys: number;
  /** 05 S12: what the store may take of the disk. */
  readonly diskBudgetBytes: number;
}

/** How far replies are known to have left, and which did not (03 E5). */
export interface AckOutcomes {
  /** Every owed message up to this row has its outcome. */
  readonly throughId: number;
  readonly undeliveredIds: readonly number[];
  /** Rows once undelivered whose repeat was answered since. */
  readonly recoveredIds: readonly number[];
}

/** Changes. All that has queued goes into one transaction (05 S7). */
export type WriteOrder =
  | { readonly order: "append"; readonly batch: PackedBatch }
  | {
      readonly order: "stage";
      readonly upload: number;
      readonly ordinal: number;
      readonly bytes: Uint8Array;
    }
  | { readonly order: "unstage"; readonly upload: number };

/** Progress: may wait a little for a transaction to share, because repeating it costs nothing. */
export type LazyOrder =
  | {
      readonly order: "settle";
      readonly channel: number;
      readonly epoch: bigint;
      readonly seq: bigint;
    }
  | { readonly order: "outcomes"; readonly outcomes: AckOutcomes };

/** Questions, with the type of their answers. */
export interface Questions
  extends UpkeepQuestions,
    EpochQuestions,
    InboxQuestions,
    FileQuestions,
    TrustQuestions,
    SupportQuestions,
    HourQuestions {
  read: { readonly ask: ReadRange; readonly answer: ReadResult };
  slices: {
    readonly ask: { readonly upload: number; readonly from: number; readonly maxBytes: number };
    readonly answer: Uint8Array<ArrayBuffer>;
  };
  chainAt: {
    readonly ask: { readonly channel: number; readonly epoch: bigint; readonly seq: bigint };
    readonly answer: Uint8Array | undefined;
  };
  search: {
    readonly ask: { readonly controlId: Uint8Array; readonly beforeId: number };
    readonly answer: { readonly matches: TracedMessage[]; readonly nextId: number };
  };
  standing: { readonly ask: undefined; readonly answer: StoreStanding };
  /** The configuration names these from now on; what is new among them is durable when answered. */
  serve: { readonly ask: ServedChannels; readonly answer: readonly ChannelTail[] };
  quarantineList: {
    readonly ask: { readonly beforeId: number; readonly count: number };
    readonly answer: SetAsideRow[];
  };
  quarantineRead: {
    readonly ask: { readonly id: number; readonly from: number; readonly maxBytes: number };
    readonly answer: SetAsideBlock | undefined;
  };
  /** Durable when answered. */
  quarantineRelease: {
    readonly ask: { readonly id: number; readonly nowMs: number };
    readonly answer: Released | undefined;
  };
  /** Durable when answered. @returns how many were there */
  quarantineDiscard: { readonly ask: { readonly ids: readonly number[] }; readonly answer: number };
  /** Free space is below the floor, or no longer: the ballast goes, or is made again (05 S13). */
  diskLow: { readonly ask: { readonly low: boolean }; readonly answer: undefined };
  /** Commits once and durably: whether the store can store (03 E1). */
  probe: { readonly ask: undefined; readonly answer: undefined };
  /** Writes what is still lazy and closes the file. */
  close: { readonly ask: undefined; readonly answer: undefined };
}
export type QuestionName = keyof Questions;

export interface Question {
  readonly order: "ask";
  readonly id: number;
  readonly name: QuestionName;
  readonly ask: unknown;
}

/** The message that became of a block that was set aside. */
export interface Released {
  readonly channel: number;
  readonly id: number;
  readonly seq: bigint;
}

/** What `status` shows of a channel. */
export interface ChannelStanding extends ChannelTail {
  /** In all epochs: stored here, and not at the receiver as far as we know. */
  readonly waiting: { readonly count: bigint; readonly bytes: number };
  readonly oldestWaitingAtMs: number | undefined;
  readonly quarantineCount: number;
  readonly quarantineBytes: number;
  /** Dropped files that are not moved yet, or were set aside (04). */
  readonly files: FileCounts;
}

/** What `status` shows of the store. */
export interface StoreStanding {
  readonly channels: readonly ChannelStanding[];
  /** What is gone for good, newest first. */
  readonly missing: readonly FoundMissing[];
  readonly recentKeyCount: number;
  /** Since when the duplicate memory is complete; `undefined`: for the whole window. */
  readonly recentSinceMs: number | undefined;
  readonly databaseBytes: number;
  readonly space: SpaceStanding;
}

export type WriterOrder = WriteOrder | LazyOrder | Question;

/** What the writer found or did by itself, and a person may have to know. */
export type StoreNotice =
  | EpochNotice
  | InboxRoomNotice
  | SpaceNotice
  /** A row was read that does not open, or is not what was stored (05 S16). Once in each walk. */
  | { readonly notice: "damaged"; readonly row: DamagedRow }
  /** All of the store was read through. */
  | { readonly notice: "verified"; readonly totals: WalkTotals }
  /** Messages were appended that no sender waits for; not for others than the outbox. */
  | { readonly notice: "appended"; readonly channel: number; readonly lastSeq: bigint }
  /** A chore could not do its step; it is tried again. */
  | { readonly notice: "choreFailed"; readonly fault: PlainFault };

export type WriterReport =
  | {
      readonly report: "opened";
      readonly storeId: Uint8Array;
      readonly lastUpload: number;
      readonly lastMessageId: number;
      readonly channels: readonly ChannelTail[];
      readonly backlogs: Float64Array;
      /** What was found while the store was opened. */
      readonly notices: readonly StoreNotice[];
    }
  | {
      readonly report: "committed";
      /** The batches of the `append` orders in the commit: their memory, for the next ones. */
      readonly batches: readonly PackedBatch[];
      /** What the `stage` orders in the commit brought. */
      readonly staged: readonly Staged[];
      readonly results: Float64Array;
      readonly seqs: BigInt64Array;
      /** Pairs of channel and bytes: what the store holds for the receiver (03 C5). */
      readonly backlogs: Float64Array;
    }
  | {
      readonly report: "refused";
      readonly batches: readonly PackedBatch[];
      readonly staged: readonly Staged[];
      readonly tickets: readonly number[];
      readonly fault: PlainFault;
    }
  | { readonly report: "noticed"; readonly notice: StoreNotice }
  | { readonly report: "answer"; readonly id: number; readonly answer: unknown }
  | { readonly report: "failed"; readonly id: number; readonly fault: PlainFault }
  /** The store cannot go on; the process ends once the sockets are closed (05 S9). */
  | { readonly report: "fatal"; readonly fault: PlainFault };

/** Columns of `committed.results`: ticket, outcome, control id reused (1) or duplicate (2), row id. */
export const RESULT_COLUMNS = 4;
