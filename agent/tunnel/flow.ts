/** How much may be on the way: absolute credit and the window (06 TP20 to TP22). @module */
import type { Credit } from "#protocol/frame.ts";
import { type WindowState, windowAfterPing, windowStart } from "#protocol/window.ts";

/** One connection's accounts, in bytes of DATA bodies. Limits only rise. */
export class Flow {
  #connectionLimit: number;
  #sentBytes = 0;
  #receivedBytes = 0;
  #window: WindowState = windowStart();
  #full = false;
  #highWaterBytes = 0;

  /** @param connectionLimit the credit of WELCOME */
  constructor(connectionLimit: number) {
    this.#connectionLimit = connectionLimit;
  }

  /** Bytes that may be sent now, before a stream's own limit. */
  get room(): number {
    const byWindow = this.#window.windowBytes - (this.#sentBytes - this.#receivedBytes);
    const room = Math.min(byWindow, this.#connectionLimit - this.#sentBytes);
    if (byWindow <= 0) this.#full = true;
    return room;
  }

  get inFlightBytes(): number {
    return this.#sentBytes - this.#receivedBytes;
  }

  get windowBytes(): number {
    return this.#window.windowBytes;
  }

  sent(bytes: number): void {
    this.#sentBytes += bytes;
    this.#highWaterBytes = Math.max(this.#highWaterBytes, this.#sentBytes);
  }

  /** Lower and repeated values mean nothing: frames may be late. */
  credited(credit: Credit): void {
    this.#connectionLimit = Math.max(this.#connectionLimit, credit.connectionLimit ?? 0);
    const received = Math.min(credit.bytesReceived ?? 0, this.#sentBytes);
    this.#receivedBytes = Math.max(this.#receivedBytes, received);
  }

  ponged(roundTripMs: number, nowMs: number): void {
    this.#window = windowAfterPing(this.#window, { roundTripMs, nowMs, full: this.#full });
    this.#full = false;
  }
}
