/** What a sink needs from its connection, whichever end of it. @module */
import type { ErrorFrameCode, Frame } from "#protocol/frame.ts";

/** What a sink has to say beside its frames. */
export type SinkEvent =
  | "channelOpened"
  | "channelRefused"
  | "gapRecorded"
  | "messageConflict"
  | "messageRejected"
  | "messageUnverified"
  | "storeBusy";
export type SinkFacts = Readonly<
  Partial<
    Record<"stream" | "epoch" | "lastSeq" | "first" | "count" | "seq" | "reject", number | bigint>
  >
>;

/** What a sink needs from its connection. */
export interface SinkPort {
  send(frame: Frame): void;
  /** The session is over: a newer one has begun (RI2). */
  fenced(): void;
  violated(code: ErrorFrameCode, frameType: number): void;
  /** Nothing is in hand. */
  emptied(): void;
  /** The store is gone; the process is about to end (S9). */
  storeFailed(): void;
  log(event: SinkEvent, facts: SinkFacts): void;
}
