/** How many requests are looked at in a second: no browser asks so often, and whoever does is turned away cheaply. @module */
import type { Clock } from "../host/clock.ts";

export class Rate {
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #perSecond: number;
  #beganMs = 0;
  #count = 0;

  constructor(clock: Pick<Clock, "monotonicMs">, perSecond: number) {
    this.#perSecond = perSecond;
    this.#clock = clock;
  }

  /** Counts one. */
  isTooMany(): boolean {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#beganMs >= 1_000) {
      this.#beganMs = nowMs;
      this.#count = 0;
    }
    this.#count += 1;
    return this.#count > this.#perSecond;
  }
}
