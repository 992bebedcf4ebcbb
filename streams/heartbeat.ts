/** Whether the other side is alive: PING, round trips, and silence (06 TP26). @module */
import type { Clock, Timer } from "./clock.ts";

export interface HeartbeatOptions {
  readonly clock: Pick<Clock, "monotonicMs" | "after">;
  readonly heartbeatMs: number;
  /** Whether DATA is on the way: then a PING each second feeds the window. */
  readonly inFlight: () => boolean;
  readonly ping: (nonce: number) => void;
  readonly onRoundTrip: (roundTripMs: number) => void;
  /** Nothing at all for three heartbeats: the path is dead, whatever TCP believes. */
  readonly onSilence: () => void;
}

/** Between two looks at most: a PING each second while DATA is in flight, and silence noticed in time. */
const TICK_MAX_MS = 1_000;
const TICKS_PER_HEARTBEAT = 4;
const SILENT_HEARTBEATS = 3;

export class Heartbeat implements Disposable {
  readonly #options: HeartbeatOptions;
  readonly #tickMs: number;
  #timer: Timer;
  #heardMs: number;
  #pinged: { readonly nonce: number; readonly atMs: number } | undefined;
  #nonce = 0;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#tickMs = Math.min(TICK_MAX_MS, options.heartbeatMs / TICKS_PER_HEARTBEAT);
    this.#heardMs = options.clock.monotonicMs();
    this.#timer = options.clock.after(this.#tickMs, () => this.#tick());
  }

  /** A frame came. Websocket ping and pong do not count: a proxy may answer them by itself. */
  heard(): void {
    this.#heardMs = this.#options.clock.monotonicMs();
  }

  ponged(nonce: number): void {
    if (this.#pinged?.nonce !== nonce) return;
    this.#options.onRoundTrip(this.#options.clock.monotonicMs() - this.#pinged.atMs);
    this.#pinged = undefined;
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }

  #tick(): void {
    const { clock, heartbeatMs, inFlight, ping, onSilence } = this.#options;
    this.#timer = clock.after(this.#tickMs, () => this.#tick());
    const nowMs = clock.monotonicMs();
    const silentMs = nowMs - this.#heardMs;
    if (silentMs >= heartbeatMs * SILENT_HEARTBEATS) {
      this[Symbol.dispose]();
      onSilence();
      return;
    }
    if (this.#pinged !== undefined && nowMs - this.#pinged.atMs < heartbeatMs) return;
    if (silentMs < heartbeatMs && !inFlight()) return;
    this.#nonce += 1;
    this.#pinged = { nonce: this.#nonce, atMs: nowMs };
    ping(this.#nonce);
  }
}
