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

/** Questions about epochs, with the type of their answers. */
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
  /** A channel has moved to a new epoch while the store runs (06 TP18). */
  | {
      readonly notice: "epochBegun";
      readonly tail: ChannelTail;
      /** The newest row. */
      readonly lastMessageId: number;
    };
