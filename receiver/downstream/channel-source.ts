/**
 * One channel on its way to an agent (TP34): the source of its stream, as the agent's relay is upstream.
 *
 * ```
 * opening ──OK──► flowing
 *    │              │
 *    └──parted──────┴──► moving ──everything unsettled has new numbers──► opening
 * ```
 *
 * What the agent holds decides (TP14): it is settled by the chain, never by a number alone (TP15).
 *
 * @module
 */
import { OPENED_STATUS, type OpenedFrame, REJECT_CODE, type RejectFrame } from "#protocol/frame.ts";
import { PartingPace } from "#streams/source/parting-pace.ts";
import { RepeatedRefusal } from "#streams/source/repeated-refusal.ts";
import type {
  OutgoingMessage,
  OutgoingSkip,
  StreamSource,
  StreamStanding,
} from "#streams/source/source-stream.ts";
import type { Facts } from "../errors.ts";
import type { Clock, Timer } from "../host/clock.ts";
import type { LogEvent } from "../host/log.ts";
import type { OutgoingChannel, OutgoingStore } from "../store/outgoing.ts";
import { ReadAhead } from "./read-ahead.ts";

export interface ChannelSourceParts {
  readonly store: OutgoingStore;
  readonly clock: Clock;
  readonly agent: number;
  readonly session: number;
  readonly wake: (source: StreamSource) => void;
  readonly reopen: (source: StreamSource) => void;
  /** Asks the store where the channels stand. */
  readonly look: () => void;
  /** A newer session has begun (RI2). */
  readonly fenced: () => void;
  readonly failed: (error: unknown) => void;
  readonly log: (event: LogEvent, facts: Facts) => void;
}

/** 06 section 8: a refusal that says "open again" is followed at most once a second. */
const REOPEN_MS = 1_000;
/** A full disk, or a database that is away. */
const SETTLE_AGAIN_MS = 5_000;
/** A channel that the agent does not serve, or holds. */
const HELD_RETRY_MS = 60_000;
const RETRY_MAX_MS = 3_600_000;
/** Behind it there is no epoch to go on to. */
const EPOCH_MAX = 2n ** 63n - 1n;

export class ChannelSource implements StreamSource {
  readonly channel: string;
  readonly #parts: ChannelSourceParts;
  readonly #ahead: ReadAhead;
  #standing: OutgoingChannel;
  #isFlowing = false;
  #isMoving = false;
  /** The agent will never take a message: a person decides (TP30). */
  #isHeld = false;
  #sinkSeq = 0n;
  #takenSeq = 0n;
  #settlingSeq = 0n;
  #isSettling = false;
  /** Counts openings: what was asked before the last one is not heard. */
  #turn = 0;
  #retry: Timer | undefined;
  readonly #pace = new PartingPace();
  readonly #refusal = new RepeatedRefusal();

