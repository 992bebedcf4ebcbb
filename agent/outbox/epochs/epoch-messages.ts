/** What the writer thread and the main thread say to each other about epochs (05 S6, 06 TP17, TP18). @module */
import type { ChannelTail } from "./channel-tails.ts";
import type { FoundMissing, MissingRange } from "./missing.ts";

/** Where the receiver stands in a channel. */
export interface SinkPosition {
  readonly epoch: bigint;
  readonly lastSeq: bigint;
}

/** How far back an epoch can be read. */
export interface Retained {
  /** Bodies up to here are pruned; 0 if none is. */
  readonly trimmedSeq: bigint;
  /** The chain after `trimmedSeq`, 32 bytes; `undefined` if that is not known any more. */
  readonly chain: Uint8Array | undefined;
}

/** Messages of one epoch that lie behind one another, both ends included. */
export interface SkipRange {
  readonly channel: number;
  readonly epoch: bigint;
  readonly firstSeq: bigint;
  readonly lastSeq: bigint;
}

/** `readable`: at least one of them can be read; `gone`: they are not unsettled here. Nothing was changed then. */
export type SkipVerdict = "skipped" | "readable" | "gone";

/** One message that the receiver will never take. */
export interface RefusedMessage {
  readonly channel: number;
  readonly epoch: bigint;
  readonly seq: bigint;
}

/** `full`: quarantine has no room for it; `gone`: it is not here, or cannot be read. Nothing was changed then. */
export type RefusedVerdict = "setAside" | "full" | "gone";

/** What is known of a message that cannot be read: what its row says in clear (08 2.1). */
export interface UnreadableMessage {
  readonly seq: bigint;
  readonly length?: number;
  readonly receivedAtMs?: number;
  /** Its control id, keyed: empty if it had none. */
  readonly controlToken?: Uint8Array;
}

/** Questions about epochs, with the type of their answers. */
/** What is there of a message; its bytes are the hospital's. */
export interface PeekedMessage {
  readonly length: number;
  readonly controlId: Uint8Array;
  readonly bytes: Uint8Array;
}

export interface EpochQuestions {
  /** Durable when answered. @returns false if that epoch is not here, or was appended again already */
  part: {
    readonly ask: { readonly channel: number; readonly epoch: bigint; readonly sink: SinkPosition };
    readonly answer: boolean;
  };
  /** Writes what the receiver has confirmed; durable when answered. */
  flushProgress: { readonly ask: undefined; readonly answer: undefined };
  retained: {
    readonly ask: { readonly channel: number; readonly epoch: bigint };
    readonly answer: Retained;
  };
  unreadable: {
    readonly ask: Omit<SkipRange, "lastSeq"> & { readonly maxCount: number };
    readonly answer: readonly UnreadableMessage[];
  };
  /** The beginning of one message, for a look that changes nothing. */
  peek: {
    readonly ask: {
      readonly channel: number;
      readonly epoch: bigint;
      readonly seq: bigint;
      readonly maxBytes: number;
    };
    readonly answer: PeekedMessage | undefined;
  };
  /** Durable when answered. */
  skipDamaged: { readonly ask: SkipRange; readonly answer: SkipVerdict };
  /** Durable when answered. */
  setAsideRefused: { readonly ask: RefusedMessage; readonly answer: RefusedVerdict };
  /** Whether a damaged message was given up at or before `seq`: no chain goes past it (06 TP31). */
  hasGap: {
    readonly ask: { readonly channel: number; readonly epoch: bigint; readonly seq: bigint };
    readonly answer: boolean;
  };
}

/** Why an epoch begins with a start: the store is older than it was, was put back, or its end cannot be read. */
export type EpochCause = "rollback" | "restored" | "damaged";

export type EpochNotice =
  /** There were keys and no store: it is a new one, and the keys of the other were set aside. */
  | { readonly notice: "keysSetAside" }
  /** The mark beside the store (05 S17) is not as it was written. */
  | { readonly notice: "highWaterDamaged" }
  /** Messages are gone for good; `name` is their channel's, empty for rows of quarantine. */
  | { readonly notice: "missing"; readonly name: string; readonly range: MissingRange }
  /** Found before this start. */
  | { readonly notice: "stillMissing"; readonly name: string; readonly range: FoundMissing }
  /** A new epoch begins with this start of the store. */
  | {
      readonly notice: "epochDue";
      readonly name: string;
      readonly cause: EpochCause;
      readonly epoch: bigint;
      readonly ended: bigint;
      /** Of the epoch that ended. */
      readonly lastSeq: bigint;
    }
  /** A channel is in a new epoch while the store runs: its history has parted (06 TP18), or has a hole. */
  | {
      readonly notice: "epochBegun";
      readonly cause: "parted" | "damaged";
      readonly tail: ChannelTail;
      /** The newest row, where messages were appended again. */
      readonly lastMessageId: number | undefined;
    };
