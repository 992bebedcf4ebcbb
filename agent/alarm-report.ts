/**
 * What the receiver hears of alarms: all that are open, as codes and numbers, whenever that changes and at each start
 * (08 PL9). Each record on `$status` is the whole truth of its moment, so that one that is lost, or a store that was put
 * back, leaves nothing open at the receiver for ever.
 *
 * @module
 */
import { AgentError } from "./errors.ts";
import type { OpenAlarm, PlainFacts } from "./health/alarm-step.ts";
import type { Alarms } from "./health/alarms.ts";
import { CONDITIONS } from "./health/catalogue.ts";
import type { Clock, Timer } from "./host/clock.ts";
import { REPORTED_ALARMS_MAX_COUNT } from "./limits.ts";
import type { StatusRecord } from "./status-channel.ts";

export interface AlarmReportOptions {
  readonly alarms: Alarms;
  readonly clock: Clock;
  /** To the receiver; durable here when it resolves. @throws {AgentError} `STORE_*` */
  readonly send: (record: StatusRecord) => Promise<void>;
}

/** What opens in a burst is one record. */
const GATHER_MS = 1_000;
const AGAIN_MS = 60_000;
/** Facts that are words: codes of ours, of the operating system, of protocols. Addresses and names of files stay here. */
const WORDS: ReadonlySet<string> = new Set(["code", "sysCode", "reason", "state", "rule", "cause"]);

export class AlarmReport implements AsyncDisposable {
  readonly #options: AlarmReportOptions;
  #timer: Timer | undefined;
  #sending: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: AlarmReportOptions) {
    this.#options = options;
    options.alarms.onEvents(() => this.#soon(GATHER_MS));
    this.#soon(GATHER_MS);
  }

  /** What has not been said is said by the next run. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#timer?.[Symbol.dispose]();
    await this.#sending;
  }

  #soon(delayMs: number): void {
    if (this.#isClosed) return;
    this.#timer ??= this.#options.clock.after(delayMs, () => {
      this.#timer = undefined;
      this.#sending = this.#sending.then(() => this.#send());
    });
  }

  async #send(): Promise<void> {
    const { alarms, clock, send } = this.#options;
    const atMs = clock.nowMs();
    const bytes = Buffer.from(JSON.stringify(reportOf(alarms.open, atMs)));
    try {
      await send({ controlId: `alarms/${atMs}`, atMs, bytes });
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      this.#soon(AGAIN_MS);
    }
  }
}

/** As JSON; `docs/integrate.md` has its fields. */
export function reportOf(open: readonly OpenAlarm[], atMs: number): object {
  return {
    ...{ record: "alarms", version: 1, at: new Date(atMs).toISOString() },
    alarms: open.slice(-REPORTED_ALARMS_MAX_COUNT).map((alarm) => ({
      ...{ id: alarm.id, code: alarm.code, channel: alarm.subject },
      severity: CONDITIONS[alarm.code].severity,
      since: new Date(alarm.sinceMs).toISOString(),
      ...{ suppressed: alarm.suppressed.length, facts: leaving(alarm.facts) },
    })),
  };
}

const leaving = (facts: PlainFacts): PlainFacts =>
  Object.fromEntries(
    Object.entries(facts).filter(
      ([name, value]) => typeof value !== "string" || WORDS.has(name) || /^\d{1,20}$/.test(value),
    ),
  );
