/**
 * Whether the peer is still there (TP26): PING when nothing was received for a heartbeat, and each second
 * while DATA is on its way; silence once nothing was received for three. Looks four times a heartbeat, so that receiving a frame
 * costs no timer.
 *
 * @module
 */
import type { Clock, Timer } from "./host/clock.ts";
import { LIVENESS_CHECKS_PER_HEARTBEAT } from "./limits.ts";

const SILENT_HEARTBEATS = 3;

/** Between two PINGs while DATA is on its way: each is a sample of the round trip (TP22). */
const SAMPLE_MS = 1_000;

export interface LivenessEvents {
  readonly ping: (nonce: number) => void;
  readonly silent: () => void;
  /** Whether DATA of this side is on its way. */
  readonly inFlight: () => boolean;
}

export class Liveness implements Disposable {
  readonly #clock: Clock;
  readonly #heartbeatMs: number;
  readonly #on: LivenessEvents;
  readonly #timer: Timer;
  #heardMs: number;
  #pingedMs: number;
  #nonce = 0;
  /** The last PING, while its PONG is awaited. */
  #isAwaited = false;

  /** @param on.silent is called at every look from then on: dispose this */
  constructor(clock: Clock, heartbeatMs: number, on: LivenessEvents) {
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

  /** @returns the round trip in ms, if this answers the last PING */
  ponged(nonce: number): number | undefined {
    if (!this.#isAwaited || nonce !== this.#nonce) return undefined;
    this.#isAwaited = false;
    return this.#clock.monotonicMs() - this.#pingedMs;
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }

  #look(): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#heardMs >= SILENT_HEARTBEATS * this.#heartbeatMs) {
      this.#on.silent();
    } else if (this.#isDue(nowMs)) {
      this.#pingedMs = nowMs;
      this.#nonce += 1;
      this.#isAwaited = true;
      this.#on.ping(this.#nonce);
    }
  }

  #isDue(nowMs: number): boolean {
    const sincePingMs = nowMs - this.#pingedMs;
    // A PONG that is late is itself the sample: no second PING before it, for a heartbeat.
    if (this.#on.inFlight() && !this.#isAwaited && sincePingMs >= SAMPLE_MS) return true;
    return Math.min(sincePingMs, nowMs - this.#heardMs) >= this.#heartbeatMs;
  }
}
