/** The time that one step of a dial may take. @module */
import type { Clock, Timer } from "../host/clock.ts";
import { HANDSHAKE_TIMEOUT_MS } from "../limits.ts";

export interface Waiting {
  readonly clock: Clock;
  /** Gives the whole dial up. */
  readonly signal: AbortSignal;
}

/** Ten seconds from its making (06 section 10, 07 1.10). Dispose it once the step is over. */
export class PhaseLimit implements Disposable {
  readonly #own = new AbortController();
  readonly #timer: Timer;
  readonly #outer: AbortSignal;
  readonly #abort = (): void => this.#own.abort();
  #expired = false;

  constructor({ clock, signal }: Waiting) {
    this.#outer = signal;
    if (signal.aborted) this.#own.abort();
    signal.addEventListener("abort", this.#abort);
    this.#timer = clock.after(HANDSHAKE_TIMEOUT_MS, () => {
      this.#expired = true;
      this.#own.abort();
    });
  }

  /** Aborts when the time is over, or with the dial. */
  get signal(): AbortSignal {
    return this.#own.signal;
  }

  /** Whether it was the time. */
  get expired(): boolean {
    return this.#expired;
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
    this.#outer.removeEventListener("abort", this.#abort);
  }
}
