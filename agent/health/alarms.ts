/**
 * The alarms of the running agent: each opens once and closes once, over restarts, too (08 PL9).
 *
 * What is open, and the newest events with their numbers, are one value in the store: a process that dies between an
 * opening and its close finds the alarm again and closes it. While the store fails, alarms are announced all the same
 * and kept as soon as it can be written again; only an end in between announces one twice.
 *
 * @module
 */
import { AgentError, type Facts, identifierFrom } from "../errors.ts";
import type { Clock, Timer } from "../host/clock.ts";
import type { Log } from "../host/log.ts";
import { ALARM_EVENTS_KEPT_COUNT } from "../limits.ts";
import {
  type Alarm,
  type AlarmEvent,
  type AlarmState,
  carried,
  type OpenAlarm,
  openAlarms,
  step,
} from "./alarm-step.ts";
import { CONDITIONS, isCondition } from "./catalogue.ts";
import type { Conditions } from "./conditions.ts";

/** In the order of their numbers, which are used once and have no holes. */
export interface NumberedEvent extends AlarmEvent {
  readonly number: number;
}

/** What is kept. */
export interface KeptAlarms {
  readonly open: readonly Alarm[];
  readonly events: readonly NumberedEvent[];
  readonly lastNumber: number;
}

export interface AlarmKeeper {
  /** @returns nothing kept where there is none, or it cannot be read */
  load(): Promise<KeptAlarms>;
  /** Durable when it resolves. */
  save(kept: KeptAlarms): Promise<void>;
}

export interface AlarmsOptions {
  readonly conditions: Conditions;
  readonly keeper: AlarmKeeper;
  readonly clock: Clock;
  readonly log: Log;
}

/** What comes in one burst is looked at once. */
const GATHER_MS = 20;
const SAVE_AGAIN_MS = 5_000;

export class Alarms implements AsyncDisposable {
  readonly #options: AlarmsOptions;
  readonly #listeners: (() => void)[] = [];
  /** Of the last event of former runs. */
  readonly formerNumber: number;
  #state: AlarmState;
  #events: readonly NumberedEvent[];
  #lastNumber: number;
  #gathering: Timer | undefined;
  #due: Timer | undefined;
  #saving: Promise<void> | undefined;
  #isUnsaved = false;
  #isClosed = false;

  private constructor(options: AlarmsOptions, { open, events, lastNumber }: KeptAlarms) {
    this.#options = options;
    // A code of a newer version, which ran before this one.
    const known = open.filter(({ code }) => isCondition(code));
    this.#state = carried(known, options.clock.monotonicMs());
    this.#events = events;
    this.#lastNumber = lastNumber;
    this.formerNumber = lastNumber;
    options.conditions.onChange(() => this.#gather());
    this.#look();
  }

  static async open(options: AlarmsOptions): Promise<Alarms> {
    return new Alarms(options, await options.keeper.load());
  }

  /** What is open now. */
  get open(): readonly OpenAlarm[] {
    return openAlarms(this.#state);
  }

  /** Calls `listener` when there are new events. */
  onEvents(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Events after a number, oldest first; older ones than the newest {@link ALARM_EVENTS_KEPT_COUNT} are gone. */
  after(number: number, limit: number): readonly NumberedEvent[] {
    return this.#events.filter((one) => one.number > number).slice(0, limit);
  }

  /** Nothing opens or closes any more; what is not kept yet is tried once more. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    if (this.#gathering !== undefined) this.#look();
    this.#isClosed = true;
    this.#due?.[Symbol.dispose]();
    await this.#saving;
    if (this.#isUnsaved) await this.#save();
  }

  #gather(): void {
    if (this.#isClosed) return;
    this.#gathering ??= this.#options.clock.after(GATHER_MS, () => this.#look());
  }

  #look(): void {
    if (this.#isClosed) return;
    this.#gathering?.[Symbol.dispose]();
    this.#gathering = undefined;
    this.#due?.[Symbol.dispose]();
    this.#due = undefined;
    const { conditions, clock } = this.#options;
    const monotonicMs = clock.monotonicMs();
    const found = step(this.#state, {
      ...{ ill: conditions.list(), nowMs: clock.nowMs(), monotonicMs },
    });
    this.#state = found.state;
    if (found.events.length > 0) this.#announce(found.events);
    if (found.dueMs !== undefined) {
      const delayMs = Math.max(GATHER_MS, found.dueMs - monotonicMs);
      this.#due = clock.after(delayMs, () => this.#look());
    }
  }

  #announce(events: readonly AlarmEvent[]): void {
    const { log } = this.#options;
    const numbered = events.map((event) => ({ ...event, number: ++this.#lastNumber }));
    this.#events = [...this.#events, ...numbered].slice(-ALARM_EVENTS_KEPT_COUNT);
    for (const { event, alarm, number } of numbered) {
      log.write(event === "opened" ? "alarmOpened" : "alarmClosed", loggedFacts(alarm, number));
    }
    this.#isUnsaved = true;
    this.#saving ??= this.#saveAll();
    for (const listener of this.#listeners) listener();
  }

  async #saveAll(): Promise<void> {
    while (this.#isUnsaved && (await this.#save())) {
      // What came meanwhile is saved, too.
    }
    this.#saving = undefined;
    if (!this.#isUnsaved || this.#isClosed) return;
    this.#options.clock.after(SAVE_AGAIN_MS, () => {
      if (!this.#isClosed) this.#saving ??= this.#saveAll();
    });
  }

  /** @returns whether it is kept; if not, a condition of the store says so already */
  async #save(): Promise<boolean> {
    this.#isUnsaved = false;
    const open = this.open.map(({ suppressed: _, ...alarm }) => alarm);
    try {
      const kept = { open, events: this.#events, lastNumber: this.#lastNumber };
      await this.#options.keeper.save(kept);
      return true;
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      this.#isUnsaved = true;
      return false;
    }
  }
}

function loggedFacts({ code, subject, sinceMs }: Alarm, number: number): Facts {
  const { severity, runbook } = CONDITIONS[code];
  return {
    code: identifierFrom(code),
    ...(subject === "" ? {} : { channel: identifierFrom(subject) }),
    ...{ severity: identifierFrom(severity), sinceMs, number },
    runbook: identifierFrom(runbook.slice(runbook.lastIndexOf("/") + 1)),
  };
}
