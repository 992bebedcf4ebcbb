/**
 * Keys of the store go when nothing needs them any more, and with them every copy of what was pruned
 * (08 2.3).
 *
 * Numbers of rows only grow, and nothing is sealed with a key once a newer one is in use. So a mark is kept of
 * how far each table had come when a key was closed: once no kept message lies in a segment up to there, its
 * bodies are gone. Segments that nothing needs and that cannot be read, and so not deleted, keep no key.
 * What stays longer than bodies (what was set aside, keys of duplicates, the chain of old epochs) is sealed
 * again with the key in use, in steps; then the log is emptied, and then the key file goes.
 *
 * @module
 */
import type { KeyRing } from "../../sealing/key-ring.ts";
import { Sealer } from "../../sealing/sealer.ts";
import type { Database } from "../format/database.ts";
import { readUnlessCorrupt } from "../format/fault.ts";
import { type KeyMark, Resealing } from "../format/resealing.ts";
import { lastBodyId } from "../inbox/inbox-store.ts";
import type { Chore } from "../writing/chores.ts";
import type { GroupCommit } from "../writing/group-commit.ts";
import { checkpoint } from "./checkpoint.ts";

/** A key lives a day at least, or a GiB. */
const LOOK_MS = 60_000;
/** A key is closed a little before its day is over: the mark is exact if nothing is sealed by the next yet. */
const CLOSE_EARLY_MS = 2 * LOOK_MS;

export interface ShredOptions {
  readonly store: GroupCommit;
  readonly database: Database;
  readonly keys: KeyRing;
  /** Called with the key epochs whose files are gone, lowest first. */
  readonly onDeleted: (epochs: readonly number[]) => void;
}

export class Shred implements Chore {
  readonly name = "shred";
  readonly #options: ShredOptions;
  #resealing: Resealing | undefined;

  constructor(options: ShredOptions) {
    this.#options = options;
  }

  step(): number {
    const { store } = this.#options;
    if (this.#resealing === undefined) {
      this.#writeMark();
      const mark = this.#outlived();
      if (mark === undefined) return LOOK_MS;
      this.#resealing = new Resealing(store, mark);
    }
    if (this.#resealing.step()) return 0;
    const { mark } = this.#resealing;
    this.#resealing = undefined;
    this.#delete(mark);
    return LOOK_MS;
  }

  /** Where the tables are now that another key seals. */
  #writeMark(): void {
    const { store, keys } = this.#options;
    const { prepared } = store;
    keys.renewIfDue(CLOSE_EARLY_MS);
    const epoch = keys.closedEpoch;
    const newest = this.#marks()[0]?.epoch ?? 0;
    if (epoch <= newest || epoch < (keys.lowestEpoch ?? Number.POSITIVE_INFINITY)) return;
    store.inTransaction(() => {
      prepared.keyMarkInsert.run(
        epoch,
        prepared.segmentSequence.get() ?? 0,
        prepared.uploadSequence.get() ?? 0,
        prepared.quarantineSequence.get() ?? 0,
        prepared.recentLast.get() ?? 0,
      );
      prepared.inboxKeyMarkInsert.run(epoch, lastBodyId(store));
    });
  }

  /** @returns the newest key whose bodies are all gone; `undefined`: there is none that is still here */
  #outlived(): KeyMark | undefined {
    const { store, keys } = this.#options;
    const { segmentRead } = store.prepared;
    const id = lowestNeededSegment(store);
    const mark = this.#marks().find(({ segment }) => id > segment);
    if (mark === undefined || mark.epoch < (keys.lowestEpoch ?? Number.POSITIVE_INFINITY)) {
      return undefined;
    }
    // What the oldest says of itself must agree.
    const head = readUnlessCorrupt(() => segmentRead.get(id) as Uint8Array | undefined);
    const named = head === undefined ? 0 : Sealer.keyEpochOf(head);
    return named > 0 && named <= mark.epoch ? undefined : mark;
  }

  #delete({ epoch }: KeyMark): void {
    const { store, database, keys, onDeleted } = this.#options;
    // Sealed again, but not in the file yet; and what was deleted is still in the log.
    if (!checkpoint(database, "TRUNCATE")) return;
    const deleted = keys.deleteBefore(epoch + 1);
    store.inTransaction(() => {
      store.prepared.keyMarkForget.run(epoch);
      store.prepared.inboxKeyMarkForget.run(epoch);
    });
    if (deleted.length > 0) onDeleted(deleted);
  }

  #marks(): KeyMark[] {
    type Row = [number, number, number, number, number];
    const { keyMarkList, inboxKeyMarkAt } = this.#options.store.prepared;
    const rows = keyMarkList.all() as Row[];
    return rows.map(([epoch, segment, upload, quarantine, recent]) => {
      // A key that was closed before there was an inbox seals nothing of it.
      const inbox = (inboxKeyMarkAt.get(epoch) as number | undefined) ?? 0;
      return { epoch, segment, upload, quarantine, recent, inbox };
    });
  }
}

/** Rows that are asked of each epoch: one that storage has altered does not decide alone. */
const ASKED_ROWS = 100;
/** Segments that cannot be read, and so were never deleted: looked at again each time. */
const UNREADABLE_MAX_COUNT = 1_000;

/**
 * The lowest segment that still needs its key. What cannot be read needs none, once no kept message is in it:
 * such a segment cannot be deleted either, and would keep every key for ever.
 *
 * @returns `Infinity` if there is none, 0 where that cannot be told
 */
function lowestNeededSegment(store: GroupCommit): number {
  const { segmentNext, segmentRead } = store.prepared;
  const needed = lowestOfKept(store);
  for (let id = 0, count = 0; count < UNREADABLE_MAX_COUNT; count++) {
    const after = id;
    const next = readUnlessCorrupt(() => (segmentNext.get(after) as number | undefined) ?? needed);
    // Behind a page that cannot be read nobody knows what there is, but what kept messages need.
    if (next === undefined || next >= needed) return needed;
    if (readUnlessCorrupt(() => segmentRead.get(next)) !== undefined) return next;
    id = next;
  }
  return 0;
}

/** By the first rows of each epoch that are not pruned: numbers of segments grow with its seqs. */
function lowestOfKept({ prepared, tails }: GroupCommit): number {
  type Row = readonly [seq: bigint, at: bigint, length: bigint, segment: bigint];
  let lowest = Number.POSITIVE_INFINITY;
  for (const tail of tails.values()) {
    const filling = tail.filling === undefined ? [] : [{ ...tail.filling, trimmedSeq: 0n }];
    for (const { epoch, lastSeq, trimmedSeq } of [...tail.earlier, tail, ...filling]) {
      if (lastSeq <= trimmedSeq) continue;
      const from = [tail.channel, epoch, trimmedSeq, ASKED_ROWS];
      const rows = readUnlessCorrupt(() => prepared.messagePrunable.all(...from) as Row[]) ?? [];
      // A bit of an index leads astray: everything is needed.
      if (rows[0]?.[0] !== trimmedSeq + 1n) return 0;
      for (const [, , , segment] of rows) lowest = Math.min(lowest, Number(segment));
    }
  }
  return lowest;
}
