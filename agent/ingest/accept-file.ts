/**
 * The doorway for files: examine, append with the claim's mark, say what became of it (04 P24).
 *
 * Nothing here knows a folder. The messages of a file are stored, or set aside one by one, in one commit
 * together with its claim; of a file that no messages can be made of nothing is appended. A file with very many is
 * stored in steps, one after the other, so that it holds up no connection for longer than a step takes (P1, 03 A9):
 * each says in its commit how far the file has come, and a file that is given once more, after a crash or a step that
 * was refused, goes on there.
 *
 * @module
 */
import { AgentError, identifierFrom } from "../errors.ts";
import type { Clock } from "../host/clock.ts";
import { FILE_STEP_MAX_BYTES, FILE_STEP_MAX_COUNT, FILE_STORE_DEADLINE_MS } from "../limits.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type {
  AppendEntry,
  DuplicatePolicy,
  QuarantineReason,
} from "../outbox/writing/append-batch.ts";
import type { AppendOutcome } from "../outbox/writing/ticket-queue.ts";
import { FileDescriber } from "./attributes.ts";
import type { FileArrival, FileVerdict } from "./channel.ts";
import { entryOf } from "./entry.ts";
import type { Item } from "./examine.ts";
import { examineFile, type FileContent } from "./examine-file.ts";
import type { FileBookkeeping, StepNotes } from "./file-bookkeeping.ts";
import type { ClaimMark } from "./file-drop/claims.ts";
import { numberOf } from "./sender-habits.ts";
import type { StoreGate } from "./store-gate.ts";

export interface FileDoorwayParts {
  readonly outbox: Outbox;
  readonly gate: StoreGate;
  readonly clock: Pick<Clock, "nowMs">;
  readonly books: FileBookkeeping;
}

/** 04 P26 `send`. */
const REPEATED = { "file.repeated": "1" } as const;
const NO_SLICES = { upload: 0, uploadBytes: 0 } as const;

/** One file on its way through. */
interface Passage {
  readonly arrival: FileArrival;
  readonly content: FileContent;
  readonly describer: FileDescriber;
  readonly common: Pick<AppendEntry, "ackOwed" | "duplicates" | "receivedAtMs" | "source">;
  readonly items: Iterator<Item>;
  /** The one that comes next. */
  next: IteratorResult<Item>;
  /** Entries of the steps before. */
  from: number;
  firstAside: QuarantineReason | undefined;
  readonly counts: { stored: number; repeats: number; aside: number };
  readonly settle: (verdict: FileVerdict) => void;
}

/** What one commit brings of it. */
interface Step {
  /** Let go once the store has them. */
  readonly entries: AppendEntry[];
  readonly notes: StepNotes;
  readonly isLast: boolean;
}

/** A file that waits for those of its channel before it. */
interface Waiting {
  readonly arrival: FileArrival;
  readonly settle: (verdict: FileVerdict) => void;
}

export class FileDoorway {
  readonly #parts: FileDoorwayParts;
  /** By channel, while a file of it is on its way to the store: those behind it (04 P14). */
  readonly #waiting = new Map<number, Waiting[]>();

  constructor(parts: FileDoorwayParts) {
    this.#parts = parts;
  }

  accept(arrival: FileArrival, settle: (verdict: FileVerdict) => void): void {
    const { id } = arrival.channel;
    const behind = this.#waiting.get(id);
    if (behind !== undefined) {
      behind.push({ arrival: withOwnBytes(arrival), settle });
      return;
    }
    this.#waiting.set(id, []);
    // Of slices, and of a binary file, nothing is read later than now.
    const isReadNow = arrival.large !== undefined || arrival.content === "binary";
    this.#enter({ arrival: isReadNow ? arrival : withOwnBytes(arrival), settle });
  }

