/** How often may be asked: one question at a time, ten a minute (08 4.4). @module */
import type { Clock } from "../host/clock.ts";
import { QUESTIONS_PER_MINUTE } from "../limits.ts";

const MINUTE_MS = 60_000;

export class Rate {
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #most: number;
  /** Monotonic; of the last minute. */
  #asked: number[] = [];

  constructor(clock: Pick<Clock, "monotonicMs">, most: number = QUESTIONS_PER_MINUTE) {
    this.#clock = clock;
    this.#most = most;
  }

  /** Counts one that is verified, whatever becomes of it. @returns false if it is one too many */
  admits(): boolean {
    const nowMs = this.#clock.monotonicMs();
    this.#asked = this.#asked.filter((atMs) => nowMs - atMs < MINUTE_MS);
    if (this.#asked.length >= this.#most) return false;
    this.#asked.push(nowMs);
    return true;
  }
}
