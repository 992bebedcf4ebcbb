/**
 * The outbox: what it says is safe, is safe.
 *
 * Main-thread face of the store. Appends are collected for one turn of the event loop, handed to the
 * writer thread in one piece, and settled when their commit has been flushed. @see 05
 *
 * @module
 */
import { AgentError } from "../errors.ts";
import type { Chance, Clock } from "../host/clock.ts";
import {
  COMMIT_MAX_BYTES,
  DUPLICATE_WINDOW_MS,
  LAZY_WRITE_MS,
  STORE_DEADLINE_MS,
  TRACE_MAX_COUNT,
  WAITING_MAX_BYTES,
} from "../limits.ts";
import { AckLedger } from "./ack-ledger.ts";
import { AppendBatch, type AppendEntry, type PackedBatch, unpacked } from "./append-batch.ts";
import { OUTCOME } from "./appender.ts";
import type { ChannelTail } from "./channel-tails.ts";
import type { ReadRange, ReadResult, TracedMessage } from "./reader.ts";
import { type AppendOutcome, TicketQueue, type Waiting } from "./ticket-queue.ts";
import { type CommittedReport, type RefusedReport, WriterClient } from "./writer-client.ts";
import { RESULT_COLUMNS, type StoreStanding } from "./writer-messages.ts";

/** One batch is being committed, one waits behind it: more would only cost hand-overs (05 S7). */
const POSTED_BATCHES_MAX_COUNT = 1;

export interface OutboxOptions {
  readonly stateDir: string;
  readonly allowVolatileState: boolean;
  /** Names of configured channels; a channel once known stays known, for its messages must leave. */
  readonly channels: readonly string[];
  readonly clock: Clock;
  readonly chance: Chance;
  readonly duplicateWindowMs?: number;
  readonly storeDeadlineMs?: number;
  /** The store cannot go on: close the sockets, end the process (05 S9). At most once. */
  readonly onFatal: (error: AgentError) => void;
}

/** Called after each commit that appended to a channel, with its new last seq. */
export type AppendedListener = (channel: number, lastSeq: bigint) => void;

export class Outbox implements AsyncDisposable {
  readonly storeId: Uint8Array;
  /** Where each channel stood when the store was opened. */
  readonly channels: readonly ChannelTail[];
  readonly #options: OutboxOptions;
  readonly #writer: WriterClient;
  readonly #tickets: TicketQueue;
  readonly #acks: AckLedger;
  readonly #batch = new AppendBatch();
  /** Batches of the size of a commit that wait for the writer, in order. */
  readonly #full: PackedBatch[] = [];
  readonly #appendedListeners: AppendedListener[] = [];
  readonly #roomListeners: (() => void)[] = [];
  #flushScheduled = false;
  /** Batches that the writer has and has not reported. */
  #postedBatches = 0;
  /** Slices that the writer has and has not reported. */
  #stagedBytes = 0;
  #progressScheduled = false;
  /** By channel: what the receiver has and the writer was not told yet. */
  readonly #settles = new Map<number, bigint>();
  #nextUpload: number;
  #closing: Promise<void> | undefined;

  private constructor(options: OutboxOptions, writer: WriterClient) {
    this.#options = options;
    this.#tickets = new TicketQueue(options.clock, options.storeDeadlineMs ?? STORE_DEADLINE_MS);
    this.#writer = writer;
    const { storeId, channels, lastMessageId, lastUpload } = writer.opened;
    this.storeId = storeId;
    this.channels = channels;
    this.#acks = new AckLedger(lastMessageId);
    this.#nextUpload = lastUpload + 1;
  }

  /**
   * Opens the store in `stateDir`, creating it if there is none.
   *
   * @throws {AgentError} one of `STORE_*`; nothing is ever kept in memory instead (I-9)
   */
  static async open(options: OutboxOptions): Promise<Outbox> {
    const writer = await WriterClient.open({
      stateDir: options.stateDir,
      allowVolatileState: options.allowVolatileState,
      channels: options.channels,
      newStoreId: options.chance.bytes(16),
      duplicateWindowMs: options.duplicateWindowMs ?? DUPLICATE_WINDOW_MS,
    });
    const outbox = new Outbox(options, writer);
    writer.listen({
      onCommitted: (report) => outbox.#committed(report),
      onRefused: (report, error) => outbox.#refused(report, error),
      onFatal: (error) => outbox.#fatal(error),
    });
    return outbox;
  }

