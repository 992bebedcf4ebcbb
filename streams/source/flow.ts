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
  #roundTripMs: number | undefined;

  /** @param connectionLimit the credit of WELCOME */
  constructor(connectionLimit: number) {
    this.#connectionLimit = connectionLimit;
  }

  /** Bytes that may be sent now, before a stream's own limit. */
  get room(): number {
    return Math.min(this.#windowRoom, this.#connectionLimit - this.#sentBytes);
  }

  /** A frame of `bytes` had to wait: remembers whether the window was why (TP22 grows only then). */
  heldBack(bytes: number): void {
    if (this.#windowRoom < bytes) this.#full = true;
  }

  get #windowRoom(): number {
    return this.#window.windowBytes - this.inFlightBytes;
  }

  get inFlightBytes(): number {
    return this.#sentBytes - this.#receivedBytes;
  }

  get windowBytes(): number {
    return this.#window.windowBytes;
  }

  sent(bytes: number): void {
    this.#sentBytes += bytes;
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
    this.#roundTripMs = roundTripMs;
  }

  /** Of the latest PING that was answered. */
  get roundTripMs(): number | undefined {
    return this.#roundTripMs;
  }
}
