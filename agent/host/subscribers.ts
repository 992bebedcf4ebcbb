/** Who is told of something. Each can leave again: channels come and go while the agent runs. @module */

export class Subscribers<Args extends readonly unknown[] = []> {
  readonly #listeners = new Set<{ readonly tell: (...args: Args) => void }>();

  /** @returns disposed, it is told no more */
  add(tell: (...args: Args) => void): Disposable {
    // An object of its own: the same function may be added twice.
    const listener = { tell };
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** In the order in which they came; whoever leaves meanwhile is not told. */
  tell(...args: Args): void {
    for (const listener of [...this.#listeners]) {
      if (this.#listeners.has(listener)) listener.tell(...args);
    }
  }
}
