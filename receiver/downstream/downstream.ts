/**
 * Everything that goes down one connection (TP34): a stream for each channel with messages for the agent,
 * with the roles of the upstream exchanged.
 *
 * @module
 */
import {
  type Credit,
  ERROR_CODE,
  type ErrorFrameCode,
  FRAME_TYPE,
  type Frame,
  type OpenedFrame,
} from "#protocol/frame.ts";
import { STREAMS_MAX_COUNT } from "#protocol/limits.ts";
import { Flow } from "#streams/source/flow.ts";
import { type FrameSink, Outgoing, SendingStream } from "#streams/source/outgoing.ts";
import type { StreamSource } from "#streams/source/source-stream.ts";
import type { DownstreamFrame } from "../connection-state.ts";
import type { Facts } from "../errors.ts";
import type { Clock } from "../host/clock.ts";
import type { LogEvent } from "../host/log.ts";
import type { OutgoingStore } from "../store/outgoing.ts";
import { allOutgoingChannels } from "../store/walk.ts";
import { ChannelSource } from "./channel-source.ts";

export interface DownstreamPort {
  /** For DATA and SKIP: encoded, and counted before more is chosen. */
  readonly socket: FrameSink;
  send(frame: Frame): void;
  /** The session is over: a newer one has begun (RI2). */
  fenced(): void;
  violated(code: ErrorFrameCode, frameType: number): void;
  /** The store cannot go on, or gave an answer that is no answer. */
  failed(error: unknown): void;
  log(event: LogEvent, facts: Facts): void;
}

export interface DownstreamOptions {
  readonly store: OutgoingStore;
  readonly clock: Clock;
  readonly agent: number;
  readonly session: number;
  /** The negotiated frame limit. */
  readonly frameBytes: number;
  /** The connection limit of HELLO. */
  readonly creditBytes: number;
  /** The capability `partial` is in force (TP12). */
  readonly isPartialInForce: boolean;
}

interface Channel {
  readonly source: ChannelSource;
  readonly stream: SendingStream;
}

export class Downstream {
  readonly #port: DownstreamPort;
  readonly #options: DownstreamOptions;
  readonly #flow: Flow;
  readonly #outgoing: Outgoing;
  readonly #channels = new Map<string, Channel>();
  readonly #byNumber = new Map<number, Channel>();
  #isLooking = false;
  #isLookDue = false;
  #isClosed = false;

  constructor(port: DownstreamPort, options: DownstreamOptions) {
    this.#port = port;
    this.#options = options;
    this.#flow = new Flow(options.creditBytes);
    const onFault = (error: unknown): void => port.failed(error);
    this.#outgoing = new Outgoing(port.socket, this.#flow, options.frameBytes, onFault);
  }

  /** TP26: then a PING each second feeds the window. */
  get isInFlight(): boolean {
    return this.#flow.inFlightBytes > 0;
  }

  /** There may be messages that were not there before: asks the store, and opens what is new. */
  look(): void {
    this.#isLookDue = true;
    if (this.#isLooking || this.#isClosed) return;
    this.#isLooking = true;
    this.#lookOnce().then(
      () => {
        this.#isLooking = false;
        if (this.#isLookDue) this.look();
      },
      (error: unknown) => this.#port.failed(error),
    );
  }

  /** Takes what the agent says of the streams that were opened here. */
  heed(frame: DownstreamFrame): void {
    switch (frame.type) {
      case "opened":
        this.#opened(frame);
        break;
      case "ack":
        this.#channelOf(frame.stream, FRAME_TYPE.ack)?.source.acked(frame.epoch, frame.lastSeq);
        this.#credited(frame.stream, frame.credit);
        break;
      case "credit":
        this.#credited(frame.stream, frame.credit);
        break;
      case "reject":
        this.#channelOf(frame.stream, FRAME_TYPE.reject)?.source.rejected(frame);
        break;
      case "partial":
        // Where it goes on, OPENED alone decides (TP14).
        this.#channelOf(frame.stream, FRAME_TYPE.partial);
        break;
    }
  }

  /** TP14. */
  #opened(frame: OpenedFrame): void {
    const channel = this.#channelOf(frame.stream, FRAME_TYPE.opened);
    if (channel === undefined) return;
    const { stream, source } = channel;
    if (!stream.opening) {
      this.#port.violated(ERROR_CODE.outOfOrder, FRAME_TYPE.opened);
      return;
    }
    // Credit counts from the OPEN that this answers (TP20).
    stream.sentBytes = 0;
    stream.creditLimit = 0;
    this.#credited(frame.stream, frame.credit);
    const { partial, ...whole } = frame;
    const resumed = partial === undefined || !this.#options.isPartialInForce ? whole : frame;
    source.opened(resumed).then(
      (mayFlow) => {
        if (this.#isClosed) return;
        stream.opening = false;
        stream.idle = false;
        if (stream.outdated) {
          stream.outdated = false;
          this.#open(channel);
        } else stream.flowing = mayFlow;
        this.pump();
      },
      (error: unknown) => this.#port.failed(error),
    );
  }

  #credited(number: number, credit: Credit): void {
    const stream = this.#byNumber.get(number)?.stream;
    if (stream !== undefined) {
      stream.creditLimit = Math.max(stream.creditLimit, credit.streamLimit ?? 0);
    }
    this.#flow.credited(credit);
    this.pump();
  }

