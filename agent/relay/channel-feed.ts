/**
 * One channel's messages on their way: handed to the tunnel in order, settled on the receiver's word.
 *
 * One epoch is sent at a time (`FeedEpochs` says which), read ahead from the outbox (`ReadAhead`). After a
 * lost connection everything unsettled is read again: repeats are the normal case (06 TP19). Where the
 * receiver's history is another one, nothing is settled and nothing sent; the outbox moves the channel to a
 * new epoch, and it goes on there (TP18):
 *
 * ```
 * opening ──OK──► flowing ──all of an ended epoch is acked──► opening (the next epoch)
 *    │               │
 *    └──parted───────┴──► moving ──the new epoch has begun──► opening
 * ```
 *
 * @module
 */
import type { Priority } from "#protocol/frame.ts";
import { OPENED_STATUS, type OpenedFrame, REJECT_CODE, type RejectFrame } from "#protocol/frame.ts";
import { PartingPace } from "#streams/source/parting-pace.ts";
import { RepeatedRefusal } from "#streams/source/repeated-refusal.ts";
import type {
  OutgoingMessage,
  OutgoingSkip,
  StreamSource,
  StreamStanding,
} from "#streams/source/source-stream.ts";
import { AgentError, type Facts, identifierFrom } from "../errors.ts";
import type { Conditions } from "../health/conditions.ts";
import type { Clock, Timer } from "../host/clock.ts";
import type { Log } from "../host/log.ts";
import type { Tasks } from "../host/tasks.ts";
import { RETRY_AFTER_MAX_MS } from "../limits.ts";
import { larger } from "../outbox/bigints.ts";
import type { ChannelTail } from "../outbox/epochs/channel-tails.ts";
import type { SinkPosition } from "../outbox/epochs/epoch-messages.ts";
import type { Outbox } from "../outbox/outbox.ts";
import { FeedAlarms } from "./feed-alarms.ts";
import { FeedEpochs } from "./feed-epochs.ts";
import { type DamagedAt, ReadAhead } from "./read-ahead.ts";
import { isDecision, priorityOf, type RelayRules } from "./relay-rules.ts";

export interface FeedParts {
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly log: Log;
  readonly conditions: Conditions;
  readonly tasks: Tasks;
  readonly wake: (source: StreamSource) => void;
  readonly reopen: (source: StreamSource) => void;
  readonly rules: RelayRules;
  readonly isHeld?: () => boolean;
}

/** 06 section 8: a refusal that says "open again" is followed at most once a second. */
const REOPEN_MS = 1_000;
/** Where the receiver names no time: how long a channel that it does not serve is left alone. */
const HELD_RETRY_MS = 60_000;

export class ChannelFeed implements StreamSource {
  readonly channel: string;
  readonly #parts: FeedParts;
  readonly #id: number;
  readonly #ahead: ReadAhead;
  readonly #alarms: FeedAlarms;
  #rules: RelayRules;
  #epochs: FeedEpochs;
  /** Of the epoch that is being sent: what the receiver has on this connection, and what was handed out. */
  #sinkSeq = 0n;
  #takenSeq = 0n;
  /** OPENED said OK, and OPEN was not sent again since. */
  #isFlowing = false;
  /** A person must decide, and nothing flows. */
  #isHeld = false;
  /** The outbox moves the channel to another epoch. */
  #isMoving: boolean;
  /** Counts connections and openings: what was asked before the last one is not heard. */
  #turn = 0;
  #retry: Timer | undefined;
  readonly #refusal = new RepeatedRefusal();
  readonly #pace = new PartingPace();

