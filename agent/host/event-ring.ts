/** The last lines of the log as events, in memory: what support may be shown of it (08 4.4, 5.1). @module */
import type { AgentError, Facts } from "../errors.ts";
import { identifierFrom } from "../errors.ts";
import type { Clock } from "./clock.ts";
import type { Log, LogEvent } from "./log.ts";

export interface LoggedEvent {
  readonly atMs: number;
  readonly event: LogEvent;
  readonly facts: Facts;
}

/** Some hundred bytes each. */
const EVENTS_MAX_COUNT = 5_000;

export class EventRing {
  readonly #clock: Pick<Clock, "nowMs">;
  readonly #events: LoggedEvent[] = [];
  #next = 0;

  constructor(clock: Pick<Clock, "nowMs">) {
    this.#clock = clock;
  }

  /** Oldest first. */
  get all(): readonly LoggedEvent[] {
    return [...this.#events.slice(this.#next), ...this.#events.slice(0, this.#next)];
  }

  /** The same log; each line is kept here, too, whether or not it is written. */
  over(log: Log): Log {
    return {
      write: (event, facts) => {
        log.write(event, facts);
        this.#keep(event, facts);
      },
      fault: (event, error: AgentError) => {
        log.fault(event, error);
        this.#keep(event, { ...error.facts, code: identifierFrom(error.code) });
      },
    };
  }

  #keep(event: LogEvent, facts: Facts): void {
    this.#events[this.#next] = { atMs: this.#clock.nowMs(), event, facts };
    this.#next = (this.#next + 1) % EVENTS_MAX_COUNT;
  }
}
