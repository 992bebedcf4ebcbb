/**
 * Messages of one epoch, read from the outbox before the tunnel asks for them, in order and bounded.
 *
 * Where the receiver asks for what it once had (it was put back to an older state), the bodies may be pruned
 * by now: their seqs are skipped in one piece, with the chain behind them (06 TP31, TP37). So is what was
 * noted as lost, by a person (`channel skip`) or at a start; before other damage the channel stops.
 *
 * @module
 */
import { type OpenedFrame, SKIP_REASON } from "#protocol/frame.ts";
import type { OutgoingMessage, OutgoingSkip } from "#streams/source/source-stream.ts";
import { AgentError } from "../errors.ts";
import type { Tasks } from "../host/tasks.ts";
import { READ_MAX_BYTES, READ_MAX_COUNT } from "../limits.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type { StoredMessage } from "../outbox/reader.ts";
import { outgoingMessage } from "./outgoing-message.ts";
import { SliceReader } from "./slice-reader.ts";

export interface ReadAheadParts {
  readonly outbox: Outbox;
  readonly tasks: Tasks;
  readonly channel: number;
  /** There is something to take again. */
  readonly onReady: () => void;
  /** Nothing comes from this seq on: its body is damaged (05 S16). */
  readonly onDamaged: (at: DamagedAt) => void;
  /** Messages of this epoch will never come. */
  readonly onSkip: (epoch: bigint, skip: OutgoingSkip) => void;
}

/** A message that cannot be read, where the relay has met it. */
export interface DamagedAt {
  readonly epoch: bigint;
  readonly seq: bigint;
}

/** What is read: an epoch from a seq on. */
export interface ReadStart {
  readonly epoch: bigint;
  readonly fromSeq: bigint;
  /** What is there. */
  readonly lastSeq: bigint;
  /** Up to here it may be pruned. */
  readonly settledSeq: bigint;
  /** What the receiver holds of one message (06 TP14). */
  readonly partial: OpenedFrame["partial"];
}

export class ReadAhead {
  readonly #parts: ReadAheadParts;
  #ready: (OutgoingMessage | OutgoingSkip)[] = [];
  #readyBytes = 0;
  #isReading = false;
  /** Counts starts: what a read brings that was asked for before is not used. */
  #generation = 0;
  #isRunning = false;
  #epoch = 0n;
  #settledSeq = 0n;
  #nextSeq = 1n;
  #lastSeq = 0n;
  #partial: OpenedFrame["partial"];
  readonly #slices: SliceReader;
  #damaged: DamagedAt | undefined;

  constructor(parts: ReadAheadParts) {
    this.#parts = parts;
    this.#slices = new SliceReader(parts.outbox);
  }

  /** Forgets what was read, and reads from there. */
  start({ epoch, fromSeq, lastSeq, settledSeq, partial }: ReadStart): void {
    this.stop();
    this.#isRunning = true;
    this.#epoch = epoch;
    this.#settledSeq = settledSeq;
    this.#nextSeq = fromSeq;
    this.#lastSeq = lastSeq;
    this.#partial = partial;
    // The receiver has it from elsewhere.
    if (this.#damaged?.epoch === epoch && this.#damaged.seq < fromSeq) this.#damaged = undefined;
    this.#read();
  }

  /** Forgets what was read. */
  stop(): void {
    this.#generation += 1;
    this.#isRunning = false;
    this.#isReading = false;
    this.#ready = [];
    this.#readyBytes = 0;
  }

  /** The epoch that is read has messages up to `seq`. */
  grown(seq: bigint): void {
    this.#lastSeq = seq;
    this.#read();
  }

  /** Before which message nothing more comes, if it is one that cannot be read. */
  get damaged(): DamagedAt | undefined {
    return this.#damaged;
  }

  /** Reads on from where damage was met: it was given up, or can be read again. */
  retry(): void {
    this.#damaged = undefined;
    this.#read();
  }

  take(): OutgoingMessage | OutgoingSkip | undefined {
    const item = this.#ready.shift();
    if (item === undefined) return undefined;
    if ("body" in item) this.#readyBytes -= item.total;
    this.#read();
    return item;
  }

  /** The last seq that may leave. */
  get #limitSeq(): bigint {
    const damaged = this.#damaged;
    return damaged?.epoch === this.#epoch ? damaged.seq - 1n : this.#lastSeq;
  }

  #read(): void {
    const isEnough =
      this.#readyBytes >= READ_MAX_BYTES / 2 || this.#ready.length >= READ_MAX_COUNT / 2;
    if (!this.#isRunning || this.#isReading || isEnough || this.#nextSeq > this.#limitSeq) return;
    this.#isReading = true;
    const generation = this.#generation;
    this.#parts.tasks.run("relay.read", () => this.#readSome(generation));
  }

