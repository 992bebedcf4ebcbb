/**
 * The log about strangers: whoever may connect may cause such a line, so only so many are written a
 * minute, and then how many more there were. Nobody fills a disk by being refused.
 *
 * @module
 */
import { type Facts, identifierFrom } from "./errors.ts";
import type { Clock } from "./host/clock.ts";
import type { Log, LogEvent } from "./host/log.ts";

const LINES_PER_MINUTE = 20;
const MINUTE_MS = 60_000;

export class StrangerLog implements Disposable {
  readonly #log: Log;
  readonly #clock: Clock;
  /** Lines of this minute, written or not. */
  readonly #counts = new Map<LogEvent, number>();
  #minute: Disposable | undefined;

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  write(event: LogEvent, facts: Facts): void {
    const count = (this.#counts.get(event) ?? 0) + 1;
    this.#counts.set(event, count);
    if (count <= LINES_PER_MINUTE) this.#log.write(event, facts);
    this.#minute ??= this.#clock.after(MINUTE_MS, () => this.#sumUp());
  }

  [Symbol.dispose](): void {
    if (this.#minute !== undefined) this.#sumUp();
  }

  #sumUp(): void {
    this.#minute?.[Symbol.dispose]();
    this.#minute = undefined;
    for (const [event, count] of this.#counts) {
      const more = count - LINES_PER_MINUTE;
      if (more > 0) {
        this.#log.write("linesLeftOut", { event: identifierFrom(event), count: more });
      }
    }
    this.#counts.clear();
  }
}
