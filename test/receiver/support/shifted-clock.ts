/**
 * The receiver's clock, put forward and back by a test, and hurried.
 *
 * @module
 */
import { type Clock, systemClock, type Timer } from "#receiver/host/clock.ts";
import { SWEEP_MS } from "#receiver/limits.ts";

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

export class ShiftedClock implements Clock {
  /** What the wall clock is ahead of this machine's. */
  aheadMs: number;
  /** How much longer the process runs than it seems. */
  agedMs = 0;
  /** Timers go off so many times sooner. */
  readonly haste: number;
  readonly #sweeps = new Set<() => void>();

  constructor(aheadMs = 0, haste = 1) {
    this.aheadMs = aheadMs;
    this.haste = haste;
  }

  nowMs(): number {
    return systemClock.nowMs() + this.aheadMs;
  }

  monotonicMs(): number {
    return systemClock.monotonicMs() + this.agedMs;
  }

  after(delayMs: number, act: () => void): Timer {
    return systemClock.after(delayMs / this.haste, act);
  }

  /** The look at who is connected waits for {@link sweep}. */
  every(periodMs: number, act: () => void): Timer {
    if (periodMs !== SWEEP_MS) return systemClock.every(periodMs, act);
    this.#sweeps.add(act);
    return { [Symbol.dispose]: () => void this.#sweeps.delete(act) };
  }

  sweep(): void {
    for (const act of this.#sweeps) act();
  }
}
