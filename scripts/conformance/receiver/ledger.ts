/**
 * What a receiver must hold of one channel, by the rules alone: kept by the runner beside what it
 * sends, and compared with OPENED and with `export`.
 *
 * @module
 */
import { CHAIN_START } from "#protocol/chain.ts";
import { chained, hex, sha256 } from "../messages.ts";

/** A message as `export` shows it. */
export interface HeldMessage {
  readonly epoch: bigint;
  readonly seq: bigint;
  readonly sha256: string;
  readonly bytes: number;
}

/** A gap record (RI8). */
export interface HeldGap {
  readonly epoch: bigint;
  readonly kind: string;
  readonly first: bigint;
  /** Null if nobody knows it. */
  readonly last: bigint | null;
}

export class Ledger {
  readonly channel: string;
  readonly messages: HeldMessage[] = [];
  readonly gaps: HeldGap[] = [];
  epoch: bigint;
  lastSeq = 0n;
  /** At `lastSeq`; null behind a SKIP that brought none. */
  chain: Uint8Array | null = CHAIN_START;

  constructor(channel: string, epoch = 1n) {
    this.channel = channel;
    this.epoch = epoch;
  }

  get nextSeq(): bigint {
    return this.lastSeq + 1n;
  }

  /** The next message is stored. @param isHandedOn false if `replaces` named the same one (RI6) */
  store(body: Uint8Array, isHandedOn = true): void {
    const hash = sha256(body);
    this.lastSeq += 1n;
    if (this.chain !== null) this.chain = chained(this.chain, this.epoch, this.lastSeq, hash);
    if (!isHandedOn) return;
    const { epoch, lastSeq: seq } = this;
    this.messages.push({ epoch, seq, sha256: hex(hash), bytes: body.length });
  }

  /** The seqs up to `last` will never come (TP31). */
  skip(last: bigint, kind: string, chain: Uint8Array | null): void {
    this.gaps.push({ epoch: this.epoch, kind, first: this.nextSeq, last });
    this.lastSeq = last;
    this.chain = chain;
  }

  /** A new epoch begins (TP17). @param finalSeq of the old one, if the source knows more than is here */
  begin(epoch: bigint, gap?: { readonly kind: string; readonly finalSeq: bigint | null }): void {
    if (gap !== undefined) {
      this.gaps.push({
        ...{ epoch: this.epoch, kind: gap.kind, first: this.nextSeq, last: gap.finalSeq },
      });
    }
    this.epoch = epoch;
    this.lastSeq = 0n;
    this.chain = CHAIN_START;
  }
}
