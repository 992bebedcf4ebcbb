/**
 * What an outlet hands on: messages of a channel in their order, and in their place what is missing.
 *
 * @module
 */

import type { GapKind } from "#streams/sink/sink-store.ts";
import type { Place } from "../store/outlets.ts";

/** What a message or a gap says of itself. */
interface Origin {
  /** `tenant/name`. */
  readonly agent: string;
  readonly channel: string;
  readonly epoch: bigint;
  /** Where the channel stands behind it: the cursor for what follows. */
  readonly end: Place;
}

/** A stored message, once; a repeat of one under another number is not handed on (RI6). */
export interface OutletMessage extends Origin {
  readonly kind: "message";
  readonly seq: bigint;
  /** Of the body. */
  readonly sha256: Uint8Array;
  /** Length of the body. */
  readonly bytes: number;
  /** By the clock of the agent: when the last byte had arrived from the hospital's system. */
  readonly receivedAtMs: number;
  readonly storedAtMs: number;
  /** What the agent said of it; null where it said nothing. */
  readonly mediaType: string | null;
  readonly source: string | null;
  readonly traceparent: string | null;
  readonly attributes: Readonly<Record<string, string>>;
  /** It may have been handed on before, under another number (RI6). */
  readonly possibleRepeat: boolean;
  /**
   * The body, in slices of at most 1 MiB; none if it is empty. May be read several times.
   *
   * @throws {ReceiverError} `OUTLET_BODY_DAMAGED` before the last slice, if the bytes are not those that
   *   were stored
   */
  slices(): AsyncIterable<Uint8Array>;
  /** The whole body in memory. @throws {ReceiverError} as `slices` */
  body(): Promise<Uint8Array>;
}

/** Numbers whose messages will not come here (RI8), or whose bodies are gone. */
export interface OutletGap extends Origin {
  readonly kind: "gap";
  /** Null if unknown. */
  readonly firstSeq: bigint | null;
  /** Null if unknown: up to the end of the epoch. */
  readonly lastSeq: bigint | null;
  readonly reason: GapKind;
  readonly recordedAtMs: number;
}

export type OutletEvent = OutletMessage | OutletGap;

/** A channel that an outlet reads. */
export interface OutletChannel {
  /** The store's number of the agent. */
  readonly agent: number;
  /** `tenant/name`. */
  readonly agentName: string;
  readonly channel: string;
}

/** Before everything: epochs begin at 0. */
export const START: Place = { epoch: -1n, seq: 0n };
/** Behind everything. */
export const END: Place = { epoch: 2n ** 63n - 1n, seq: 2n ** 63n - 1n };

/** @returns less than, equal to or more than 0 as `a` lies before, at or behind `b` */
export function comparePlaces(a: Place, b: Place): number {
  if (a.epoch !== b.epoch) return a.epoch < b.epoch ? -1 : 1;
  return a.seq === b.seq ? 0 : a.seq < b.seq ? -1 : 1;
}
