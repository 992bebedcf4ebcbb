/** What was read a moment ago, by name, for all who look at the same. @module */
import type { Clock } from "../host/clock.ts";

/** A page brings itself up to date every five seconds. */
const FRESH_MS = 3_000;
const NAMES_MAX_COUNT = 1_000;

export class Recent<T> {
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #found = new Map<string, { readonly value: Promise<T>; readonly beganMs: number }>();

  constructor(clock: Pick<Clock, "monotonicMs">) {
    this.#clock = clock;
  }

  /** @param read asked once for all who come within some seconds; what it throws is not kept */
  read(name: string, read: () => Promise<T>): Promise<T> {
    const beganMs = this.#clock.monotonicMs();
    const found = this.#found.get(name);
    if (found !== undefined && beganMs - found.beganMs < FRESH_MS) return found.value;
    if (this.#found.size >= NAMES_MAX_COUNT) this.#found.clear();
    const one = { value: read(), beganMs };
    this.#found.set(name, one);
    one.value.catch(() => {
      if (this.#found.get(name) === one) this.#found.delete(name);
    });
    return one.value;
  }
}
