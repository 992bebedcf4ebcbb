/**
 * One channel's messages on their way: read ahead from the outbox, handed to the tunnel in order,
 * settled on the receiver's word.
 *
 * `next` is the seq that is read next; what was read and not yet taken waits in `#ready`. After a lost
 * connection everything unsettled is read again: repeats are the normal case (06 TP19).
 *
 * @module
 */
import { OPENED_STATUS, type OpenedFrame, REJECT_CODE, type RejectFrame } from "#protocol/frame.ts";
import { AgentError, identifierFrom } from "../errors.ts";
import type { Conditions } from "../health/conditions.ts";
import type { Clock, Timer } from "../host/clock.ts";
import type { Log } from "../host/log.ts";
import type { Tasks } from "../host/tasks.ts";
import {
  READ_MAX_BYTES,
  READ_MAX_COUNT,
  REJECTIONS_BEFORE_ALARM,
  RETRY_AFTER_MAX_MS,
} from "../limits.ts";
import type { ChannelTail } from "../outbox/channel-tails.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type { OutgoingMessage, StreamSource, StreamStanding } from "../tunnel/source-stream.ts";
import { outgoingMessage } from "./outgoing-message.ts";

export interface FeedParts {
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly log: Log;
  readonly conditions: Conditions;
  readonly tasks: Tasks;
  readonly wake: (source: StreamSource) => void;
  readonly reopen: (source: StreamSource) => void;
}

/** 06 section 8: a refusal that says "open again" is followed at most once a second. */
const REOPEN_MS = 1_000;
/** Where the receiver names no time: how long a channel that it does not serve is left alone. */
const HELD_RETRY_MS = 60_000;

export class ChannelFeed implements StreamSource {
  readonly channel: string;
  readonly #parts: FeedParts;
  readonly #id: number;
  readonly #epoch: bigint;
  readonly #oldestRetainedSeq: bigint;
  #lastSeq: bigint;
  #ackedSeq: bigint;
  #takenSeq: bigint;
  #nextSeq: bigint;
  #ready: OutgoingMessage[] = [];
  #readyBytes = 0;
  #reading = false;
  /** Counts starts from the receiver's position: a read that was asked for before is not used. */
  #generation = 0;
  /** A person must decide, and nothing flows. */
  #held = false;
  /** Nothing flows from this seq on: its body is damaged (05 S16). What is before it still leaves. */
  #damagedSeq: bigint | undefined;
  #retry: Timer | undefined;
  /** How often the receiver refused the same message in a row, for a reason that may pass. */
  #rejections = 0;
  #rejectedSeq = 0n;

  constructor(tail: ChannelTail, parts: FeedParts) {
    this.channel = tail.name;
    this.#parts = parts;
    this.#id = tail.channel;
    this.#epoch = tail.epoch;
    this.#oldestRetainedSeq = tail.trimmedSeq + 1n;
    this.#lastSeq = tail.lastSeq;
    this.#ackedSeq = tail.ackedSeq;
    this.#takenSeq = tail.ackedSeq;
    this.#nextSeq = tail.ackedSeq + 1n;
  }

  get id(): number {
    return this.#id;
  }

  get inFlight(): boolean {
    return this.#takenSeq > this.#ackedSeq;
  }

  /** The outbox has messages up to `seq`. */
  appended(seq: bigint): void {
    this.#lastSeq = seq;
    this.#readAhead();
  }

  standing(): StreamStanding {
    return {
      epoch: this.#epoch,
      nextSeq: this.#ackedSeq + 1n,
      oldestRetainedSeq: this.#lastSeq === 0n ? null : this.#oldestRetainedSeq,
    };
  }