  constructor(channel: OutgoingChannel, parts: ChannelSourceParts) {
    this.channel = channel.channel;
    this.#standing = channel;
    this.#parts = parts;
    this.#ahead = new ReadAhead({
      ...{ store: parts.store, agent: parts.agent, channel: channel.channel },
      onReady: () => parts.wake(this),
      onDamaged: (seq) => this.#hold({ seq, damaged: true }),
      onFault: (error) => parts.failed(error),
    });
  }

  get inFlight(): boolean {
    return this.#takenSeq > this.#sinkSeq;
  }

  /** The store was asked again, because there may be more. */
  refreshed(channel: OutgoingChannel): void {
    if (channel.epoch !== this.#standing.epoch) {
      this.#stop();
      this.#standing = channel;
      this.#parts.reopen(this);
      return;
    }
    const ackedSeq = larger(channel.ackedSeq, this.#standing.ackedSeq);
    this.#standing = { ...channel, ackedSeq };
    if (this.#isFlowing && !this.#isHeld) this.#ahead.grown(channel.lastSeq);
  }

  standing(): StreamStanding | undefined {
    if (this.#isMoving || this.#isHeld) return undefined;
    this.#stop();
    const { epoch, ackedSeq, oldestSeq, previous } = this.#standing;
    return { epoch, nextSeq: ackedSeq + 1n, oldestRetainedSeq: oldestSeq, previous };
  }

  async opened(frame: OpenedFrame): Promise<boolean> {
    switch (frame.status) {
      case OPENED_STATUS.unknown:
      case OPENED_STATUS.held:
        this.#parts.log("downstreamHeld", { status: frame.status });
        this.#retryIn(frame.retryAfterMs ?? HELD_RETRY_MS);
        return false;
      case OPENED_STATUS.ahead:
      // It was put back: what it lacks and is still here goes there once more, under new numbers (TP37).
      case OPENED_STATUS.behind:
        this.#part(frame);
        return false;
      case OPENED_STATUS.ok:
        return await this.#agree(frame);
    }
  }

  take(): OutgoingMessage | OutgoingSkip | undefined {
    if (!this.#isFlowing) return undefined;
    const item = this.#ahead.take();
    if (item !== undefined) this.#takenSeq = "body" in item ? item.seq : item.lastSeq;
    return item;
  }

  acked(epoch: bigint, seq: bigint): void {
    // What was never sent cannot be acked (TP18).
    if (epoch !== this.#standing.epoch || seq > this.#takenSeq || seq <= this.#sinkSeq) return;
    this.#sinkSeq = seq;
    this.#pace.agreed();
    this.#settle(seq);
  }

  rejected({ seq, code, permanent, retryAfterMs }: RejectFrame): void {
    if (!this.#isFlowing) return;
    // What is behind it the agent would drop (TP29).
    this.#isFlowing = false;
    this.#takenSeq = this.#sinkSeq;
    this.#parts.log("downstreamRejected", { seq, rejectCode: code });
    if (code === REJECT_CODE.conflict) {
      this.#part({ epoch: this.#standing.epoch, lastSeq: larger(seq, this.#sinkSeq) });
    } else if (permanent) {
      this.#ahead.stop();
      this.#hold({ seq });
    } else {
      const isAlarm = this.#refusal.refused(seq);
      if (isAlarm) this.#parts.log("downstreamHeld", { seq, rejectCode: code });
      this.#retryIn(Math.max(REOPEN_MS, retryAfterMs ?? 0));
    }
  }

  disconnected(): void {
    this.#stop();
    this.#retry?.[Symbol.dispose]();
  }

  async #agree({ epoch, lastSeq, chain, partial }: OpenedFrame): Promise<boolean> {
    const turn = this.#turn;
    const standing = this.#standing;
    const isShared =
      epoch === standing.epoch &&
      lastSeq <= standing.lastSeq &&
      (await this.#isOurs(lastSeq, chain));
    if (turn !== this.#turn) return false;
    if (!isShared) {
      this.#part({ epoch, lastSeq });
      return false;
    }
    this.#sinkSeq = lastSeq;
    this.#takenSeq = lastSeq;
    this.#isFlowing = true;
    this.#settle(lastSeq);
    this.#ahead.start(epoch, lastSeq, this.#standing.lastSeq, partial);
    return true;
  }

  async #isOurs(seq: bigint, chain: Uint8Array | null): Promise<boolean> {
    const { store, agent } = this.#parts;
    const { epoch } = this.#standing;
    const own = await store.outgoingChain({ agent, channel: this.channel, epoch, seq });
    return own !== null && chain !== null && Buffer.compare(own, chain) === 0;
  }

  /** `seq` of the epoch that is open now. */
  #settle(seq: bigint): void {
    this.#settlingSeq = larger(seq, this.#settlingSeq);
    this.#settleNext();
  }

  /** One call at a time; the newest number is enough. After another opening there is none, until it names one. */
  #settleNext(): void {
    if (this.#isSettling || this.#settlingSeq <= this.#standing.ackedSeq) return;
    const { store, agent, session, clock } = this.#parts;
    const settling = this.#settlingSeq;
    const { epoch } = this.#standing;
    const place = { agent, channel: this.channel, epoch, seq: settling };
    this.#isSettling = true;
    store.settleOutgoing({ ...place, session, atMs: clock.nowMs() }).then(
      ({ kind }) => {
        this.#isSettling = false;
        if (kind === "fenced") this.#parts.fenced();
        else if (kind === "busy") clock.after(SETTLE_AGAIN_MS, () => this.#settleNext());
        else {
          if (epoch === this.#standing.epoch) this.#acknowledged(settling);
          this.#settleNext();
        }
      },
      (error: unknown) => this.#parts.failed(error),
    );
  }

  #acknowledged(seq: bigint): void {
    const ackedSeq = larger(seq, this.#standing.ackedSeq);
    this.#standing = { ...this.#standing, ackedSeq };
  }

  /** TP18. Each time everything unsettled gets new numbers: an agent that never agrees has to wait. */
  #part(sink: { readonly epoch: bigint; readonly lastSeq: bigint }): void {
    this.#stop();
    const { store, agent, session, clock } = this.#parts;
    if (sink.epoch >= EPOCH_MAX) {
      this.#hold({ sinkEpoch: sink.epoch });
      return;
    }
    const nowMs = clock.monotonicMs();
    const waitMs = this.#pace.waitMs(nowMs);
    if (waitMs > 0) {
      this.#retryIn(waitMs);
      return;
    }
    this.#pace.moved(nowMs);
    const { epoch } = this.#standing;
    this.#parts.log("downstreamParted", { epoch, sinkEpoch: sink.epoch, seq: sink.lastSeq });
    this.#isMoving = true;
    store.reissueOutgoing({ agent, session, channel: this.channel, epoch, sink }).then(
      ({ kind }) => {
        this.#isMoving = false;
        if (kind === "fenced") this.#parts.fenced();
        else if (kind === "busy") this.#retryIn(HELD_RETRY_MS);
        // A look that was quicker than this answer has brought the new numbers already.
        else if (this.#standing.epoch !== epoch) this.#parts.reopen(this);
        // Else they come with the next one, and open the channel again.
        else this.#parts.look();
      },
      (error: unknown) => this.#parts.failed(error),
    );
  }

  /** Until the agent connects again: what is behind it does not pass it (TP29). */
  #hold(facts: Facts): void {
    if (this.#isHeld) return;
    this.#isHeld = true;
    this.#parts.log("downstreamHeld", facts);
  }

  #stop(): void {
    this.#turn += 1;
    this.#isFlowing = false;
    this.#ahead.stop();
    this.#sinkSeq = 0n;
    this.#takenSeq = 0n;
    this.#settlingSeq = 0n;
  }

  #retryIn(delayMs: number): void {
    this.#retry?.[Symbol.dispose]();
    const boundedMs = Math.min(delayMs, RETRY_MAX_MS);
    this.#retry = this.#parts.clock.after(boundedMs, () => this.#parts.reopen(this));
  }
}

const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);
