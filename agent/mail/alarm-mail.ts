/**
 * Alarms by mail: one for each opening and close, one for a burst, in order, tried until they have gone (08 PL9).
 *
 * The events of the alarms are the queue, bounded as they are; the mailer remembers how far it has come. A mail that was
 * sent twice, for the process died in between, has the same Message-ID.
 *
 * @module
 */
import { codeOf, type Facts } from "../errors.ts";
import type { Alarms, NumberedEvent } from "../health/alarms.ts";
import { CONDITIONS } from "../health/catalogue.ts";
import type { Conditions } from "../health/conditions.ts";
import type { Severity } from "../health/warning.ts";
import type { Clock, Timer } from "../host/clock.ts";
import type { Log } from "../host/log.ts";
import { ALARM_EVENTS_KEPT_COUNT } from "../limits.ts";
import { alarmText } from "./alarm-text.ts";

/** One mail on its way. */
export interface Mail {
  readonly subject: string;
  readonly text: string;
  readonly messageId: string;
}

export interface AlarmMailOptions {
  readonly alarms: Pick<Alarms, "after" | "onEvents" | "formerNumber">;
  /** Less severe ones are not mailed. */
  readonly least: Severity;
  /** Where this agent runs, for people. */
  readonly host: string;
  /** Of this store, for Message-IDs. */
  readonly store: string;
  /** Resolves when the mail server has taken it. */
  readonly send: (mail: Mail) => Promise<void>;
  /** The last event that was mailed by a former run; `undefined`: there was none. */
  readonly position: number | undefined;
  readonly reached: (number: number) => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
  readonly conditions: Conditions;
}

const GATHER_MS = 10_000;
const AGAIN_MS = 60_000;
const AGAIN_MAX_MS = 1_800_000;
const RANK: Readonly<Record<Severity, number>> = { critical: 3, warning: 2, information: 1 };

export class AlarmMail implements AsyncDisposable {
  readonly #options: AlarmMailOptions;
  #sent: number;
  #failures = 0;
  #timer: Timer | undefined;
  #sending: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: AlarmMailOptions) {
    this.#options = options;
    // Where mail is new, what happened before it is old news.
    this.#sent = options.position ?? options.alarms.formerNumber;
    options.alarms.onEvents(() => this.#soon(GATHER_MS));
    this.#soon(GATHER_MS);
  }

  /** What has not gone goes with the next run. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#timer?.[Symbol.dispose]();
    await this.#sending;
  }

  /** While it waits to try again nothing hurries it. */
  #soon(delayMs: number): void {
    if (this.#isClosed) return;
    this.#timer ??= this.#options.clock.after(delayMs, () => {
      this.#timer = undefined;
      this.#sending = this.#sending.then(() => this.#send());
    });
  }

  async #send(): Promise<void> {
    const { alarms, send, reached, conditions } = this.#options;
    const events = alarms.after(this.#sent, ALARM_EVENTS_KEPT_COUNT);
    const last = events.at(-1);
    if (last === undefined) return;
    const wanted = events.filter((event) => this.#isWanted(event));
    try {
      if (wanted.length > 0) await send(this.#mailOf(wanted));
    } catch (error) {
      this.#failed({ code: codeOf(error) });
      return;
    }
    this.#sent = last.number;
    this.#failures = 0;
    if (wanted.length > 0) conditions.close("mailFailing", "");
    // Not kept, it is mailed once more by the next run, under the same id.
    await reached(last.number).catch(() => {});
  }

  #isWanted({ alarm }: NumberedEvent): boolean {
    return RANK[CONDITIONS[alarm.code].severity] >= RANK[this.#options.least];
  }

  #mailOf(events: readonly NumberedEvent[]): Mail {
    const { host, store } = this.#options;
    const messageId = `<holdfast.${store}.${this.#sent + 1}@${host}>`;
    return { ...alarmText(events, host), messageId };
  }

  #failed(facts: Facts): void {
    const { conditions, clock, log } = this.#options;
    conditions.open("mailFailing", "", facts, clock.nowMs());
    if (this.#failures === 0) log.write("mailFailed", facts);
    const delayMs = Math.min(AGAIN_MAX_MS, AGAIN_MS * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 10);
    this.#soon(delayMs);
  }
}
