/**
 * The writer thread: the only one that touches the store (05 S1, S7).
 *
 * It sleeps until an order comes, takes all that has queued up to a bound, commits once, and reports.
 * The next group forms while this one's flush runs; there is no timer between a message and its
 * commit. Reading happens between commits. On a fault that halts it reports and does nothing more.
 *
 * @module
 */
import { join } from "node:path";
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import type { AgentError } from "../../errors.ts";
import { systemClock } from "../../host/clock.ts";
import { freeMemory } from "../../host/free-memory.ts";
import { COMMIT_MAX_BYTES, COMMIT_MAX_COUNT, LAZY_WRITE_MS, WRITER_SPIN_MS } from "../../limits.ts";
import type { KeyRing } from "../../sealing/key-ring.ts";
import { backlogsOf } from "../epochs/channel-tails.ts";
import { HighWaterNotes, openHighWater } from "../epochs/high-water-notes.ts";
import { missingRanges } from "../epochs/missing.ts";
import { beginDueEpochs } from "../epochs/opening-epochs.ts";
import { Reissue } from "../epochs/reissue.ts";
import { SkipDamaged } from "../epochs/skip-damaged.ts";
import { FileStore } from "../files/file-store.ts";
import type { Database } from "../format/database.ts";
import { openingFault, toPlain, translated, writerDied } from "../format/fault.ts";
import { writeRepeats } from "../hours/write-repeats.ts";
import { InboxStore } from "../inbox/inbox-store.ts";
import { buffersOf, type ReadResult } from "../reader.ts";
import { makeRoomToOpen, Space } from "../space/space.ts";
import { SupportRows } from "../support/support-rows.ts";
import { TrustRows } from "../trust/trust-rows.ts";
import { Replay } from "../upkeep/replay.ts";
import { Verify } from "../upkeep/verify.ts";
import { answers } from "./answers.ts";
import type { PackedBatch } from "./append-batch.ts";
import type { Appended } from "./appender.ts";
import { type Chore, Chores } from "./chores.ts";
import { committedReport } from "./committed-report.ts";
import { GroupCommit } from "./group-commit.ts";
import { type OpenedStore, openStore } from "./open-store.ts";
import type { Staged } from "./staged-bytes.ts";
import type { Copying } from "./upkeep-answers.ts";
import type {
  Question,
  StoreNotice,
  WriteOrder,
  WriterOptions,
  WriterOrder,
  WriterReport,
} from "./writer-messages.ts";

const port = parentPort;
if (port === null) throw new TypeError("Cannot run the writer outside a worker thread");

const options = workerData as WriterOptions;
let halted = false;
let lazyArmed = false;
/** Monotonic: when progress was last written. */
let lazyWrittenMs = 0;
/** After a transaction that was refused: when progress is tried again. */
const PROGRESS_RETRY_MS = 1_000;
/** So long the thread goes from order to order at most before its timers and finished flushes are heard. */
const STAY_MS = 100;
/** Monotonic: when room was last made on a full disk, and for how long that is not tried again. */
let roomMadeMs = Number.NEGATIVE_INFINITY;
const ROOM_AGAIN_MS = 5_000;

function report(message: WriterReport, transfer: ArrayBufferLike[] = []): void {
  port?.postMessage(message, transfer as ArrayBuffer[]);
}

function halt(error: unknown): void {
  halted = true;
  report({ report: "fatal", fault: toPlain(translated(error)) });
}

interface Opened {
  readonly database: Database;
  readonly store: GroupCommit;
  readonly keys: KeyRing;
  /** As a whole when it was opened, or it needed no check; if not, its rows are read through (05 S18). */
  readonly checked: boolean;
  /** What an operator wants sent again. */
  readonly replay: Replay;
  /** Channels on their way to a new epoch. */
  readonly reissue: Reissue;
  readonly skipping: SkipDamaged;
  readonly space: Space;
  readonly inbox: InboxStore;
  readonly files: FileStore;
  readonly trust: TrustRows;
  readonly support: SupportRows;
  readonly highWater: HighWaterNotes;
}

