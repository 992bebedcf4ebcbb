/**
 * The sink of one connection: its streams, their calls to the store, and what the source is told.
 *
 * ACK leaves only from the answer of the store, which comes after the flushed commit (RI7, TP24).
 *
 * @module
 */
import {
  type DataFrame,
  ERROR_CODE,
  type ErrorFrameCode,
  FRAME_TYPE,
  type Frame,
  type OpenFrame,
  type SkipFrame,
} from "#protocol/frame.ts";
import { STREAMS_MAX_COUNT } from "#protocol/limits.ts";
import type { Budget } from "./credit.ts";
import type { Facts } from "./errors.ts";
import type { Clock } from "./host/clock.ts";
import type { LogEvent } from "./host/log.ts";
import { outcomeOf, REFUSAL, type Refusal, skipKindOf } from "./ingest.ts";
import { openedFrame, unknownChannel } from "./opening.ts";
import { SinkCredit } from "./sink-credit.ts";
import { type Batch, type Forgotten, SinkStream } from "./sink-stream.ts";
import type { ChannelCall, IngestResult, OpenResult, Store } from "./store/store.ts";
import { StoreCalls } from "./store-calls.ts";

/** What a sink needs from its connection. */
export interface SinkPort {
  send(frame: Frame): void;
  /** The session is over: a newer one has begun (RI2). */
  fenced(): void;
  violated(code: ErrorFrameCode, frameType: number): void;
  /** Nothing is in hand. */
  emptied(): void;
  /** The store is gone; the process is about to end (S9). */
  storeFailed(): void;
  log(event: LogEvent, facts: Facts): void;
}

export interface SinkOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly budget: Budget;
  readonly agent: number;
  readonly session: number;
  /** The negotiated frame limit. */
  readonly frameBytes: number;
  readonly messageLimitBytes: number;
  /** The share of this connection in what the process may hold, at this moment. */
  readonly windowBytes: () => number;
}

export class Sink {
  readonly #port: SinkPort;
  readonly #options: SinkOptions;
  readonly #streams = new Map<number, SinkStream>();
  readonly #credit: SinkCredit;
  readonly #calls: StoreCalls;
  /** Streams with something for the store at the end of this turn. */
  readonly #due = new Set<SinkStream>();

