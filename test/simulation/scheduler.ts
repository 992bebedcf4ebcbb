/**
 * The one scheduler of a simulated run: time passes only from one event to the next, and between two events
 * everything that the code under test has promised is done. So the order of events, and chance, which is
 * drawn from one seed, decide everything.
 *
 * @module
 */
import type { Timer } from "#agent/host/clock.ts";
import type { Life } from "./life.ts";
import type { Trace } from "./trace.ts";

interface Due {
  readonly atMs: number;
  /** Of two that are due at once the one that was scheduled first comes first. */
  readonly order: number;
  readonly life: Life | undefined;
  readonly name: string;
  act: (() => void) | undefined;
}

export class Scheduler {
  /** Monotonic, in ms since the run began. */
  nowMs = 0;
  eventCount = 0;
  readonly #trace: Trace;
  readonly #heap: Due[] = [];
  #order = 0;

  constructor(trace: Trace) {
    this.#trace = trace;
  }

  /**
   * @param life whose event it is: it does not happen once that has ended, and waits while that is stopped;
   *   undefined: the world's
   * @param name for the trace
   */
  after(delayMs: number, life: Life | undefined, name: string, act: () => void): Timer {
    const due: Due = { atMs: this.nowMs + delayMs, order: this.#order++, life, name, act };
    this.#push(due);
    let current = due;
    return {
      refresh: () => {
        current.act = undefined;
        current = { ...due, atMs: this.nowMs + delayMs, order: this.#order++, act };
        this.#push(current);
      },
      [Symbol.dispose]: () => {
        current.act = undefined;
      },
    };
  }

  /** Lets a stopped process go on: what fell due meanwhile happens now, in order. */
  resume(life: Life): void {
    const stalled = life.stalled ?? [];
    life.stalled = undefined;
    for (const act of stalled) this.after(0, life, "late", act);
  }

  /** @param isOver asked between two events. @returns false if nothing was left to happen before that, or time ran out */
  async run(isOver: () => boolean, limitMs: number): Promise<boolean> {
    while (!isOver()) {
      const [next] = this.#heap;
      if (next === undefined || next.atMs > limitMs) return false;
      const due = this.#pop() ?? next;
      const { act, life } = due;
      if (act === undefined || life?.isAlive === false) continue;
      this.nowMs = due.atMs;
      if (life?.stalled !== undefined) {
        life.stalled.push(() => {
          if (due.act !== undefined) act();
        });
        continue;
      }
      this.eventCount += 1;
      this.#trace.note(this.nowMs, due.name);
      act();
      // Promises, and what the code under test does at the end of a turn.
      await new Promise<void>((resolve) => {
        setImmediate(resolve);
      });
    }
    return true;
  }

  #push(due: Due): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(due);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !isBefore(due, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = due;
  }

  #pop(): Due | undefined {
    const heap = this.#heap;
    const [first] = heap;
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      const left = at * 2 + 1;
      const [one, other] = [heap[left], heap[left + 1]];
      if (one === undefined) break;
      const isRight = other !== undefined && isBefore(other, one);
      const child = isRight ? other : one;
      if (!isBefore(child, last)) break;
      heap[at] = child;
      at = isRight ? left + 1 : left;
    }
    heap[at] = last;
    return first;
  }
}

const isBefore = (one: Due, other: Due): boolean =>
  one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
