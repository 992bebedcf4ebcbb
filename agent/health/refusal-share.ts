/** How many of a channel's answers are refusals, over the newest quarter of an hour (08 PL10). @module */

const WINDOW_MS = 900_000;
/** Fewer refusals are one sender's bad day. */
const REFUSALS_MIN_COUNT = 20;
const REFUSED_PERCENT = 20;

interface Counts {
  readonly atMs: number;
  readonly negative: number;
  readonly positive: number;
}

export class RefusalShare {
  #looks: readonly Counts[] = [];

  /**
   * @param now counters since some beginning, at a monotonic time; lower ones than before: they began anew
   * @returns what is wrong; `undefined`: nothing
   */
  look(now: Counts): { readonly count: number; readonly percent: number } | undefined {
    const last = this.#looks.at(-1);
    const isAnew =
      last !== undefined && (now.negative < last.negative || now.positive < last.positive);
    const before = isAnew ? [] : this.#looks;
    // The one before the window began is where it counts from.
    const first = before.findLastIndex(({ atMs }) => now.atMs - atMs >= WINDOW_MS);
    this.#looks = [...before.slice(Math.max(0, first)), now];
    const [from = now] = this.#looks;
    const count = now.negative - from.negative;
    const all = count + now.positive - from.positive;
    const percent = all === 0 ? 0 : Math.floor((count * 100) / all);
    return count >= REFUSALS_MIN_COUNT && percent >= REFUSED_PERCENT
      ? { count, percent }
      : undefined;
  }
}
