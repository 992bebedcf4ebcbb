/**
 * How much came, how fast it was acknowledged and what waits: a day by the minute, for the charts of the status page,
 * and the last minute by channel. Kept in memory alone: it begins with the process and ends with it.
 *
 * @module
 */
import type { Clock, Timer } from "../host/clock.ts";
import type { Tasks } from "../host/tasks.ts";
import { HISTORY_POINTS_MAX_COUNT, HISTORY_SAMPLE_MS } from "../limits.ts";
import {
  type LatencyCounts,
  latencyBetween,
  latencySum,
  NO_LATENCY,
  percentileMs,
} from "./latency.ts";

/** One channel, now. */
export interface ChannelTotals {
  readonly name: string;
  /** Messages ever stored. */
  readonly stored: number;
  /** Stored, and not confirmed by the receiver. */
  readonly waiting: number;
  readonly latency: LatencyCounts;
}

/** One minute of all channels together. */
export interface HistoryPoint {
  /** Its end: wall time, ms since 1970. */
  readonly atMs: number;
  readonly storedPerMinute: number;
  /** Of acknowledgments to senders in that minute; `undefined` if there was none. */
  readonly medianMs: number | undefined;
  readonly p99Ms: number | undefined;
  /** At its end. */
  readonly waiting: number;
}

interface Sample {
  readonly monotonicMs: number;
  readonly stored: ReadonlyMap<string, number>;
  readonly latency: LatencyCounts;
}

const MINUTE_MS = 60_000;
/** A minute of samples, and the one before it. */
const RECENT_MAX_COUNT = MINUTE_MS / HISTORY_SAMPLE_MS + 1;

export class History {
  readonly #points: HistoryPoint[] = [];
  /** Of the last minute, oldest first. */
  readonly #recent: Sample[] = [];
  /** Where the minute under way began. */
  #began: Sample | undefined;

  /** Every minute since the start, at most a day, oldest first. */
  get points(): readonly HistoryPoint[] {
    return this.#points;
  }

  /** Takes note of what is now; to be called every `HISTORY_SAMPLE_MS`. */
  note(channels: readonly ChannelTotals[], monotonicMs: number, nowMs: number): void {
    const sample: Sample = {
      monotonicMs,
      stored: new Map(channels.map(({ name, stored }) => [name, stored])),
      latency: channels.map(({ latency }) => latency).reduce(latencySum, NO_LATENCY),
    };
    this.#recent.push(sample);
    if (this.#recent.length > RECENT_MAX_COUNT) this.#recent.shift();
    this.#began ??= sample;
    // Timers come a little early or late: half a sample is not worth another one.
    const elapsedMs = monotonicMs - this.#began.monotonicMs;
    if (elapsedMs < MINUTE_MS - HISTORY_SAMPLE_MS / 2) return;
    const latency = latencyBetween(this.#began.latency, sample.latency);
    this.#points.push({
      atMs: nowMs,
      storedPerMinute: perMinute(addedIn(this.#began.stored, sample.stored), elapsedMs),
      medianMs: percentileMs(latency, 0.5),
      p99Ms: percentileMs(latency, 0.99),
      waiting: channels.reduce((all, { waiting }) => all + waiting, 0),
    });
    if (this.#points.length > HISTORY_POINTS_MAX_COUNT) this.#points.shift();
    this.#began = sample;
  }

  /** Messages stored in the last minute, or in what there is of it; `undefined` before the second sample. */
  lastMinuteOf(channel: string): number | undefined {
    const [first, last] = [this.#recent[0], this.#recent.at(-1)];
    if (first === undefined || last === undefined || first === last) return undefined;
    const before = first.stored.get(channel);
    const now = last.stored.get(channel);
    if (before === undefined || now === undefined) return undefined;
    return Math.max(0, now - before);
  }
}

export interface HistorySamplerParts {
  readonly clock: Clock;
  readonly tasks: Tasks;
  /** @returns `undefined` if nobody can say now: that moment is left out */
  readonly read: () => Promise<readonly ChannelTotals[] | undefined>;
}

/** Feeds a history, from when it is made until it is disposed. */
export class HistorySampler implements Disposable {
  readonly history = new History();
  readonly #parts: HistorySamplerParts;
  #timer: Timer | undefined;
  #ended = false;

  constructor(parts: HistorySamplerParts) {
    this.#parts = parts;
    this.#sample();
  }

  [Symbol.dispose](): void {
    this.#ended = true;
    this.#timer?.[Symbol.dispose]();
  }

  #sample(): void {
    const { clock, tasks, read } = this.#parts;
    tasks.run("history", async () => {
      const channels = await read();
      if (channels !== undefined) this.history.note(channels, clock.monotonicMs(), clock.nowMs());
      if (!this.#ended) this.#timer = clock.after(HISTORY_SAMPLE_MS, () => this.#sample());
    });
  }
}

const perMinute = (count: number, elapsedMs: number): number => (count * MINUTE_MS) / elapsedMs;

/** A channel that is new counts from its first sample on; one that was taken out counts as nothing. */
function addedIn(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): number {
  let added = 0;
  for (const [name, stored] of after) added += Math.max(0, stored - (before.get(name) ?? stored));
  return added;
}
