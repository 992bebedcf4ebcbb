/** Waiting for the earliest of several things, in one place of a loop. @module */
import type { Clock } from "../../host/clock.ts";

export class Wake {
  readonly #clock: Clock;
  #isDue = false;
  #wake: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Ends the wait under way, or the next one. */
  now(): void {
    this.#isDue = true;
    this.#wake?.();
  }

  /** Resolves after `delayMs`, or as soon as `now` was called since the last wait. */
  async wait(delayMs: number): Promise<void> {
    if (!this.#isDue) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      using _timer = this.#clock.after(delayMs, resolve);
      await promise;
      this.#wake = undefined;
    }
    this.#isDue = false;
  }
}