  #enter({ arrival, settle }: Waiting): void {
    const verdict = this.#refusal(arrival) ?? this.#begin(arrival, settle);
    if (verdict !== undefined) this.#turnAway(arrival, verdict, settle);
  }

  /** All of a file is handed over, or it goes no further. */
  #leave({ channel: { id } }: FileArrival): void {
    const next = this.#waiting.get(id)?.shift();
    if (next === undefined) this.#waiting.delete(id);
    else this.#enter(next);
  }

  /** A body that began while the disk was full lacks slices: named, it would refuse its whole group. */
  #refusal({ channel, large }: FileArrival): FileVerdict | undefined {
    const { gate } = this.#parts;
    if (gate.isOpen && large?.isLost !== true) return undefined;
    channel.record.counters.add("cannotStore");
    return { kind: "refused", error: gate.reason };
  }

  #turnAway(
    arrival: FileArrival,
    verdict: FileVerdict,
    settle: (verdict: FileVerdict) => void,
  ): void {
    arrival.large?.discard();
    settle(verdict);
    this.#leave(arrival);
  }

  /** @returns why nothing will be appended */
  #begin(arrival: FileArrival, settle: (verdict: FileVerdict) => void): FileVerdict | undefined {
    const { channel, claim, mark, attributes, repeated } = arrival;
    const { sha256, content } = examineFile(arrival);
    if (Buffer.compare(sha256, mark.sha256) !== 0) {
      // What was handed over is not what was read: nothing of it may be stored under that claim.
      const facts = { channel: identifierFrom(channel.name), claim: identifierFrom(claim) };
      return { kind: "refused", error: new AgentError("AGENT_DEFECT", facts) };
    }
    if (typeof content === "string") return { kind: "unfit", reason: content };
    const shared = repeated ? { ...REPEATED, ...attributes } : attributes;
    const describer = new FileDescriber(channel.rules, shared, content.batch);
    if (!describer.fits(content.count)) return { kind: "unfit", reason: "tooManyMessages" };
    const common = {
      ...{ ackOwed: false, source: `file:${claim}` },
      ...{ duplicates: duplicatesOf(arrival), receivedAtMs: this.#parts.clock.nowMs() },
    };
    const items = content.items[Symbol.iterator]();
    const counts = { stored: 0, repeats: 0, aside: 0 };
    this.#step({
      ...{ arrival, content, describer, common, items, next: items.next() },
      ...{ from: 0, firstAside: undefined, counts, settle },
    });
    return undefined;
  }

  /** Appends what comes next, and is one commit; the one after that when this has been stored. */
  #step(passage: Passage): void {
    const { arrival, content, from } = passage;
    const step = this.#make(passage);
    const { entries, notes, isLast } = step;
    if (from === 0) this.#parts.books.arrived(arrival, content, notes);
    this.#parts.outbox.append(entries, FILE_STORE_DEADLINE_MS, (outcomes) =>
      this.#settled(passage, step, outcomes),
    );
    const namesSlices = entries.some(({ upload }) => upload !== 0);
    entries.length = 0;
    if (!isLast) return;
    // What there is to keep of it went along by itself, or with the steps before.
    if (!namesSlices) arrival.large?.discard();
    this.#leave(arrival);
  }

  #make(passage: Passage): Step {
    const { arrival, items, from } = passage;
    const mark = { ...arrival.mark, from, isLast: false };
    const entries: AppendEntry[] = [];
    const notes: StepNotes = { controlIds: [], numbers: [] };
    let bytes = 0;
    while (passage.next.done !== true) {
      const entry = this.#entryOf(passage, passage.next.value, mark, notes);
      entries.push(entry);
      bytes += entry.body.length + entry.attributes.length;
      passage.next = items.next();
      if (entries.length >= FILE_STEP_MAX_COUNT || bytes >= FILE_STEP_MAX_BYTES) break;
    }
    mark.isLast = passage.next.done === true;
    return { entries, notes, isLast: mark.isLast };
  }

  #entryOf(passage: Passage, item: Item, claim: ClaimMark, notes: StepNotes): AppendEntry {
    const { arrival, describer, common } = passage;
    const { channel, large, totalBytes } = arrival;
    const isInSlices = large !== undefined && item.body.length === 0 && item.refusal !== "tooLarge";
    const slices = isInSlices ? { upload: large.upload, uploadBytes: totalBytes } : NO_SLICES;
    const { attributes, charsetMismatch } = describer.describe(item);
    const entry = entryOf(channel, item, { ...common, ...slices, attributes, claim });
    const number = item.refusal === undefined ? numberOf(item.msh) : undefined;
    if (number !== undefined) notes.numbers[notes.controlIds.length] = number;
    passage.firstAside ??= item.refusal;
    notes.controlIds.push(entry.controlId);
    this.#parts.books.item(arrival, item, charsetMismatch);
    return entry;
  }

  #settled(passage: Passage, step: Step, outcomes: readonly AppendOutcome[]): void {
    const { arrival, counts, firstAside, settle } = passage;
    const { notes, isLast } = step;
    const { books } = this.#parts;
    let error: AgentError | undefined;
    for (const [index, outcome] of outcomes.entries()) {
      books.settled(arrival, outcome, notes.controlIds[index], notes.numbers[index]);
      if (outcome.kind === "stored") counts.stored += 1;
      else if (outcome.kind === "repeat") counts.repeats += 1;
      else if (outcome.kind === "quarantined") counts.aside += 1;
      else error ??= outcome.error;
    }
    if (error !== undefined) {
      this.#refused(passage, step, error);
    } else if (isLast) {
      books.committed(arrival, counts.aside, firstAside);
      settle({ kind: "committed", ...counts });
    } else {
      passage.from += outcomes.length;
      // In a turn of its own, so that connections have theirs.
      setImmediate(() => this.#goOn(passage));
    }
  }

  #goOn(passage: Passage): void {
    const { arrival, settle } = passage;
    const isStopping = arrival.stopping?.aborted === true;
    const refusal: FileVerdict | undefined = isStopping
      ? { kind: "refused", error: new AgentError("STORE_BUSY", { closing: true }) }
      : this.#refusal(arrival);
    if (refusal === undefined) this.#step(passage);
    else this.#turnAway(arrival, refusal, settle);
  }

  /** What the steps before have stored stays: the file's row counts it. */
  #refused({ arrival, from, settle }: Passage, { isLast }: Step, error: AgentError): void {
    const { books, gate } = this.#parts;
    if (error.code === "QUARANTINE_FULL") {
      books.quarantineFull(arrival);
    } else if (error.code !== "FILE_CLAIM_ENDED") {
      arrival.channel.record.counters.add("cannotStore");
      gate.close(error);
    }
    // Slices that only the steps to come would have named.
    if (from > 0 || !isLast) arrival.large?.discard();
    settle({ kind: "refused", error });
    if (!isLast) this.#leave(arrival);
  }
}

/** The caller may use the memory again before it is read to its end. */
const withOwnBytes = (arrival: FileArrival): FileArrival => ({
  ...arrival,
  bytes: new Uint8Array(arrival.bytes),
});

/**
 * Equal bytes under another name may be another document (04 P26), so of binary files the claim alone keeps
 * out repeats; of what is sent again on purpose each message goes, too.
 */
function duplicatesOf({ channel, content, repeated }: FileArrival): DuplicatePolicy {
  const { duplicatePolicy } = channel.rules;
  if (content === "binary") return "off";
  return repeated && duplicatePolicy === "replayAck" ? "forwardFlagged" : duplicatePolicy;
}