  async #readSome(generation: number): Promise<void> {
    const { outbox, channel } = this.#parts;
    const epoch = this.#epoch;
    const settledSeq = this.#settledSeq;
    if (this.#nextSeq <= settledSeq) {
      const skip = await this.#prunedFrom(this.#nextSeq);
      if (generation !== this.#generation) return;
      if (skip !== undefined) this.#skip(skip);
    }
    const range = { channel, epoch, afterSeq: this.#nextSeq - 1n };
    const limits = { maxBytes: READ_MAX_BYTES, maxCount: READ_MAX_COUNT };
    const { messages, damagedSeq, lostThrough } = await outbox.read({ ...range, ...limits });
    // Settled long ago, it may have been pruned since the last look.
    const mayBePruned = damagedSeq !== undefined && damagedSeq <= settledSeq;
    const pruned = mayBePruned ? await this.#prunedFrom(damagedSeq) : undefined;
    const isLost = damagedSeq !== undefined && lostThrough !== undefined;
    const lost = isLost ? await this.#lost(damagedSeq, lostThrough) : undefined;
    const refused = await this.#refusedAmong(messages);
    if (generation !== this.#generation) return;
    this.#isReading = false;
    for (const message of messages) {
      if (message.seq > this.#limitSeq) break;
      if (message.seq !== this.#nextSeq) {
        throw new AgentError("AGENT_DEFECT", { expected: this.#nextSeq, found: message.seq });
      }
      const { seq } = message;
      const skip = refused.get(seq);
      if (skip !== undefined) {
        this.#skip(skip);
        continue;
      }
      const onDamaged = (): void => this.#noteDamaged(epoch, seq);
      const body = { epoch, message, from: this.#beginOf(message), onDamaged };
      this.#ready.push(outgoingMessage(this.#slices, body));
      this.#readyBytes += message.length;
      this.#nextSeq = seq + 1n;
    }
    if (damagedSeq !== undefined && pruned === undefined) {
      if (lost === undefined) this.#noteDamaged(epoch, damagedSeq);
      else if (this.#nextSeq === damagedSeq) this.#skip(lost);
    }
    this.#parts.onReady();
    this.#read();
  }

  /** Where sending begins. Whether it is the same message the receiver finds by its hash, and asks again. */
  #beginOf({ seq, length }: StoredMessage): number {
    const partial = this.#partial;
    return partial?.seq === seq && partial.durableOffset <= length ? partial.durableOffset : 0;
  }

  /** @returns the SKIP over what is pruned from `seq` on, if that is */
  async #prunedFrom(seq: bigint): Promise<OutgoingSkip | undefined> {
    const { outbox, channel } = this.#parts;
    const { trimmedSeq, chain } = await outbox.epochs.retained(channel, this.#epoch);
    if (trimmedSeq < seq) return undefined;
    const reason = SKIP_REASON.pruned;
    return { firstSeq: seq, lastSeq: trimmedSeq, reason, chain: chain ?? null };
  }

  /** What was noted as lost will never come; the chain behind it is known where only slices are damaged (06 TP31). */
  async #lost(firstSeq: bigint, lastSeq: bigint): Promise<OutgoingSkip> {
    const { outbox, channel } = this.#parts;
    const chain = await outbox.chainAt(channel, this.#epoch, lastSeq);
    return { firstSeq, lastSeq, reason: SKIP_REASON.damaged, chain: chain ?? null };
  }

  /** What the receiver refused for good was set aside here, and is not sent again (06 TP30, TP31). */
  async #refusedAmong(messages: readonly StoredMessage[]): Promise<Map<bigint, OutgoingSkip>> {
    const { outbox, channel } = this.#parts;
    const found = new Map<bigint, OutgoingSkip>();
    for (const { seq } of messages.filter(({ refused }) => refused)) {
      const chain = await outbox.chainAt(channel, this.#epoch, seq);
      const reason = SKIP_REASON.quarantined;
      found.set(seq, { firstSeq: seq, lastSeq: seq, reason, chain: chain ?? null });
    }
    return found;
  }

  #skip(skip: OutgoingSkip): void {
    this.#ready.push(skip);
    this.#parts.onSkip(this.#epoch, skip);
    this.#nextSeq = skip.lastSeq + 1n;
  }

  #noteDamaged(epoch: bigint, seq: bigint): void {
    if (this.#damaged?.epoch === epoch && this.#damaged.seq <= seq) return;
    this.#damaged = { epoch, seq };
    this.#parts.onDamaged(this.#damaged);
  }
}
