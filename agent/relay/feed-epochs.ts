/**
 * In which order the epochs of a channel leave (06 TP16, TP17): what is unsettled of an ended one first, then
 * the current one.
 *
 * A connection begins with the oldest epoch of which anything is kept: a receiver that is further on says
 * so and nothing is changed there, and one that was put back to an older state is met where it is, and led
 * through all that it has lost. Opening a later epoch at once would close the one that it is in, with a gap
 * where we could have sent (TP17, TP37).
 *
 * @module
 */

import type { StreamStanding } from "#streams/source/source-stream.ts";
import { type ChannelTail, EPOCH_END, type EpochStanding } from "../outbox/epochs/channel-tails.ts";

export class FeedEpochs {
  /** Oldest first; the last one is current. */
  readonly #all: readonly EpochStanding[];
  readonly #current: EpochStanding;
  #sending: EpochStanding;
  /** The epoch that the receiver is in, as far as it has said so on this connection. */
  #sinkEpoch: bigint | undefined;

  constructor(tail: ChannelTail) {
    this.#current = { ...tail };
    this.#all = [...tail.earlier.map((one) => ({ ...one })), this.#current];
    this.#sending = this.#first();
  }

  /** The one that is being sent; its `ackedSeq` and `lastSeq` are the caller's to move. */
  get sending(): EpochStanding {
    return this.#sending;
  }

  /** The one that messages are appended to. */
  get current(): EpochStanding {
    return this.#current;
  }

  /** A connection has ended: begins again with what is unsettled. */
  restart(): void {
    this.#sinkEpoch = undefined;
    this.#sending = this.#first();
  }

  /** The receiver is in the epoch that is being sent. */
  agreed(): void {
    this.#sinkEpoch = this.#sending.epoch;
  }

  /**
   * The receiver is in an earlier epoch than the one that was named to it as the previous (AHEAD): sends that
   * one first where it is ours, and otherwise what comes after it, with that one named.
   *
   * @returns false if the receiver says the same again, or no earlier epoch: there is nothing else to try
   */
  goBackTo(epoch: bigint): boolean {
    if (epoch >= this.#sending.epoch || epoch === this.#sinkEpoch) return false;
    this.#sinkEpoch = epoch;
    const own = this.#all.find((one) => one.epoch === epoch);
    this.#sending = own !== undefined && mayLeave(own) ? own : this.#after(epoch);
    return true;
  }

  /**
   * The receiver is in a later epoch than the one that was opened (BEHIND): goes there.
   *
   * @returns false if something before it is unsettled, or it is none of ours: the histories have parted
   */
  goOnTo(epoch: bigint): boolean {
    const own = this.#all.find((one) => one.epoch === epoch);
    if (own === undefined || epoch <= this.#sending.epoch) return false;
    const isOpen = this.#all.some((one) => one.epoch < epoch && mayLeave(one) && isUnsettled(one));
    if (isOpen) return false;
    this.#sinkEpoch = epoch;
    this.#sending = mayLeave(own) ? own : this.#after(epoch);
    return true;
  }

  /** Everything of the one that was being sent is at the receiver: goes on to the next. */
  advance(): void {
    this.#sending = this.#after(this.#sending.epoch);
  }

  /** What OPEN says. */
  standing(): StreamStanding {
    const { epoch, ackedSeq, lastSeq, trimmedSeq } = this.#sending;
    return {
      epoch,
      nextSeq: ackedSeq + 1n,
      oldestRetainedSeq: lastSeq === 0n ? null : trimmedSeq + 1n,
      previous: this.#previous(),
    };
  }

  /** The one that the receiver is in, or else the last one before of which it may have heard. */
  #previous(): StreamStanding["previous"] {
    const { epoch } = this.#sending;
    const sinkEpoch = this.#sinkEpoch;
    if (sinkEpoch !== undefined && sinkEpoch < epoch) {
      const own = this.#all.find((one) => one.epoch === sinkEpoch);
      return { epoch: sinkEpoch, finalSeq: own?.final ?? null };
    }
    const known = this.#all.findLast((one) => one.epoch < epoch && one.final !== null);
    return known === undefined ? null : { epoch: known.epoch, finalSeq: known.final };
  }

  #first(): EpochStanding {
    const kept = this.#all.find(
      (one) => mayLeave(one) && (isUnsettled(one) || one.lastSeq > one.trimmedSeq),
    );
    return kept ?? this.#current;
  }

  /** Also one of which nothing is here but its end: the receiver learns what is missing. */
  #after(epoch: bigint): EpochStanding {
    const next = this.#all.find((one) => {
      const isWorthOpening = one.lastSeq > 0n || (one.final ?? 0n) > 0n;
      return one.epoch > epoch && mayLeave(one) && isWorthOpening;
    });
    return next ?? this.#current;
  }
}

const isUnsettled = ({ lastSeq, ackedSeq }: EpochStanding): boolean => lastSeq > ackedSeq;

/** What was appended again in a later epoch leaves there. */
const mayLeave = ({ ended }: EpochStanding): boolean => ended !== EPOCH_END.reissued;
