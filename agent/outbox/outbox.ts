/**
 * The outbox: what it says is safe, is safe.
 *
 * Main-thread face of the store. Appends are collected for one turn of the event loop, handed to the
 * writer thread in one piece, and settled when their commit has been flushed. @see 05
 *
 * @module
 */
import { AgentError } from "../errors.ts";
import { isOneOfSeveral } from "../ingest/file-drop/claims.ts";
import { WAITING_MAX_BYTES } from "../limits.ts";
import { searchControlId } from "./control-id-search.ts";
import type { ChannelTail } from "./epochs/channel-tails.ts";
import { StoreEpochs } from "./epochs/store-epochs.ts";
import { Files } from "./files/files.ts";
import { Hours } from "./hours/hours.ts";
import { Inbox } from "./inbox/inbox.ts";
import {
  type AppendedListener,
  type OutboxOptions,
  type SettledListener,
  withReports,
  writerOptions,
} from "./outbox-options.ts";
import { Progress } from "./progress.ts";
import type { SetAsideBlock, SetAsideRow } from "./quarantine-reader.ts";
import type { ReadRange, ReadResult, TracedMessage } from "./reader.ts";
import { SupportStore } from "./support/support-store.ts";
import { TrustStore } from "./trust/trust-store.ts";
import { Upkeep } from "./upkeep/upkeep.ts";
import { type AppendEntry, type PackedBatch, unpacked } from "./writing/append-batch.ts";
import { outcomeOf } from "./writing/append-outcome.ts";
import { OUTCOME } from "./writing/appender.ts";
import { HandOver } from "./writing/hand-over.ts";
import { type Staged, StagedBytes } from "./writing/staged-bytes.ts";
import { type AppendOutcome, TicketQueue, type Waiting } from "./writing/ticket-queue.ts";
import { type CommittedReport, type RefusedReport, WriterClient } from "./writing/writer-client.ts";
import {
  RESULT_COLUMNS,
  type Released,
  type ServedChannels,
  type StoreNotice,
  type StoreStanding,
} from "./writing/writer-messages.ts";

export class Outbox implements AsyncDisposable {
  readonly storeId: Uint8Array;
  readonly epochs: StoreEpochs;
  readonly upkeep: Upkeep;
  /** What the receiver sends down. */
  readonly inbox: Inbox;
  readonly files: Files;
  readonly trust: TrustStore;
  readonly support: SupportStore;
  readonly hours: Hours;
  readonly #options: OutboxOptions;
  readonly #writer: WriterClient;
  readonly #tickets: TicketQueue;
  readonly #progress: Progress;
  readonly #handOver: HandOver;
  readonly #appendedListeners: AppendedListener[] = [];
  readonly #roomListeners: (() => void)[] = [];
  /** By channel: bytes that the receiver does not have yet. */
  readonly #backlogs = new Map<number, number>();
  readonly #staged = new StagedBytes();
  #nextUpload: number;
  #closing: Promise<void> | undefined;

