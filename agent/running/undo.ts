/** Steps of a change, each with what takes it back: if one fails, those before it are taken back in reverse. @module */

export class Undo {
  readonly #steps: (() => Promise<void> | void)[] = [];

  /** The step was done. */
  add(takeBack: () => Promise<void> | void): void {
    this.#steps.push(takeBack);
  }

  /** Takes all of them back, whatever becomes of each. @returns what could not be taken back */
  async run(): Promise<unknown[]> {
    const failed: unknown[] = [];
    for (const takeBack of this.#steps.splice(0).reverse()) {
      try {
        await takeBack();
      } catch (error) {
        failed.push(error);
      }
    }
    return failed;
  }
}
