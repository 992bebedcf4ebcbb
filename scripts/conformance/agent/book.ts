/**
 * What the played receiver holds of one channel, by the rules of 06 section 12, and what it noticed
 * that an agent must not do.
 *
 * @module
 */
import { CHAIN_START } from "#protocol/chain.ts";
import {
  OPENED_STATUS,
  type OpenedFrame,
  type OpenFrame,
  type SkipFrame,
} from "#protocol/frame.ts";
import type { AssembledMessage } from "#protocol/message-assembler.ts";
import { chained, hex, sha256 } from "../messages.ts";

export interface StoredMessage {
  readonly epoch: bigint;
  readonly seq: bigint;
  readonly sha256: string;
  /** RI6: it names a message that is here already, with the same content. */
  readonly isRepeat: boolean;
  /** The chain after it. */
  readonly chain: Uint8Array | null;
}

export type Taken =
  | { readonly kind: "stored" | "known" }
  | { readonly kind: "refused"; readonly why: string };

export class Book {
  readonly channel: string;
  readonly messages: StoredMessage[] = [];
  epoch: bigint;
  lastSeq = 0n;
  chain: Uint8Array | null = CHAIN_START;

  constructor(channel: string, epoch: bigint) {
    this.channel = channel;
    this.epoch = epoch;
  }

  /** TP14 to TP17. @returns what OPENED says, but for stream and credit */
  open(frame: OpenFrame): Pick<OpenedFrame, "status" | "epoch" | "lastSeq" | "chain"> {
    const { epoch, previousEpoch } = frame;
    let status: OpenedFrame["status"] = OPENED_STATUS.ok;
    if (epoch < this.epoch) status = OPENED_STATUS.behind;
    else if (epoch > this.epoch) {
      if ((previousEpoch?.epoch ?? 0n) > this.epoch) status = OPENED_STATUS.ahead;
      else {
        this.epoch = epoch;
        this.lastSeq = 0n;
        this.chain = CHAIN_START;
      }
    }
    return { status, epoch: this.epoch, lastSeq: this.lastSeq, chain: this.chain };
  }

  /** The ingest step of one message. */
  take({ seq, meta, body }: AssembledMessage): Taken {
    const hash = sha256(body);
    if (hex(hash) !== hex(meta.sha256)) return refused(`a body of seq ${seq} with another hash`);
    if (meta.length !== undefined && meta.length !== body.length) {
      return refused(`a body of seq ${seq} with another length`);
    }
    if (seq <= this.lastSeq) {
      const known = this.find(this.epoch, seq);
      const isSame = known === undefined || known.sha256 === hex(hash);
      return isSame ? { kind: "known" } : refused(`another content under seq ${seq}`);
    }
    if (seq !== this.lastSeq + 1n) return refused(`seq ${seq} behind ${this.lastSeq}`);
    const old = meta.replaces && this.find(meta.replaces.epoch, meta.replaces.seq);
    const isRepeat = old?.sha256 === hex(hash);
    this.lastSeq = seq;
    if (this.chain !== null) this.chain = chained(this.chain, this.epoch, seq, hash);
    const { epoch, chain } = this;
    this.messages.push({ epoch, seq, sha256: hex(hash), isRepeat, chain });
    return { kind: "stored" };
  }

  /** TP31. */
  skip({ firstSeq, lastSeq, chain }: SkipFrame): Taken {
    if (firstSeq > this.lastSeq + 1n)
      return refused(`SKIP from ${firstSeq} behind ${this.lastSeq}`);
    if (lastSeq <= this.lastSeq) return { kind: "known" };
    this.lastSeq = lastSeq;
    this.chain = chain;
    return { kind: "stored" };
  }

  /** As a receiver whose store was put back: the last `count` messages are gone. */
  rewind(count: number): readonly StoredMessage[] {
    const lost = this.messages.splice(-count);
    const last = this.messages.at(-1);
    this.lastSeq = last?.seq ?? 0n;
    this.chain = last === undefined ? CHAIN_START : last.chain;
    return lost;
  }

  find(epoch: bigint, seq: bigint): StoredMessage | undefined {
    return this.messages.find((one) => one.epoch === epoch && one.seq === seq);
  }
}

const refused = (why: string): Taken => ({ kind: "refused", why });
