/**
 * What a sink asks of whatever keeps its messages (06 section 12), with the results of every call.
 *
 * Every answer is given after the commit that makes it true, and that commit is flushed. Calls are carried
 * out in the order in which they were made on their channel.
 *
 * @module
 */

/** What every call on a channel names; `session` is compared first of all (RI2). */
export interface ChannelCall {
  readonly agent: number;
  readonly session: number;
  readonly channel: string;
  readonly epoch: bigint;
  readonly atMs: number;
}

export interface OpenCall extends ChannelCall {
  readonly previous: { readonly epoch: bigint; readonly finalSeq: bigint | null } | null;
}

/** Where the channel stands here; `chain` is null after a SKIP that could not name it. */
export interface ChannelPosition {
  readonly epoch: bigint;
  readonly lastSeq: bigint;
  readonly chain: Uint8Array | null;
}

/** What is durable here of the one message of a channel that has not ended (TP14). */
export interface PartialPosition {
  readonly seq: bigint;
  /** Of the whole message. */
  readonly sha256: Uint8Array;
  readonly totalBytes: number;
  readonly durableBytes: number;
}

export interface OpenPosition extends ChannelPosition {
  /** Null unless the status is OK and a message of this epoch has not ended. */
  readonly partial: PartialPosition | null;
}

export type OpenResult =
  /** `unknown`: it is not served, or one more than an agent may have. */
  | { readonly kind: "fenced" | "busy" | "unknown" }
  | {
      readonly kind: "ok" | "ahead" | "behind";
      readonly position: OpenPosition;
      /** The gap record that this call wrote (RI8). */
      readonly gap: GapKind | null;
    };

export interface IngestItem {
  /** Of `body`, verified (RI1). */
  readonly sha256: Uint8Array;
  readonly receivedAtMs: number;
  /** `StoredMeta` as JSON. */
  readonly meta: string;
  readonly replaces: { readonly epoch: bigint; readonly seq: bigint } | null;
  /**
   * Null: the partial of this seq, which is complete. The store reads it and verifies length and
   * `sha256` before the transaction (RI1); such an item is alone in its call.
   */
  readonly body: Uint8Array | null;
}

/**
 * A piece of a large message (TP20: it is spooled). At most one message of a channel is unfinished;
 * it is forgotten by a SKIP over it, by a new epoch, and when its seq is stored with a body.
 */
export interface PartialCall extends ChannelCall {
  /** Must be the last seq + 1. */
  readonly seq: bigint;
  /** Of the whole message. Another one than before, or another total: the old one is forgotten. */
  readonly sha256: Uint8Array;
  /** As transferred (TP8). */
  readonly totalBytes: number;
  /** Where the durable part ends; 0 begins anew, whatever was there. */
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export type PartialResult =
  | { readonly kind: "ok"; readonly durableBytes: number }
  /** `restart`: it does not follow what is durable; the source has to OPEN again. */
  | { readonly kind: "restart" | "fenced" | "staleEpoch" | "unopened" | "busy" };

export interface IngestCall extends ChannelCall {
  /** The seq of the first item; the others follow without a hole. */
  readonly first: bigint;
  /** At least one. */
  readonly items: readonly IngestItem[];
}

export interface SkipCall extends ChannelCall {
  readonly first: bigint;
  readonly last: bigint;
  readonly reason: SkipKind;
  readonly chain: Uint8Array | null;
}

/** The results of 06 section 12. */
export type IngestResult =
  | {
      readonly kind: "ok";
      /** Everything up to here is durable. */
      readonly last: bigint;
      /** Repeats that had no row to compare with (RI5). */
      readonly unverifiedCount: number;
      /** The gap record that this call wrote (RI8). */
      readonly gap: GapKind | null;
    }
  | { readonly kind: "gap"; readonly last: bigint }
  | { readonly kind: "conflict"; readonly seq: bigint }
  /** The partial is not what the item says, or there is none: it is forgotten (RI1). */
  | { readonly kind: "hash"; readonly seq: bigint }
  | { readonly kind: "fenced" | "staleEpoch" | "unopened" | "busy" };

export type SkipKind = "quarantined" | "discarded" | "damaged" | "pruned";
export type GapKind = SkipKind | "rolledBack" | "storeReplaced";

export interface SinkStore {
  /** TP14 to TP17. @param call.nextSeq what the source has settled ends before it */
  open(call: OpenCall & { readonly nextSeq: bigint }): Promise<OpenResult>;
  /** RI2 to RI7. The store may take over the memory of the call. */
  ingest(call: IngestCall): Promise<IngestResult>;
  /** Keeps a piece of a large message. The store may take over its memory. */
  savePartial(call: PartialCall): Promise<PartialResult>;
  /** TP31. */
  skip(call: SkipCall): Promise<IngestResult>;
}