  private constructor(options: OutboxOptions, writer: WriterClient) {
    this.#options = options;
    this.#tickets = new TicketQueue(options.clock);
    this.#writer = writer;
    this.#handOver = new HandOver({
      clock: options.clock,
      post: (batch) =>
        writer.post({ order: "append", batch }, [batch.slab.buffer, batch.table.buffer]),
    });
    this.upkeep = new Upkeep(writer);
    this.trust = new TrustStore(writer);
    this.support = new SupportStore(writer);
    const nowMs = (): number => options.clock.nowMs();
    this.inbox = new Inbox({ writer, nowMs });
    this.hours = new Hours(writer, nowMs);
    const { storeId, channels, lastMessageId, lastUpload } = writer.opened;
    this.#takeBacklogs(writer.opened.backlogs);
    this.storeId = storeId;
    const channelNamed = (name: string) => this.channels.find((one) => one.name === name)?.channel;
    this.files = new Files({ writer, nowMs, channelNamed });
    this.epochs = new StoreEpochs(writer, channels, () => this.#progress.post());
    this.#progress = new Progress({
      ...{ clock: options.clock, lastMessageId, post: (order) => writer.post(order) },
      isCurrent: (channel, epoch) => this.epochs.isCurrent(channel, epoch),
    });
    this.#nextUpload = lastUpload + 1;
  }

  /**
   * Opens the store in `stateDir`, creating it if there is none.
   *
   * @throws {AgentError} one of `STORE_*`; nothing is ever kept in memory instead (I-9)
   */
  static async open(options: OutboxOptions): Promise<Outbox> {
    const writer = await WriterClient.open(writerOptions(options));
    const outbox = new Outbox(options, writer);
    writer.listen({
      onCommitted: (report) => outbox.#committed(report),
      onRefused: (report, error) => outbox.#refused(report, error),
      onNotice: (notice) => outbox.#noticed(notice),
      onFatal: (error) => outbox.#fatal(error),
    });
    for (const notice of writer.opened.notices) outbox.#noticed(notice);
    return outbox;
  }

  /** Every channel of the store, configured or not, as it stood when its epoch was last heard of. */
  get channels(): readonly ChannelTail[] {
    return this.epochs.tails;
  }

  /** The configuration names these now; others keep their rows. Durable when this resolves. @throws {AgentError} why not */
  async serve(served: ServedChannels): Promise<void> {
    this.epochs.found(await this.#writer.ask("serve", withReports(served)));
  }

  /** Whether senders should not be read from now (05 S8). */
  get saturated(): boolean {
    return this.#tickets.bytes + this.#staged.total >= WAITING_MAX_BYTES;
  }

  /** Slices of one upload that are not committed yet, in bytes. */
  stagedBytes(upload: number): number {
    return this.#staged.of(upload);
  }

  /** Whether the store refused a slice of an upload: nothing may name it any more. */
  isLost(upload: number): boolean {
    return this.#staged.isLost(upload);
  }

  /** What a channel holds for the receiver, in bytes, as of the last commit (03 C5). */
  backlogBytes(channel: number): number {
    return this.#backlogs.get(channel) ?? 0;
  }

  /** Calls `listener` whenever there may be room again, after `saturated` or in a channel's backlog. */
  onRoom(listener: () => void): void {
    this.#roomListeners.push(listener);
  }

  onAppended(listener: AppendedListener): void {
    this.#appendedListeners.push(listener);
  }

  /** Calls `listener` on the receiver's word, before that is written down here. */
  onSettled(listener: SettledListener): void {
    this.#progress.onSettled(listener);
  }

  /**
   * Appends messages and blocks to set aside, in one commit, all or none (03 F12). A step of a file has a commit of
   * its own.
   *
   * @param entries copied before this returns; their byte arrays may be reused
   * @param deadlineMs after it a commit that has not returned counts as refused (03 A9)
   * @param settle called once, with an outcome for each entry, after the commit was flushed
   */
  append(
    entries: readonly AppendEntry[],
    deadlineMs: number,
    settle: (outcomes: readonly AppendOutcome[]) => void,
  ): void {
    const outcomes: AppendOutcome[] = [];
    const count = entries.length;
    const isStep = isOneOfSeveral(entries[0]?.claim);
    // Let go once it was called: what the ticket queue has forgotten may still be held by the tables it
    // has outgrown, and through them everything that was in flight, until the next full collection.
    let waiting: typeof settle | undefined = settle;
    const told = (outcome: AppendOutcome): void => {
      outcomes.push(outcome);
      if (outcomes.length < count) return;
      const tell = waiting;
      waiting = undefined;
      tell?.(outcomes);
    };
    // Others need not wait for more than it: neither those that have collected, nor those that come meanwhile.
    if (isStep) this.#handOver.divide();
    for (const entry of entries) {
      const { channel, ackOwed, body } = entry;
      this.#staged.end(entry.upload);
      const bytes = body.length;
      const ticket = this.#tickets.add({ channel, bytes, ackOwed, settle: told, deadlineMs });
      this.#handOver.add(ticket, entry);
    }
    if (isStep) this.#handOver.divide();
    this.#handOver.schedule();
  }

  /** A number under which the slices of one large body are staged. */
  newUpload(): number {
    this.#staged.begin(this.#nextUpload);
    return this.#nextUpload++;
  }

  /** Stores one slice of a large body; durable with the commit of the entry that names it (05 S11). */
  stage(upload: number, ordinal: number, bytes: Uint8Array<ArrayBuffer>): void {
    this.#staged.add({ upload, bytes: bytes.length });
    this.#writer.post({ order: "stage", upload, ordinal, bytes }, [bytes.buffer]);
  }

  /** Forgets the slices of an upload that no entry will name. */
  unstage(upload: number): void {
    this.#staged.end(upload);
    this.#writer.post({ order: "unstage", upload });
  }

  /** 03 E5: the reply to row `id`, or to a repeat of it, was handed to TCP, or could not be. */
  replied(id: number, delivered: boolean): void {
    this.#progress.acks.replied(id, delivered);
    this.#progress.schedule();
  }

  /** The receiver holds everything up to `seq`. Written a little later: repeating it is harmless. */
  settle(channel: number, epoch: bigint, seq: bigint): void {
    this.#progress.settle(channel, epoch, seq);
  }

  /** The receiver refused the message for good; it stays where it is (06 TP30). */
  refused(channel: number, epoch: bigint, seq: bigint): void {
    this.#progress.refused(channel, epoch, seq);
  }

  read(range: ReadRange): Promise<ReadResult> {
    return this.#writer.ask("read", range);
  }

  /** Bytes of an upload from `from` on, at most `maxBytes`; empty where it ends. */
  slices(upload: number, from: number, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
    return this.#writer.ask("slices", { upload, from, maxBytes });
  }

  /** Blocks that were set aside before row `beforeId`, newest first. */
  quarantined(beforeId: number, count: number): Promise<SetAsideRow[]> {
    return this.#writer.ask("quarantineList", { beforeId, count });
  }

  /** One of them with bytes of what is kept of it, or `undefined` if it is not there. */
  quarantinedBlock(id: number, from: number, maxBytes: number): Promise<SetAsideBlock | undefined> {
    return this.#writer.ask("quarantineRead", { id, from, maxBytes });
  }

  /**
   * Makes a message of a block that was set aside; durable when this resolves.
   *
   * @returns the message, or `undefined` if the block is not there
   * @throws {AgentError} `QUARANTINE_NOT_WHOLE` for a fragment
   */
  async release(id: number): Promise<Released | undefined> {
    const nowMs = this.#options.clock.nowMs();
    const released = await this.#writer.ask("quarantineRelease", { id, nowMs });
    if (released === undefined) return undefined;
    this.#progress.acks.committed(released.id, false);
    for (const listener of this.#appendedListeners) listener(released.channel, released.seq);
    return released;
  }

  /** Forgets blocks that were set aside; durable when this resolves. @returns how many were there */
  discard(ids: readonly number[]): Promise<number> {
    return this.#writer.ask("quarantineDiscard", { ids });
  }

  /** The chain value after `seq`, or `undefined` if that row is not here (06 TP15). */
  chainAt(channel: number, epoch: bigint, seq: bigint): Promise<Uint8Array | undefined> {
    return this.#writer.ask("chainAt", { channel, epoch, seq });
  }

  standing(): Promise<StoreStanding> {
    this.#progress.post();
    return this.#writer.ask("standing", undefined);
  }

  /** @returns the newest messages with this control id, newest first, at most 50 */
  trace(controlId: Uint8Array): Promise<TracedMessage[]> {
    return searchControlId(this.#writer, controlId);
  }

  /** Whether free space is short: the ballast is given up then (05 S13). @throws {AgentError} */
  async diskIs(low: boolean): Promise<void> {
    await this.#writer.ask("diskLow", { low });
  }

  /** What the receiver has confirmed so far is written when this resolves. @throws {AgentError} why not */
  async flushProgress(): Promise<void> {
    this.#progress.post();
    await this.#writer.ask("flushProgress", undefined);
  }

  /** Commits what progress there is, durably: whether the store can (03 E1). @throws {AgentError} why not */
  async probe(): Promise<void> {
    this.#progress.post();
    await this.#writer.ask("probe", undefined);
  }

  /** Commits what was handed over, then closes the file. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#handOver.flushAll();
    this.#progress.close();
    await Promise.all([this.upkeep[Symbol.asyncDispose](), this.#writer.close()]);
    this.#tickets.refuseAll(new AgentError("STORE_BUSY", { closing: true }));
  }

  /** Forgets what was not handed over yet. @returns its tickets */
  #dropCollected(): number[] {
    const tickets: number[] = [];
    for (const batch of this.#handOver.takeCollected()) {
      for (const { ticket, upload } of unpacked(batch)) {
        tickets.push(ticket);
        if (upload !== 0) this.unstage(upload);
      }
      this.#handOver.recycle(batch);
    }
    return tickets;
  }

  #committed({ batches, staged, results, seqs, backlogs }: CommittedReport): void {
    const lastSeqs = new Map<number, bigint>();
    this.#takeBacklogs(backlogs);
    this.#returned(batches, staged);
    for (let index = 0; index < seqs.length; index++) {
      const row = index * RESULT_COLUMNS;
      const ticket = results[row] ?? 0;
      const outcome = results[row + 1] ?? 0;
      const flags = results[row + 2] ?? 0;
      const id = results[row + 3] ?? 0;
      const taken = this.#tickets.take(ticket);
      if (taken === undefined) continue;
      const seq = seqs[index] ?? 0n;
      if (outcome === OUTCOME.stored) {
        lastSeqs.set(taken.waiting.channel, seq);
        this.#progress.acks.committed(id, taken.waiting.ackOwed);
        // The sender went away unanswered; its resend will be recognised (03 A9).
        if (taken.late) this.#progress.acks.replied(id, false);
      }
      if (!taken.late) taken.waiting.settle(outcomeOf(outcome, flags, id, seq));
    }
    for (const [channel, seq] of lastSeqs)
      for (const listener of this.#appendedListeners) listener(channel, seq);
    this.#announceRoom();
    this.#progress.schedule();
  }

  #refused({ batches, staged, tickets }: RefusedReport, error: AgentError): void {
    // What has collected behind the refused group goes with it: stored now, a message could come before
    // the resend of one that its connection had sent earlier (I-3).
    const behind = this.#dropCollected();
    for (const { upload } of staged) this.#staged.lose(upload);
    this.#returned(batches, staged);
    const gone: Waiting[] = [];
    for (const ticket of [...tickets, ...behind]) {
      const taken = this.#tickets.take(ticket);
      if (taken !== undefined && !taken.late) gone.push(taken.waiting);
    }
    for (const waiting of gone) waiting.settle({ kind: "refused", error });
    this.#announceRoom();
  }

  #noticed(notice: StoreNotice): void {
    if (notice.notice === "epochBegun") {
      const { lastMessageId } = notice;
      if (lastMessageId !== undefined) this.#progress.acks.committed(lastMessageId, false);
      this.epochs.begun(notice);
    }
    if (notice.notice === "inboxRoom") this.inbox.heard(notice);
    else if (notice.notice !== "appended") this.#options.onNotice?.(notice);
    else for (const listener of this.#appendedListeners) listener(notice.channel, notice.lastSeq);
  }

  #returned(batches: readonly PackedBatch[], staged: readonly Staged[]): void {
    this.#staged.done(staged);
    this.#handOver.returned(batches);
  }

  #fatal(error: AgentError): void {
    this.#tickets.refuseAll(error);
    this.#options.onFatal(error);
  }

  #takeBacklogs(pairs: Float64Array): void {
    for (let i = 0; i < pairs.length; i += 2) this.#backlogs.set(pairs[i] ?? 0, pairs[i + 1] ?? 0);
  }

  /** Whoever paused asks again; after a commit that is cheap. */
  #announceRoom(): void {
    if (!this.saturated) for (const listener of this.#roomListeners) listener();
  }
}
