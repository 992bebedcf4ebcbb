/**
 * What outlets ask of a store beside {@link Store}: what is missing in a stretch of a channel, and how
 * far each outlet has taken it. The same rules hold: an answer comes after its flushed commit.
 *
 * @module
 */
import type { GapRecord } from "./store.ts";

/** A place in the order of a channel: behind the message or the gap that ends there. */
export interface Place {
  readonly epoch: bigint;
  readonly seq: bigint;
}

export interface GapsCall {
  readonly agent: number;
  readonly channel: string;
  /** Exclusive, compared with where a gap ends; where that is unknown, with where it begins. */
  readonly after: Place;
  /** Inclusive. */
  readonly upTo: Place;
}

export interface PositionCall {
  /** The name of the outlet. */
  readonly outlet: string;
  readonly agent: number;
  readonly channel: string;
}

export interface MovePositionCall extends PositionCall, Place {
  readonly atMs: number;
  /** Only then it may go backwards. */
  readonly isRewind: boolean;
}

export type MovePositionResult =
  /** Where the outlet stands now: further than the call says, if it was there already. */
  { readonly kind: "ok"; readonly position: Place } | { readonly kind: "busy" };

export interface OutletStore {
  /** One page in the order of where the gaps end; empty after the last. */
  findGaps(call: GapsCall): Promise<readonly GapRecord[]>;
  /** How far an outlet has taken a channel; null if it never took anything of it. */
  findPosition(call: PositionCall): Promise<Place | null>;
  /** Notes how far an outlet has come; kept for ever. */
  movePosition(call: MovePositionCall): Promise<MovePositionResult>;
}
