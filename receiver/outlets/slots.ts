/**
 * How many may be at something at once; the others wait in line.
 *
 * @module
 */
export class Slots {
  readonly #waiting: (() => void)[] = [];
  #freeCount: number;

  /** @param count at least 1 */
  constructor(count: number) {
    this.#freeCount = count;
  }

  async use<T>(act: () => Promise<T>): Promise<T> {
    if (this.#freeCount === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#freeCount -= 1;
    try {
      return await act();
    } finally {
      // The place passes on without becoming free, so that nobody overtakes the line.
      const next = this.#waiting.shift();
      if (next === undefined) this.#freeCount += 1;
      else next();
    }
  }
}
