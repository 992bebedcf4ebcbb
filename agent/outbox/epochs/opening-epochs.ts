/**
 * Which channels begin a new epoch when the store is opened (05 S6, S17, 06 TP17): where it is older than
 * the mark beside it says, was made anew or put back, or where the last record cannot be read, so that its
 * chain cannot go on. What is gone is named; what is here leaves first, under the numbers that it has.
 *
 * One transaction, and the same on a second run: what was found once is not found again.
 *
 * @module
 */
import type { Sealer } from "../../sealing/sealer.ts";
import { larger } from "../bigints.ts";
import type { Database } from "../format/database.ts";
import { type Prepared, prepareAll } from "../writing/prepared.ts";
import {
  type ChannelTail,
  EPOCH_END,
  type EpochStanding,
  ensureChannel,
  readTails,
  type StoreChannel,
} from "./channel-tails.ts";
import type { EpochCause, EpochNotice } from "./epoch-messages.ts";
import type { HighWaterMark } from "./high-water.ts";
import { END_UNKNOWN, type MissingRange, noteMissing } from "./missing.ts";

export interface OpeningStore {
  readonly database: Database;
  readonly sealer: Sealer;
  readonly storeId: Uint8Array;
  /** Those that are configured. */
  readonly channels: readonly StoreChannel[];
  /** How far a store in this place has been; perhaps another one. */
  readonly mark: HighWaterMark | undefined;
  readonly nowMs: number;
}

type MarkedChannel = HighWaterMark["channels"][number];

export interface OpenedEpochs {
  readonly notices: readonly EpochNotice[];
  /** `backup restore` made this store. */
  readonly isRestored: boolean;
}

/** Compares the store with the mark, and begins the epochs that are due. */
export function beginDueEpochs(store: OpeningStore): OpenedEpochs {
  const prepared = prepareAll(store.database);
  const notices: EpochNotice[] = [];
  const isRestored = prepared.identityRestoredRead.get() === 1;
  inOne(store.database, () => {
    // Also those that nobody configures any more: what is gone of them is named.
    for (const { name } of [...store.channels, ...(store.mark?.channels ?? [])]) {
      ensureChannel(prepared, name);
    }
  });
  // Between the two: after a page that cannot be read SQLite takes no more writes of the same transaction.
  const tails = [...readTails(prepared, store.sealer).values()];
  inOne(store.database, () => {
    for (const tail of tails) {
      new Beginning(prepared, store, isRestored, tail, notices).beginIfDue();
    }
    followNumbers(prepared, store, notices);
    if (isRestored) {
      prepared.identityNotRestored.run();
      // Whatever waits here may have been delivered since it was copied.
      prepared.inboxMayRepeatWaiting.run();
      prepared.inboxMayRepeatAwaiting.run();
    }
  });
  return { notices, isRestored };
}

const inOne = (database: Database, work: () => void): void =>
  database.transaction(work).immediate();

/** One channel at the opening of its store. */
class Beginning {
  readonly #prepared: Prepared;
  readonly #store: OpeningStore;
  readonly #isRestored: boolean;
  readonly #tail: ChannelTail;
  readonly #notices: EpochNotice[];
  /** Where this channel stood in the store that was marked. */
  readonly #marked: MarkedChannel | undefined;
  /** The mark is of another store: the same numbers are other messages. */
  readonly #isOther: boolean;

  constructor(
    prepared: Prepared,
    store: OpeningStore,
    isRestored: boolean,
    tail: ChannelTail,
    notices: EpochNotice[],
  ) {
    this.#prepared = prepared;
    this.#store = store;
    this.#isRestored = isRestored;
    this.#tail = tail;
    this.#notices = notices;
    this.#marked = store.mark?.channels.find(({ name }) => name === tail.name);
    this.#isOther =
      store.mark !== undefined && Buffer.compare(store.mark.storeId, store.storeId) !== 0;
  }

  beginIfDue(): void {
    const cause = this.#causeOf();
    const missing = this.#missing();
    for (const range of missing) this.#note(range);
    if (cause === undefined) this.#mendFilling();
    else this.#begin(cause);
  }

  #causeOf(): EpochCause | undefined {
    const { epoch, lastSeq, lastChain } = this.#tail;
    const marked = this.#marked;
    // A database that is ahead is the usual case: the mark is written after the commit.
    const behind =
      marked !== undefined &&
      (marked.epoch > epoch || (marked.epoch === epoch && marked.lastSeq > lastSeq));
    // Whatever stands here under the marked numbers is something else.
    const other = this.#isOther && marked !== undefined && marked.epoch >= epoch;
    const untouched = marked?.epoch === epoch && marked.lastSeq === 0n && lastSeq === 0n;
    if (behind || (other && !untouched)) return "rollback";
    if (this.#isRestored) return "restored";
    return lastChain === undefined ? "damaged" : undefined;
  }

