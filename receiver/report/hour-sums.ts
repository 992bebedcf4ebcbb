/** One line of the report while it is added up. @module */
import { type DigestedStretch, lineDigest } from "#reconcile/line-digest.ts";
import {
  type AgentCounts,
  type ComparedLine,
  DIFFERENCES_MAX_COUNT,
  type Difference,
  type LineKey,
  type LineState,
  worstOf,
} from "#reconcile/lines.ts";
import type { StretchResult } from "#reconcile/stretch-check.ts";
import type { ToldCount, ToldRow } from "../store/hours.ts";

export class HourSums {
  readonly #agent: string;
  readonly #key: LineKey;
  readonly #told: DigestedStretch[] = [];
  readonly #held: DigestedStretch[] = [];
  readonly #differences: Difference[] = [];
  readonly #states = new Set<LineState>();
  #counted: ToldCount | undefined;
  #toldCount = 0;
  #copies = 0;
  #heldCount = 0;
  #delivered = 0;
  #aside = 0;
  #unnamed = 0;
  #isOther = false;
  /** The agent sent part of it under other numbers: its digest is of all of it. */
  #isCut = false;

  constructor(agent: string, key: LineKey) {
    this.#agent = agent;
    this.#key = key;
  }

  count(counted: ToldCount): void {
    this.#counted = counted;
  }

  stretch(told: ToldRow, { heldCount, content, chain }: StretchResult): void {
    const { epoch, first, last, expected, after, copies } = told;
    this.#told.push({ epoch, first, last, after });
    this.#held.push({ epoch, first, last, after: chain });
    this.#toldCount += Number(last - first + 1n);
    this.#copies += copies;
    this.#heldCount += heldCount;
    if (expected !== last) this.#isCut = true;
    if (content !== "other") return;
    this.#isOther = true;
    this.#states.add("differs");
  }

  fate(fate: "none" | "delivered" | "aside"): void {
    if (fate === "delivered") this.#delivered += 1;
    else if (fate === "aside") this.#aside += 1;
  }

  /** What is missing here, and still on its way, or what the agent has not told of yet. */
  note(state: "arriving" | "untold", heldCount = 0): void {
    this.#states.add(state);
    this.#heldCount += heldCount;
  }

  differs(difference: Difference): void {
    this.#states.add("differs");
    if (difference.receiver === "has" && difference.agent === "lacks") this.#heldCount += 1;
    if (this.#differences.length < DIFFERENCES_MAX_COUNT) this.#differences.push(difference);
    else this.#unnamed += 1;
  }

  /** So many more, of which there are too many to look at each. */
  differsBeyond(count: number): void {
    this.#states.add("differs");
    this.#unnamed += count;
  }

  get hasRoom(): boolean {
    return this.#differences.length < DIFFERENCES_MAX_COUNT;
  }

  line(): ComparedLine {
    return {
      ...{ agent: this.#agent, ...this.#key, state: worstOf(this.#states), told: this.#counts() },
      held: {
        ...{ stored: this.#heldCount, digest: this.#isCut ? null : lineDigest(this.#held) },
        ...{ delivered: this.#delivered, aside: this.#aside },
      },
      ...{ isOther: this.#isOther, differences: this.#differences, unnamed: this.#unnamed },
    };
  }

  #counts(): AgentCounts | null {
    if (this.#told.length === 0 && this.#counted === undefined) return null;
    const { duplicates = 0, quarantined = 0, refused = 0 } = this.#counted ?? {};
    const stored = this.#toldCount;
    const isUp = this.#key.direction === "up";
    return {
      received: isUp ? stored - this.#copies + duplicates + quarantined + refused : stored,
      ...{ duplicates, quarantined, refused, stored },
      digest: this.#isCut ? null : lineDigest(this.#told),
    };
  }
}
