/** Replies that wait for the receiver's word about their messages (03 A3 `deferred`). @module */
import type { Clock, Timer } from "../host/clock.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type { ReceiverVerdict } from "./answer.ts";

interface Wait {
  /** Of one block, in any order. */
  readonly seqs: readonly bigint[];
  readonly last: bigint;
  readonly timer: Timer;
  readonly tell: (verdict: ReceiverVerdict) => void;
}

/** Bounded by the connections and what each may have unanswered (03 C5). */
export class DeferredReplies {
  readonly #clock: Clock;
  readonly #waits = new Map<number, Set<Wait>>();
  readonly #settled = new Map<number, bigint>();
  /** By channel: a seq that the receiver refused for good; the channel is held before it. */
  readonly #refused = new Map<number, bigint>();

  constructor(outbox: Outbox, clock: Clock) {
    this.#clock = clock;
    for (const { channel, ackedSeq } of outbox.epochs.tails) this.#settled.set(channel, ackedSeq);
    outbox.onSettled((channel, seq, verdict) => {
      if (verdict === "settled") this.#settledUpTo(channel, seq);
      else this.#refusedAt(channel, seq);
    });
    // Their messages have other numbers now: a sender that asks again waits for those.
    outbox.epochs.onEpoch(({ channel, ackedSeq }) => {
      this.#settled.set(channel, ackedSeq);
      this.#refused.delete(channel);
      this.#end(channel, "silent", () => true);
    });
  }

  /**
   * Calls `tell` once: when the receiver has all of `seqs`, or has refused one of them, or after
   * `timeoutMs`.
   *
   * @param seqs at least one
   */
  wait(
    channel: number,
    seqs: readonly bigint[],
    timeoutMs: number,
    tell: (verdict: ReceiverVerdict) => void,
  ): void {
    let last = 0n;
    for (const seq of seqs) if (seq > last) last = seq;
    const settled = last <= (this.#settled.get(channel) ?? 0n);
    const refused = this.#refused.get(channel);
    if (settled || (refused !== undefined && seqs.includes(refused))) {
      tell(settled ? "settled" : "refused");
      return;
    }
    const waits = this.#waits.get(channel) ?? new Set();
    this.#waits.set(channel, waits);
    const wait: Wait = {
      seqs,
      last,
      tell,
      timer: this.#clock.after(timeoutMs, () => {
        waits.delete(wait);
        tell("silent");
      }),
    };
    waits.add(wait);
  }

  #settledUpTo(channel: number, seq: bigint): void {
    this.#settled.set(channel, seq);
    this.#end(channel, "settled", (wait) => wait.last <= seq);
  }

  #refusedAt(channel: number, seq: bigint): void {
    this.#refused.set(channel, seq);
    this.#end(channel, "refused", (wait) => wait.seqs.includes(seq));
  }

  #end(channel: number, verdict: ReceiverVerdict, ends: (wait: Wait) => boolean): void {
    const waits = this.#waits.get(channel);
    for (const wait of [...(waits ?? [])]) {
      if (!ends(wait)) continue;
      waits?.delete(wait);
      wait.timer[Symbol.dispose]();
      wait.tell(verdict);
    }
  }
}