  /** Whether senders should not be read from now (05 S8). */
  get saturated(): boolean {
    return this.#tickets.bytes + this.#stagedBytes >= WAITING_MAX_BYTES;
  }

  /** Calls `listener` each time room comes back after `saturated`. */
  onRoom(listener: () => void): void {
    this.#roomListeners.push(listener);
  }

  onAppended(listener: AppendedListener): void {
    this.#appendedListeners.push(listener);
  }

  /**
   * Appends one message, or sets one block aside.
   *
   * @param entry copied before this returns; its byte arrays may be reused
   * @returns settles after the commit was flushed. Never rejects: a refusal is an outcome
   */
  append(entry: AppendEntry): Promise<AppendOutcome> {
    return new Promise((settle) => {
      const { channel, ackOwed, body } = entry;
      const ticket = this.#tickets.add({ channel, bytes: body.length, ackOwed, settle });
      this.#batch.add(ticket, entry);
      if (this.#batch.bytes >= COMMIT_MAX_BYTES) this.#full.push(this.#batch.take());
      if (this.#flushScheduled) return;
      this.#flushScheduled = true;
      // After the poll phase: one hand-over for all sockets that were readable in this turn.
      setImmediate(() => this.#flush());
    });
  }

  /** A number under which the slices of one large body are staged. */
  newUpload(): number {
    return this.#nextUpload++;
  }

  /** Stores one slice of a large body; durable with the commit of the entry that names it (05 S11). */
  stage(upload: number, ordinal: number, bytes: Uint8Array<ArrayBuffer>): void {
    this.#stagedBytes += bytes.length;
    this.#writer.post({ order: "stage", upload, ordinal, bytes }, [bytes.buffer]);
  }

  /** Forgets the slices of an upload that no entry will name. */
  unstage(upload: number): void {
    this.#writer.post({ order: "unstage", upload });
  }

  /** 03 E5: the reply to row `id`, or to a repeat of it, was handed to TCP, or could not be. */
  replied(id: number, delivered: boolean): void {
    this.#acks.replied(id, delivered);
    this.#scheduleProgress();
  }

  /** The receiver holds everything up to `seq`. Written a little later: repeating it is harmless. */
  settle(channel: number, seq: bigint): void {
    const known = this.#settles.get(channel) ?? 0n;
    if (seq > known) this.#settles.set(channel, seq);
    this.#scheduleProgress();
  }

  read(range: ReadRange): Promise<ReadResult> {
    return this.#writer.ask("read", range);
  }

  /** Slices of a large body from `ordinal` on, at least one unless there are no more. */
  slices(upload: number, ordinal: number, maxBytes: number): Promise<Uint8Array[]> {
    return this.#writer.ask("slices", { upload, ordinal, maxBytes });
  }

  /** The chain value after `seq`, or `undefined` if that row is not here (06 TP15). */
  chainAt(channel: number, epoch: bigint, seq: bigint): Promise<Uint8Array | undefined> {
    return this.#writer.ask("chainAt", { channel, epoch, seq });
  }

  standing(): Promise<StoreStanding> {
    this.#postProgress();
    return this.#writer.ask("standing", undefined);
  }

  /** @returns the newest messages with this control id, newest first, at most 50 */
  async trace(controlId: Uint8Array): Promise<TracedMessage[]> {
    const found: TracedMessage[] = [];
    let beforeId = Number.MAX_SAFE_INTEGER;
    while (beforeId > 0 && found.length < TRACE_MAX_COUNT) {
      const { matches, nextId } = await this.#writer.ask("search", { controlId, beforeId });
      found.push(...matches);
      beforeId = nextId;
    }
    return found.slice(0, TRACE_MAX_COUNT);
  }

  /** Commits what progress there is, durably: whether the store can (03 E1). @throws {AgentError} why not */
  async probe(): Promise<void> {
    this.#postProgress();
    await this.#writer.ask("probe", undefined);
  }

  /** Commits what was handed over, then closes the file. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    while (this.#batch.count > 0 || this.#full.length > 0) this.#flushNow();
    this.#postProgress();
    await this.#writer.close();
    this.#tickets.refuseAll(new AgentError("STORE_BUSY", { closing: true }));
  }

  /** Forgets what was not handed over yet. @returns its tickets */
  #dropCollected(): number[] {
    const batches = [...this.#full.splice(0), this.#batch.take()];
    const tickets: number[] = [];
    for (const batch of batches) {
      for (const { ticket, upload } of unpacked(batch)) {
        tickets.push(ticket);
        if (upload !== 0) this.unstage(upload);
      }
      this.#batch.recycle(batch);
    }
    return tickets;
  }

  /** Hands over what has collected, unless the writer has enough to do: then the batch grows on. */
  #flush(): void {
    this.#flushScheduled = false;
    if (this.#postedBatches < POSTED_BATCHES_MAX_COUNT) this.#flushNow();
  }

  #flushNow(): void {
    if (this.#batch.count > 0) this.#full.push(this.#batch.take());
    const batch = this.#full.shift();
    if (batch === undefined) return;
    this.#postedBatches += 1;
    this.#writer.post({ order: "append", batch }, [batch.slab.buffer, batch.table.buffer]);
  }

  #committed({ batches, stagedBytes, results, seqs }: CommittedReport): void {
    const lastSeqs = new Map<number, bigint>();
    const wasSaturated = this.saturated;
    this.#returned(batches, stagedBytes);
    for (let index = 0; index < seqs.length; index++) {
      const row = index * RESULT_COLUMNS;
      const [ticket, outcome, reused, id] = [
        results[row] ?? 0,
        results[row + 1] ?? 0,
        results[row + 2] ?? 0,
        results[row + 3] ?? 0,
      ];
      const taken = this.#tickets.take(ticket);
      if (taken === undefined) continue;
      const seq = seqs[index] ?? 0n;
      if (outcome === OUTCOME.stored) {
        lastSeqs.set(taken.waiting.channel, seq);
        this.#acks.committed(id, taken.waiting.ackOwed);
        // The sender went away unanswered; its resend will be recognised (03 A9).
        if (taken.late) this.#acks.replied(id, false);
      }
      if (!taken.late) taken.waiting.settle(outcomeOf(outcome, reused === 1, id, seq));
    }
    for (const [channel, seq] of lastSeqs) {
      for (const listener of this.#appendedListeners) listener(channel, seq);
    }
    this.#announceRoom(wasSaturated);
    this.#scheduleProgress();
  }

  #refused({ batches, stagedBytes, tickets }: RefusedReport, error: AgentError): void {
    const wasSaturated = this.saturated;
    // What has collected behind the refused group goes with it: stored now, a message could come before
    // the resend of one that its connection had sent earlier (I-3).
    const behind = this.#dropCollected();
    this.#returned(batches, stagedBytes);
    const gone: Waiting[] = [];
    for (const ticket of [...tickets, ...behind]) {
      const taken = this.#tickets.take(ticket);
      if (taken !== undefined && !taken.late) gone.push(taken.waiting);
    }
    for (const waiting of gone) waiting.settle({ kind: "refused", error });
    this.#announceRoom(wasSaturated);
  }

  #returned(batches: readonly PackedBatch[], stagedBytes: number): void {
    this.#stagedBytes -= stagedBytes;
    this.#postedBatches -= batches.length;
    for (const batch of batches) this.#batch.recycle(batch);
    this.#flush();
  }

  #fatal(error: AgentError): void {
    this.#tickets.refuseAll(error);
    this.#options.onFatal(error);
  }

