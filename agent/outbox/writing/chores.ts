/**
 * What the writer does between commits: pruning, giving pages back, reading rows through, moving a channel
 * to a new epoch. Each chore works in short steps, one at a time, and ingest goes first (05 S7, S23).
 *
 * @module
 */
import type { Clock, Timer } from "../../host/clock.ts";

export interface Chore {
  readonly name: string;
  /**
   * Does a little: a few milliseconds at most, one transaction of its own.
   *
   * @param busy whether messages came within the last moment
   * @returns milliseconds until it wants its next step; 0: as soon as may be
   */
  step(busy: boolean): number;
}

/** After a commit, so long the disk belongs to the senders. */
const BUSY_MS = 20;
/** Between two steps while messages come: chores make headway, and take a tenth of the time at most. */
const BUSY_GAP_MS = 50;
/** After a step that failed. */
const RETRY_MS = 60_000;

interface Planned {
  readonly chore: Chore;
  dueMs: number;
}

export class Chores implements Disposable {
  readonly #clock: Clock;
  readonly #planned: Planned[];
  readonly #onFault: (error: unknown) => void;
  #timer: Timer | undefined;
  /** Monotonic: before it no step is made. */
  #nextMs = 0;
  #busyUntilMs = 0;
  #ended = false;

  /** Starts them. @param onFault called with what a step threw; it is tried again a minute later */
  constructor(clock: Clock, chores: readonly Chore[], onFault: (error: unknown) => void) {
    this.#clock = clock;
    this.#onFault = onFault;
    this.#planned = chores.map((chore) => ({ chore, dueMs: 0 }));
    this.#arm();
  }

  /** Messages were committed now. */
  busy(): void {
    this.#busyUntilMs = this.#clock.monotonicMs() + BUSY_MS;
  }

  /** Whether messages came within the last moment. */
  get isBusy(): boolean {
    return this.#clock.monotonicMs() < this.#busyUntilMs;
  }

  /** There may be something to do for a chore before its time. */
  wake(name: string): void {
    const planned = this.#planned.find(({ chore }) => chore.name === name);
    if (planned === undefined || this.#ended) return;
    planned.dueMs = 0;
    this.#arm();
  }

  [Symbol.dispose](): void {
    this.#ended = true;
    this.#timer?.[Symbol.dispose]();
  }

  /**
   * Does a step if one is due. The writer calls it between commits, for under steady load it never
   * comes back to its timers.
   */
  poll(): void {
    if (this.#clock.monotonicMs() >= this.#nextMs) this.#step();
  }

  #arm(): void {
    this.#timer?.[Symbol.dispose]();
    const wantedMs = Math.min(...this.#planned.map(({ dueMs }) => dueMs));
    this.#nextMs = Number.POSITIVE_INFINITY;
    if (this.#ended || wantedMs === Number.POSITIVE_INFINITY) return;
    const nowMs = this.#clock.monotonicMs();
    const leastMs = nowMs < this.#busyUntilMs ? BUSY_GAP_MS : 1;
    this.#nextMs = Math.max(nowMs + leastMs, wantedMs);
    this.#timer = this.#clock.after(this.#nextMs - nowMs, () => this.#step());
  }

  #step(): void {
    const nowMs = this.#clock.monotonicMs();
    // The one that has waited longest: none of them starves another.
    const [first] = [...this.#planned].sort((a, b) => a.dueMs - b.dueMs);
    if (first !== undefined && first.dueMs <= nowMs) {
      try {
        const againMs = first.chore.step(nowMs < this.#busyUntilMs);
        first.dueMs = this.#clock.monotonicMs() + againMs;
      } catch (error) {
        first.dueMs = nowMs + RETRY_MS;
        this.#onFault(error);
      }
    }
    this.#arm();
  }
}