/** What is done between commits. */
function choresOf({ store, checked, replay, reissue, space, highWater }: Opened): Chore[] {
  return [
    reissue,
    highWater,
    ...space.chores,
    replay,
    new Verify({
      ...{ store, clock: systemClock, atOnce: !checked },
      onDamaged: (row) => {
        if (row.kind === "message") store.disowned.add(row.channel, row.epoch, row.seq);
        report({ report: "noticed", notice: { notice: "damaged", row } });
      },
      onVerified: (totals) => report({ report: "noticed", notice: { notice: "verified", totals } }),
    }),
  ];
}

/** On a disk that is full the store opens in the room of its ballast; not before it is known to be nobody else's. */
function openWithRoom(): OpenedStore {
  try {
    return openStore(options, systemClock);
  } catch (error) {
    if (translated(error).code !== "STORE_FULL") throw error;
    makeRoomToOpen(options.stateDir, options.ballastBytes);
    return openStore(options, systemClock);
  }
}

function open(): Opened | undefined {
  try {
    const { database, sealer, storeId, keys, checked, keysSetAside } = openWithRoom();
    makeRoomToOpen(options.stateDir, options.ballastBytes);
    const file = openHighWater(options.stateDir);
    const epochs = beginDueEpochs({
      ...{ database, sealer, storeId, channels: options.channels },
      ...{ mark: file.found, nowMs: systemClock.nowMs() },
    });
    if (epochs.isRestored) keys.renew();
    const store = new GroupCommit(database, sealer, options);
    const highWater = new HighWaterNotes(file, store, storeId);
    highWater.note();
    const found: StoreNotice[] = [
      ...(file.damaged ? [{ notice: "highWaterDamaged" } as const] : []),
      ...(keysSetAside ? [{ notice: "keysSetAside" } as const] : []),
      ...missingRanges(store.prepared).map((range) => {
        const name = store.tails.get(range.channel)?.name ?? "";
        return { notice: "stillMissing", name, range } as const;
      }),
    ];
    report({
      report: "opened",
      notices: [...found, ...epochs.notices],
      storeId,
      lastUpload: (store.prepared.uploadSequence.get() as number | undefined) ?? 0,
      lastMessageId: (store.prepared.messageLastId.get() as number | null) ?? 0,
      channels: [...store.tails.values()],
      backlogs: backlogsOf(store.tails),
    });
    const tellAppended = (channel: number, lastSeq: bigint): void => {
      highWater.note();
      report({ report: "noticed", notice: { notice: "appended", channel, lastSeq } });
      reportCommitted(store, [], [], []);
    };
    const replay = new Replay(store, tellAppended);
    const onRefused = (error: AgentError): void => guarded(() => makeRoom(error));
    const inbox = new InboxStore({
      ...{ store, storeId, channels: options.downstream ?? [], onReported: tellAppended },
      onRefused,
      isHalted: () => halted,
    });
    const tell = (notice: StoreNotice): void => report({ report: "noticed", notice });
    const files = new FileStore({
      ...{ store, onRefused, isHalted: () => halted },
      onDamaged: (row) => tell({ notice: "damaged", row }),
    });
    const spacious = { ...options, storeId, onAppended: tellAppended, clock: systemClock, tell };
    const space = new Space({ ...spacious, store, database, keys });
    const nowMs = (): number => systemClock.nowMs();
    const tellBegun = (notice: StoreNotice): void => {
      highWater.note();
      tell(notice);
      reportCommitted(store, [], [], []);
    };
    const reissue = new Reissue({ store, nowMs, tell: tellBegun });
    const skipping = new SkipDamaged({ store, nowMs, tell: tellBegun });
    const trust = new TrustRows({ store, onRefused });
    const support = new SupportRows({ store, onRefused });
    const more = { space, inbox, files, highWater, trust, support };
    return { database, store, keys, checked, replay, reissue, skipping, ...more };
  } catch (error) {
    halt(openingFault(error));
    return undefined;
  }
}