  ponged(roundTripMs: number): void {
    this.#flow.ponged(roundTripMs, this.#options.clock.monotonicMs());
    this.pump();
  }

  /** TP32: no new message; the one in hand is finished. */
  drain(): void {
    this.#outgoing.stopAfterCurrent();
  }

  /** Sends what may be sent now; also whenever the socket has less unsent. */
  pump(): void {
    if (!this.#isClosed) this.#outgoing.pump();
  }

  close(): void {
    this.#isClosed = true;
    this.#outgoing.end();
    for (const { source } of this.#channels.values()) source.disconnected();
  }

  async #lookOnce(): Promise<void> {
    this.#isLookDue = false;
    const { store, agent } = this.#options;
    for await (const standing of allOutgoingChannels(store, agent)) {
      if (this.#isClosed) return;
      const known = this.#channels.get(standing.channel);
      if (known !== undefined) known.source.refreshed(standing);
      else if (this.#channels.size < STREAMS_MAX_COUNT / 2) this.#begin(standing);
      else this.#port.log("downstreamHeld", { channels: this.#channels.size });
    }
  }

  /** The receiver opens even streams (TP6). */
  #begin(standing: ConstructorParameters<typeof ChannelSource>[0]): void {
    const number = (this.#channels.size + 1) * 2;
    const source = new ChannelSource(standing, {
      ...this.#options,
      wake: (woken) => this.#wake(woken),
      reopen: (again) => this.#reopen(again),
      look: () => this.look(),
      fenced: () => this.#port.fenced(),
      failed: (error) => this.#port.failed(error),
      log: (event, facts) => this.#port.log(event, { stream: number, ...facts }),
    });
    const channel = { source, stream: new SendingStream(number, source) };
    this.#channels.set(standing.channel, channel);
    this.#byNumber.set(number, channel);
    this.#outgoing.add(channel.stream);
    this.#open(channel);
  }

  #open({ source, stream }: Channel): void {
    const standing = source.standing();
    if (standing === undefined || this.#isClosed) return;
    const { previous, ...position } = standing;
    stream.opening = true;
    this.#port.send({
      type: "open",
      stream: stream.number,
      channel: source.channel,
      ...position,
      previousEpoch: previous,
      priority: 1,
    });
  }

  #reopen(source: StreamSource): void {
    const channel = this.#channels.get(source.channel);
    if (channel === undefined || this.#isClosed) return;
    const { stream } = channel;
    stream.flowing = false;
    stream.current = undefined;
    if (stream.opening) stream.outdated = true;
    else this.#open(channel);
  }

  #wake(source: StreamSource): void {
    const stream = this.#channels.get(source.channel)?.stream;
    if (stream !== undefined) stream.idle = false;
    this.pump();
  }

  #channelOf(number: number, frameType: number): Channel | undefined {
    const channel = this.#byNumber.get(number);
    if (channel === undefined) this.#port.violated(ERROR_CODE.outOfOrder, frameType);
    return channel;
  }
}
