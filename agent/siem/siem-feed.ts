/**
 * What goes to the hospital's SIEM: signed heads of the audit, and its entries where the hospital wants them (08 6).
 *
 * The store is the spool: heads and entries lie there in order, and the feed remembers how far it has come. What went
 * from there before it could be sent is a gap, which is said with its counts. Syslog has no receipt, so what was
 * written on a connection that ends is written again on the next one, as far back as {@link AGAIN_MS}: repeats carry the
 * same `auditSeq`, and losing some would look like somebody had taken them away.
 *
 * @module
 */
import { hostname } from "node:os";
import { AgentError, codeOf } from "../errors.ts";
import type { Conditions } from "../health/conditions.ts";
import type { Chance, Clock, Timer } from "../host/clock.ts";
import type { Log } from "../host/log.ts";
import { SiemConnection, type SiemEndpoint } from "./siem-connection.ts";
import { frameOf, type SyslogMessage } from "./syslog-message.ts";

/** Something to send. Its number is its place in its row: 1, 2, 3. */
export interface SpooledItem {
  readonly number: number;
  readonly message: SyslogMessage;
}

/** One row of things, kept elsewhere, from the old end of which some may be gone. */
export interface SpoolRow {
  /** Such as `head`. */
  readonly name: string;
  /** What comes after a number, oldest first. */
  after(number: number, limit: number): Promise<readonly SpooledItem[]>;
  /** How far a former run has come. */
  position(): Promise<number>;
  /** Durable enough when it resolves; repeating is harmless. */
  reached(number: number): Promise<void>;
}

export interface SiemFeedOptions {
  readonly endpoint: SiemEndpoint;
  /** Sent in this order: what comes first is at hand when the next one refers to it. */
  readonly rows: readonly SpoolRow[];
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  readonly conditions: Conditions;
}

/** How long TCP may go on sending to a peer that is gone before the connection ends. */
const AGAIN_MS = 20 * 60_000;
const PAGE_COUNT = 100;
const BACKOFF_START_MS = 1_000;
const BACKOFF_MAX_MS = 60_000;
/** A connection that lasts is a good one. */
const STEADY_MS = 60_000;
const RESTARTS_MAX_COUNT = 3;
/** Positions are written so often at most. */
const NOTE_MS = 30_000;
/** Written and not confirmed by time: one mark for each page. */
const MARKS_MAX_COUNT = 1_000;

interface Progress {
  readonly row: SpoolRow;
  /** The next one is behind it, on this connection. */
  sent: number;
  /** Never sent again: it has left long enough ago. */
  settled: number;
  noted: number;
  /** Oldest first: what was written when. */
  marks: { readonly number: number; readonly atMs: number }[];
}

export class SiemFeed implements AsyncDisposable {
  readonly #options: SiemFeedOptions;
  readonly #progress: Progress[] = [];
  #connection: SiemConnection | undefined;
  #timer: Timer | undefined;
  #failures = 0;
  #isOpen = false;
  #openedMs = 0;
  #isPumping = false;
  #isWanted = false;
  #isClosed = false;
  #notedMs = Number.NEGATIVE_INFINITY;
  #pumping: Promise<void> = Promise.resolve();

  private constructor(options: SiemFeedOptions) {
    this.#options = options;
  }

