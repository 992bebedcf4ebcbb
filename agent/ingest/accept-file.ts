/**
 * The doorway for files: examine, append with the claim's mark, say what became of it (04 P24).
 *
 * Nothing here knows a folder. The messages of a file are stored, or set aside one by one, in one commit
 * together with its claim; of a file that no messages can be made of nothing is appended.
 *
 * @module
 */
import { AgentError, identifierFrom } from "../errors.ts";
import type { Clock } from "../host/clock.ts";
import { FILE_STORE_DEADLINE_MS } from "../limits.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type { AppendEntry, DuplicatePolicy } from "../outbox/writing/append-batch.ts";
import type { AppendOutcome } from "../outbox/writing/ticket-queue.ts";
import { FileDescriber } from "./attributes.ts";
import type { FileArrival, FileVerdict } from "./channel.ts";
import { entryOf } from "./entry.ts";
import type { Item } from "./examine.ts";
import { examineFile, type FileContent } from "./examine-file.ts";
import type { FileBookkeeping, FileNotes } from "./file-bookkeeping.ts";
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

/** What is read of a file in one turn of the event loop: some milliseconds. */
const ITEMS_A_TURN = 2_000;

/** One file on its way through. */
interface Passage {
  readonly arrival: FileArrival;
  readonly content: FileContent;
  readonly describer: FileDescriber;
  readonly common: Pick<
    AppendEntry,
    "ackOwed" | "claim" | "duplicates" | "receivedAtMs" | "source"
  >;
  /** Let go once the store has them. */
  readonly entries: AppendEntry[];
  readonly notes: FileNotes;
  readonly settle: (verdict: FileVerdict) => void;
}

export class FileDoorway {
  readonly #parts: FileDoorwayParts;

  constructor(parts: FileDoorwayParts) {
    this.#parts = parts;
  }

  accept(given: FileArrival, settle: (verdict: FileVerdict) => void): void {
    const arrival = ownBytes(given);
    const verdict = this.#refusal(arrival) ?? this.#begin(arrival, settle);
    if (verdict !== undefined) this.#turnAway(arrival, verdict, settle);
  }

  /** A body that began while the disk was full lacks slices: named, it would refuse its whole group. */
  #refusal({ channel, large }: FileArrival): FileVerdict | undefined {
    const { gate } = this.#parts;
    if (gate.isOpen && large?.isLost !== true) return undefined;
    channel.record.counters.add("cannotStore");
    return { kind: "refused", error: gate.reason };
  }

  #turnAway(
    { large }: FileArrival,
    verdict: FileVerdict,
    settle: (verdict: FileVerdict) => void,
  ): void {
    large?.discard();
    settle(verdict);
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
      ...{ ackOwed: false, claim: mark, source: `file:${claim}` },
      ...{ duplicates: duplicatesOf(arrival), receivedAtMs: this.#parts.clock.nowMs() },
    };
    const notes = { controlIds: [], numbers: [], firstAside: undefined };
    const passage = { arrival, content, describer, common, entries: [], notes, settle };
    this.#read(passage, content.items[Symbol.iterator]());
    return undefined;
  }

  /** In turns, so that connections have theirs: a hundred thousand messages take a second. */
  #read(passage: Passage, items: Iterator<Item>): void {
    for (let count = 0; count < ITEMS_A_TURN; count++) {
      const { value: item, done } = items.next();
      if (done === true) {
        this.#append(passage);
        return;
      }
      this.#add(passage, item);
    }
    setImmediate(() => this.#read(passage, items));
  }

  #add({ arrival, describer, common, entries, notes }: Passage, item: Item): void {
    const { channel, large, totalBytes } = arrival;
    const isInSlices = large !== undefined && item.body.length === 0 && item.refusal !== "tooLarge";
    const slices = isInSlices ? { upload: large.upload, uploadBytes: totalBytes } : NO_SLICES;
    const { attributes, charsetMismatch } = describer.describe(item);
    const entry = entryOf(channel, item, { ...common, ...slices, attributes });
    const number = item.refusal === undefined ? numberOf(item.msh) : undefined;
    if (number !== undefined) notes.numbers[entries.length] = number;
    notes.firstAside ??= item.refusal;
    notes.controlIds.push(entry.controlId);
    entries.push(entry);
    this.#parts.books.item(arrival, item, charsetMismatch);
  }

  #append(passage: Passage): void {
    const { arrival, content, entries, notes, settle } = passage;
    const { outbox, books } = this.#parts;
    const refusal = this.#refusal(arrival);
    if (refusal !== undefined) {
      this.#turnAway(arrival, refusal, settle);
      return;
    }
    books.arrived(arrival, content, notes);
    outbox.append(entries, FILE_STORE_DEADLINE_MS, (outcomes) =>
      this.#settled(arrival, notes, outcomes, settle),
    );
    // What there is to keep of it went along by itself.
    if (entries.every(({ upload }) => upload === 0)) arrival.large?.discard();
    entries.length = 0;
  }

  #settled(
    arrival: FileArrival,
    notes: FileNotes,
    outcomes: readonly AppendOutcome[],
    settle: (verdict: FileVerdict) => void,
  ): void {
    const { books, gate } = this.#parts;
    const counts = { stored: 0, repeats: 0, aside: 0 };
    let error: AgentError | undefined;
    for (const [index, outcome] of outcomes.entries()) {
      books.settled(arrival, outcome, notes.controlIds[index], notes.numbers[index]);
      if (outcome.kind === "stored") counts.stored += 1;
      else if (outcome.kind === "repeat") counts.repeats += 1;
      else if (outcome.kind === "quarantined") counts.aside += 1;
      else error ??= outcome.error;
    }
    if (error === undefined) {
      books.committed(arrival, counts.aside, notes);
      settle({ kind: "committed", ...counts });
      return;
    }
    if (error.code === "QUARANTINE_FULL") {
      books.quarantineFull(arrival);
    } else if (error.code !== "FILE_CLAIM_ENDED") {
      arrival.channel.record.counters.add("cannotStore");
      gate.close(error);
    }
    settle({ kind: "refused", error });
  }
}

/** Slices are ours already. Of what is whole the caller may use the memory again before it is read to its end. */
function ownBytes(arrival: FileArrival): FileArrival {
  if (arrival.large !== undefined || arrival.content === "binary") return arrival;
  return { ...arrival, bytes: new Uint8Array(arrival.bytes) };
}

/**
 * Equal bytes under another name may be another document (04 P26), so of binary files the claim alone keeps
 * out repeats; of what is sent again on purpose each message goes, too.
 */
function duplicatesOf({ channel, content, repeated }: FileArrival): DuplicatePolicy {
  const { duplicatePolicy } = channel.rules;
  if (content === "binary") return "off";
  return repeated && duplicatePolicy === "replayAck" ? "forwardFlagged" : duplicatePolicy;
}
