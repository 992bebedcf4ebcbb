/**
 * One transaction over everything that has queued, all or nothing (05 S7).
 *
 * Runs in the writer thread; knows no thread itself, so that it can be tested as it is.
 *
 * @module
 */
import { AgentError } from "../../errors.ts";
import { type Clock, systemClock } from "../../host/clock.ts";
import { freeMemory } from "../../host/free-memory.ts";
import { DISK_BUDGET_BYTES, DUPLICATE_MEMORY_KEYS } from "../../limits.ts";
import type { Sealer } from "../../sealing/sealer.ts";
import {
  type ChannelTail,
  EPOCH_END,
  type EpochStanding,
  type StoreChannel,
} from "../epochs/channel-tails.ts";
import { Disowned } from "../epochs/disowned.ts";
import { filesOfBlock, noteBlock, waitFor } from "../files/file-blocks.ts";
import type { Database } from "../format/database.ts";
import { translated } from "../format/fault.ts";
import type { MessageIdentity } from "../format/record.ts";
import { RecordReader } from "../format/record-reader.ts";
import { HourBook } from "../hours/hour-book.ts";
import type { SetAsideRow } from "../quarantine-reader.ts";
import { ACK_PENDING, ACK_UNDELIVERED, type ReadParts } from "../reader.ts";
import { RecentKeys } from "../recent-keys.ts";
import { RecentLoad } from "../recent-rows.ts";
import { releasedEntry } from "../released-entry.ts";
import { SettleMarks } from "../settle-marks.ts";
import { Budget, type Purpose } from "../space/budget.ts";
import { type TicketedEntry, unpacked } from "./append-batch.ts";
import { type Appended, Appender, FLAG_REFUSED } from "./appender.ts";
import { type Prepared, prepareAll } from "./prepared.ts";
import { Quarantine } from "./quarantine.ts";
import { ensureChannels } from "./served-channels.ts";
import { Uploads } from "./uploads.ts";
import { ticketsOf, uploadsOf } from "./write-orders.ts";
import type { AckOutcomes, LazyOrder, WriteOrder } from "./writer-messages.ts";

/** What became of a group: every ticket in order, or the reason why none is stored. */
export type GroupResult =
  | { readonly committed: true; readonly appended: readonly Appended[] }
  | { readonly committed: false; readonly tickets: readonly number[]; readonly error: AgentError };

/** A channel's epoch, as a key. */
type EpochKey = `${number}/${bigint}`;

interface Settle {
  readonly channel: number;
  readonly epoch: bigint;
  readonly seq: bigint;
}

export interface GroupCommitOptions {
  /** That exist from now on, each with its first epoch. */
  readonly channels: readonly StoreChannel[];
  readonly duplicateMemoryKeys?: number;
  /** 05 S12: what the file may take. */
  readonly diskBudgetBytes?: number;
  /** By which the time of settling is written down. */
  readonly clock?: Pick<Clock, "nowMs">;
}

export class GroupCommit {
  readonly prepared: Prepared;
  readonly sealer: Sealer;
  /** For whoever reads between commits. */
  readonly readParts: ReadParts;
  readonly recent: RecentKeys;
  readonly uploads: Uploads;
  readonly marks: SettleMarks;
  readonly budget: Budget;
  readonly disowned: Disowned;
  readonly hours: HourBook;
  /** 03 E7, by channel, where the configuration says it. */
  readonly quarantineMaxBytes = new Map<number, number>();
  readonly #database: Database;
  readonly #appender: Appender;
  readonly #quarantine: Quarantine;
  /** Progress not yet written: the newest of each kind is enough. */
  readonly #settles = new Map<EpochKey, Settle>();
  #outcomes: AckOutcomes | undefined;
  #lastRecentRow = 0;
  /** The last row of `recent` that memory no longer needs: the next transaction deletes up to it. */
  #forgettableRow = 0;
  /** Until all keys are in memory. */
  #loading: RecentLoad | undefined;
  /** Uploads whose message was refused with its group: dropped in the next transaction. */
  readonly #abandoned = new Set<number>();

