/** Ranges of messages that are not here any more, and never will be: named, so that a person can ask for them. @module */
import type { Prepared } from "../writing/prepared.ts";

/** Why: an older copy of the store was put back, or storage altered what it held. */
export type MissingCause = "rollback" | "damaged";

/** Nobody knows how far the range went. */
export const END_UNKNOWN = 2n ** 63n - 1n;

/** `firstSeq` to `lastSeq` (perhaps `END_UNKNOWN`) of an epoch; of quarantine: its rows, under channel 0 and epoch 0. */
export interface MissingRange {
  readonly channel: number;
  readonly epoch: bigint;
  readonly firstSeq: bigint;
  readonly lastSeq: bigint;
  readonly cause: MissingCause;
}

export interface FoundMissing extends MissingRange {
  readonly foundAtMs: number;
}

/** What a person is shown: the newest of them. */
const SHOWN_MAX_COUNT = 50;

/** Writes it down, inside the caller's transaction. */
export function noteMissing(prepared: Prepared, range: MissingRange, nowMs: number): void {
  const { channel, epoch, firstSeq, lastSeq, cause } = range;
  // Their rows no longer stand for what they held: a sender's resend has to be stored (03 D1).
  if (cause === "damaged") prepared.messageDisown.run(channel, epoch, firstSeq, lastSeq);
  prepared.missingInsert.run(channel, epoch, firstSeq, lastSeq, cause, nowMs);
}

/** @returns the last seq of the damaged range that `seq` is known to lie in; `undefined`: nobody has noted it */
export function lostThrough(
  prepared: Prepared,
  channel: number,
  epoch: bigint,
  seq: bigint,
): bigint | undefined {
  return prepared.missingDamaged.get(channel, epoch, seq, seq) as bigint | undefined;
}

/** Whether a damaged range was noted that begins at or before `seq`. */
export function hasGapBefore(
  prepared: Prepared,
  channel: number,
  epoch: bigint,
  seq: bigint,
): boolean {
  return prepared.missingBefore.get(channel, epoch, seq) !== undefined;
}

/** The newest first, at most 50. */
export function missingRanges(prepared: Prepared): FoundMissing[] {
  type Row = [bigint, bigint, bigint, bigint, MissingCause, bigint];
  const rows = prepared.missingList.all(SHOWN_MAX_COUNT) as Row[];
  return rows.map(([channel, epoch, firstSeq, lastSeq, cause, foundAtMs]) => ({
    ...{ channel: Number(channel), epoch, firstSeq, lastSeq, cause },
    foundAtMs: Number(foundAtMs),
  }));
}
