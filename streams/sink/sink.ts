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
  FRAME_TYPE,
  type OpenFrame,
  type SkipFrame,
} from "#protocol/frame.ts";
import { PARTIAL_MS, STREAMS_MAX_COUNT } from "#protocol/limits.ts";
import type { Timer } from "../clock.ts";
import { Budget, type CreditUsage } from "./credit.ts";
import { SKIPS_MAX_COUNT } from "./limits.ts";
import { openedFrame, unknownChannel } from "./opening.ts";
import {
  type Outcome,
  outcomeOf,
  REFUSAL,
  type Refusal,
  refusedPiece,
  skipKindOf,
} from "./results.ts";
import { SinkCredit } from "./sink-credit.ts";
import type { SinkPort } from "./sink-port.ts";
import type {
  ChannelCall,
  IngestResult,
  OpenResult,
  PartialResult,
  SinkStore,
} from "./sink-store.ts";
import { type Batch, type Forgotten, SinkStream } from "./sink-stream.ts";
import type { Piece } from "./spool.ts";
import { type StoreCallOptions, StoreCalls } from "./store-calls.ts";

export interface SinkOptions extends StoreCallOptions {
  readonly store: SinkStore;
  /** The remainder by 2 of the numbers of the streams that the source opens (TP6). */
  readonly parity: 0 | 1;
  /** Whether messages of this channel are taken here (TP16). */
  readonly serves: (channel: string) => boolean;
  readonly budget: Budget;
  readonly agent: number;
  readonly session: number;
  /** The negotiated frame limit. */
  readonly frameBytes: number;
  readonly messageLimitBytes: number;
  /** The capability `partial` is in force (TP12). */
  readonly isPartialInForce: boolean;
  /** The share of this connection in what the process may hold, from this moment on. */
  readonly windowBytes: (usage: CreditUsage) => number;
}

export class Sink {
  readonly #port: SinkPort;
  readonly #options: SinkOptions;
  readonly #streams = new Map<number, SinkStream>();
  readonly #skips = new Budget(SKIPS_MAX_COUNT);
  readonly #credit: SinkCredit;
  readonly #calls: StoreCalls;
  /** Streams with something for the store at the end of this turn. */
  readonly #due = new Set<SinkStream>();
  /** What has arrived of large messages goes to the store then (TP25). */
  #flushTimer: Timer | undefined;