  async opened(frame: OpenedFrame): Promise<boolean> {
    if (this.#held) return false;
    if (frame.status === OPENED_STATUS.unknown || frame.status === OPENED_STATUS.held) {
      this.#open("channelHeld", { status: frame.status });
      this.#retryIn(frame.retryAfterMs ?? HELD_RETRY_MS);
      return false;
    }
    if (frame.status !== OPENED_STATUS.ok || !(await this.#sharesHistory(frame))) {
      this.#hold(new AgentError("CHANNEL_PARTED", { status: frame.status, seq: frame.lastSeq }));
      return false;
    }
    if (this.#rejections < REJECTIONS_BEFORE_ALARM) {
      this.#parts.conditions.close("channelHeld", this.channel);
    }
    this.#settle(frame.lastSeq);
    this.#restart(frame.lastSeq + 1n);
    return true;
  }

  take(): OutgoingMessage | undefined {
    const message = this.#ready.shift();
    if (message === undefined) return undefined;
    this.#readyBytes -= message.total;
    this.#takenSeq = message.seq;
    this.#readAhead();
    return message;
  }

  acked(epoch: bigint, seq: bigint): void {
    // What was never sent cannot be acked: no row is settled by a number alone (TP18).
    if (epoch !== this.#epoch || seq > this.#takenSeq) return;
    this.#settle(seq);
  }

  rejected(frame: RejectFrame): void {
    const channel = identifierFrom(this.channel);
    const facts = { channel, seq: frame.seq, rejectCode: frame.code };
    this.#parts.log.write("messageRejected", facts);
    if (frame.permanent || frame.code === REJECT_CODE.conflict) {
      // Acks for what came before it may still arrive; what came behind it, the receiver drops (TP29).
      if (frame.seq <= this.#takenSeq) this.#takenSeq = larger(frame.seq - 1n, this.#ackedSeq);
      const parted = frame.code === REJECT_CODE.conflict;
      if (!parted) this.#parts.outbox.refused(this.#id, frame.seq);
      this.#hold(new AgentError(parted ? "CHANNEL_PARTED" : "MESSAGE_REFUSED", facts));
      return;
    }
    this.#rejections = this.#rejectedSeq === frame.seq ? this.#rejections + 1 : 1;
    this.#rejectedSeq = frame.seq;
    if (this.#rejections >= REJECTIONS_BEFORE_ALARM) this.#open("channelHeld", facts);
    this.#retryIn(Math.max(REOPEN_MS, frame.retryAfterMs ?? 0));
  }

  disconnected(): void {
    this.#forgetReady();
    this.#takenSeq = this.#ackedSeq;
    this.#retry?.[Symbol.dispose]();
  }

  /** TP15: the receiver's history up to its last seq must be ours, not only its length. */
  async #sharesHistory({ epoch, lastSeq, chain }: OpenedFrame): Promise<boolean> {
    if (epoch !== this.#epoch || lastSeq > this.#lastSeq) return false;
    if (lastSeq === 0n) return true;
    const own = await this.#parts.outbox.chainAt(this.#id, epoch, lastSeq);
    // Pruned here: it was acked once, so it may be settled again.
    if (own === undefined) return lastSeq <= this.#ackedSeq;
    return chain !== null && Buffer.compare(own, chain) === 0;
  }

  #settle(seq: bigint): void {
    if (seq <= this.#ackedSeq) return;
    this.#ackedSeq = seq;
    if (this.#rejections >= REJECTIONS_BEFORE_ALARM && seq >= this.#rejectedSeq) {
      this.#rejections = 0;
      this.#parts.conditions.close("channelHeld", this.channel);
    }
    if (this.#takenSeq < seq) this.#takenSeq = seq;
    this.#parts.outbox.settle(this.#id, this.#epoch, seq);
  }

  #restart(seq: bigint): void {
    this.#forgetReady();
    this.#takenSeq = seq - 1n;
    this.#nextSeq = seq;
    this.#reading = false;
    this.#readAhead();
  }

  #forgetReady(): void {
    this.#generation += 1;
    this.#ready = [];
    this.#readyBytes = 0;
  }

  #readAhead(): void {
    const enough = this.#readyBytes >= READ_MAX_BYTES / 2;
    if (this.#reading || this.#held || enough || this.#nextSeq > this.#limitSeq()) return;
    if (this.#ready.length >= READ_MAX_COUNT / 2) return;
    this.#reading = true;
    const generation = this.#generation;
    this.#parts.tasks.run("relay.read", () => this.#read(generation));
  }

  async #read(generation: number): Promise<void> {
    const { messages, damagedSeq } = await this.#parts.outbox.read({
      channel: this.#id,
      epoch: this.#epoch,
      afterSeq: this.#nextSeq - 1n,
      maxBytes: READ_MAX_BYTES,
      maxCount: READ_MAX_COUNT,
    });
    if (generation !== this.#generation) return;
    this.#reading = false;
    for (const message of messages) {
      if (message.seq > this.#limitSeq()) break;
      if (message.seq !== this.#nextSeq) {
        throw new AgentError("AGENT_DEFECT", { expected: this.#nextSeq, found: message.seq });
      }
      const { seq } = message;
      this.#ready.push(outgoingMessage(this.#parts.outbox, message, () => this.#damaged(seq)));
      this.#readyBytes += message.length;
      this.#nextSeq = message.seq + 1n;
    }
    if (damagedSeq !== undefined) this.#damaged(damagedSeq);
    this.#parts.wake(this);
    this.#readAhead();
  }

  #limitSeq(): bigint {
    return this.#damagedSeq === undefined ? this.#lastSeq : this.#damagedSeq - 1n;
  }

  /** This channel ends before `seq` until a person decides; the others flow (05 S16). */
  #damaged(seq: bigint): void {
    if (this.#damagedSeq !== undefined) return;
    this.#damagedSeq = seq;
    const facts = { channel: identifierFrom(this.channel), seq };
    this.#open("messageDamaged", facts);
    this.#parts.log.fault("channelHeld", new AgentError("STORE_BODY_DAMAGED", facts));
  }

  /** A person decides; the other channels flow (06 TP30). */
  #hold(error: AgentError): void {
    this.#held = true;
    this.#forgetReady();
    this.#open("channelHeld", { ...error.facts, code: identifierFrom(error.code) });
    this.#parts.log.fault("channelHeld", error);
  }

  #retryIn(delayMs: number): void {
    this.#retry?.[Symbol.dispose]();
    const boundedMs = Math.min(delayMs, RETRY_AFTER_MAX_MS);
    this.#retry = this.#parts.clock.after(boundedMs, () => this.#parts.reopen(this));
  }

  #open(condition: "channelHeld" | "messageDamaged", facts: AgentError["facts"]): void {
    this.#parts.conditions.open(condition, this.channel, facts, this.#parts.clock.nowMs());
  }
}

const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);
