/**
 * The calls of one connection to the store: how many are out, when they are tried again, and that
 * no answer is heard after the connection has ended.
 *
 * @module
 */
import { ReceiverError } from "./errors.ts";
import type { Clock, Timer } from "./host/clock.ts";
import { BUSY_MAX_MS, BUSY_RETRY_MS } from "./limits.ts";

export interface StoreCallEvents {
  readonly settled: () => void;
  readonly failed: () => void;
  readonly busy: () => void;
}

export class StoreCalls {
  readonly #clock: Clock;
  readonly #settled: () => void;
  readonly #failed: () => void;
  readonly #busy: () => void;
  readonly #timers = new Set<Timer>();
  #outCount = 0;
  #isClosed = false;

  /**
   * @param on.settled after each answer has been acted on
   * @param on.failed the store cannot go on (S9)
   * @param on.busy a call is made again: the disk is full, or the database away
   */
  constructor(clock: Clock, on: StoreCallEvents) {
    this.#clock = clock;
    this.#settled = on.settled;
    this.#failed = on.failed;
    this.#busy = on.busy;
  }

  /** Calls that have not been answered, or wait to be made again. */
  get outCount(): number {
    return this.#outCount;
  }

  /**
   * Makes a call, and makes the same call again while it is answered BUSY, for 30 s (06 section 12).
   *
   * @param answered gets the answer, which is BUSY only after all that time
   */
  make<T extends object>(call: () => Promise<T>, answered: (answer: T) => void): void {
    this.#outCount += 1;
    this.#try(call, answered, this.#clock.monotonicMs());
  }

  /** No answer is passed on from here. What is with the store stays there. */
  close(): void {
    this.#isClosed = true;
    for (const timer of this.#timers) timer[Symbol.dispose]();
    this.#timers.clear();
  }

  #try<T extends object>(
    call: () => Promise<T>,
    answered: (answer: T) => void,
    since: number,
  ): void {
    call().then(
      (answer) => {
        if (this.#isClosed) return;
        if (isBusy(answer) && this.#clock.monotonicMs() - since < BUSY_MAX_MS) {
          this.#busy();
          this.#later(() => this.#try(call, answered, since));
          return;
        }
        this.#outCount -= 1;
        answered(answer);
        if (!this.#isClosed) this.#settled();
      },
      (error: unknown) => {
        // Anything else is a defect, and ends the process as an unhandled rejection.
        if (!(error instanceof ReceiverError)) throw error;
        if (!this.#isClosed) this.#failed();
      },
    );
  }

  #later(act: () => void): void {
    const timer = this.#clock.after(BUSY_RETRY_MS, () => {
      this.#timers.delete(timer);
      act();
    });
    this.#timers.add(timer);
  }
}

function isBusy(answer: object): boolean {
  return "kind" in answer && answer.kind === "busy";
}
