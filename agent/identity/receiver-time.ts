/**
 * What time it is at the receiver, whose clock the ends of certificates are judged by. Until it has been heard, it
 * is that of this machine; in between, time goes on by the monotonic clock, so that a clock which somebody sets
 * changes nothing (07 1.10).
 *
 * @module
 */
import type { Clock } from "../host/clock.ts";

export class ReceiverTime {
  readonly #clock: Clock;
  #heardMs: number;
  #atMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#heardMs = clock.nowMs();
    this.#atMs = clock.monotonicMs();
  }

  /** @param receiverNowMs ms since 1970 */
  heard(receiverNowMs: number): void {
    this.#heardMs = receiverNowMs;
    this.#atMs = this.#clock.monotonicMs();
  }

  nowMs(): number {
    return this.#heardMs + this.#clock.monotonicMs() - this.#atMs;
  }
}
