/**
 * Bodies of settled messages go after retention (05 S14, I-4). The rows stay as the ledger.
 *
 * In ranges, oldest first, one short transaction each. A segment goes when all its messages may go, and
 * `trimmed` moves with it, so that the chain goes on from there. Nothing unsettled is ever pruned, whatever the
 * pressure; the statement that moves `trimmed` refuses it once more.
 *
 * @module
 */
import { AgentError } from "../../errors.ts";
import type { Clock } from "../../host/clock.ts";
import { PRUNE_RANGE_BYTES, PRUNE_RANGE_ROWS } from "../../limits.ts";
import { smaller } from "../bigints.ts";
import {
  type ChannelTail,
  EPOCH_END,
  type EpochStanding,
  standingIn,
} from "../epochs/channel-tails.ts";
import { readUnlessCorrupt } from "../format/fault.ts";
import type { Chore } from "../writing/chores.ts";
import type { GroupCommit } from "../writing/group-commit.ts";

/** A few look-ups a channel; room may become short at any time. */
const LOOK_MS = 1_000;

export interface PruneOptions {
  readonly store: GroupCommit;
  readonly clock: Pick<Clock, "nowMs" | "monotonicMs">;
  /** How long bodies stay after they were settled. */
  readonly retainMs: number;
  /** Whether room is short: settled bodies then go before their time. */
  readonly isPressed: () => boolean;
  /** Called after each range. */
  readonly onPruned?: () => void;
}

/** Rows of a range while messages come: a segment of one message costs ten microseconds. */
const BUSY_ROWS = 250;
/** After a read of settled messages, so long what follows it stays: the receiver asked for it again (06 TP37). */
const REREAD_MS = 600_000;

interface Reread {
  readonly afterSeq: bigint;
  readonly atMs: number;
}

interface Epoch {
  readonly tail: ChannelTail;
  readonly standing: EpochStanding;
}

interface Range extends Epoch {
  readonly rows: readonly Row[];
}

type Row = readonly [
  seq: bigint,
  receivedAtMs: bigint,
  length: bigint,
  segment: bigint,
  recordAt: bigint,
  upload: bigint,
  throughBytes: bigint,
];

export class Prune implements Chore {
  readonly name = "prune";
  readonly #options: PruneOptions;
  /** What a range has at most. */
  #rows = PRUNE_RANGE_ROWS;
  /** By channel and epoch: how far a receiver that was put back has come. */
  readonly #rereads = new Map<string, Reread>();

  constructor(options: PruneOptions) {
    this.#options = options;
  }

  /** Somebody reads messages after `afterSeq`, to send them. */
  reading(channel: number, epoch: bigint, afterSeq: bigint): void {
    const tail = this.#options.store.tails.get(channel);
    const standing = standingIn(tail, epoch);
    if (standing === undefined || afterSeq >= standing.ackedSeq) return;
    this.#rereads.set(`${channel}/${epoch}`, { afterSeq, atMs: this.#options.clock.monotonicMs() });
  }

  step(busy: boolean): number {
    this.#rows = busy ? BUSY_ROWS : PRUNE_RANGE_ROWS;
    const epochs = this.#epochs();
    this.#writeMarks(epochs);
    const range = this.#due(epochs) ?? this.#oldest(epochs);
    if (range !== undefined) {
      this.#prune(range);
      this.#options.onPruned?.();
      return 0;
    }
    return LOOK_MS;
  }

