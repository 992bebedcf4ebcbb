/**
 * The one doorway for every source: examine, append, decide the acknowledgment.
 *
 * Nothing here knows where the message goes afterwards, or that there is a cloud. The reply that comes
 * back exists only after the commit was flushed (I-1).
 *
 * @module
 */
import type { AgentError } from "../errors.ts";
import type { Conditions } from "../health/conditions.ts";
import type { Clock } from "../host/clock.ts";
import type { Log } from "../host/log.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type { AppendEntry, QuarantineReason } from "../outbox/writing/append-batch.ts";
import type { AppendOutcome } from "../outbox/writing/ticket-queue.ts";
import { FileDoorway } from "./accept-file.ts";
import { type Answer, prepareAnswer } from "./answer.ts";
import { describe } from "./attributes.ts";
import { Bookkeeping } from "./bookkeeping.ts";
import type { AcceptingChannel, Arrival, FileArrival, FileVerdict } from "./channel.ts";
import { DeferredReplies } from "./deferred.ts";
import { entryOf } from "./entry.ts";
import { type Batch, examine, type Item } from "./examine.ts";
import { fileForm } from "./examine-file.ts";
import { FileBookkeeping } from "./file-bookkeeping.ts";
import { ReplyStamps } from "./identify.ts";
import { LargeBody } from "./large-body.ts";
import { ReplyBuilder } from "./replies.ts";
import { Room } from "./room.ts";
import { type Numbered, numberOf } from "./sender-habits.ts";
import type { StoreGate } from "./store-gate.ts";

/** What the source does now. */
export type Verdict =
  /** Write `reply`, or nothing where none is owed; say with `replied` how that went; then close, perhaps. */
  | {
      readonly kind: "answer";
      readonly reply: Uint8Array | undefined;
      /** Rows of the messages that it is about. */
      readonly ids: readonly number[];
      readonly close: boolean;
    }
  /** Nothing is known to be stored: say nothing and hang up (03 E1). */
  | { readonly kind: "hangUp"; readonly error: AgentError };

export interface DoorwayOptions {
  readonly outbox: Outbox;
  readonly gate: StoreGate;
  readonly conditions: Conditions;
  readonly clock: Clock;
  readonly log: Log;
}

const NO_REPLY = { kind: "answer", reply: undefined, ids: [], close: false } as const;
const CONTROL_ID_FIELD = 10;

/** One block on its way through. */
interface Passage {
  readonly arrival: Arrival;
  readonly answer: Answer;
  /** By item: MSH-10, as far as it is kept. */
  readonly controlIds: Uint8Array[];
  /** By item, with holes: MSH-13. */
  readonly numbers: Numbered[];
  /** By item, with holes: why it is set aside. */
  readonly refusals: { readonly reason: QuarantineReason; readonly length: number }[];
  readonly settle: (verdict: Verdict) => void;
}

export class Doorway {
  readonly room: Room;
  readonly #options: DoorwayOptions;
  readonly #replies: ReplyBuilder;
  readonly #deferred: DeferredReplies;
  readonly #books: Bookkeeping;
  readonly #files: FileDoorway;

  constructor(options: DoorwayOptions) {
    this.#options = options;
    this.#replies = new ReplyBuilder(new ReplyStamps(options.clock));
    this.#deferred = new DeferredReplies(options.outbox, options.clock);
    this.room = new Room(options);
    this.#books = new Bookkeeping(options);
    this.#files = new FileDoorway({
      ...options,
      books: new FileBookkeeping({ books: this.#books, log: options.log }),
    });
  }

  get isOpen(): boolean {
    return this.#options.gate.isOpen;
  }

  /** Calls `listener` when the store can no longer take messages, and when it can again. */
  onGate(listener: (open: boolean) => void): Disposable {
    return this.#options.gate.onChange(listener);
  }

  /** A source was refused by the store, in what only it asks: nobody is taken from until the store can again. */
  refusedBy(error: AgentError): void {
    this.#options.gate.close(error);
  }

