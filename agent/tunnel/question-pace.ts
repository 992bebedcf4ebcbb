/**
 * How often the receiver may ask for an answer at once: websocket pings, PINGs and commands.
 *
 * Each costs it two bytes and us a frame, a TLS record and their memory until the socket has them: what it does not
 * read is bounded by `SOCKET_UNSENT_LIMIT_BYTES`, what it does read would still take the machine from ingest.
 *
 * @module
 */
import type { Clock } from "../host/clock.ts";
import { QUESTIONS_PER_SECOND } from "../limits.ts";

const WINDOW_MS = 1_000;

export class QuestionPace {
  readonly #clock: Pick<Clock, "monotonicMs">;
  #sinceMs = Number.NEGATIVE_INFINITY;
  #count = 0;

  constructor(clock: Pick<Clock, "monotonicMs">) {
    this.#clock = clock;
  }

  /** Counts one question. @returns whether it may be answered: `QUESTIONS_PER_SECOND` of a second may */
  admits(): boolean {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#sinceMs >= WINDOW_MS) {
      this.#sinceMs = nowMs;
      this.#count = 0;
    }
    this.#count += 1;
    return this.#count <= QUESTIONS_PER_SECOND;
  }
}