  constructor(database: Database, sealer: Sealer, options: GroupCommitOptions) {
    const { channels, duplicateMemoryKeys = DUPLICATE_MEMORY_KEYS } = options;
    const { diskBudgetBytes = DISK_BUDGET_BYTES, clock = systemClock } = options;
    this.#database = database;
    this.sealer = sealer;
    const recent = new RecentKeys(duplicateMemoryKeys);
    const prepared = prepareAll(database);
    this.recent = recent;
    this.prepared = prepared;
    this.#loading = new RecentLoad(prepared, sealer, recent);
    this.readParts = { prepared, sealer, records: new RecordReader(prepared, sealer) };
    const uploads = new Uploads(prepared);
    const quarantine = new Quarantine({ prepared, sealer, uploads }, this.quarantineMaxBytes);
    this.uploads = uploads;
    this.marks = new SettleMarks(prepared, clock);
    this.budget = new Budget(database, diskBudgetBytes);
    this.disowned = new Disowned(prepared, (work) => this.inTransaction(work));
    this.#quarantine = quarantine;
    this.hours = new HourBook(prepared, sealer);
    const { hours } = this;
    this.#appender = new Appender({ prepared, sealer, recent, uploads, quarantine, hours });
    this.inTransaction(() => {
      ensureChannels(this, channels);
      this.#sweepUploads();
      this.#closeOpenAcks();
    });
    this.#appender.reload();
  }

  get tails(): ReadonlyMap<number, ChannelTail> {
    return this.#appender.tails;
  }

  /** Fills the duplicate memory from the store. The first append does it if nobody did before. */
  loadRecent(): void {
    for (let isMore = true; isMore; ) isMore = this.loadSomeRecent();
  }

  /** A step of that, some milliseconds. @returns whether there is more to do */
  loadSomeRecent(): boolean {
    const loading = this.#loading;
    if (loading === undefined) return false;
    if (loading.step()) return true;
    this.#lastRecentRow = loading.lastRow;
    this.#loading = undefined;
    return false;
  }

