/** Time and chance, as far as streams need them: each end brings its own. @module */

export type Timer = Disposable;

export interface Clock {
  /** Wall time in ms since 1970: for records only. */
  nowMs(): number;
  /** Milliseconds that only go forward. */
  monotonicMs(): number;
  /** Calls `act` once, `delayMs` from now. */
  after(delayMs: number, act: () => void): Timer;
}

export interface Chance {
  /** From 0 up to, not including, 1. */
  unit(): number;
}