const copying: Copying = { count: 0 };
const opened = open();
const chores =
  opened === undefined ? undefined : new Chores(systemClock, choresOf(opened), choreFailed);
const answerTo =
  opened === undefined
    ? undefined
    : answers({
        ...opened,
        tellBacklogs: () => reportCommitted(opened.store, [], [], []),
        close,
        upkeep: {
          keys: opened.keys,
          keysFolder: join(options.stateDir, "keys"),
          copying,
          replay: opened.replay,
          isBusy: () => chores?.isBusy === true,
          isHalted: () => halted,
          wake: (chore) => chores?.wake(chore),
        },
      });
if (opened !== undefined) {
  port.on("message", (first: WriterOrder) => {
    const untilMs = systemClock.monotonicMs() + STAY_MS;
    for (let next: WriterOrder | undefined = first; next !== undefined; ) {
      // A copy goes on between two turns of the event loop.
      const hurries = copying.count > 0 || systemClock.monotonicMs() >= untilMs;
      const stays: boolean = work(next) && !halted && !hurries;
      next = stays ? soon() : undefined;
    }
  });
  // Behind the report: what happens before the first message does not delay the listeners.
  setImmediate(loadRecent);
}

function loadRecent(): void {
  guarded(() => {
    if (opened?.store.loadSomeRecent() === true) setImmediate(loadRecent);
  });
}

/**
 * The next order, if it comes within a moment after a commit. A sender that waits for its reply sends
 * again at once; sleeping and being woken would cost it as much as half a flush.
 */
function soon(): WriterOrder | undefined {
  if (port === null) return undefined;
  const untilMs = systemClock.monotonicMs() + WRITER_SPIN_MS;
  do {
    const next = receiveMessageOnPort(port);
    if (next !== undefined) return next.message;
  } while (systemClock.monotonicMs() < untilMs);
  return undefined;
}

/** Handles `first` and what has queued behind it, as one group. @returns whether there was something to commit */
function work(first: WriterOrder): boolean {
  if (halted || port === null || opened === undefined) return false;
  const writes: WriteOrder[] = [];
  const questions: Question[] = [];
  let bytes = 0;
  let count = 0;
  for (let order: WriterOrder | undefined = first; order !== undefined; ) {
    if (order.order === "ask") questions.push(order);
    else if (order.order === "settle" || order.order === "outcomes") opened.store.defer(order);
    else {
      writes.push(order);
      bytes += order.order === "append" ? order.batch.slab.length : 0;
      bytes += order.order === "stage" ? order.bytes.length : 0;
      count += order.order === "append" ? order.batch.count : 1;
    }
    if (bytes >= COMMIT_MAX_BYTES || count >= COMMIT_MAX_COUNT) break;
    order = receiveMessageOnPort(port)?.message;
  }
  if (writes.length > 0) commit(writes);
  if (opened.store.hasDeferred && !halted) commitSoon();
  for (const question of questions) answer(question);
  if (!halted) chores?.poll();
  if (!halted) opened.highWater.note();
  return writes.length > 0;
}

function commit(writes: readonly WriteOrder[]): void {
  if (opened === undefined) return;
  const nowMs = systemClock.monotonicMs();
  const withDeferred = writes.length === 0 || nowMs - lazyWrittenMs >= LAZY_WRITE_MS;
  if (withDeferred) lazyWrittenMs = nowMs;
  const batches = writes.flatMap((write) => (write.order === "append" ? [write.batch] : []));
  const staged = writes.flatMap((write) =>
    write.order === "stage" ? [{ upload: write.upload, bytes: write.bytes.length }] : [],
  );
  const result = opened.store.commit(writes, withDeferred);
  for (const write of writes) if (write.order === "stage") freeMemory(write.bytes);
  if (result.committed) {
    if (batches.length > 0 || staged.length > 0) chores?.busy();
    const heard = batches.length > 0 || staged.length > 0 || withDeferred;
    if (heard) reportCommitted(opened.store, batches, staged, result.appended);
  } else if (result.error.disposition === "halt") {
    halt(result.error);
  } else {
    const { tickets, error } = result;
    const fault = toPlain(error);
    if (writes.length > 0) report({ report: "refused", batches, staged, tickets, fault });
    guarded(() => makeRoom(error));
  }
}

