/** In which order files enter the outbox (04 P14). @module */
import type { ByteName } from "./names.ts";

export interface Ordered {
  readonly name: ByteName;
  readonly modifiedNs: bigint;
}

export type Order = "mtimeThenName" | "name" | "nameNatural";
export type Compare = (a: Ordered, b: Ordered) => number;

const byName: Compare = (a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);

const COMPARE: Readonly<Record<Order, Compare>> = {
  name: byName,
  nameNatural: (a, b) => compareNatural(a.name, b.name) || byName(a, b),
  mtimeThenName: (a, b) =>
    a.modifiedNs < b.modifiedNs ? -1 : a.modifiedNs > b.modifiedNs ? 1 : byName(a, b),
};

export const compareFor = (order: Order): Compare => COMPARE[order];

/** Runs of digits count as the numbers they are, however long: `x9` before `x10`. */
export function compareNatural(a: ByteName, b: ByteName): number {
  const left = a.match(/\d+|\D+/g) ?? [];
  const right = b.match(/\d+|\D+/g) ?? [];
  for (let at = 0; at < Math.min(left.length, right.length); at++) {
    const found = compareRuns(left[at] ?? "", right[at] ?? "");
    if (found !== 0) return found;
  }
  return left.length - right.length;
}

function compareRuns(a: string, b: string): number {
  if (/^\d/.test(a) && /^\d/.test(b)) {
    const left = a.replace(/^0+(?=\d)/, "");
    const right = b.replace(/^0+(?=\d)/, "");
    if (left.length !== right.length) return left.length - right.length;
    return left < right ? -1 : left > right ? 1 : 0;
  }
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The first of many, without keeping all of them. */
export class FirstOf<T extends Ordered> {
  readonly #compare: Compare;
  readonly #maxCount: number;
  #kept: T[] = [];

  constructor(compare: Compare, maxCount: number) {
    this.#compare = compare;
    this.#maxCount = maxCount;
  }

  add(item: T): void {
    this.#kept.push(item);
    if (this.#kept.length >= 2 * this.#maxCount + 1) this.#cut();
  }

  /** In order, at most `maxCount`. */
  take(): readonly T[] {
    this.#cut();
    return this.#kept;
  }

  #cut(): void {
    this.#kept.sort(this.#compare);
    this.#kept.length = Math.min(this.#kept.length, this.#maxCount);
  }
}