  /** Begins to connect. That nobody answers is a condition, and no reason not to start. */
  static async open(options: SiemFeedOptions): Promise<SiemFeed> {
    const feed = new SiemFeed(options);
    for (const row of options.rows) {
      const at = await row.position();
      feed.#progress.push({ row, sent: at, settled: at, noted: at, marks: [] });
    }
    feed.#connect();
    return feed;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Since when something waits to be sent, ms since 1970; `undefined`: nothing does. @throws {AgentError} `STORE_*` */
  async waitsSinceMs(): Promise<number | undefined> {
    const next = await Promise.all(this.#progress.map(({ row, sent }) => row.after(sent, 1)));
    const times = next.flatMap(([first]) => (first === undefined ? [] : [first.message.atMs]));
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** There is something new in a row. */
  wake(): void {
    this.#isWanted = true;
    if (this.#isOpen && !this.#isPumping) this.#pumping = this.#pump();
  }

  /** Sends what is at hand, if there is a connection, and closes it. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#timer?.[Symbol.dispose]();
    await this.#pumping;
    await this.#note(true);
    if (this.#isOpen) await this.#connection?.finish();
    else this.#connection?.destroy();
  }

  #connect(): void {
    const { endpoint, clock } = this.#options;
    try {
      this.#connection = new SiemConnection(endpoint, clock, {
        onOpen: () => this.#opened(),
        onEnd: (error) => this.#ended(error),
      });
    } catch (error) {
      this.#ended(error);
    }
  }

  #opened(): void {
    const { conditions, log, clock } = this.#options;
    this.#isOpen = true;
    this.#openedMs = clock.monotonicMs();
    conditions.close("siemUnreachable", "");
    log.write("siemConnected", {});
    this.wake();
  }

  #ended(error: unknown): void {
    const { conditions, clock, chance, log } = this.#options;
    const wasOpen = this.#isOpen;
    const nowMs = clock.monotonicMs();
    // One that ends at once, again and again, is not hurried.
    if (wasOpen && nowMs - this.#openedMs >= STEADY_MS) this.#failures = 0;
    this.#isOpen = false;
    this.#connection = undefined;
    if (this.#isClosed) return;
    const facts = error === undefined ? {} : { sysCode: codeOf(error) };
    if (wasOpen || this.#failures === 0) log.write("siemDisconnected", facts);
    // Once is a collector that restarts.
    const isAway = !wasOpen || this.#failures >= RESTARTS_MAX_COUNT;
    if (isAway) conditions.open("siemUnreachable", "", facts, clock.nowMs());
    for (const one of this.#progress) {
      settle(one, nowMs);
      one.sent = one.settled;
      one.marks = [];
    }
    const most = Math.min(BACKOFF_MAX_MS, BACKOFF_START_MS * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 10);
    const delayMs = most * (0.5 + chance.unit() / 2);
    this.#timer = clock.after(delayMs, () => this.#connect());
  }

  async #pump(): Promise<void> {
    this.#isPumping = true;
    try {
      while (this.#isWanted && this.#isOpen) {
        this.#isWanted = false;
        for (const one of this.#progress) await this.#send(one);
        await this.#note(false);
      }
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#isPumping = false;
    }
  }

  async #send(one: Progress): Promise<void> {
    const connection = this.#connection;
    while (connection !== undefined && connection === this.#connection && this.#isOpen) {
      const items = await one.row.after(one.sent, PAGE_COUNT);
      const last = items.at(-1);
      if (last === undefined) return;
      const frames = this.#framesOf(one, items);
      const isWritten = await connection.write(Buffer.concat(frames));
      if (!isWritten || connection !== this.#connection) return;
      one.sent = last.number;
      this.#mark(one);
    }
  }

  #framesOf(one: Progress, items: readonly SpooledItem[]): Buffer[] {
    const sender = { hostName: hostname(), processId: process.pid };
    const frames: Buffer[] = [];
    let before = one.sent;
    for (const { number, message } of items) {
      if (number !== before + 1) {
        const gap = gapMessage(one.row.name, before + 1, number - 1, this.#options.clock.nowMs());
        frames.push(frameOf(gap, sender));
      }
      frames.push(frameOf(message, sender));
      before = number;
    }
    return frames;
  }

  #mark(one: Progress): void {
    const nowMs = this.#options.clock.monotonicMs();
    if (one.marks.length >= MARKS_MAX_COUNT) {
      // Beyond the bound the oldest counts as settled before its time.
      one.settled = one.marks.shift()?.number ?? one.settled;
    }
    one.marks.push({ number: one.sent, atMs: nowMs });
    settle(one, nowMs);
  }

  async #note(isLast: boolean): Promise<void> {
    const nowMs = this.#options.clock.monotonicMs();
    if (!isLast && nowMs - this.#notedMs < NOTE_MS) return;
    this.#notedMs = nowMs;
    for (const one of this.#progress) {
      if (one.settled === one.noted) continue;
      try {
        await one.row.reached(one.settled);
        one.noted = one.settled;
      } catch {
        // Then the next run repeats more, which is harmless.
      }
    }
  }

  /** The store could not be read just now. */
  #failed(error: unknown): void {
    const fault =
      error instanceof AgentError ? error : new AgentError("AGENT_DEFECT", {}, { cause: error });
    this.#options.log.fault("siemFailed", fault);
    this.#connection?.destroy();
  }
}

/** What was written long enough ago, on a connection that went on, is there. */
function settle(one: Progress, nowMs: number): void {
  for (let first = one.marks[0]; first !== undefined; first = one.marks[0]) {
    if (nowMs - first.atMs < AGAIN_MS) return;
    one.settled = first.number;
    one.marks.shift();
  }
}

function gapMessage(name: string, from: number, to: number, atMs: number): SyslogMessage {
  const count = to - from + 1;
  return {
    ...{ severity: "warning", atMs, kind: "gap" },
    data: [
      ["of", name],
      ["from", String(from)],
      ["to", String(to)],
      ["count", String(count)],
    ],
    text: `${count} of ${name} are not kept any more and were never sent`,
  };
}