  #epochs(): Epoch[] {
    return [...this.#options.store.tails.values()].flatMap((tail) =>
      [...tail.earlier, tail].map((standing) => ({ tail, standing })),
    );
  }

  /** Where settling has come to rest, the last mark may be older than what was settled since. */
  #writeMarks(epochs: readonly Epoch[]): void {
    const { marks } = this.#options.store;
    const due = epochs.filter(({ tail, standing: { epoch, ackedSeq, trimmedSeq } }) => {
      return ackedSeq > trimmedSeq && marks.isDue(tail.channel, epoch, ackedSeq);
    });
    if (due.length === 0) return;
    try {
      this.#options.store.inTransaction(() => {
        for (const { tail, standing } of due) {
          marks.write(tail.channel, standing.epoch, standing.ackedSeq);
        }
      });
    } catch (error) {
      marks.reload();
      throw error;
    }
  }

  /** What has been retained long enough. */
  #due(epochs: readonly Epoch[]): Range | undefined {
    const { store, clock, retainMs } = this.#options;
    const beforeMs = clock.nowMs() - retainMs;
    for (const epoch of epochs) {
      const { tail, standing } = epoch;
      const { ackedSeq, ended, lastSeq, trimmedSeq } = standing;
      if (trimmedSeq >= (ended === EPOCH_END.reissued ? lastSeq : ackedSeq)) continue;
      const marked =
        retainMs === 0 ? ackedSeq : store.marks.settledAt(tail.channel, standing.epoch, beforeMs);
      let limit = smaller(marked, ackedSeq);
      // What follows was appended again later: the body is there.
      if (ended === EPOCH_END.reissued && limit === ackedSeq) limit = lastSeq;
      const range = this.#rangeOf(epoch, limit);
      if (range !== undefined) return range;
    }
    return undefined;
  }

  /** Under pressure the oldest of all channels; the newest settled message of each stays, for its time. */
  #oldest(epochs: readonly Epoch[]): Range | undefined {
    if (!this.#options.isPressed()) return undefined;
    let oldest: Range | undefined;
    for (const epoch of epochs) {
      const { ackedSeq, ended } = epoch.standing;
      const { lastSeq } = epoch.standing;
      // What was appended again later is here twice.
      const most = ended === EPOCH_END.reissued ? lastSeq : ackedSeq;
      const limit = ended === EPOCH_END.current ? ackedSeq - 1n : most;
      const range = this.#rangeOf(epoch, limit);
      if (range === undefined) continue;
      if (oldest === undefined || receivedAt(range) < receivedAt(oldest)) oldest = range;
    }
    return oldest;
  }

  /** @returns the next rows up to `most` whose segments may go whole; `undefined`: there are none */
  #rangeOf(epoch: Epoch, most: bigint): Range | undefined {
    const { tail, standing } = epoch;
    const limit = smaller(most, this.#wantedAfter(epoch));
    if (limit <= standing.trimmedSeq) return undefined;
    // Pruned, its end would be lost: a new epoch has to begin first.
    const tailIsLost = standing === tail && tail.lastChain === undefined;
    const from = [tail.channel, standing.epoch, standing.trimmedSeq, this.#rows + 1];
    const { messagePrunable } = this.#options.store.prepared;
    const found = messagePrunable.all(...from) as Row[];
    let count = 0;
    let bytes = 0;
    for (const [index, [seq, , length, segment]] of found.entries()) {
      if (seq > limit || index === this.#rows) break;
      if (tailIsLost && seq === standing.lastSeq) break;
      bytes += Number(length);
      // The last of a segment: it was written with one commit, and nothing is added to it.
      if (found[index + 1]?.[3] === segment) continue;
      count = index + 1;
      if (bytes >= PRUNE_RANGE_BYTES) break;
    }
    return count === 0 ? undefined : { ...epoch, rows: found.slice(0, count) };
  }

  /** Behind which seq somebody still reads. */
  #wantedAfter({ tail, standing }: Epoch): bigint {
    const { epoch, ended, moved, lastSeq } = standing;
    // What is being appended again may have been settled once (06 TP18).
    if (moved !== undefined && ended !== EPOCH_END.reissued) return moved;
    const reread = this.#rereads.get(`${tail.channel}/${epoch}`);
    if (reread === undefined) return lastSeq;
    return this.#options.clock.monotonicMs() - reread.atMs < REREAD_MS ? reread.afterSeq : lastSeq;
  }

  #prune({ tail, standing, rows }: Range): void {
    const { store, clock, retainMs } = this.#options;
    const { prepared } = store;
    const last = rows.at(-1);
    if (last === undefined) return;
    const [seq, , , , , , throughBytes] = last;
    const { channel } = tail;
    const { epoch } = standing;
    const chain = this.#chainAfter(tail, standing, last);
    // One that cannot be read cannot be deleted either: it stays, sealed, and nothing waits for it. Looked at
    // before the transaction, for inside of it SQLite would let nothing pass any more.
    const going = [...new Set(rows.map((row) => row[3]))].filter(
      (id) => readUnlessCorrupt(() => prepared.segmentRead.get(id)) !== undefined,
    );
    store.inTransaction(() => {
      for (const segment of going) prepared.segmentDelete.run(segment);
      for (const [, , , , , upload] of rows) {
        if (upload !== 0n) store.uploads.release(Number(upload));
      }
      const place = { column: "cursor.trimmed_chain", channel, row: epoch } as const;
      const sealed = chain === undefined ? null : store.sealer.seal([chain], place);
      const key = [channel, epoch, seq, seq];
      const { changes } = prepared.cursorTrim.run(seq, throughBytes, sealed, ...key);
      if (changes !== 1) throw new AgentError("AGENT_DEFECT", { channel, seq });
      store.marks.forgetBefore(channel, epoch, clock.nowMs() - retainMs);
    });
    standing.trimmedSeq = seq;
  }

  /** The chain after the last row that goes; `undefined` where its record is damaged. */
  #chainAfter(tail: ChannelTail, standing: EpochStanding, last: Row): Uint8Array | undefined {
    const [seq, , , segment, recordAt] = last;
    // The writer knows the tail's, however its record fares.
    if (standing === tail && seq === tail.lastSeq) return tail.lastChain;
    const { records } = this.#options.store.readParts;
    const chain = records.read({
      ...{ channel: tail.channel, epoch: standing.epoch, seq },
      ...{ segment: Number(segment), at: Number(recordAt) },
    })?.chain;
    const copied = chain === undefined ? undefined : new Uint8Array(chain);
    // What is pruned does not stay in memory either.
    records.forget();
    return copied;
  }
}

const receivedAt = ({ rows }: Range): bigint => rows[0]?.[1] ?? 0n;
