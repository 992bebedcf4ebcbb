/** What is noted of every file: counters, warnings, log lines. Nothing depends on it. @module */
import { identifierFrom } from "../errors.ts";
import type { Log } from "../host/log.ts";
import type { QuarantineReason } from "../outbox/writing/append-batch.ts";
import type { AppendOutcome } from "../outbox/writing/ticket-queue.ts";
import type { Bookkeeping } from "./bookkeeping.ts";
import type { FileArrival } from "./channel.ts";
import type { Item } from "./examine.ts";
import type { FileContent } from "./examine-file.ts";
import type { Numbered } from "./sender-habits.ts";

export interface FileBookkeepingParts {
  /** Of messages from anywhere. */
  readonly books: Bookkeeping;
  readonly log: Log;
}

/** Of the items of one step of a file, in their order. */
export interface StepNotes {
  /** MSH-10, as far as it is kept. */
  readonly controlIds: Uint8Array[];
  /** With holes: MSH-13. */
  readonly numbers: Numbered[];
}

export class FileBookkeeping {
  readonly #parts: FileBookkeepingParts;

  constructor(parts: FileBookkeepingParts) {
    this.#parts = parts;
  }

  /** A message of a file, or what is left over between them. */
  item({ channel, claim }: FileArrival, item: Item, charsetMismatch: boolean): void {
    const { record } = channel;
    const controlBytes = item.scan?.controlBytes ?? 0;
    if (controlBytes > 0) record.counters.add("controlBytes", controlBytes);
    if (item.refusal === "leftover") record.warn("leftoverInFile", claim);
    if (item.refusal !== undefined) return;
    record.counters.add("received");
    if (charsetMismatch) record.warn("charsetMismatch", claim, item.msh?.field(CONTROL_ID_FIELD));
  }

  /** Its first items were read, and are about to be appended. */
  arrived(
    { channel, claim, totalBytes }: FileArrival,
    { batch, unclosed, framedCount }: FileContent,
    { controlIds }: StepNotes,
  ): void {
    const { record } = channel;
    const controlId = controlIds.find(({ length }) => length > 0);
    record.counters.add("receivedBytes", totalBytes);
    record.fileMessages();
    if (framedCount > 0) record.warn("framedInFile", claim, controlId, framedCount);
    if (batch === undefined || batch.envelope.length === 0) return;
    record.counters.add("batches");
    record.counters.add("batchMessages", batch.count);
    if (batch.countMismatch || unclosed) record.warn("batchCountMismatch", claim, controlId);
  }

  settled(
    { channel, claim }: FileArrival,
    outcome: AppendOutcome,
    controlId: Uint8Array | undefined,
    number: Numbered | undefined,
  ): void {
    const from = { channel, peer: claim, answerable: false };
    this.#parts.books.settled(from, undefined, outcome, controlId, number, undefined);
  }

  /** One line a file, however many of its messages are bad (04 P38). */
  committed(
    { channel, claim }: FileArrival,
    aside: number,
    firstAside: QuarantineReason | undefined,
  ): void {
    if (aside === 0) return;
    this.#parts.log.write("fileMessagesSetAside", {
      ...{ channel: identifierFrom(channel.name), claim: identifierFrom(claim) },
      ...{ count: aside, reason: identifierFrom(firstAside ?? "unknown") },
    });
  }

  quarantineFull({ channel, claim, totalBytes }: FileArrival): void {
    this.#parts.books.quarantineFull({ channel, peer: claim, totalBytes });
  }
}

const CONTROL_ID_FIELD = 10;