  /** For a body above the spool threshold. */
  newLargeBody(): LargeBody {
    return new LargeBody(this.#options.outbox);
  }

  /** For a file that is not read in one piece; `acceptFile` says what it held. */
  newFileBody(channel: AcceptingChannel, content: FileArrival["content"]): LargeBody {
    return new LargeBody(this.#options.outbox, fileForm(channel.rules, content));
  }

  /**
   * Takes one file (04 P24).
   *
   * @param settle called once, after everything in it is durable, and its claim is committed
   */
  acceptFile(arrival: FileArrival, settle: (verdict: FileVerdict) => void): void {
    this.#files.accept(arrival, settle);
  }

  /** 03 E5: the reply that `accept` gave for rows `ids` reached the local TCP stack, or did not. */
  replied(ids: readonly number[], delivered: boolean): void {
    for (const id of ids) if (id > 0) this.#options.outbox.replied(id, delivered);
  }

  /**
   * Takes one arrival.
   *
   * @param settle called once, after everything in it is durable
   */
  accept(arrival: Arrival, settle: (verdict: Verdict) => void): void {
    const examined = examine(arrival);
    if (examined.kind === "empty") {
      settle(this.#emptyBlock(arrival));
      return;
    }
    const { items, batch, inSlices } = examined;
    const answer = prepareAnswer(arrival, items, batch, this.#replies);
    // Also when the listener stays open: what came before it was refused, and it must not overtake that.
    // A body that began while the disk was full lacks slices: named, it would refuse its whole group.
    const lost = inSlices && arrival.large?.isLost === true;
    if (!this.isOpen || lost) {
      if (inSlices) arrival.large?.discard();
      settle(this.#cannotStore(arrival, answer, undefined));
      return;
    }
    this.#books.arrived(arrival, items, batch, answer);
    const upload = inSlices ? (arrival.large?.upload ?? 0) : 0;
    const passage: Passage = { arrival, answer, settle, controlIds: [], numbers: [], refusals: [] };
    const entries: AppendEntry[] = [];
    for (const item of items) {
      const entry = this.#entry(arrival, item, batch, upload, answer.owed[entries.length] === true);
      entries.push(entry);
      passage.controlIds.push(entry.controlId);
      const { refusal: reason, length, msh } = item;
      if (reason !== undefined) passage.refusals[entries.length - 1] = { reason, length };
      const number = reason === undefined ? numberOf(msh) : undefined;
      if (number !== undefined) passage.numbers[entries.length - 1] = number;
    }
    const { storeDeadlineMs } = arrival.channel.rules;
    this.#options.outbox.append(entries, storeDeadlineMs, (outcomes) =>
      this.#settled(passage, outcomes),
    );
  }

  /** 03 E3: some peers use it as keep-alive. */
  #emptyBlock({ channel, answerable }: Arrival): Verdict {
    channel.record.counters.add("emptyBlocks");
    const { emptyBlockReply, ackPolicy } = channel.rules;
    if (emptyBlockReply === "none" || !answerable || ackPolicy.ackMode === "none") return NO_REPLY;
    const code = ackPolicy.ackMode === "commitOnly" ? "CR" : "AR";
    const reply = this.#replies.reply(ackPolicy.ackMode, undefined, code, "noHeader");
    channel.record.counters.add("repliesNegative");
    return { ...NO_REPLY, reply };
  }

  #entry(
    arrival: Arrival,
    item: Item,
    batch: Batch | undefined,
    upload: number,
    ackOwed: boolean,
  ): AppendEntry {
    const { channel, peer, totalBytes } = arrival;
    const { rules, record } = channel;
    const { attributes, charsetMismatch } = describe(item, rules, batch);
    if (charsetMismatch && item.refusal === undefined) {
      record.warn("charsetMismatch", peer, item.msh?.field(CONTROL_ID_FIELD));
    }
    return entryOf(channel, item, {
      ackOwed,
      attributes,
      claim: undefined,
      duplicates: rules.duplicatePolicy,
      receivedAtMs: this.#options.clock.nowMs(),
      source: peer,
      upload,
      uploadBytes: upload === 0 ? 0 : totalBytes,
    });
  }

  #settled(passage: Passage, outcomes: readonly AppendOutcome[]): void {
    const { arrival, answer, settle } = passage;
    const refused = outcomes.find((outcome) => outcome.kind === "refused");
    const ids: number[] = [];
    const seqs: bigint[] = [];
    for (const [index, outcome] of outcomes.entries()) {
      this.#books.settled(
        arrival,
        answer.decisions[index],
        outcome,
        passage.controlIds[index],
        passage.numbers[index],
        passage.refusals[index],
      );
      if (outcome.kind !== "stored" && outcome.kind !== "repeat") continue;
      if (answer.owed[index] === true) ids.push(outcome.id);
      if (outcome.seq > 0n) seqs.push(outcome.seq);
    }
    if (refused !== undefined) {
      // Of a batch whose bad message found no room the others are stored; its sender hears of them when
      // it sends it again, for then they are repeats (03 D1, E7).
      this.replied(ids, false);
      settle(this.#cannotStore(arrival, answer, refused.error));
      return;
    }
    if (answer.later !== undefined) {
      this.#defer(passage, answer.later, seqs, ids);
      return;
    }
    const { reply, code, close } = answer;
    this.#books.replied(arrival, reply === undefined ? undefined : code);
    settle({ kind: "answer", reply, ids, close });
  }

  #defer(
    { arrival, settle }: Passage,
    later: NonNullable<Answer["later"]>,
    seqs: readonly bigint[],
    ids: readonly number[],
  ): void {
    const { channel } = arrival;
    this.#deferred.wait(channel.id, seqs, channel.rules.deferredTimeoutMs, (verdict) => {
      const { reply, code, close } = later(verdict);
      if (verdict === "silent") this.#books.unanswered(arrival, seqs[0] ?? 0n);
      this.#books.replied(arrival, reply === undefined ? undefined : code);
      if (reply === undefined) this.replied(ids, false);
      settle({ kind: "answer", reply, ids: reply === undefined ? [] : ids, close });
    });
  }

  /** @param error `undefined` where the store was closed before the block came */
  #cannotStore(arrival: Arrival, answer: Answer, error: AgentError | undefined): Verdict {
    const { channel, answerable } = arrival;
    const { gate } = this.#options;
    if (error?.code === "QUARANTINE_FULL") {
      // 03 E7: a peer that sends rubbish must not stop the healthy channels, and what nobody waits
      // for an answer to is let go rather than its connection.
      this.#books.quarantineFull(arrival);
      return answerable ? { kind: "hangUp", error } : NO_REPLY;
    }
    channel.record.counters.add("cannotStore");
    const reason = error ?? gate.reason;
    if (error !== undefined) gate.close(error);
    const { cannotStoreReply } = channel.rules.ackPolicy;
    // What nobody waits for an answer to is no reason to hang up where the channel stays open.
    if (!answerable && cannotStoreReply !== "close") return NO_REPLY;
    if (!answerable || answer.failure === undefined) return { kind: "hangUp", error: reason };
    this.#books.replied(arrival, answer.failureCode);
    return { ...NO_REPLY, reply: answer.failure };
  }
}
