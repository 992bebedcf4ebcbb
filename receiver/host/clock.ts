/** Time and chance come in here and nowhere else, so that a test can hold it in its hand. @module */

/** A timer that has been set. Disposing it takes it back; harmless once it has fired. */
export type Timer = Disposable;

export interface Clock {
  /** Wall time in ms since 1970. May jump: for display and records, never for intervals. */
  nowMs(): number;
  /** Milliseconds that only go forward; for every interval. */
  monotonicMs(): number;
  /** Calls `act` once, `delayMs` from now. Does not keep the process alive. */
  after(delayMs: number, act: () => void): Timer;
  /** Calls `act` every `periodMs` until disposed. Does not keep the process alive. */
  every(periodMs: number, act: () => void): Timer;
}

/** Where chance comes from, so that a test can choose it. */
export interface Chance {
  /** From 0 up to, not including, 1. */
  unit(): number;
}

export const systemChance: Chance = { unit: () => Math.random() };

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, act) {
    const timer = setTimeout(act, delayMs).unref();
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
  every(periodMs, act) {
    const timer = setInterval(act, periodMs).unref();
    return { [Symbol.dispose]: () => clearInterval(timer) };
  },
};

/** For commands that wait: keeps the process alive meanwhile. */
export const pause = (delayMs: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, delayMs);
  });
