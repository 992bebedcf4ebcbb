/**
 * Whether the peer is still there (TP26): PING when nothing was received for a heartbeat; silence
 * once nothing was received for three. Looks four times a heartbeat, so that receiving a frame
 * costs no timer.
 *
 * @module
 */
import type { Clock, Timer } from "./host/clock.ts";
import { LIVENESS_CHECKS_PER_HEARTBEAT } from "./limits.ts";

const SILENT_HEARTBEATS = 3;

export class Liveness implements Disposable {
  readonly #clock: Clock;
  readonly #heartbeatMs: number;
  readonly #on: { readonly ping: (nonce: number) => void; readonly silent: () => void };
  readonly #timer: Timer;
  #heardMs: number;
  #pingedMs: number;
  #nonce = 0;

  /** @param on.silent is called at every look from then on: dispose this */
  constructor(
    clock: Clock,
    heartbeatMs: number,
    on: { readonly ping: (nonce: number) => void; readonly silent: () => void },
  ) {
    this.#clock = clock;
    this.#heartbeatMs = heartbeatMs;
    this.#on = on;
    this.#heardMs = clock.monotonicMs();
    this.#pingedMs = this.#heardMs;
    this.#timer = clock.every(heartbeatMs / LIVENESS_CHECKS_PER_HEARTBEAT, () => this.#look());
  }

  /** Something was received. */
  heard(): void {
    this.#heardMs = this.#clock.monotonicMs();
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }

  #look(): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#heardMs >= SILENT_HEARTBEATS * this.#heartbeatMs) {
      this.#on.silent();
    } else if (nowMs - Math.max(this.#heardMs, this.#pingedMs) >= this.#heartbeatMs) {
      this.#pingedMs = nowMs;
      this.#nonce += 1;
      this.#on.ping(this.#nonce);
    }
  }
}
