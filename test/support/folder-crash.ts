/**
 * Ends the work on folders at any of its steps, as a killed process would: from then on nothing more happens. And
 * a file system without links.
 *
 * @module
 */
import { Folder } from "#agent/folders/folder.ts";

/** Calls that change what is on disk. */
const STEPS = ["create", "link", "rename", "remove", "make", "removeSub", "flush"] as const;

export class Killed extends Error {}

export class FolderCrash implements Disposable {
  readonly #originals = new Map<string, unknown>();
  #left = Number.POSITIVE_INFINITY;

  constructor(options: { readonly links: boolean }) {
    const prototype = Folder.prototype as unknown as Record<
      string,
      (...asked: unknown[]) => unknown
    >;
    for (const name of STEPS) {
      const original = prototype[name];
      if (original === undefined) throw new Error(`Folder has no ${name}`);
      this.#originals.set(name, original);
      const crash = this;
      prototype[name] = function (this: Folder, ...asked) {
        crash.#step();
        if (name === "link" && !options.links) return "refused";
        return original.apply(this, asked);
      };
    }
  }

  /** @returns whether `act` was killed, which it is before step `at` */
  killed(at: number, act: () => void): boolean {
    this.#left = at;
    try {
      act();
      return false;
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
      return true;
    } finally {
      this.#left = Number.POSITIVE_INFINITY;
    }
  }

  #step(): void {
    if (this.#left <= 0) throw new Killed();
    this.#left -= 1;
  }

  [Symbol.dispose](): void {
    for (const [name, original] of this.#originals)
      Object.assign(Folder.prototype, { [name]: original });
  }
}
