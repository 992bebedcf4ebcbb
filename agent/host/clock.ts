/** Time and chance come in here and nowhere else, so that a test can hold both in its hand. @module */
import { randomBytes } from "node:crypto";

/** A timer that has been set. Disposing it takes it back; harmless once it has fired. */
export interface Timer extends Disposable {
  /** Starts the same wait again from now: cheaper than a new timer. */
  refresh(): void;
}

export interface Clock {
  /** Wall time in ms since 1970. May jump; for display, for records, never for ordering. */
  nowMs(): number;
  /** Milliseconds that only go forward; for every interval. */
  monotonicMs(): number;
  /** Calls `act` once, `delayMs` from now. Does not keep the process alive. */
  after(delayMs: number, act: () => void): Timer;
}

export interface Chance {
  /** A number in [0, 1). */
  unit(): number;
  /** `count` unpredictable bytes. */
  bytes(count: number): Uint8Array;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, act) {
    const timer = setTimeout(act, delayMs);
    timer.unref();
    return {
      refresh: () => void timer.refresh(),
      [Symbol.dispose]: () => clearTimeout(timer),
    };
  },
};

export const systemChance: Chance = {
  unit: () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48,
  bytes: (count) => new Uint8Array(randomBytes(count)),
};
