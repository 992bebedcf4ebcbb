/**
 * The credit of one connection and its streams, and the ack clock: what was received is reported at
 * the latest after 32 KiB or 20 ms (TP20, TP21).
 *
 * @module
 */
import type { Credit } from "#protocol/frame.ts";
import { REPORT_BYTES, REPORT_MS } from "#protocol/limits.ts";
import type { Clock, Timer } from "../clock.ts";
import { CreditAccount, type CreditUsage } from "./credit.ts";
import { STREAM_HELD_MAX_BYTES } from "./limits.ts";
import type { SinkStream } from "./sink-stream.ts";

export interface SinkCreditOptions {
  readonly clock: Clock;
  /** The negotiated frame limit. */
  readonly frameBytes: number;
  /** The share of this connection in what the process may hold, from this moment on. */
  readonly windowBytes: (usage: CreditUsage) => number;
  /** Called for each stream whose bytes are due to be reported: answers with a CREDIT. */
  readonly report: (stream: SinkStream) => void;
}

export class SinkCredit {
  readonly #options: SinkCreditOptions;
  readonly #connection = new CreditAccount();
  readonly #unreported = new Set<SinkStream>();
  #unreportedBytes = 0;
  #timer: Timer | undefined;

  constructor(options: SinkCreditOptions) {
    this.#options = options;
  }

  /** The connection limit that WELCOME announces. */
  initialLimit(): number {
    const { windowBytes, frameBytes } = this.#options;
    return this.#connection.raise({ windowBytes: windowBytes(this.#connection), frameBytes });
  }

  /** @returns false if the stream or the connection exceeds its limit: ERROR credit */
  receive(stream: SinkStream, bytes: number): boolean {
    const isWithin = this.#connection.receive(bytes);
    return stream.credit.receive(bytes) && isWithin;
  }

  /** Starts the ack clock for what was received; after the frame has been taken. */
  noteReceived(stream: SinkStream, bytes: number): void {
    this.#unreported.add(stream);
    this.#unreportedBytes += bytes;
    if (this.#unreportedBytes >= REPORT_BYTES) this.#reportAll();
    else this.#timer ??= this.#options.clock.after(REPORT_MS, () => this.#reportAll());
  }

  /** A complete message waits for the store. */
  wait(stream: SinkStream, bytes: number): void {
    this.#connection.wait(bytes);
    stream.credit.wait(bytes);
  }

  /** What waited was stored or refused. */
  finish(stream: SinkStream, bytes: number): void {
    this.#connection.finish(bytes);
    stream.credit.finish(bytes);
  }

  /** What did not wait was dropped. */
  drop(stream: SinkStream, bytes: number): void {
    this.#connection.drop(bytes);
    stream.credit.drop(bytes);
  }

  /** The credit for the next frame of `stream`: raises both limits, and reports what was received. */
  of(stream: SinkStream): Required<Credit> {
    this.#unreported.delete(stream);
    this.#unreportedBytes = 0;
    // Other streams wait for their own limit: the clock goes on for them.
    if (this.#unreported.size === 0) this.#stopClock();
    const { frameBytes } = this.#options;
    const windowBytes = this.#options.windowBytes(this.#connection);
    const streamWindow = Math.min(windowBytes, STREAM_HELD_MAX_BYTES);
    return {
      streamLimit: stream.credit.raise({ windowBytes: streamWindow, frameBytes }),
      connectionLimit: this.#connection.raise({ windowBytes, frameBytes }),
      bytesReceived: this.#connection.receivedBytes,
    };
  }

  /** The ack clock stops for good. */
  close(): void {
    this.#unreported.clear();
    this.#stopClock();
  }

  #reportAll(): void {
    this.#stopClock();
    for (const stream of this.#unreported) {
      this.#unreported.delete(stream);
      this.#options.report(stream);
    }
  }

  #stopClock(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }
}
