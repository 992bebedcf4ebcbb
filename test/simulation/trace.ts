/** What happened in a run, as a digest to compare, and as lines where somebody wants to read them. @module */

const FNV_PRIME = 0x01000193;

export class Trace {
  /** The latest lines, if they are kept. */
  readonly lines: string[] = [];
  readonly #isKept: boolean;
  #one = 0x811c9dc5;
  #other = 0x01234567;

  constructor(isKept = false) {
    this.#isKept = isKept;
  }

  get digest(): string {
    return [this.#one, this.#other]
      .map((half) => (half >>> 0).toString(16).padStart(8, "0"))
      .join("");
  }

  note(atMs: number, what: string): void {
    this.#mix(Math.round(atMs * 1_000));
    for (let at = 0; at < what.length; at++) this.#mix(what.charCodeAt(at));
    if (this.#isKept) this.lines.push(`${(atMs / 1_000).toFixed(4).padStart(10)} ${what}`);
  }

  #mix(value: number): void {
    this.#one = Math.imul(this.#one ^ value, FNV_PRIME);
    this.#other = Math.imul(this.#other ^ (value + (this.#one >>> 7)), FNV_PRIME);
  }
}