  #missing(): MissingRange[] {
    const { channel, epoch, lastSeq, ackedSeq, lastChain } = this.#tail;
    const ranges: MissingRange[] = [];
    const marked = this.#marked;
    if (marked !== undefined && marked.epoch >= epoch) {
      const isOurs = marked.epoch === epoch && !this.#isOther;
      const firstSeq = isOurs ? lastSeq + 1n : 1n;
      const range = { channel, epoch: marked.epoch, firstSeq, lastSeq: marked.lastSeq };
      if (firstSeq <= marked.lastSeq) ranges.push({ ...range, cause: "rollback" });
    }
    if (this.#isRestored && (marked === undefined || this.#isOther)) {
      // How far the store had been before it was put back, nothing here says.
      const range = { channel, epoch, firstSeq: lastSeq + 1n, lastSeq: END_UNKNOWN };
      ranges.push({ ...range, cause: "rollback" });
    }
    if (lastChain === undefined && lastSeq > ackedSeq) {
      ranges.push({ channel, epoch, firstSeq: lastSeq, lastSeq, cause: "damaged" });
    }
    return ranges;
  }

  #begin(cause: EpochCause): void {
    const { channel, epoch, earlier, filling } = this.#tail;
    const marked = this.#marked;
    const next = this.#nextEpoch();
    this.#prepared.cursorEnd.run(EPOCH_END.draining, this.#finalOfCurrent(cause), channel, epoch);
    const known = [...earlier, this.#tail, filling].some((one) => one?.epoch === marked?.epoch);
    if (marked !== undefined && marked.epoch > epoch && !known) {
      // Nothing of it is here: only so that OPEN can name it.
      this.#prepared.cursorBegin.run(channel, marked.epoch, EPOCH_END.draining, marked.lastSeq);
    }
    this.#prepared.cursorBegin.run(channel, next, EPOCH_END.current, null);
    // What was being moved leaves by itself first, under its old numbers; should the receiver not take
    // that, the move begins again.
    if (filling !== undefined) this.#giveUpFilling(filling.epoch);
    this.#tell(cause, next);
  }

  /** A move that a crash interrupted goes on, unless what it has appended cannot be continued. */
  #mendFilling(): void {
    const { filling, channel } = this.#tail;
    if (filling === undefined || filling.lastChain !== undefined) return;
    const next = this.#nextEpoch();
    const sources = [...this.#tail.earlier, this.#tail].filter(({ moved }) => moved !== undefined);
    this.#prepared.cursorEnd.run(EPOCH_END.reissued, null, channel, filling.epoch);
    for (const { epoch, trimmedSeq, final } of sources) {
      // From the oldest that is kept: the move may have begun before what was settled, and the receiver
      // recognises what it has.
      this.#prepared.cursorMove.run(trimmedSeq, final, channel, epoch);
    }
    this.#prepared.cursorBegin.run(channel, next, EPOCH_END.filling, null);
  }

  #giveUpFilling(epoch: bigint): void {
    const { channel, earlier } = this.#tail;
    this.#prepared.cursorEnd.run(EPOCH_END.reissued, null, channel, epoch);
    for (const one of earlier.filter(({ moved }) => moved !== undefined)) {
      this.#prepared.cursorMove.run(null, one.final, channel, one.epoch);
    }
  }

  #nextEpoch(): bigint {
    const { earlier, epoch, filling } = this.#tail;
    let highest = epoch;
    const others: (Pick<EpochStanding, "epoch"> | undefined)[] = [
      ...earlier,
      filling,
      this.#marked,
    ];
    for (const one of others) highest = larger(highest, one?.epoch ?? 0n);
    return highest + 1n;
  }

  /** 06 TP17: the highest known, or null if nobody knows. */
  #finalOfCurrent(cause: EpochCause): bigint | null {
    const { epoch, lastSeq } = this.#tail;
    const marked = this.#marked;
    if (marked !== undefined && marked.epoch > epoch) return null;
    // A store that was put back, and no mark of it: how far it had been is not known.
    if (cause === "restored" && (marked === undefined || this.#isOther)) return null;
    const isSame = marked?.epoch === epoch;
    return isSame && marked.lastSeq > lastSeq ? marked.lastSeq : lastSeq;
  }

  #note(range: MissingRange): void {
    noteMissing(this.#prepared, range, this.#store.nowMs);
    this.#notices.push({ notice: "missing", name: this.#tail.name, range });
  }

  #tell(cause: EpochCause, epoch: bigint): void {
    const { name, epoch: ended, lastSeq } = this.#tail;
    this.#notices.push({ notice: "epochDue", name, cause, epoch, ended, lastSeq });
  }
}

/** Row numbers that were given out once do not come again; lost blocks of quarantine are named. */
function followNumbers(prepared: Prepared, store: OpeningStore, notices: EpochNotice[]): void {
  const { mark, nowMs } = store;
  if (mark === undefined) return;
  const { lastMessageId, lastQuarantineId } = mark;
  const quarantineId = (prepared.sequenceRead.get("quarantine") as number | undefined) ?? 0;
  if (lastQuarantineId > quarantineId) {
    const [firstSeq, lastSeq] = [BigInt(quarantineId + 1), BigInt(lastQuarantineId)];
    const range = { channel: 0, epoch: 0n, firstSeq, lastSeq, cause: "rollback" } as const;
    noteMissing(prepared, range, nowMs);
    notices.push({ notice: "missing", name: "", range });
  }
  for (const [table, last] of [
    ["message", lastMessageId],
    ["quarantine", lastQuarantineId],
  ] as const) {
    const known = prepared.sequenceRead.get(table) as number | undefined;
    if (known === undefined) {
      if (last > 0) prepared.sequenceBegin.run(table, last);
    } else prepared.sequenceMove.run(last, table, last);
  }
}
