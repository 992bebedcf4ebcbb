/**
 * The streams that one end of a connection sends on: opened, resumed, fed by credit, opened again.
 *
 * What the sink says of them comes in through {@link SendingStreams.heed}; what is stored, and what may be
 * settled, is the business of their sources.
 *
 * @module
 */
import {
  type AckFrame,
  type Credit,
  type CreditFrame,
  ERROR_CODE,
  FRAME_TYPE,
  type Frame,
  OPENED_STATUS,
  type OpenedFrame,
  type PartialFrame,
  PRIORITY,
  type RejectFrame,
} from "#protocol/frame.ts";
import { ProtocolError } from "#protocol/protocol-error.ts";
import type { Clock } from "../clock.ts";
import { Flow } from "./flow.ts";
import { type FrameSink, Outgoing, SendingStream } from "./outgoing.ts";
import type { StreamSource } from "./source-stream.ts";

/** What a sink says to its source. */
export type SourceFrame = OpenedFrame | AckFrame | PartialFrame | CreditFrame | RejectFrame;

export interface SendingOptions {
  /** For DATA and SKIP: encoded, and counted before more is chosen. */
  readonly socket: FrameSink;
  readonly send: (frame: Frame) => void;
  readonly clock: Pick<Clock, "monotonicMs">;
  /** The connection limit that the sink announced first (TP20). */
  readonly creditBytes: number;
  /** The negotiated frame limit. */
  readonly frameBytes: number;
  /** The capability `partial` is in force (TP12). */
  readonly isPartialInForce: boolean;
  /** A source failed: nothing more is sent. */
  readonly onFault: (error: unknown) => void;
  /** An OPENED has been acted on. */
  readonly onOpened?: () => void;
  /** What holds streams back may have changed. */
  readonly onPumped?: () => void;
}

export class SendingStreams {
  readonly #options: SendingOptions;
  readonly #flow: Flow;
  readonly #outgoing: Outgoing;
  readonly #byNumber = new Map<number, SendingStream>();
  readonly #bySource = new Map<StreamSource, SendingStream>();
  #isEnded = false;

  constructor(options: SendingOptions) {
    const { socket, creditBytes, frameBytes, onFault } = options;
    this.#options = options;
    this.#flow = new Flow(creditBytes);
    this.#outgoing = new Outgoing(socket, this.#flow, frameBytes, onFault);
  }

  get windowBytes(): number {
    return this.#flow.windowBytes;
  }

  get roundTripMs(): number | undefined {
    return this.#flow.roundTripMs;
  }

  /** Of DATA bodies that the sink has not said to have received. */
  get inFlightBytes(): number {
    return this.#flow.inFlightBytes;
  }

  /** Whether some source awaits an ACK. */
  get isAwaitingAcks(): boolean {
    return [...this.#bySource.keys()].some(({ inFlight }) => inFlight);
  }

  /** Whether credit or the window holds back every stream that has something. */
  get isStarved(): boolean {
    return this.#outgoing.starved;
  }

  /** @returns whether it was opened now; a source that has no standing asks for it itself later */
  add(number: number, source: StreamSource): boolean {
    const stream = new SendingStream(number, source);
    this.#byNumber.set(number, stream);
    this.#bySource.set(source, stream);
    this.#outgoing.add(stream);
    this.#open(stream);
    return stream.opening;
  }

  /** Messages are at hand for `source` again. */
  wake(source: StreamSource): void {
    const stream = this.#bySource.get(source);
    if (stream !== undefined) stream.idle = false;
    this.pump();
  }

  /** Asks again where the sink stands, after a refusal that says to (TP29). */
  reopen(source: StreamSource): void {
    const stream = this.#bySource.get(source);
    if (stream === undefined || this.#isEnded) return;
    stream.flowing = false;
    stream.current = undefined;
    this.#outgoing.place(stream);
    if (stream.opening) stream.outdated = true;
    else this.#open(stream);
  }

  /** @throws {ProtocolError} if it does not follow what came before */
  heed(frame: SourceFrame): void {
    switch (frame.type) {
      case "opened":
        this.#opened(frame);
        break;
      case "ack":
        this.#streamOf(frame).source.acked(frame.epoch, frame.lastSeq);
        this.#credited(frame.stream, frame.credit);
        break;
      case "credit":
        this.#credited(frame.stream, frame.credit);
        break;
      case "reject":
        this.#streamOf(frame).source.rejected(frame);
        break;
      case "partial":
        // How far a message has come is asked for when it is resumed: only OPENED decides then (TP14).
        this.#streamOf(frame);
        if (!this.#options.isPartialInForce) throw outOfOrder(frame);
        break;
    }
  }

  ponged(roundTripMs: number): void {
    this.#flow.ponged(roundTripMs, this.#options.clock.monotonicMs());
    this.pump();
  }

  /** Sends what may be sent now; also whenever the socket has less unsent. */
  pump(): void {
    if (this.#isEnded) return;
    this.#outgoing.pump();
    this.#options.onPumped?.();
  }

  /** TP32: no new message; the one in hand is finished. */
  stopAfterCurrent(): void {
    this.#outgoing.stopAfterCurrent();
  }

  /** The connection is over, with everything in flight. */
  end(): void {
    this.#isEnded = true;
    this.#outgoing.end();
    for (const source of this.#bySource.keys()) source.disconnected();
  }

  #open(stream: SendingStream): void {
    const standing = stream.source.standing();
    if (standing === undefined) return;
    const { previous, ...position } = standing;
    stream.opening = true;
    this.#options.send({
      type: "open",
      stream: stream.number,
      channel: stream.source.channel,
      ...position,
      previousEpoch: previous,
      priority: stream.source.priority ?? PRIORITY.normal,
    });
  }

  #opened(frame: OpenedFrame): void {
    const stream = this.#streamOf(frame);
    if (!stream.opening) throw outOfOrder(frame);
    // Credit counts from the OPEN that this answers (TP20); what came before it was of another count.
    stream.sentBytes = 0;
    stream.creditLimit = 0;
    this.#credited(frame.stream, frame.credit);
    const { partial, ...whole } = frame;
    // Without the capability a large message begins again (TP25).
    const resumed = partial === undefined || !this.#options.isPartialInForce ? whole : frame;
    stream.source.opened(resumed).then(
      (mayFlow) => {
        if (this.#isEnded) return;
        stream.opening = false;
        stream.idle = false;
        if (stream.outdated) {
          stream.outdated = false;
          this.#open(stream);
        } else stream.flowing = mayFlow && frame.status === OPENED_STATUS.ok;
        this.#options.onOpened?.();
        this.pump();
      },
      (error: unknown) => this.#options.onFault(error),
    );
  }

  #credited(number: number, credit: Credit): void {
    const stream = this.#byNumber.get(number);
    if (stream !== undefined) {
      stream.creditLimit = Math.max(stream.creditLimit, credit.streamLimit ?? 0);
    }
    this.#flow.credited(credit);
    this.pump();
  }

  #streamOf(frame: SourceFrame): SendingStream {
    const stream = this.#byNumber.get(frame.stream);
    if (stream === undefined) throw outOfOrder(frame);
    return stream;
  }
}

function outOfOrder({ type }: SourceFrame): ProtocolError {
  const about = { frameType: FRAME_TYPE[type] };
  return new ProtocolError(ERROR_CODE.outOfOrder, `Cannot take ${type} here`, about);
}
