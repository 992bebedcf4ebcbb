/** Clocks for tests: one that stands still until told, one that can be in a hurry. @module */
import { type Clock, systemClock, type Timer } from "#agent/host/clock.ts";

interface Alarm {
  dueMs: number;
  readonly act: () => void;
}

/** Time that passes only by `advance`. */
export class ManualClock implements Clock {
  readonly #alarms = new Set<Alarm>();
  #nowMs: number;

  constructor(nowMs = Date.UTC(2025, 0, 1, 12, 0, 0)) {
    this.#nowMs = nowMs;
  }

  /** Timers that are set: a test for leaks. */
  get armedCount(): number {
    return this.#alarms.size;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, act: () => void): Timer {
    const alarm: Alarm = { dueMs: this.#nowMs + delayMs, act };
    this.#alarms.add(alarm);
    return {
      refresh: () => {
        alarm.dueMs = this.#nowMs + delayMs;
        this.#alarms.add(alarm);
      },
      [Symbol.dispose]: () => void this.#alarms.delete(alarm),
    };
  }

  /** Lets time pass; fires what falls due, earliest first. */
  advance(byMs: number): void {
    const untilMs = this.#nowMs + byMs;
    for (let next = this.#next(untilMs); next !== undefined; next = this.#next(untilMs)) {
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      this.#alarms.delete(next);
      next.act();
    }
    this.#nowMs = untilMs;
  }

  #next(untilMs: number): Alarm | undefined {
    const due = [...this.#alarms].filter((alarm) => alarm.dueMs <= untilMs);
    return due.sort((a, b) => a.dueMs - b.dueMs)[0];
  }
}

/** Waits that are over `factor` times as early as the system's; wall time is the system's. */
export class FastClock implements Clock {
  readonly #factor: number;
  readonly #startMs = systemClock.monotonicMs();

  constructor(factor: number) {
    this.#factor = factor;
  }

  nowMs(): number {
    return systemClock.nowMs();
  }

  monotonicMs(): number {
    return this.#startMs + (systemClock.monotonicMs() - this.#startMs) * this.#factor;
  }

  after(delayMs: number, act: () => void): Timer {
    return systemClock.after(delayMs / this.#factor, act);
  }
}

/** The system's clock; while `hasty`, every wait is over before anything else happens. */
export class HastyClock implements Clock {
  hasty = false;
  #skippedMs = 0;

  nowMs(): number {
    return systemClock.nowMs();
  }

  monotonicMs(): number {
    return systemClock.monotonicMs() + this.#skippedMs;
  }

  after(delayMs: number, act: () => void): Timer {
    if (!this.hasty) return systemClock.after(delayMs, act);
    queueMicrotask(() => {
      this.#skippedMs += delayMs;
      act();
    });
    return { refresh: () => {}, [Symbol.dispose]: () => {} };
  }
}
