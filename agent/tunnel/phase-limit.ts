/** The time that one step of a dial may take. @module */
import type { Clock, Timer } from "../host/clock.ts";
import { HANDSHAKE_TIMEOUT_MS } from "../limits.ts";

export interface Waiting {
  readonly clock: Clock;
  /** Gives the whole dial up. */
  readonly signal: AbortSignal;
}

/** For a step that takes longer than a handshake. */
interface Limited extends Waiting {
  readonly limitMs?: number | undefined;
}

/** Ten seconds from its making, unless it is said otherwise (06 section 10, 07 1.10). Dispose it once the step is over. */
export class PhaseLimit implements Disposable {
  readonly #own = new AbortController();
  readonly #timer: Timer;
  readonly #outer: AbortSignal;
  readonly #abort = (): void => this.#own.abort();
  #expired = false;

  constructor({ clock, signal, limitMs = HANDSHAKE_TIMEOUT_MS }: Limited) {
    this.#outer = signal;
    if (signal.aborted) this.#own.abort();
    signal.addEventListener("abort", this.#abort);
    this.#timer = clock.after(limitMs, () => {
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