  constructor(port: SinkPort, options: SinkOptions) {
    this.#port = port;
    this.#options = options;
    this.#credit = new SinkCredit({ ...options, report: (stream) => this.#sendCredit(stream) });
    this.#calls = new StoreCalls(options, {
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
    // The source waits for OPENED before it opens a stream again.
    const isBackwards = (frame.previousEpoch?.epoch ?? -1n) >= frame.epoch;
    if (isBackwards || frame.stream % 2 !== this.#options.parity || known?.state.at === "opening") {
      this.#port.violated(ERROR_CODE.outOfOrder, FRAME_TYPE.open);
      return;
    }
    if (known === undefined && this.#streams.size >= STREAMS_MAX_COUNT) {
      this.#port.violated(ERROR_CODE.limit, FRAME_TYPE.open);
      return;
    }
    if (known !== undefined) this.#settle(known, known.close());
    const stream = new SinkStream(frame, { ...this.#options, skips: this.#skips });
    this.#streams.set(frame.stream, stream);
    if (this.#options.serves(frame.channel)) {
      const { previousEpoch: previous, nextSeq } = frame;
      const call = { ...this.#channelCall(stream), previous, nextSeq };
      this.#calls.make(
        () => this.#options.store.open(call),
        (result) => this.#opened(stream, result),
      );
    } else {
      stream.close();
      this.#port.log("channelRefused", { stream: frame.stream });
      this.#port.send(unknownChannel(frame.stream, frame.epoch));
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
    if (stream.isSpooling) {
      this.#flushTimer ??= this.#options.clock.after(PARTIAL_MS, () => this.flush());
    }
  }

  /** What has arrived of large messages goes to the store now. */
  flush(): void {
    this.#flushTimer?.[Symbol.dispose]();
    this.#flushTimer = undefined;
    for (const stream of this.#streams.values()) {
      const wireBytes = stream.flush();
      this.#credit.wait(stream, wireBytes);
      if (wireBytes > 0) this.#callAtEndOfTurn(stream);
    }
  }

  /** There is more room than was announced last: the source may be waiting. */
  announceCredit(): void {
    for (const stream of this.#streams.values()) this.#sendCredit(stream);
  }

  /** TP31. @throws {ProtocolError} if it does not follow what came before */
  takeSkip(frame: SkipFrame): void {
    const stream = this.#openStream(frame);
    if (stream?.takeSkip(frame) === true) this.#callAtEndOfTurn(stream);
  }

  /**
   * Ends without a word: what is with the store stays there, its answers are not passed on. What has
   * arrived of a large message goes there too, so that the next connection need not send it again.
   */
  close(): void {
    this.#calls.close();
    this.#flushTimer?.[Symbol.dispose]();
    for (const stream of this.#streams.values()) this.#keepPieces(stream);
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
      else if (result.kind === "unknown") {
        stream.close();
        this.#port.log("channelRefused", { stream: stream.number });
        this.#port.send(unknownChannel(stream.number, stream.epoch));
      }
      // OPENED is overdue by now (06 section 3): the source has to begin again.
      else this.#port.storeFailed();
      return;
    }
    stream.state = { at: result.kind === "ok" ? "open" : "closed" };
    const { epoch, lastSeq } = result.position;
    if (result.gap !== null) this.#port.log("gapRecorded", { stream: stream.number, epoch });
    const event = result.kind === "ok" ? "channelOpened" : "channelRefused";
    this.#port.log(event, { stream: stream.number, epoch, lastSeq });
    const opened = openedFrame(stream.number, result, this.#credit.of(stream));
    const { partial } = result.position;
    if (partial === null || !this.#options.isPartialInForce) this.#port.send(opened);
    else {
      const durable = { seq: partial.seq, durableOffset: partial.durableBytes };
      stream.resumable(durable);
      this.#port.send({ ...opened, partial: durable });
    }
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
    if (batch.kind === "piece") {
      this.#calls.make(
        () => this.#options.store.savePartial({ ...call, ...batch.piece }),
        (result) => this.#kept(stream, batch.piece, result),
      );
    } else {
      this.#calls.make(
        () => this.#ask(call, batch),
        (result) => this.#answered(stream, batch, result),
      );
    }
  }

  /** The session is valid until the next HELLO; whatever the answer, nobody waits for it. */
  #keepPieces(stream: SinkStream): void {
    stream.flush();
    const call = this.#channelCall(stream);
    for (let batch = stream.nextBatch(); batch?.kind === "piece"; batch = stream.nextBatch()) {
      const { piece } = batch;
      this.#calls.makeLast(() => this.#options.store.savePartial({ ...call, ...piece }));
    }
  }

  #ask(call: ChannelCall, batch: Exclude<Batch, { kind: "piece" }>): Promise<IngestResult> {
    const { store } = this.#options;
    if (batch.kind === "messages") {
      return store.ingest({ ...call, first: batch.first, items: batch.items });
    }
    const { firstSeq, lastSeq, reason, chain } = batch.frame;
    const kind = skipKindOf(reason);
    return store.skip({ ...call, first: firstSeq, last: lastSeq, reason: kind, chain });
  }

  /** A piece of a large message is durable, or was refused. */
  #kept(stream: SinkStream, piece: Piece, result: PartialResult): void {
    stream.isAway = false;
    this.#credit.finish(stream, piece.wireBytes);
    if (result.kind !== "ok") {
      this.#refuse(stream, piece.seq, refusedPiece(result, piece.seq));
      return;
    }
    if (stream.state.at === "closed") return;
    const { durableBytes } = result;
    const { clock, isPartialInForce } = this.#options;
    if (isPartialInForce && stream.kept(piece, durableBytes, clock.monotonicMs())) {
      const { seq } = piece;
      this.#port.send({
        type: "partial",
        stream: stream.number,
        seq,
        durableOffset: durableBytes,
      });
    }
    this.#sendCredit(stream);
    this.#callFor(stream);
  }

  #answered(
    stream: SinkStream,
    batch: Exclude<Batch, { kind: "piece" }>,
    result: IngestResult,
  ): void {
    const first = batch.kind === "messages" ? batch.first : batch.frame.firstSeq;
    stream.isAway = false;
    this.#credit.finish(stream, batch.wireBytes);
    const outcome = outcomeOf(result, first);
    if (outcome.kind !== "ack") {
      this.#refuse(stream, first, outcome);
      return;
    }
    // Another OPEN took the number of this stream: its OPENED says where the channel stands.
    if (stream.state.at === "closed") return;
    if (outcome.gap !== null) this.#port.log("gapRecorded", { stream: stream.number, first });
    if (outcome.unverifiedCount > 0) {
      this.#port.log("messageUnverified", { count: outcome.unverifiedCount });
    }
    this.#acknowledge(stream, outcome.last);
    this.#callFor(stream);
  }

  /** @param first the first seq of the call that was refused */
  #refuse(stream: SinkStream, first: bigint, outcome: Exclude<Outcome, { kind: "ack" }>): void {
    if (stream.state.at === "closed" && outcome.kind !== "fence") return;
    switch (outcome.kind) {
      case "fence":
        this.#port.fenced();
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
