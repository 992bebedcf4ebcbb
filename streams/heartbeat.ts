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
/** A peer that answers none, and goes on sending other frames, must not fill memory. */
const PINGS_MAX_COUNT = 16;

export class Heartbeat implements Disposable {
  readonly #options: HeartbeatOptions;
  readonly #tickMs: number;
  #timer: Timer;
  #heardMs: number;
  /** When each PING left that is not answered, oldest first; `PINGS_MAX_COUNT` of them. */
  readonly #pinged = new Map<number, number>();
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

  /** Also one that took longer than a heartbeat: where that is so, the window has to hear of it (TP22). */
  ponged(nonce: number): void {
    const atMs = this.#pinged.get(nonce);
    if (atMs === undefined) return;
    for (const older of this.#pinged.keys()) if (older <= nonce) this.#pinged.delete(older);
    this.#options.onRoundTrip(this.#options.clock.monotonicMs() - atMs);
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
    const latestMs = [...this.#pinged.values()].at(-1);
    if (latestMs !== undefined && nowMs - latestMs < heartbeatMs) return;
    if (silentMs < heartbeatMs && !inFlight()) return;
    this.#nonce += 1;
    this.#pinged.set(this.#nonce, nowMs);
    this.#pinged.delete(this.#nonce - PINGS_MAX_COUNT);
    ping(this.#nonce);
  }
}
