/** What a source is told of its channel, and what it brings. @module */
import type { ChannelRecord } from "../health/channel-record.ts";
import type { DuplicatePolicy } from "../outbox/writing/append-batch.ts";
import type { AckPolicy } from "./hl7/ack-policy.ts";
import type { LargeBody } from "./large-body.ts";

/** A channel's settings as far as taking messages is concerned; the keys of 03. */
export interface ChannelRules {
  readonly ackPolicy: AckPolicy;
  /** 03 A3: how long the receiver may take, and what is done then. */
  readonly deferredTimeoutMs: number;
  readonly deferredFallback: "close" | "storeAA" | "error";
  readonly allowEmptyControlId: boolean;
  /** 03 E2: none allows every one. First components of MSH-11 and MSH-12. */
  readonly allowedProcessingIds: readonly string[];
  readonly allowedVersions: readonly string[];
  readonly emptyBlockReply: "none" | "reject";
  readonly oversizeReply: "reject" | "close";
  readonly batchReply: "batch" | "first" | "none";
  readonly duplicatePolicy: DuplicatePolicy;
  readonly duplicateWindowMs: number;
  readonly storeDeadlineMs: number;
  /** 03 X2. */
  readonly charset: string | undefined;
  /** 03 C5: bytes of the channel's backlog at which senders are no longer read from, and are again. */
  readonly highWaterBytes: number;
  readonly lowWaterBytes: number;
}

/** One configured channel. */
export interface AcceptingChannel {
  readonly name: string;
  /** Its row in the outbox. */
  readonly id: number;
  readonly record: ChannelRecord;
  readonly rules: ChannelRules;
}

/** Something that came from a source: a whole block, or why it is none. */
export interface Arrival {
  readonly channel: AcceptingChannel;
  /** `address:port`, ASCII. */
  readonly peer: string;
  readonly address: string;
  readonly kind: "block" | "malformed" | "abandoned" | "partial" | "tooLarge" | "junk";
  /** The content, or what is left of it after slices went into `large`. Copied before `accept` returns. */
  readonly bytes: Uint8Array;
  /** Length of the whole content. */
  readonly totalBytes: number;
  readonly large: LargeBody | undefined;
  /** False where no reply is possible any more: the end of the block was never seen (03 F10). */
  readonly answerable: boolean;
}
