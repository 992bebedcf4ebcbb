/**
 * How the memory for what is not yet durable is shared (I-8, TP20): every connection has a floor, and
 * one that sends much gets more, out of one pool for the process.
 *
 * Credit is absolute and cannot be taken back, so what counts as taken is what an agent has been
 * told and has not used. The sum over all connections is bounded by the floors and the pool. While
 * less than half of the pool is taken, a newcomer gets some at once, for it may have a backlog; the
 * other half is for those that send, however many are there that do not. One that sent much and went
 * quiet keeps what it was told until it uses it, or connects again; so that a few of those do not
 * take all, nobody gets more than a quarter of what is left.
 *
 * @module
 */
import type { CreditUsage } from "#streams/sink/credit.ts";
import type { Clock } from "./host/clock.ts";
import { HELD_MAX_BYTES, HELD_MIN_BYTES } from "./limits.ts";

/**
 * An agent may have as much outstanding as it sent in the last one to two seconds, twice: enough for
 * every round trip up to a second, growing from the floor.
 */
const INTERVAL_MS = 1_000;
const GROWTH = 2;
const LARGEST_PART = 0.25;
/** For a newcomer, at most; and this part of what is left of the half for newcomers. */
const INITIAL_MAX_BYTES = 2_097_152;
const INITIAL_PART = 1 / 16;

export class CreditPool {
  readonly #clock: Clock;
  readonly #maxBytes: number;
  #freeBytes: number;

  /** @param maxBytes for all connections together, beyond their floors */
  constructor(maxBytes: number, clock: Clock) {
    this.#maxBytes = maxBytes;
    this.#freeBytes = maxBytes;
    this.#clock = clock;
  }

  get freeBytes(): number {
    return this.#freeBytes;
  }

  /** For one connection; disposed when it ends. */
  join(): CreditShare {
    const spare = (this.#freeBytes - this.#maxBytes / 2) * INITIAL_PART;
    const initial = Math.max(0, Math.min(INITIAL_MAX_BYTES, Math.floor(spare)));
    this.take(initial);
    return new CreditShare(this, this.#clock, initial);
  }

  /** @param bytes negative: given back */
  take(bytes: number): void {
    this.#freeBytes -= bytes;
  }
}

export class CreditShare implements Disposable {
  readonly #pool: CreditPool;
  readonly #clock: Clock;
  /** Taken from the pool. */
  #beyondBytes: number;
  /** Until the first announcement. */
  #initialBytes: number;
  #sinceMs: number;
  /** `receivedBytes` when this interval began, and what came in the one before. */
  #sinceBytes = 0;
  #beforeBytes = 0;

  /** @param initialBytes taken for it already, beyond the floor */
  constructor(pool: CreditPool, clock: Clock, initialBytes: number) {
    this.#pool = pool;
    this.#clock = clock;
    this.#beyondBytes = initialBytes;
    this.#initialBytes = initialBytes;
    this.#sinceMs = clock.monotonicMs();
  }

  /** @returns what may be outstanding from now on; at least the floor, and what was announced before */
  windowBytes({ receivedBytes, outstandingBytes }: CreditUsage): number {
    const announced = Math.max(this.#initialBytes, outstandingBytes - HELD_MIN_BYTES, 0);
    this.#initialBytes = 0;
    const wanted = Math.min(GROWTH * this.#recentBytes(receivedBytes), HELD_MAX_BYTES);
    const free = this.#pool.freeBytes + this.#beyondBytes - announced;
    const more = Math.min(wanted - HELD_MIN_BYTES - announced, free * LARGEST_PART);
    const beyond = announced + Math.max(0, Math.floor(more));
    this.#pool.take(beyond - this.#beyondBytes);
    this.#beyondBytes = beyond;
    return HELD_MIN_BYTES + beyond;
  }

  /** What it held and was allowed is nobody's now. */
  [Symbol.dispose](): void {
    this.#pool.take(-this.#beyondBytes);
    this.#beyondBytes = 0;
  }

  #recentBytes(receivedBytes: number): number {
    const passedMs = this.#clock.monotonicMs() - this.#sinceMs;
    if (passedMs >= INTERVAL_MS) {
      this.#beforeBytes = passedMs < 2 * INTERVAL_MS ? receivedBytes - this.#sinceBytes : 0;
      this.#sinceBytes = receivedBytes;
      this.#sinceMs += passedMs;
    }
    return this.#beforeBytes + receivedBytes - this.#sinceBytes;
  }
}
