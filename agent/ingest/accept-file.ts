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
import { examineFile, type FileContent } from "./examine-file.ts";
import type { FileBookkeeping } from "./file-bookkeeping.ts";
import { type Numbered, numberOf } from "./sender-habits.ts";
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
  readonly entries: readonly AppendEntry[];
  /** By entry, with holes: MSH-13. */
  readonly numbers: readonly Numbered[];
  readonly settle: (verdict: FileVerdict) => void;
}

export class FileDoorway {
  readonly #parts: FileDoorwayParts;

  constructor(parts: FileDoorwayParts) {
    this.#parts = parts;
  }

  accept(arrival: FileArrival, settle: (verdict: FileVerdict) => void): void {
    const { large } = arrival;
    const verdict = this.#refusal(arrival) ?? this.#append(arrival, settle);
    if (verdict === undefined) return;
    large?.discard();
    settle(verdict);
  }

  /** Before anything is looked at. A body that began while the disk was full lacks slices: named, it would refuse its whole group. */
  #refusal({ channel, large }: FileArrival): FileVerdict | undefined {
    const { gate } = this.#parts;
    if (gate.isOpen && large?.isLost !== true) return undefined;
    channel.record.counters.add("cannotStore");
    return { kind: "refused", error: gate.reason };
  }

  /** @returns why nothing was appended */
  #append(
    arrival: FileArrival,
    settle: (verdict: FileVerdict) => void,
  ): Exclude<FileVerdict, { kind: "committed" }> | undefined {
    const { channel, claim, mark, large, attributes, repeated } = arrival;
    const { sha256, content } = examineFile(arrival);
    if (Buffer.compare(sha256, mark.sha256) !== 0) {
      // What was handed over is not what was read: nothing of it may be stored under that claim.
      const facts = { channel: identifierFrom(channel.name), claim: identifierFrom(claim) };
      return { kind: "refused", error: new AgentError("AGENT_DEFECT", facts) };
    }
    if (typeof content === "string") return { kind: "unfit", reason: content };
    const common = repeated ? { ...REPEATED, ...attributes } : attributes;
    const describer = new FileDescriber(channel.rules, common, content.batch);
    if (!describer.fits(content.count)) return { kind: "unfit", reason: "tooManyMessages" };
    const passage = this.#passage(arrival, content, describer, settle);
    const { outbox, books } = this.#parts;
    books.arrived(arrival, content, passage.entries);
    outbox.append(passage.entries, FILE_STORE_DEADLINE_MS, (outcomes) =>
      this.#settled(passage, outcomes),
    );
    // What there is to keep of it went along by itself.
    if (passage.entries.every(({ upload }) => upload === 0)) large?.discard();
    return undefined;
  }

  #passage(
    arrival: FileArrival,
    { items }: FileContent,
    describer: FileDescriber,
    settle: (verdict: FileVerdict) => void,
  ): Passage {
    const { channel, claim, large, totalBytes } = arrival;
    const slices =
      large === undefined ? NO_SLICES : { upload: large.upload, uploadBytes: totalBytes };
    const common = {
      ...{ ackOwed: false, claim: arrival.mark, source: `file:${claim}` },
      ...{ duplicates: duplicatesOf(arrival), receivedAtMs: this.#parts.clock.nowMs() },
    };
    const entries: AppendEntry[] = [];
    const numbers: Numbered[] = [];
    for (const item of items) {
      const { attributes, charsetMismatch } = describer.describe(item);
      const isInSlices = item.body.length === 0 && item.refusal !== "tooLarge";
      const place = isInSlices ? slices : NO_SLICES;
      this.#parts.books.item(arrival, item, charsetMismatch);
      const number = item.refusal === undefined ? numberOf(item.msh) : undefined;
      if (number !== undefined) numbers[entries.length] = number;
      entries.push(entryOf(channel, item, { ...common, ...place, attributes }));
    }
    return { arrival, entries, numbers, settle };
  }

  #settled(
    { arrival, entries, numbers, settle }: Passage,
    outcomes: readonly AppendOutcome[],
  ): void {
    const { books, gate } = this.#parts;
    const counts = { stored: 0, repeats: 0, aside: 0 };
    let error: AgentError | undefined;
    for (const [index, outcome] of outcomes.entries()) {
      books.settled(arrival, outcome, entries[index]?.controlId, numbers[index]);
      if (outcome.kind === "stored") counts.stored += 1;
      else if (outcome.kind === "repeat") counts.repeats += 1;
      else if (outcome.kind === "quarantined") counts.aside += 1;
      else error ??= outcome.error;
    }
    if (error === undefined) {
      books.committed(arrival, entries, counts.aside);
      settle({ kind: "committed", ...counts });
      return;
    }
    if (error.code === "QUARANTINE_FULL") {
      books.quarantineFull(arrival);
    } else {
      arrival.channel.record.counters.add("cannotStore");
      gate.close(error);
    }
    settle({ kind: "refused", error });
  }
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