  constructor(tail: ChannelTail, parts: FeedParts) {
    this.channel = tail.name;
    this.#rules = parts.rules;
    this.#parts = parts;
    this.#alarms = new FeedAlarms(tail.name, parts);
    this.#id = tail.channel;
    this.#epochs = new FeedEpochs(tail);
    this.#isMoving = tail.filling !== undefined;
    this.#ahead = new ReadAhead({
      ...{ outbox: parts.outbox, tasks: parts.tasks, channel: tail.channel },
      onReady: () => parts.wake(this),
      onDamaged: (at) => this.#alarms.damaged(at),
      onSkip: (epoch, skip) => this.#alarms.skipped(epoch, skip),
    });
  }

  get id(): number {
    return this.#id;
  }

  get priority(): Priority {
    return priorityOf(this.#rules);
  }

  /** The configuration says this from now on; OPEN tells the receiver of another priority. */
  follow(rules: RelayRules): void {
    const before = this.#rules;
    this.#rules = rules;
    const goesOn = this.#isHeld && isDecision(before, rules);
    if (goesOn) this.#isHeld = false;
    if (goesOn || rules.priority !== before.priority) this.#parts.reopen(this);
  }

  get inFlight(): boolean {
    return this.#takenSeq > this.#sinkSeq;
  }

  /** The outbox has messages up to `seq` in the current epoch. */
  appended(seq: bigint): void {
    this.#epochs.current.lastSeq = seq;
    if (this.#epochs.sending === this.#epochs.current) this.#ahead.grown(seq);
  }

  /** The channel has moved to another epoch. */
  begun(tail: ChannelTail): void {
    this.#stop();
    this.#epochs = new FeedEpochs(tail);
    this.#isMoving = tail.filling !== undefined;
    this.#parts.reopen(this);
  }

  /** The unreadable message that it stops before, until a person decides. */
  get stoppedAt(): DamagedAt | undefined {
    return this.#ahead.damaged;
  }

  /** That message was given up, or can be read again. */
  goOn(): void {
    this.#ahead.retry();
  }

  standing(): StreamStanding | undefined {
    if (this.#isMoving) return undefined;
    this.#stop();
    return this.#epochs.standing();
  }

  async opened(frame: OpenedFrame): Promise<boolean> {
    if (this.#isHeld || this.#isMoving) return false;
    switch (frame.status) {
      case OPENED_STATUS.unknown:
      case OPENED_STATUS.held:
        this.#alarms.open("channelHeld", { status: frame.status });
        this.#retryIn(frame.retryAfterMs ?? HELD_RETRY_MS);
        return false;
      case OPENED_STATUS.ahead:
        this.#meet(frame.epoch);
        return false;
      case OPENED_STATUS.behind:
        if (this.#epochs.goOnTo(frame.epoch)) this.#parts.reopen(this);
        else this.#part(frame);
        return false;
      case OPENED_STATUS.ok:
        return await this.#agree(frame);
    }
  }

  take(): OutgoingMessage | OutgoingSkip | undefined {
    if (!this.#isFlowing || this.#parts.isHeld?.() === true) return undefined;
    const item = this.#ahead.take();
    if (item !== undefined) this.#takenSeq = "body" in item ? item.seq : item.lastSeq;
    return item;
  }

  acked(epoch: bigint, seq: bigint): void {
    // What was never sent cannot be acked: no row is settled by a number alone (TP18).
    if (epoch !== this.#epochs.sending.epoch || seq > this.#takenSeq) return;
    if (seq <= this.#sinkSeq) return;
    this.#pace.agreed();
    this.#settle(seq);
    this.#advanceIfDone();
  }

  rejected(frame: RejectFrame): void {
    // Of a stream that was opened again since: its OPENED says more.
    if (!this.#isFlowing) return;
    const channel = identifierFrom(this.channel);
    const facts = { channel, seq: frame.seq, rejectCode: frame.code };
    this.#parts.log.write("messageRejected", facts);
    if (frame.code === REJECT_CODE.conflict) {
      const { epoch } = this.#epochs.sending;
      this.#part({ epoch, lastSeq: larger(frame.seq, this.#sinkSeq) });
      return;
    }
    if (frame.permanent) {
      // Acks for what came before it may still arrive; what came behind it, the receiver drops (TP29).
      if (frame.seq <= this.#takenSeq) this.#takenSeq = larger(frame.seq - 1n, this.#sinkSeq);
      this.#parts.outbox.refused(this.#id, this.#epochs.sending.epoch, frame.seq);
      if (this.#rules.onReceiverReject === "quarantine") this.#setAside(frame.seq, facts);
      else this.#hold(new AgentError("MESSAGE_REFUSED", facts));
      return;
    }
    this.#refusal.refused(frame.seq);
    if (this.#refusal.isAlarming) this.#alarms.open("channelHeld", facts);
    this.#retryIn(Math.max(REOPEN_MS, frame.retryAfterMs ?? 0));
  }

  disconnected(): void {
    this.#stop();
    this.#epochs.restart();
    this.#retry?.[Symbol.dispose]();
  }

  /** OK: the receiver is in our epoch. TP15: its history up to its last seq must be ours, not only its length. */
  async #agree({ epoch, lastSeq, chain, partial }: OpenedFrame): Promise<boolean> {
    const { sending } = this.#epochs;
    const turn = this.#turn;
    if (epoch === sending.epoch && this.#hasMore(lastSeq)) {
      this.#flowFrom(lastSeq);
      return true;
    }
    const isShared =
      epoch === sending.epoch &&
      lastSeq <= sending.lastSeq &&
      (lastSeq === 0n || (await this.#isOurs(lastSeq, chain)));
    if (turn !== this.#turn) return false;
    if (!isShared) {
      this.#part({ epoch, lastSeq });
      return false;
    }
    const settledSeq = sending.ackedSeq;
    this.#settle(lastSeq);
    const start = { epoch, fromSeq: lastSeq + 1n, lastSeq: sending.lastSeq, settledSeq };
    this.#ahead.start({ ...start, partial });
    this.#flowFrom(lastSeq);
    return this.#isFlowing;
  }

  /** Of an ended epoch that lost its last messages here: nothing of it is left to be settled or sent. */
  #hasMore(sinkSeq: bigint): boolean {
    const { sending, current } = this.#epochs;
    const isSettled = sending.ackedSeq >= sending.lastSeq;
    return sending !== current && isSettled && sinkSeq > sending.lastSeq;
  }

  #flowFrom(sinkSeq: bigint): void {
    const { sending, current } = this.#epochs;
    this.#epochs.agreed();
    this.#isFlowing = true;
    if (!this.#refusal.isAlarming) this.#alarms.close("channelHeld");
    if (sending === current) this.#alarms.close("channelParted");
    this.#sinkSeq = sinkSeq;
    this.#takenSeq = sinkSeq;
    this.#advanceIfDone();
  }

  async #isOurs(seq: bigint, chain: Uint8Array | null): Promise<boolean> {
    const { epoch, ackedSeq } = this.#epochs.sending;
    const own = await this.#parts.outbox.chainAt(this.#id, epoch, seq);
    // Pruned here: it was acked once, so it may be settled again.
    const isPruned = own === undefined && seq <= ackedSeq;
    if (isPruned || (chain === null && (await this.#isBehindGap(seq)))) {
      this.#parts.log.write("resumeUnverified", { channel: identifierFrom(this.channel), seq });
      return true;
    }
    if (own === undefined) return false;
    return chain !== null && Buffer.compare(own, chain) === 0;
  }

  /**
   * Behind a message that was given up the receiver has no chain (06 TP31). In an epoch that has ended
   * numbers alone tell which messages it has: none was ever given to another message since.
   */
  async #isBehindGap(seq: bigint): Promise<boolean> {
    const { sending, current } = this.#epochs;
    if (sending === current) return false;
    return await this.#parts.outbox.epochs.hasGap(this.#id, sending.epoch, seq);
  }

  #settle(seq: bigint): void {
    const { sending } = this.#epochs;
    this.#sinkSeq = larger(seq, this.#sinkSeq);
    if (this.#takenSeq < seq) this.#takenSeq = seq;
    if (this.#refusal.settled(seq)) this.#alarms.close("channelHeld");
    if (seq <= sending.ackedSeq) return;
    sending.ackedSeq = seq;
    this.#parts.outbox.settle(this.#id, sending.epoch, seq);
  }

  /** Everything of an ended epoch is at the receiver: goes on to the next, once that is written down. */
  #advanceIfDone(): void {
    const { sending, current } = this.#epochs;
    if (sending === current || this.#sinkSeq < sending.lastSeq) return;
    const turn = this.#turn;
    this.#parts.tasks.run("relay.nextEpoch", async () => {
      try {
        // A start that finds it unsettled would meet a receiver that has closed it.
        await this.#parts.outbox.flushProgress();
      } catch {
        // The store says by itself why not.
        if (turn === this.#turn) this.#retryIn(REOPEN_MS);
        return;
      }
      if (turn !== this.#turn || this.#isMoving || this.#isHeld) return;
      this.#epochs.advance();
      this.#parts.reopen(this);
    });
  }

  /** AHEAD (TP16): goes where the receiver is. */
  #meet(epoch: bigint): void {
    if (this.#epochs.goBackTo(epoch)) this.#parts.reopen(this);
    else {
      this.#alarms.open("channelHeld", { status: OPENED_STATUS.ahead, epoch });
      this.#retryIn(HELD_RETRY_MS);
    }
  }

  /** TP18: nothing is settled by a number that another content holds. */
  #part({ epoch, lastSeq }: SinkPosition): void {
    this.#stop();
    const sending = this.#epochs.sending.epoch;
    const nowMs = this.#parts.clock.monotonicMs();
    const waitMs = this.#pace.waitMs(nowMs);
    const facts = {
      channel: identifierFrom(this.channel),
      epoch: sending,
      sinkEpoch: epoch,
      seq: lastSeq,
    };
    this.#alarms.open("channelParted", facts);
    if (waitMs > 0) {
      this.#retryIn(waitMs);
      return;
    }
    this.#pace.moved(nowMs);
    this.#isMoving = true;
    this.#parts.log.fault("channelParted", new AgentError("CHANNEL_PARTED", facts));
    this.#parts.tasks.run("relay.part", () => this.#move(sending, { epoch, lastSeq }));
  }

  async #move(epoch: bigint, sink: SinkPosition): Promise<void> {
    let isMoving = false;
    try {
      isMoving = await this.#parts.outbox.epochs.part(this.#id, epoch, sink);
    } finally {
      // Told of the new epoch already, or of none: asks the receiver again.
      if (!isMoving && this.#isMoving) {
        this.#isMoving = false;
        this.#retryIn(HELD_RETRY_MS);
      }
    }
  }

  /** Nothing flows before the receiver has said again where it stands. */
  #stop(): void {
    this.#turn += 1;
    this.#isFlowing = false;
    this.#ahead.stop();
    // Numbers of another epoch, perhaps: nothing may be taken for acked by them.
    this.#sinkSeq = 0n;
    this.#takenSeq = 0n;
  }

  /** It goes to quarantine, and the channel goes on behind it; where that cannot be, a person decides. */
  #setAside(seq: bigint, facts: Facts): void {
    const { epoch } = this.#epochs.sending;
    const { outbox, log, tasks } = this.#parts;
    this.#stop();
    const turn = this.#turn;
    tasks.run("relay.setAside", async () => {
      const message = { channel: this.#id, epoch, seq };
      // The store says by itself why not; refused again, it is tried again.
      const verdict = await outbox.epochs.setAsideRefused(message).catch(() => undefined);
      if (verdict === "setAside") log.write("messageSetAside", facts);
      if (turn !== this.#turn || this.#isMoving) return;
      if (verdict === "setAside") this.#parts.reopen(this);
      else if (verdict === undefined) this.#retryIn(REOPEN_MS);
      else
        this.#hold(
          new AgentError("MESSAGE_REFUSED", { ...facts, quarantine: identifierFrom(verdict) }),
        );
    });
  }

  /** A person decides; the other channels flow (06 TP30). */
  #hold(error: AgentError): void {
    this.#isHeld = true;
    this.#ahead.stop();
    this.#alarms.open("channelHeld", { ...error.facts, code: identifierFrom(error.code) });
    this.#parts.log.fault("channelHeld", error);
  }

  #retryIn(delayMs: number): void {
    this.#retry?.[Symbol.dispose]();
    const boundedMs = Math.min(delayMs, RETRY_AFTER_MAX_MS);
    this.#retry = this.#parts.clock.after(boundedMs, () => this.#parts.reopen(this));
  }
}