  constructor(port: SinkPort, options: SinkOptions) {
    this.#port = port;
    this.#options = options;
    this.#credit = new SinkCredit({ ...options, report: (stream) => this.#sendCredit(stream) });
    this.#calls = new StoreCalls(options.clock, {
      settled: () => this.#noteIfEmpty(),
      failed: () => port.storeFailed(),
      busy: () => port.log("storeBusy", {}),
    });
  }

  /** The connection limit for WELCOME. */
  initialLimit(): number {
    return this.#credit.initialLimit();
  }

  get isEmpty(): boolean {
    return this.#calls.outCount === 0 && this.#due.size === 0;
  }

  /** TP14: asks the store where the channel stands, and answers OPENED. */
  open(frame: OpenFrame): void {
    const known = this.#streams.get(frame.stream);
    // The agent opens odd streams (TP6), and waits for OPENED before it opens one again.
    if (frame.stream % 2 === 0 || known?.state.at === "opening") {
      this.#port.violated(ERROR_CODE.outOfOrder, FRAME_TYPE.open);
      return;
    }
    if (known === undefined && this.#streams.size >= STREAMS_MAX_COUNT) {
      this.#port.violated(ERROR_CODE.limit, FRAME_TYPE.open);
      return;
    }
    if (known !== undefined) this.#settle(known, known.close());
    const stream = new SinkStream(frame, this.#options);
    this.#streams.set(frame.stream, stream);
    const unknown = unknownChannel(frame);
    if (unknown === undefined) {
      const call = { ...this.#channelCall(stream), previous: frame.previousEpoch };
      this.#calls.make(
        () => this.#options.store.open(call),
        (result) => this.#opened(stream, result),
      );
    } else {
      stream.close();
      this.#port.log("channelRefused", { stream: frame.stream });
      this.#port.send(unknown);
    }
  }

  /**
   * Takes a chunk of a message.
   *
   * @param wireBytes of its body, which is what credit counts
   * @throws {ProtocolError} if it does not follow what came before
   */
  take(frame: DataFrame, wireBytes: number): void {
    const stream = this.#openStream(frame);
    if (stream === undefined) return;
    if (!this.#credit.receive(stream, wireBytes)) {
      this.#port.violated(ERROR_CODE.credit, FRAME_TYPE.data);
      return;
    }
    const taken = stream.take(frame, wireBytes);
    switch (taken.kind) {
      case "queued":
        this.#credit.wait(stream, taken.wireBytes);
        this.#callAtEndOfTurn(stream);
        break;
      case "dropped":
        this.#credit.drop(stream, taken.wireBytes);
        break;
      case "refused":
        this.#credit.drop(stream, taken.wireBytes);
        this.#reject(stream, frame.seq, taken.refusal);
        break;
      case "held":
        break;
    }
    this.#credit.noteReceived(stream, wireBytes);
  }

  /** TP31. @throws {ProtocolError} if it does not follow what came before */
  takeSkip(frame: SkipFrame): void {
    const stream = this.#openStream(frame);
    if (stream?.takeSkip(frame) === true) this.#callAtEndOfTurn(stream);
  }

  /** Ends without a word: what is with the store stays there, its answers are not passed on. */
  close(): void {
    this.#calls.close();
    this.#credit.close();
    this.#due.clear();
    for (const stream of this.#streams.values()) stream.close();
    this.#streams.clear();
  }

  #openStream(frame: DataFrame | SkipFrame): SinkStream | undefined {
    const stream = this.#streams.get(frame.stream);
    const at = stream?.state.at;
    if (at === "open" || at === "rejecting") return stream;
    // TP14: neither before OPENED nor after one that was not OK.
    this.#port.violated(ERROR_CODE.outOfOrder, FRAME_TYPE[frame.type]);
    return undefined;
  }

  #opened(stream: SinkStream, result: OpenResult): void {
    if (!("position" in result)) {
      if (result.kind === "fenced") this.#port.fenced();
      // OPENED is overdue by now (06 section 3): the source has to begin again.
      else this.#port.storeFailed();
      return;
    }
    stream.state = { at: result.kind === "ok" ? "open" : "closed" };
    const { epoch, lastSeq } = result.position;
    if (result.gap !== null) this.#port.log("gapRecorded", { stream: stream.number, epoch });
    const event = result.kind === "ok" ? "channelOpened" : "channelRefused";
    this.#port.log(event, { stream: stream.number, epoch, lastSeq });
    this.#port.send(openedFrame(stream.number, result, this.#credit.of(stream)));
  }

  /** One call a stream and turn, for everything that arrived in it. */
  #callAtEndOfTurn(stream: SinkStream): void {
    if (this.#due.size === 0) setImmediate(() => this.#callForDue());
    this.#due.add(stream);
  }

  #callForDue(): void {
    const due = [...this.#due];
    this.#due.clear();
    for (const stream of due) if (!stream.isAway) this.#callFor(stream);
  }

  #callFor(stream: SinkStream): void {
    const batch = stream.nextBatch();
    if (batch === undefined) return;
    stream.isAway = true;
    const call = this.#channelCall(stream);
    this.#calls.make(
      () => this.#ask(call, batch),
      (result) => this.#answered(stream, batch, result),
    );
  }

  #ask(call: ChannelCall, batch: Batch): Promise<IngestResult> {
    const { store } = this.#options;
    if (batch.kind === "messages") {
      return store.ingest({ ...call, first: batch.first, items: batch.items });
    }
    const { firstSeq, lastSeq, reason, chain } = batch.frame;
    const kind = skipKindOf(reason);
    return store.skip({ ...call, first: firstSeq, last: lastSeq, reason: kind, chain });
  }

  #answered(stream: SinkStream, batch: Batch, result: IngestResult): void {
    const first = batch.kind === "messages" ? batch.first : batch.frame.firstSeq;
    stream.isAway = false;
    this.#credit.finish(stream, batch.wireBytes);
    const outcome = outcomeOf(result, first);
    // Another OPEN took the number of this stream: its OPENED says where the channel stands.
    if (stream.state.at === "closed" && outcome.kind !== "fence") return;
    switch (outcome.kind) {
      case "fence":
        this.#port.fenced();
        break;
      case "ack":
        if (outcome.gap !== null) this.#port.log("gapRecorded", { stream: stream.number, first });
        if (outcome.unverifiedCount > 0) {
          this.#port.log("messageUnverified", { count: outcome.unverifiedCount });
        }
        this.#acknowledge(stream, outcome.last);
        this.#callFor(stream);
        break;
      case "reject":
        // TP29: nothing behind it may pass, whatever waits here already.
        this.#settle(stream, stream.rejectFrom(outcome.seq));
        this.#reject(stream, outcome.seq, outcome.refusal);
        break;
      case "retry":
        this.#settle(stream, stream.rejectFrom(first));
        this.#reject(stream, first, REFUSAL.busy);
        break;
      case "violation":
        this.#port.violated(ERROR_CODE.outOfOrder, FRAME_TYPE.data);
        break;
    }
  }

  #acknowledge(stream: SinkStream, lastSeq: bigint): void {
    this.#port.send({
      type: "ack",
      stream: stream.number,
      epoch: stream.epoch,
      lastSeq,
      credit: this.#credit.of(stream),
    });
  }

  #reject(stream: SinkStream, seq: bigint, refusal: Refusal): void {
    const isConflict = refusal.code === REFUSAL.conflict.code;
    this.#port.log(isConflict ? "messageConflict" : "messageRejected", {
      stream: stream.number,
      epoch: stream.epoch,
      seq,
      reject: refusal.code,
    });
    this.#port.send({ type: "reject", stream: stream.number, seq, ...refusal });
    this.#sendCredit(stream);
  }

  #sendCredit(stream: SinkStream): void {
    if (stream.state.at === "closed") return;
    this.#port.send({
      type: "credit",
      stream: stream.number,
      credit: this.#credit.of(stream),
    });
  }

  #channelCall({ channel, epoch }: SinkStream): ChannelCall {
    const { agent, session, clock } = this.#options;
    return { agent, session, channel, epoch, atMs: clock.nowMs() };
  }

  #settle(stream: SinkStream, forgotten: Forgotten): void {
    this.#credit.finish(stream, forgotten.waitingBytes);
    this.#credit.drop(stream, forgotten.partialBytes);
  }

  #noteIfEmpty(): void {
    if (this.isEmpty) this.#port.emptied();
  }
}
