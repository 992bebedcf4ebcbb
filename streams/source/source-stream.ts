/** What the tunnel carries, as a connection sees it: streams of numbered messages from somebody. @module */
import type {
  MessageMeta,
  OpenedFrame,
  Priority,
  RejectFrame,
  SkipReason,
} from "#protocol/frame.ts";

/** One message to send. */
export interface OutgoingMessage {
  readonly seq: bigint;
  readonly meta: MessageMeta;
  /** Length of the body in bytes. */
  readonly total: number;
  /** [0] Where sending begins: what the sink holds durably (06 TP14). */
  readonly from?: number;
  /**
   * The whole body, or how to get the next part of it: some bytes, in order, from `from` until `total`;
   * an empty part where `from` is `total`.
   */
  readonly body: Uint8Array | (() => Promise<Uint8Array>);
}

/** Seqs that will never come, in place of their messages (06 TP31). */
export interface OutgoingSkip {
  readonly firstSeq: bigint;
  readonly lastSeq: bigint;
  readonly reason: SkipReason;
  /** After `lastSeq`, 32 bytes; null if nobody knows it any more. */
  readonly chain: Uint8Array | null;
}

/** What OPEN says of a channel (06 TP14). */
export interface StreamStanding {
  readonly epoch: bigint;
  readonly nextSeq: bigint;
  readonly oldestRetainedSeq: bigint | null;
  /** The epoch before, and its last seq, null if nobody knows it (06 TP17). */
  readonly previous: { readonly epoch: bigint; readonly finalSeq: bigint | null } | null;
}

/** Somebody with messages. Every call comes in the order in which things happened on the connection. */
export interface StreamSource {
  readonly channel: string;
  /** [normal] */
  readonly priority?: Priority;
  /** Whether messages were taken that are not acked yet. */
  readonly inFlight: boolean;
  /** Where the channel stands, asked whenever the stream is opened; `undefined`: not now, `reopen` says when. */
  standing(): StreamStanding | undefined;
  /** What the receiver holds. Resolves with whether messages may flow. */
  opened(frame: OpenedFrame): Promise<boolean>;
  /** The next message or gap, if there is one at hand; `wake` says when there is again. */
  take(): OutgoingMessage | OutgoingSkip | undefined;
  /** The receiver has everything up to `seq` of the epoch, durably. */
  acked(epoch: bigint, seq: bigint): void;
  /** The receiver did not store a message, and why (06 section 8). */
  rejected(frame: RejectFrame): void;
  /** The connection is gone, with everything in flight. */
  disconnected(): void;
}
