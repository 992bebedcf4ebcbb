/** How long something took, counted in classes: bounded, cheap to note, and enough to say "99 of 100 took less". @module */

/** Upper ends of the classes, ms; one more class holds what took longer. Single numbers of a flush are from 0.3 to 10. */
export const LATENCY_BOUNDS_MS = [
  ...[0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000],
] as const;

/** As JSON. */
export interface LatencyCounts {
  /** By class of `LATENCY_BOUNDS_MS`, and one more; each counts its own cases only. */
  readonly counts: readonly number[];
  readonly sumMs: number;
}

export const NO_LATENCY: LatencyCounts = {
  counts: new Array<number>(LATENCY_BOUNDS_MS.length + 1).fill(0),
  sumMs: 0,
};

export class Latency {
  readonly #counts = [...NO_LATENCY.counts];
  #sumMs = 0;

  /** @param tookMs of a monotonic clock */
  add(tookMs: number): void {
    const found = LATENCY_BOUNDS_MS.findIndex((bound) => tookMs <= bound);
    const at = found === -1 ? LATENCY_BOUNDS_MS.length : found;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#sumMs += tookMs;
  }

  snapshot(): LatencyCounts {
    return { counts: [...this.#counts], sumMs: this.#sumMs };
  }
}

export const countIn = ({ counts }: LatencyCounts): number =>
  counts.reduce((all, one) => all + one, 0);

/** Both together. */
export function latencySum(one: LatencyCounts, other: LatencyCounts): LatencyCounts {
  return combined(one, other, (a, b) => a + b);
}

/** What came between two; counts that went back (a channel was taken out) count as none. */
export function latencyBetween(earlier: LatencyCounts, later: LatencyCounts): LatencyCounts {
  return combined(earlier, later, (a, b) => Math.max(0, b - a));
}

/**
 * So long or shorter took `share` of all cases, ms: the truth within its class, by straight line.
 *
 * @param share from 0 to 1
 * @returns `undefined` without a case; of what is above the last bound, that bound
 */
export function percentileMs(latency: LatencyCounts, share: number): number | undefined {
  const wanted = countIn(latency) * share;
  if (wanted === 0) return undefined;
  let before = 0;
  for (const [at, count] of latency.counts.entries()) {
    const upper = LATENCY_BOUNDS_MS[at];
    if (upper === undefined) break;
    const lower = LATENCY_BOUNDS_MS[at - 1] ?? 0;
    if (count > 0 && before + count >= wanted) {
      return lower + ((upper - lower) * (wanted - before)) / count;
    }
    before += count;
  }
  return LATENCY_BOUNDS_MS.at(-1);
}

function combined(
  one: LatencyCounts,
  other: LatencyCounts,
  of: (a: number, b: number) => number,
): LatencyCounts {
  return {
    counts: NO_LATENCY.counts.map((_, at) => of(one.counts[at] ?? 0, other.counts[at] ?? 0)),
    sumMs: of(one.sumMs, other.sumMs),
  };
}
