/** The clock of one simulated process: intervals by the scheduler, wall time by a machine that may be set. @module */
import type { Clock, Timer } from "#agent/host/clock.ts";
import type { Clock as ReceiverClock } from "#receiver/host/clock.ts";
import type { Life } from "./life.ts";
import type { Scheduler } from "./scheduler.ts";

/** A machine's wall clock: a person, or NTP, steps it. */
export class WallClock {
  /** ms since 1970 at the beginning of the run. */
  offsetMs = Date.UTC(2026, 0, 1);
}

export class SimClock implements Clock, ReceiverClock {
  readonly #scheduler: Scheduler;
  readonly #life: Life;
  readonly #wall: WallClock;

  constructor(scheduler: Scheduler, life: Life, wall: WallClock) {
    this.#scheduler = scheduler;
    this.#life = life;
    this.#wall = wall;
  }

  nowMs(): number {
    return Math.floor(this.#wall.offsetMs + this.#scheduler.nowMs);
  }

  monotonicMs(): number {
    return this.#scheduler.nowMs;
  }

  after(delayMs: number, act: () => void): Timer {
    return this.#scheduler.after(delayMs, this.#life, "timer", act);
  }

  every(periodMs: number, act: () => void): Timer {
    let timer = this.after(periodMs, () => tick());
    const tick = (): void => {
      timer = this.after(periodMs, () => tick());
      act();
    };
    return { refresh: () => timer.refresh(), [Symbol.dispose]: () => timer[Symbol.dispose]() };
  }
}
