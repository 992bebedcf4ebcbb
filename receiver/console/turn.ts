/** One at a time; whoever comes meanwhile is told to come again. @module */

export class Turn {
  #isTaken = false;

  /** @returns `undefined` if somebody else has it */
  async take<T>(act: () => Promise<T>): Promise<T | undefined> {
    if (this.#isTaken) return undefined;
    this.#isTaken = true;
    try {
      return await act();
    } finally {
      this.#isTaken = false;
    }
  }
}
