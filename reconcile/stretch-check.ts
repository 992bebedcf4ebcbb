/**
 * One stretch that an agent has told of, against what the receiver holds of its numbers: pure, rows in order.
 *
 * Not a message is trusted to be there because the next one is: each number is looked for, and the chain is computed
 * again from the digests that are stored here (TP15).
 *
 * @module
 */
import { hash } from "node:crypto";
import { chainInput } from "#protocol/chain.ts";

export interface ToldStretch {
  readonly epoch: bigint;
  readonly first: bigint;
  /** Up to which the receiver is to have them. */
  readonly expected: bigint;
  readonly last: bigint;
  readonly before: Uint8Array | null;
  readonly after: Uint8Array | null;
}

export interface HeldRow {
  readonly seq: bigint;
  readonly sha256: Uint8Array;
}

/** Both ends included. */
export interface SeqRange {
  readonly first: bigint;
  readonly last: bigint;
}

/** `unknown`: no chain to compare with, or not all of them are here. */
export type ContentVerdict = "same" | "other" | "unknown";

export interface StretchResult {
  readonly heldCount: number;
  readonly missing: readonly SeqRange[];
  readonly content: ContentVerdict;
  /** The chain behind the last one as computed here, if all of them are. */
  readonly chain: Uint8Array | null;
}

export class StretchCheck {
  readonly #told: ToldStretch;
  readonly #missing: SeqRange[] = [];
  #chain: Uint8Array | null;
  #next: bigint;
  #heldCount = 0;

  constructor(told: ToldStretch) {
    this.#told = told;
    this.#next = told.first;
    this.#chain = told.before;
  }

  /** @param row of its epoch, each behind the one before; those outside of the stretch are passed over */
  take({ seq, sha256 }: HeldRow): void {
    const { expected, epoch } = this.#told;
    if (seq < this.#next || seq > expected) return;
    this.#passOver(seq - 1n);
    this.#heldCount += 1;
    this.#next = seq + 1n;
    if (this.#chain === null) return;
    this.#chain = hash("sha256", chainInput(this.#chain, epoch, seq, sha256), "buffer");
  }

  end(): StretchResult {
    const { expected, last, after } = this.#told;
    this.#passOver(expected);
    const isWhole = this.#missing.length === 0 && expected === last;
    const chain = isWhole ? this.#chain : null;
    return {
      ...{ heldCount: this.#heldCount, missing: this.#missing, chain },
      content: chain === null || after === null ? "unknown" : isEqual(chain, after),
    };
  }

  #passOver(last: bigint): void {
    if (last < this.#next) return;
    this.#missing.push({ first: this.#next, last });
    this.#next = last + 1n;
    this.#chain = null;
  }
}

const isEqual = (a: Uint8Array, b: Uint8Array): "same" | "other" =>
  Buffer.compare(a, b) === 0 ? "same" : "other";