/** 05 S13: in the room of the ballast what is stored can leave, though nothing more comes in. */
function makeRoom(error: AgentError): void {
  if (opened === undefined) return;
  const nowMs = systemClock.monotonicMs();
  // Where there is no more room to be had, waking a chore that fails again would only spin.
  const isDue = nowMs - roomMadeMs >= ROOM_AGAIN_MS;
  if (isDue && opened.space.refused(error)) {
    roomMadeMs = nowMs;
    for (const { name } of opened.space.chores) chores?.wake(name);
  }
  // What the receiver has confirmed is written as soon as that is possible.
  systemClock.after(PROGRESS_RETRY_MS, () => {
    if (!halted && opened.store.hasDeferred) commit([]);
  });
}

function commitSoon(): void {
  if (lazyArmed) return;
  lazyArmed = true;
  systemClock.after(LAZY_WRITE_MS, () => {
    lazyArmed = false;
    if (!halted && opened?.store.hasDeferred === true) commit([]);
  });
}

function reportCommitted(
  store: GroupCommit,
  batches: readonly PackedBatch[],
  staged: readonly Staged[],
  appended: readonly Appended[],
): void {
  const packed = committedReport(store.tails, { batches, staged, appended });
  report(packed.report, packed.transfer);
}

function answer({ id, name, ask }: Question): void {
  if (answerTo === undefined || halted) return;
  try {
    const found = (answerTo[name] as (ask: unknown) => unknown)(ask);
    if (found instanceof Promise) {
      found.then(
        (later: unknown) => report({ report: "answer", id, answer: later }),
        (error: unknown) => unanswered(id, error),
      );
      return;
    }
    const transfer = name === "read" ? buffersOf(found as ReadResult) : [];
    report({ report: "answer", id, answer: found }, transfer);
  } catch (error) {
    unanswered(id, error);
  }
}

function unanswered(id: number, error: unknown): void {
  const fault = translated(error);
  if (fault.disposition === "halt") halt(fault);
  else report({ report: "failed", id, fault: toPlain(fault) });
}

function close(): void {
  if (opened === undefined) return;
  chores?.[Symbol.dispose]();
  if (opened.store.hasDeferred) commit([]);
  guarded(() => writeRepeats(opened.store));
  markClean(opened);
  opened.highWater.note();
  opened.highWater.close();
  opened.database.close();
  halted = true;
}

/** Without it the next start looks closer, which is all that a full disk may cost here. */
function markClean({ store, space }: Opened): void {
  if (halted) return;
  try {
    space.finish();
    store.prepared.identityClean.run();
  } catch {
    // The next start finds it unclean.
  }
}

/** What a step of a chore threw: a store that cannot go on halts, anything else is told and tried again. */
function choreFailed(error: unknown): void {
  const found = translated(error);
  // A store at its budget is no full disk: the ballast is not for it.
  const fault = opened === undefined ? found : opened.store.budget.refusal(found, []);
  if (fault.code === "STORE_FULL") guarded(() => makeRoom(fault));
  if (fault.disposition === "halt") halt(fault);
  else report({ report: "noticed", notice: { notice: "choreFailed", fault: toPlain(fault) } });
}

function guarded(act: () => void): void {
  try {
    if (!halted) act();
  } catch (error) {
    halt(error);
  }
}

// What nobody caught is a defect: stop acknowledging rather than go on in an unknown state.
process.on("uncaughtException", (error) => halt(writerDied(error)));
