/**
 * Goes on without messages that storage has damaged, because a person has decided so (05 S16, 06 TP31).
 *
 * What is lost is named in `missing`, and the relay closes its seqs with a SKIP. A record that cannot be read
 * takes its chain value along, so that nothing after it can be compared with the receiver's history (TP15). The
 * epoch therefore ends where it stands: what is in it leaves under the numbers that it has, and new messages
 * come in an epoch whose chain is whole. All of it is one transaction.
 *
 * @module
 */
import { setImmediate as turn } from "node:timers/promises";
import { RecordReader } from "../format/record-reader.ts";
import { areSlicesWhole, messageRow, type RowColumns } from "../format/row-walk.ts";
import { type ReadParts, readRange } from "../reader.ts";
import type { GroupCommit } from "../writing/group-commit.ts";
import type { StoreNotice } from "../writing/writer-messages.ts";
import { type ChannelTail, EPOCH_END, type EpochStanding, standingIn } from "./channel-tails.ts";
import { chainAt } from "./epoch-chains.ts";
import type { SkipRange, SkipVerdict, UnreadableMessage } from "./epoch-messages.ts";
import { noteMissing } from "./missing.ts";

export interface SkipDamagedOptions {
  readonly store: GroupCommit;
  readonly tell: (notice: StoreNotice) => void;
  readonly nowMs: () => number;
}

export class SkipDamaged {
  readonly #options: SkipDamagedOptions;

  constructor(options: SkipDamagedOptions) {
    this.#options = options;
  }

  /**
   * The messages from `firstSeq` on that cannot be read, as far as one lies behind another: a flipped bit costs
   * all that were sealed with it. Works in turns of the event loop, for a large body takes a while.
   *
   * @returns at most `maxCount`, in order; empty if the first can be read, or is not here
   */
  async unreadable(
    { channel, epoch, firstSeq }: Omit<SkipRange, "lastSeq">,
    maxCount: number,
  ): Promise<UnreadableMessage[]> {
    const found: UnreadableMessage[] = [];
    for (let seq = firstSeq; found.length < maxCount; seq += 1n) {
      const standing = this.#unsettled(channel, epoch);
      if (standing === undefined || seq > standing.lastSeq || seq <= standing.ackedSeq) break;
      if (await this.#isReadable(channel, epoch, seq)) break;
      found.push(this.#messageAt(channel, epoch, seq));
    }
    return found;
  }

  /** Notes the whole range as lost, if none of it can be read. Durable when this resolves. */
  async skip(range: SkipRange): Promise<SkipVerdict> {
    const { channel, epoch, firstSeq, lastSeq } = range;
    const wanted = Number(lastSeq - firstSeq) + 1;
    const found = await this.unreadable(range, wanted);
    // From here on without a turn: nothing moves the channel between the look and the commit.
    const tail = this.#options.store.tails.get(channel);
    const standing = this.#unsettled(channel, epoch);
    const isHere =
      standing !== undefined && firstSeq > standing.ackedSeq && lastSeq <= standing.lastSeq;
    if (tail === undefined || !isHere) return "gone";
    if (found.length < wanted) return "readable";
    this.#note(range, tail);
    return "skipped";
  }

  #note({ channel, epoch, firstSeq, lastSeq }: SkipRange, tail: ChannelTail): void {
    const { store, tell, nowMs } = this.#options;
    const { prepared } = store;
    const isChainLost = chainAt(store.readParts, channel, epoch, lastSeq) === undefined;
    const endsEpoch = epoch === tail.epoch && isChainLost;
    store.inTransaction(() => {
      noteMissing(prepared, { channel, epoch, firstSeq, lastSeq, cause: "damaged" }, nowMs());
      if (!endsEpoch) return;
      prepared.cursorEnd.run(EPOCH_END.draining, tail.lastSeq, channel, epoch);
      prepared.cursorBegin.run(channel, nextEpoch(tail), EPOCH_END.current, null);
    });
    if (!endsEpoch) return;
    store.reload();
    const begun = store.tails.get(channel);
    if (begun === undefined) return;
    tell({ notice: "epochBegun", cause: "damaged", tail: begun, lastMessageId: undefined });
  }

  /** An epoch of which something may still leave under its own numbers. */
  #unsettled(channel: number, epoch: bigint): EpochStanding | undefined {
    const tail = this.#options.store.tails.get(channel);
    // A channel that moves names what it cannot read by itself (06 TP18).
    if (tail === undefined || tail.filling !== undefined) return undefined;
    const standing = standingIn(tail, epoch);
    return standing?.ended === EPOCH_END.reissued ? undefined : standing;
  }

  /** As the relay reads it, and a body in slices to its end. */
  async #isReadable(channel: number, epoch: bigint, seq: bigint): Promise<boolean> {
    const { prepared, sealer } = this.#options.store;
    const parts: ReadParts = { prepared, sealer, records: new RecordReader(prepared, sealer) };
    const range = { channel, epoch, afterSeq: seq - 1n, maxBytes: 1, maxCount: 1 };
    const [message] = readRange(parts, range, seq).messages;
    await turn();
    if (message === undefined) return false;
    if (message.body !== undefined) return true;
    const check = areSlicesWhole(parts, message);
    for (;;) {
      const piece = check.next();
      if (piece.done === true) return piece.value;
      await turn();
    }
  }

  /** What its row says in clear; a row that is not found says nothing. */
  #messageAt(channel: number, epoch: bigint, seq: bigint): UnreadableMessage {
    const { messageSelect } = this.#options.store.prepared;
    const [columns] = messageSelect.all(channel, epoch, seq - 1n, seq, 1) as RowColumns[];
    if (columns === undefined) return { seq };
    const { length, receivedAtMs, controlToken } = messageRow(columns);
    return { seq, length, receivedAtMs, controlToken };
  }
}

function nextEpoch({ epoch, earlier }: ChannelTail): bigint {
  let highest = epoch;
  for (const one of earlier) if (one.epoch > highest) highest = one.epoch;
  return highest + 1n;
}
