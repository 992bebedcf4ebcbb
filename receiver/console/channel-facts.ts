/**
 * What came on one channel, and how long it had waited in the hospital: found by the keys of messages, a few rows at a time,
 * so that a channel with a hundred million of them costs no more than one with a hundred.
 *
 * @module
 */
import type { ConsoleStore, MessageTimes } from "../store/console.ts";
import type { ChannelRecord } from "../store/store.ts";

type Place = Pick<ChannelRecord, "channel" | "epoch" | "lastSeq"> & { readonly agent: number };

/** Rows of one step of a search: three steps find one of 100,000. */
const STEP_COUNT = 48;
/** Points of a chart. */
const POINTS_COUNT = 150;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export interface ChannelFacts {
  /** By the receiver's clock; undefined: none of this epoch is here. */
  readonly lastMs: number | undefined;
  /** Of the newest message, by both clocks. */
  readonly waitedMs: number | undefined;
  readonly lastHourCount: number;
}

export interface WaitPoint {
  /** When it was stored here. */
  readonly atMs: number;
  readonly waitedMs: number;
}

export async function channelFacts(
  store: ConsoleStore,
  place: Place,
  nowMs: number,
): Promise<ChannelFacts> {
  const { lastSeq } = place;
  const [last] = await timesOf(store, place, [lastSeq]);
  const isQuiet = last !== undefined && nowMs - last.storedMs >= HOUR_MS;
  const before = isQuiet ? lastSeq : await seqBefore(store, place, nowMs - HOUR_MS);
  return {
    lastMs: last?.storedMs,
    waitedMs: last && Math.max(0, last.storedMs - last.receivedMs),
    lastHourCount: Number(lastSeq - before),
  };
}

/** @returns the last number of the epoch that was stored before `atMs`; 0 if none was */
export async function seqBefore(store: ConsoleStore, place: Place, atMs: number): Promise<bigint> {
  let [low, high] = [0n, place.lastSeq + 1n];
  for (;;) {
    const seqs = between(low, high, STEP_COUNT);
    const rows = await timesOf(store, place, seqs);
    // Each of them lies strictly between the two, so that every step is one forward. Of numbers without a message
    // (RI8) nothing is known.
    if (rows.length === 0) return low;
    const isWhole = BigInt(seqs.length) === high - low - 1n;
    for (const { seq, storedMs } of rows) {
      if (storedMs < atMs) low = seq;
      else {
        high = seq;
        break;
      }
    }
    if (isWhole) return low;
  }
}

/** How long messages of the last day had waited: some of them, evenly spread, oldest first. */
export async function waitsOf(
  store: ConsoleStore,
  place: Place,
  nowMs: number,
): Promise<readonly WaitPoint[]> {
  const first = await seqBefore(store, place, nowMs - DAY_MS);
  const seqs = between(first, place.lastSeq + 1n, POINTS_COUNT);
  const rows = await timesOf(store, place, [...new Set([...seqs, place.lastSeq])]);
  return rows.map(({ storedMs, receivedMs }) => ({
    ...{ atMs: storedMs, waitedMs: Math.max(0, storedMs - receivedMs) },
  }));
}

function timesOf(
  store: ConsoleStore,
  { agent, channel, epoch }: Place,
  seqs: readonly bigint[],
): Promise<readonly MessageTimes[]> {
  return store.console.messageTimes({ agent, channel, epoch, seqs });
}

/** At most `count` numbers between two, which are not among them; evenly spread. */
function between(low: bigint, high: bigint, count: number): bigint[] {
  const inside = high - low - 1n;
  if (inside <= 0n) return [];
  if (inside <= BigInt(count)) {
    return Array.from({ length: Number(inside) }, (_, at) => low + 1n + BigInt(at));
  }
  const step = (at: number): bigint => low + (inside * BigInt(at + 1)) / BigInt(count);
  return [...new Set(Array.from({ length: count }, (_, at) => step(at)))];
}
