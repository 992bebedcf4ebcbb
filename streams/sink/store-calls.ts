/**
 * The calls of one connection to the store: how many are out, when they are tried again, and that
 * no answer is heard after the connection has ended.
 *
 * @module
 */
import type { Chance, Clock, Timer } from "../clock.ts";
import { BUSY_MAX_MS, BUSY_RETRY_MS, CALLS_MAX_COUNT } from "./limits.ts";

export interface StoreCallEvents {
  readonly settled: () => void;
  readonly failed: () => void;
  readonly busy: () => void;
}

export interface StoreCallOptions {
  readonly clock: Clock;
  readonly chance: Chance;
  /** Whether the store says by this error that it cannot go on (S9); anything else is a defect. */
  readonly isStoreFault: (error: unknown) => boolean;
}

export class StoreCalls {
  readonly #clock: Clock;
  readonly #chance: Chance;
  readonly #isStoreFault: (error: unknown) => boolean;
  readonly #settled: () => void;
  readonly #failed: () => void;
  readonly #busy: () => void;
  readonly #timers = new Set<Timer>();
  /** Calls that have not begun: so many are with the store already. */
  readonly #queue: (() => void)[] = [];
  #outCount = 0;
  #begunCount = 0;
  #isClosed = false;

  /**
   * @param on.settled after each answer has been acted on
   * @param on.failed the store cannot go on (S9)
   * @param on.busy a call is made again: the disk is full, or the database away
   */
  constructor({ clock, chance, isStoreFault }: StoreCallOptions, on: StoreCallEvents) {
    this.#clock = clock;
    this.#chance = chance;
    this.#isStoreFault = isStoreFault;
    this.#settled = on.settled;
    this.#failed = on.failed;
    this.#busy = on.busy;
  }

  /** Calls that have not been answered, or wait to be made, or to be made again. */
  get outCount(): number {
    return this.#outCount;
  }

  /**
   * Makes a call, and makes the same call again while it is answered BUSY, for 30 s (06 section 12).
   * Of one connection at most {@link CALLS_MAX_COUNT} are with the store: others wait here, in order, so
   * that an agent with a thousand streams does not fill every commit.
   *
   * @param answered gets the answer, which is BUSY only after all that time
   */
  make<T extends object>(call: () => Promise<T>, answered: (answer: T) => void): void {
    this.#outCount += 1;
    this.#queue.push(() => this.#try(call, answered, this.#clock.monotonicMs()));
    this.#begin();
  }

  /** Makes a call whose answer nobody hears: the connection has ended. */
  makeLast<T extends object>(call: () => Promise<T>): void {
    call().catch((error: unknown) => {
      // A store that is gone keeps nothing more; anything else is a defect.
      if (!this.#isStoreFault(error)) throw error;
    });
  }

  /** No answer is passed on from here. What is with the store stays there. */
  close(): void {
    this.#isClosed = true;
    this.#queue.length = 0;
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
        this.#begunCount -= 1;
        answered(answer);
        this.#begin();
        if (!this.#isClosed) this.#settled();
      },
      (error: unknown) => {
        // Anything else is a defect, and ends the process as an unhandled rejection.
        if (!this.#isStoreFault(error)) throw error;
        if (!this.#isClosed) this.#failed();
      },
    );
  }

  #begin(): void {
    while (this.#begunCount < CALLS_MAX_COUNT && !this.#isClosed) {
      const begin = this.#queue.shift();
      if (begin === undefined) return;
      this.#begunCount += 1;
      begin();
    }
  }

  #later(act: () => void): void {
    // Many callers wait for the same disk or database: not all of them come back at once.
    const delayMs = BUSY_RETRY_MS * (0.5 + this.#chance.unit());
    const timer = this.#clock.after(delayMs, () => {
      this.#timers.delete(timer);
      act();
    });
    this.#timers.add(timer);
  }
}

function isBusy(answer: object): boolean {
  return "kind" in answer && answer.kind === "busy";
}