  /** Takes progress that the next transaction carries. */
  defer(order: LazyOrder): void {
    if (order.order === "settle") {
      const { channel, epoch, seq } = order;
      const key = keyOf(channel, epoch);
      if (seq > (this.#settles.get(key)?.seq ?? 0n))
        this.#settles.set(key, { channel, epoch, seq });
      return;
    }
    const before = this.#outcomes;
    this.#outcomes = {
      throughId: order.outcomes.throughId,
      undeliveredIds: [...(before?.undeliveredIds ?? []), ...order.outcomes.undeliveredIds],
      recoveredIds: [...(before?.recoveredIds ?? []), ...order.outcomes.recoveredIds],
    };
  }

  get hasDeferred(): boolean {
    return this.#settles.size > 0 || this.#outcomes !== undefined;
  }

  /**
   * Carries out orders in their order and flushes.
   *
   * @param withDeferred whether progress that was deferred is written along
   * @returns only after COMMIT has returned: what it says is durable (I-1). On any error nothing of
   *   the group is stored, and a commit whose outcome is unknown counts as not done (05 S9)
   */
  commit(orders: readonly WriteOrder[], withDeferred = true): GroupResult {
    // Progress alone needs no keys.
    if (orders.length > 0) this.loadRecent();
    const mark = this.recent.mark();
    const appended: Appended[] = [];
    let remembered = false;
    try {
      // Before the room for messages is used up, progress still has some.
      const purpose = orders.length > 0 ? "messages" : "progress";
      this.inTransaction(() => {
        for (const upload of this.#abandoned) this.uploads.drop(upload);
        for (const order of orders) this.#carryOut(order, appended);
        remembered = this.#appender.flush(this.#lastRecentRow + 1);
        if (withDeferred) this.#writeDeferred();
        if (this.#forgettableRow > 0) this.prepared.recentForget.run(this.#forgettableRow);
      }, purpose);
    } catch (error) {
      this.recent.rollback(mark);
      this.#appender.reload();
      this.marks.reload();
      // Their senders send again under new numbers: the slices that are stored already go.
      for (const upload of uploadsOf(orders)) this.#abandoned.add(upload);
      const tickets = ticketsOf(orders);
      return { committed: false, tickets, error: this.budget.refusal(translated(error), orders) };
    }
    if (remembered) this.#lastRecentRow += 1;
    // Only now: a generation that a failed transaction had dropped could not be brought back.
    this.#forgettableRow = this.recent.forgetOldest();
    this.#abandoned.clear();
    if (withDeferred) {
      this.#settles.clear();
      this.#outcomes = undefined;
    }
    return { committed: true, appended };
  }

  /**
   * Makes a message of a block that was set aside, in one transaction (an operator's decision).
   *
   * @returns the message, or `undefined` if the block is gone meanwhile
   */
  release(block: SetAsideRow, body: Uint8Array, nowMs: number): Appended | undefined {
    this.loadRecent();
    let appended: Appended | undefined;
    const mark = this.recent.mark();
    try {
      this.inTransaction(() => {
        const files = filesOfBlock(this.prepared, block.id);
        if (!this.#quarantine.remove(block.id, true)) return;
        const entry = releasedEntry(block, body, nowMs);
        appended = this.#appender.release(entry, this.#lastRecentRow + 1, block.replaces);
        waitFor(this.prepared, files, this.tails.get(block.channel), appended.seq);
        this.#appender.flush(this.#lastRecentRow + 1);
      });
    } catch (error) {
      this.recent.rollback(mark);
      this.#appender.reload();
      throw error;
    }
    if (appended !== undefined) this.#lastRecentRow += 1;
    return appended;
  }

  /**
   * Appends what is here already once more, in one transaction of a chore.
   *
   * @param work gets the row of `recent` that its entries go to
   * @throws what `work` or the commit throws; nothing of it is stored then
   */
  appendAgain(
    work: (appender: Appender, recentRow: number) => void,
    purpose: Purpose = "progress",
  ): void {
    this.loadRecent();
    const mark = this.recent.mark();
    let remembered = false;
    try {
      this.inTransaction(() => {
        work(this.#appender, this.#lastRecentRow + 1);
        remembered = this.#appender.flush(this.#lastRecentRow + 1);
        if (this.#forgettableRow > 0) this.prepared.recentForget.run(this.#forgettableRow);
      }, purpose);
    } catch (error) {
      this.recent.rollback(mark);
      this.#appender.reload();
      throw error;
    }
    if (remembered) this.#lastRecentRow += 1;
    this.#forgettableRow = this.recent.forgetOldest();
  }

  /** Reads the tails again: an epoch has begun. */
  reload(): void {
    this.#appender.reload();
  }

  /**
   * Sets aside what the receiver refused for good, and marks its row, in one transaction (06 TP30).
   *
   * @param before the number that it had before it was appended again, if it was
   * @returns false if there is no room for it; nothing has changed then
   */
  setAside(
    entry: TicketedEntry,
    id: number,
    identity: MessageIdentity,
    before?: MessageIdentity,
  ): boolean {
    let isThere = false;
    this.#inQuarantine(() => {
      const block = this.#quarantine.setAside(entry, identity);
      isThere = block !== undefined;
      if (block === undefined) return;
      noteBlock(this.prepared, entry.channel, [identity, before], block);
      if (entry.upload !== 0) this.uploads.retain(entry.upload);
      this.prepared.messageMark.run(FLAG_REFUSED, id);
      this.hours.unnumbered(entry.channel, entry.receivedAtMs, "rejected");
    });
    return isThere;
  }

  /** Forgets blocks that were set aside (an operator's decision). @returns how many were there */
  discard(ids: readonly number[]): number {
    let count = 0;
    this.#inQuarantine(() => {
      for (const id of ids) if (this.#quarantine.remove(id)) count += 1;
    });
    return count;
  }

  #inQuarantine(work: () => void): void {
    try {
      this.inTransaction(() => {
        work();
        this.#quarantine.flush();
        this.hours.flush();
      });
    } catch (error) {
      this.#appender.reload();
      throw error;
    }
  }

  #carryOut(order: WriteOrder, appended: Appended[]): void {
    switch (order.order) {
      case "append":
        this.#appender.expect(order.batch);
        for (const entry of unpacked(order.batch)) {
          appended.push(this.#appender.append(entry, this.#lastRecentRow + 1));
        }
        return;
      case "stage":
        this.#stage(order);
        return;
      case "unstage":
        this.uploads.drop(order.upload);
        return;
    }
  }

  #stage({ upload, ordinal, bytes }: Extract<WriteOrder, { order: "stage" }>): void {
    // With every slice: were the first one refused, a crash would leave the others unswept.
    this.prepared.uploadInsert.run(upload);
    const place = { column: "slice.bytes", channel: 0, row: upload, extra: ordinal } as const;
    const sealed = this.sealer.seal([bytes], place);
    this.prepared.sliceInsert.run(upload, ordinal, sealed);
    freeMemory(sealed);
  }

  #writeDeferred(): void {
    for (const settle of this.#settles.values()) this.#writeSettle(settle);
    if (this.#outcomes === undefined) return;
    for (const id of this.#outcomes.undeliveredIds) {
      this.prepared.ackExceptionInsert.run(id, id, ACK_UNDELIVERED);
    }
    for (const id of this.#outcomes.recoveredIds) this.prepared.ackExceptionDelete.run(id);
    this.prepared.ackThroughMove.run(this.#outcomes.throughId);
  }

  #writeSettle({ channel, epoch, seq }: Settle): void {
    const standing = this.#standingOf(channel, epoch);
    if (standing === undefined || seq <= standing.ackedSeq) return;
    if (seq > standing.lastSeq) throw new AgentError("AGENT_DEFECT", { channel, seq });
    const row = this.prepared.messageAt.get(channel, epoch, seq) as
      | [bigint, bigint, bigint, bigint]
      | undefined;
    const throughBytes = Number(row?.[3] ?? standing.ackedBytes);
    this.prepared.cursorSettle.run(seq, throughBytes, seq, channel, epoch, seq);
    standing.ackedSeq = seq;
    standing.ackedBytes = throughBytes;
    if (this.marks.isDue(channel, epoch, seq)) this.marks.write(channel, epoch, seq);
  }

  #standingOf(channel: number, epoch: bigint): EpochStanding | undefined {
    const tail = this.tails.get(channel);
    if (tail?.epoch === epoch) return tail;
    const ended = tail?.earlier.find((one) => one.epoch === epoch);
    // What was appended again in a later epoch is settled there.
    return ended?.ended === EPOCH_END.draining ? ended : undefined;
  }

  /** What a crash left of bodies that were still arriving (05 S11). */
  #sweepUploads(): void {
    const incomplete = this.prepared.uploadIncomplete.all() as number[];
    for (const upload of incomplete) this.uploads.dropWhole(upload);
  }

  /** Replies whose outcome a crash made unknowable stay `pending` (03 E5). */
  #closeOpenAcks(): void {
    const through = this.prepared.ackThroughRead.get() as number;
    const last = (this.prepared.messageLastId.get() as number | null) ?? 0;
    if (last <= through) return;
    this.prepared.ackExceptionInsert.run(through + 1, last, ACK_PENDING);
    this.prepared.ackThroughMove.run(last);
  }

  /** One transaction of whoever works between commits. What throws is rolled back. */
  inTransaction(work: () => void, purpose: Purpose = "progress"): void {
    this.budget.allow(purpose);
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      work();
      this.#database.exec("COMMIT");
      this.hours.committed();
    } catch (error) {
      if (this.#database.inTransaction) this.#database.exec("ROLLBACK");
      throw error;
    }
  }
}

const keyOf = (channel: number, epoch: bigint): EpochKey => `${channel}/${epoch}`;
