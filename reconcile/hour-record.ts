/**
 * What an agent tells the receiver of its hours (06 TP35), one message on `$status`: JSON, UTF-8, of the schema below.
 *
 * A stretch is a run of seqs of one channel and epoch that came in the same hour, UTC: `before` and `after` are the chain
 * of TP15 in front of its first and behind its last message, so that whoever holds the digests of the messages between
 * can tell whether they are the same, in the same order. Counts are of what came and has no seq.
 *
 * Each is told again when it has grown; the one told last counts. Epochs and seqs are decimal text, for they may pass
 * 2^53, and hours are counted from 1970.
 *
 * @module
 */

export const HOURS_SCHEMA = "holdfast.hours/1";

/** `up`: from the hospital to the cloud. */
export type Direction = "up" | "down";

export interface StretchRecord {
  readonly direction: Direction;
  readonly channel: string;
  readonly epoch: string;
  readonly first: string;
  readonly last: string;
  /** Absent: `last`. What lies behind it was appended again in a later epoch (TP18), and is to be looked for there. */
  readonly expected?: string;
  readonly hour: number;
  /** How many of them no sender has sent now: released, replayed or reissued; downstream: repeats. */
  readonly copies: number;
  /** Base64 of 32 bytes; null where nobody knows them any more. */
  readonly before: string | null;
  readonly after: string | null;
}

export interface CountRecord {
  readonly channel: string;
  readonly hour: number;
  /** Messages that came before, and were answered as the first time (03 D1). */
  readonly duplicates: number;
  /** Blocks that were set aside, those that came before included (03 E2, E7). */
  readonly quarantined: number;
  /** Blocks for which there was no room even there (03 E7). */
  readonly refused: number;
  /** Stored messages that the receiver will never take (06 TP30). */
  readonly rejected: number;
}

export interface HourRecord {
  readonly schema: typeof HOURS_SCHEMA;
  /** Of the agent's store, hexadecimal: another store numbers anew. */
  readonly store: string;
  /** Counted since this hour. */
  readonly sinceHour: number;
  /** Everything up to the end of this hour was told, with this record or before it. */
  readonly throughHour: number;
  readonly stretches: readonly StretchRecord[];
  readonly counts: readonly CountRecord[];
}

/** Stretches and counts of one record: some tens of KiB. */
export const RECORD_MAX_COUNT = 200;

export const recordBytes = (record: HourRecord): Uint8Array => Buffer.from(JSON.stringify(record));

/** Whether a message on `$status` is one of these: other kinds have no such beginning. */
export function isHourRecord(bytes: Uint8Array): boolean {
  const head = `{"schema":"${HOURS_SCHEMA}"`;
  return Buffer.from(bytes.subarray(0, head.length)).toString("latin1") === head;
}
