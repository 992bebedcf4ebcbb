/**
 * What agents have told of their hours (06 TP35), beside what is stored here: both sides of a reconciliation (03 D4).
 *
 * As in `store.ts`, every answer is given after the flushed commit that makes it true.
 *
 * @module
 */
import type { Direction, HourRecord } from "#reconcile/hour-record.ts";
import type { HeldRow, ToldStretch } from "#reconcile/stretch-check.ts";

export interface NoteHoursCall {
  readonly agent: number;
  readonly record: HourRecord;
  readonly atMs: number;
}

/** Up to where an agent has told. */
export interface ToldStanding {
  readonly sinceHour: number;
  readonly throughHour: number;
  /** When it did, by this receiver's clock. */
  readonly toldAtMs: number;
}

export interface ToldRow extends ToldStretch {
  /** Of the agent's store, hexadecimal. */
  readonly store: string;
  readonly direction: Direction;
  readonly channel: string;
  readonly hour: number;
  readonly copies: number;
}

export interface ToldCount {
  readonly channel: string;
  readonly hour: number;
  readonly duplicates: number;
  readonly quarantined: number;
  readonly refused: number;
  readonly rejected: number;
}

/** Hours of an agent, the end exclusive. */
export interface ToldHours {
  readonly agent: number;
  readonly fromHour: number;
  readonly toHour: number;
}

/** A channel in one direction. */
export interface ChannelWay {
  readonly agent: number;
  readonly direction: Direction;
  readonly channel: string;
}

/** What was told of an epoch: everything between, if the agent has counted since before it began. */
export interface ToldEpoch {
  readonly epoch: bigint;
  readonly first: bigint;
  readonly last: bigint;
}

/** A message that is stored here. */
export interface HeldMessage extends HeldRow {
  /** Down: what the agent has reported. */
  readonly fate: "none" | "delivered" | "aside";
}

export interface UncoveredMessage {
  readonly seq: bigint;
  /** Up: received by the agent. Down: taken here. */
  readonly atMs: number;
  /** Down: the agent has it. */
  readonly isSettled: boolean;
}

export interface HourLedger {
  /** What was told of before is overwritten, and what is older than 400 days forgotten. */
  noteHours(call: NoteHoursCall): Promise<{ readonly kind: "ok" | "busy" }>;
  /** Null: it has told nothing yet. */
  toldStanding(agent: number): Promise<ToldStanding | null>;
  /** One page in order of hour, direction, channel, epoch, first seq and store; empty after the last. */
  toldStretches(call: ToldHours & { readonly after: ToldRow | null }): Promise<readonly ToldRow[]>;
  /** One page in order of hour and channel; empty after the last. */
  toldCounts(call: ToldHours & { readonly after: ToldCount | null }): Promise<readonly ToldCount[]>;
  /** In order of the epoch. */
  toldEpochs(way: ChannelWay): Promise<readonly ToldEpoch[]>;
  /** One page of what is stored of an epoch behind `after`, up to `through`; empty after the last. */
  heldRows(
    call: ChannelWay & {
      readonly epoch: bigint;
      readonly after: bigint;
      readonly through: bigint;
    },
  ): Promise<readonly HeldMessage[]>;
  /** One page of what is stored of an epoch behind `after`; empty after the last. */
  heldBehind(
    call: ChannelWay & { readonly epoch: bigint; readonly after: bigint },
  ): Promise<readonly UncoveredMessage[]>;
  /** The next epoch behind `epoch` of which anything is stored; null: there is none. */
  heldEpoch(call: ChannelWay & { readonly epoch: bigint }): Promise<bigint | null>;
}

export interface HourStore {
  readonly hours: HourLedger;
}

/** Of `told_stretch` and like tables: as the agent's store has it. */
export const directionNumber = (direction: Direction): 0 | 1 => (direction === "up" ? 0 : 1);
export const directionOf = (number: number | bigint): Direction =>
  Number(number) === 0 ? "up" : "down";

/** How long what an agent told stays: as long as agents keep it by default. */
export const TOLD_KEEP_HOURS = 400 * 24;