  #announceRoom(wasSaturated: boolean): void {
    if (wasSaturated && !this.saturated) for (const listener of this.#roomListeners) listener();
  }

  #scheduleProgress(): void {
    if (this.#progressScheduled) return;
    this.#progressScheduled = true;
    this.#options.clock.after(LAZY_WRITE_MS, () => {
      this.#progressScheduled = false;
      if (this.#closing === undefined) this.#postProgress();
    });
  }

  #postProgress(): void {
    const outcomes = this.#acks.take();
    if (outcomes !== undefined) this.#writer.post({ order: "outcomes", outcomes });
    for (const [channel, seq] of this.#settles)
      this.#writer.post({ order: "settle", channel, seq });
    this.#settles.clear();
  }
}

function outcomeOf(code: number, controlIdReused: boolean, id: number, seq: bigint): AppendOutcome {
  switch (code) {
    case OUTCOME.stored:
      return { kind: "stored", id, seq, controlIdReused };
    case OUTCOME.repeat:
      return { kind: "repeat", id };
    case OUTCOME.quarantined:
      return { kind: "quarantined", repeated: false };
    case OUTCOME.quarantinedRepeat:
      return { kind: "quarantined", repeated: true };
    case OUTCOME.quarantineFull:
      return { kind: "refused", error: new AgentError("QUARANTINE_FULL", {}) };
    default:
      throw new AgentError("AGENT_DEFECT", { outcome: code });
  }
}
