/** What the tunnel carries, as the tunnel sees it: streams of numbered messages from somebody. @module */
import type { MessageMeta, OpenedFrame, RejectFrame } from "#protocol/frame.ts";

/** One message to send. */
export interface OutgoingMessage {
  readonly seq: bigint;
  readonly meta: MessageMeta;
  /** Length of the body in bytes. */
  readonly total: number;
  /** The whole body, or how to get the next part of it: some bytes, in order, until `total`. */
  readonly body: Uint8Array | (() => Promise<Uint8Array>);
}

/** What OPEN says of a channel (06 TP14). */
export interface StreamStanding {
  readonly epoch: bigint;
  readonly nextSeq: bigint;
  readonly oldestRetainedSeq: bigint | null;
}

/** Somebody with messages. Every call comes in the order in which things happened on the connection. */
export interface StreamSource {
  readonly channel: string;
  /** Whether messages were taken that are not acked yet. */
  readonly inFlight: boolean;
  /** Where the channel stands, asked on every new connection. */
  standing(): StreamStanding;
  /** What the receiver holds. Resolves with whether messages may flow. */
  opened(frame: OpenedFrame): Promise<boolean>;
  /** The next message, if there is one at hand; `wake` says when there is again. */
  take(): OutgoingMessage | undefined;
  /** The receiver has everything up to `seq` of the epoch, durably. */
  acked(epoch: bigint, seq: bigint): void;
  /** The receiver did not store a message, and why (06 section 8). */
  rejected(frame: RejectFrame): void;
  /** The connection is gone, with everything in flight. */
  disconnected(): void;
}
