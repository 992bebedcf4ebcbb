/**
 * What is asked of the inbox, in the shapes that the receiver uses for its own store: downstream is the same
 * machinery with the roles exchanged (06 TP34). There is one source and one connection, so nothing is fenced.
 *
 * @module
 */
import type { Awaiting, Hold, Outcome, Reply, Tries } from "../../deliver/queue.ts";
import type { MessageIdentity } from "../format/record.ts";

/** What every call on a channel names. */
export interface ChannelCall {
  readonly channel: string;
  readonly epoch: bigint;
  readonly atMs: number;
}

export interface InboxOpenCall extends ChannelCall {
  /** What the source calls its next unsettled seq: it believes that everything before it is here. */
  readonly nextSeq: bigint;
  readonly previous: { readonly epoch: bigint; readonly finalSeq: bigint | null } | null;
  /** The receiver's, 16 bytes, for gap records (RI8). */
  readonly sourceStore: Uint8Array | null;
}

/** Where a channel stands here; `chain` is null after a SKIP that could not name it. */
export interface InboxPosition {
  readonly epoch: bigint;
  readonly lastSeq: bigint;
  readonly chain: Uint8Array | null;
  /** Null unless the status is OK and a message of this epoch has not ended (TP14). */
  readonly partial: InboxPartial | null;
}

/** What is durable of the one message of a channel that has not ended. */
export interface InboxPartial {
  readonly seq: bigint;
  /** Of the whole message. */
  readonly sha256: Uint8Array;
  readonly totalBytes: number;
  readonly durableBytes: number;
}

export type SkipKind = "quarantined" | "discarded" | "damaged" | "pruned";
export type GapKind = SkipKind | "rolledBack" | "storeReplaced";

export type InboxOpenResult =
  /** `unknown`: the configuration does not name the channel (TP34). `busy`: the store cannot now. */
  | { readonly kind: "unknown" | "busy" }
  | {
      readonly kind: "ok" | "ahead" | "behind";
      readonly position: InboxPosition;
      /** The gap record that this call wrote (RI8). */
      readonly gap: GapKind | null;
    };

export interface InboxItem {
  /** Of `body`; the inbox verifies it (RI1). */
  readonly sha256: Uint8Array;
  readonly receivedAtMs: number;
  /** Metadata as JSON; kept sealed with the message, and given back as it was. */
  readonly meta: string;
  readonly replaces: MessageIdentity | null;
  /** As the hospital system shall get it: unpacked. Null: the partial of this seq, complete; alone in its call. */
  readonly body: Uint8Array | null;
}

export interface InboxIngestCall extends ChannelCall {
  /** The seq of the first item; the others follow without a hole. */
  readonly first: bigint;
  /** At least one. */
  readonly items: readonly InboxItem[];
}

export interface InboxSkipCall extends ChannelCall {
  readonly first: bigint;
  readonly last: bigint;
  readonly reason: SkipKind;
  readonly chain: Uint8Array | null;
  readonly sourceStore: Uint8Array | null;
}

/** The results of 06 section 12. */
export type InboxResult =
  | {
      readonly kind: "ok";
      /** Everything up to here is durable. */
      readonly last: bigint;
      /** Messages that are now to be delivered. */
      readonly arrivedCount: number;
      /** Repeats that had no row to compare with (RI5). */
      readonly unverifiedCount: number;
      /** The gap record that this call wrote (RI8). */
      readonly gap: GapKind | null;
    }
  | { readonly kind: "gap"; readonly last: bigint }
  | { readonly kind: "conflict"; readonly seq: bigint }
  /** The bytes are not what the item says (RI1); a partial is forgotten then. */
  | { readonly kind: "hash"; readonly seq: bigint }
  | { readonly kind: "staleEpoch" | "unopened" | "busy" };

/**
 * A piece of a large message, not packed: where the source packs, its pieces cannot be kept as they come, and
 * a lost connection begins the message again (TP25).
 */
export interface InboxPartialCall extends ChannelCall {
  /** Must be the last seq + 1. */
  readonly seq: bigint;
  /** Of the whole message. Another one than before, or another total: the old one is forgotten. */
  readonly sha256: Uint8Array;
  readonly totalBytes: number;
  /** Where the durable part ends; 0 begins anew, whatever was there. */
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export type InboxPartialResult =
  | { readonly kind: "ok"; readonly durableBytes: number }
  /** `restart`: it does not follow what is durable; the source has to OPEN again. */
  | { readonly kind: "restart" | "staleEpoch" | "unopened" | "busy" };

/** Changes. All that has queued goes into one transaction (05 S7). */
export type InboxCall =
  | ({ readonly call: "open" } & InboxOpenCall)
  | ({ readonly call: "ingest" } & InboxIngestCall)
  | ({ readonly call: "skip" } & InboxSkipCall)
  | ({ readonly call: "partial" } & InboxPartialCall)
  | { readonly call: "claim"; readonly id: number }
  | { readonly call: "noteTries"; readonly id: number; readonly tries: Tries }
  | { readonly call: "awaitAcknowledgment"; readonly awaiting: Awaiting; readonly reply: Reply }
  | { readonly call: "hold"; readonly hold: Hold; readonly reply: Reply | undefined }
  | { readonly call: "release"; readonly id: number }
  | {
      readonly call: "settle";
      readonly id: number;
      readonly outcome: Outcome;
      readonly atMs: number;
    }
  | { readonly call: "discard"; readonly ids: readonly number[] }
  | { readonly call: "acknowledgeGap"; readonly id: number; readonly atMs: number };

/** What a call gives, by its kind. */
export interface InboxResults {
  open: InboxOpenResult;
  ingest: InboxResult;
  skip: InboxResult;
  partial: InboxPartialResult;
  claim: undefined;
  noteTries: undefined;
  awaitAcknowledgment: undefined;
  hold: undefined;
  release: undefined;
  settle: undefined;
  /** How many were there. */
  discard: number;
  /** Whether it was there, and open. */
  acknowledgeGap: boolean;
}
export type InboxCallName = keyof InboxResults;
