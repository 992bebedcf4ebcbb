/** Named background work: nothing floats, everything is awaited on stop. @module */

/** Runs promises that nobody awaits at once, and waits for all of them when disposed. */
export class Tasks implements AsyncDisposable {
  readonly #running = new Map<Promise<void>, string>();
  readonly #onFault: (name: string, error: unknown) => void;

  /** @param onFault told of a task that failed; what it does about it is the owner's decision */
  constructor(onFault: (name: string, error: unknown) => void) {
    this.#onFault = onFault;
  }

  /** Starts `work` and keeps hold of it under `name`. */
  run(name: string, work: () => Promise<void>): void {
    const running: Promise<void> = work()
      .catch((error: unknown) => this.#onFault(name, error))
      .finally(() => this.#running.delete(running));
    this.#running.set(running, name);
  }

  /** Names of what still runs, for the line that says why stopping takes so long. */
  names(): string[] {
    return [...this.#running.values()];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running.keys());
  }
}
