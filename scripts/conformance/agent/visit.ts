/**
 * One connection of the agent, and a receiver that obliges it: it welcomes, opens, stores and
 * acknowledges by the rules, and notes what an agent must not do. A scenario takes over where it wants
 * something else.
 *
 * @module
 */
import type { IncomingMessage } from "node:http";
import type { WebSocket } from "ws";
import {
  type DataFrame,
  type Frame,
  GOAWAY_CODE,
  type OpenFrame,
  type RejectCode,
  type SkipFrame,
  type WelcomeFrame,
} from "#protocol/frame.ts";
import {
  CHUNK_MAX_BYTES,
  FRAME_HEADER_BYTES,
  FRAME_MAX_BYTES,
  MESSAGE_MAX_BYTES,
} from "#protocol/limits.ts";
import { MessageAssembler } from "#protocol/message-assembler.ts";
import { Conversation, type FrameOf } from "../conversation.ts";
import type { Book } from "./book.ts";

/** Credit that no scenario uses up. */
export const FAR = 1 << 30;
const CAPABILITIES = ["partial", "downstream", "commands"];

/** What a scenario does instead of obliging. @returns true if nothing else shall be done */
export type Manner = (visit: Visit, frame: Frame) => boolean;

/** What all visits have in common. */
export interface Host {
  readonly session: () => number;
  readonly book: (channel: string, epoch: bigint) => Book;
  readonly manner: () => Manner;
  readonly heartbeatMs: number;
}

interface OpenStream {
  readonly book: Book;
  readonly assembler: MessageAssembler;
  /** May carry DATA: its OPENED was OK. */
  isOpen: boolean;
  limit: number;
  received: number;
  /** TP29: everything is dropped until this seq comes again. */
  rejected: bigint | undefined;
}

export class Visit extends Conversation {
  readonly request: IncomingMessage;
  /** What the agent did that no agent may do, in words. */
  readonly faults: string[] = [];
  readonly streams = new Map<number, OpenStream>();
  hello: FrameOf<"hello"> | undefined;
  isWelcomed = false;
  connectionLimit = FAR;
  received = 0;
  readonly #host: Host;

  constructor(socket: WebSocket, request: IncomingMessage, host: Host) {
    super(socket);
    this.request = request;
    this.#host = host;
    this.heard = (frame, bytes) => {
      this.#check(frame, bytes - FRAME_HEADER_BYTES);
      if (!host.manner()(this, frame)) this.oblige(frame);
    };
  }

  /** The stream of a channel, once its OPEN came. */
  streamOf(channel: string): number | undefined {
    return [...this.streams].find(([, { book }]) => book.channel === channel)?.[0];
  }

  oblige(frame: Frame): void {
    switch (frame.type) {
      case "hello":
        this.welcome();
        break;
      case "open":
        this.opened(frame);
        break;
      case "data":
        this.#take(frame);
        break;
      case "skip":
        this.#skip(frame);
        break;
      case "ping":
        this.send({ type: "pong", stream: 0, nonce: frame.nonce });
        break;
      default:
        break;
    }
  }

  welcome(more: Partial<WelcomeFrame> = {}): void {
    this.isWelcomed = true;
    this.connectionLimit = more.upstreamCredit ?? FAR;
    this.send({
      ...{ type: "welcome", stream: 0, minor: 0, session: this.#host.session() },
      capabilities: CAPABILITIES.filter((name) => this.hello?.capabilities.includes(name)),
      frameLimit: FRAME_MAX_BYTES,
      heartbeatMs: this.#host.heartbeatMs,
      upstreamCredit: FAR,
      nowMs: Date.now(),
      messageLimit: MESSAGE_MAX_BYTES,
      receiverStoreId: new Uint8Array(16).fill(9),
      ...more,
    });
  }

  /** Answers OPEN as the book says, unless `more` says otherwise. */
  opened(open: OpenFrame, more: Partial<FrameOf<"opened">> = {}): void {
    const stream = this.streams.get(open.stream);
    if (stream === undefined) return;
    const answer: FrameOf<"opened"> = {
      ...{ type: "opened", stream: open.stream, credit: { streamLimit: FAR } },
      ...stream.book.open(open),
      ...more,
    };
    stream.limit = answer.credit.streamLimit ?? 0;
    stream.isOpen = answer.status === 0;
    this.send(answer);
  }

  /** Acknowledges what the book holds. */
  ack(stream: number): void {
    const book = this.streams.get(stream)?.book;
    if (book === undefined) return;
    const { epoch, lastSeq } = book;
    const credit = { bytesReceived: this.received };
    this.send({ type: "ack", stream, epoch, lastSeq, credit });
  }

  /** Refuses a message, and everything behind it until it comes again (TP29). */
  reject(
    { stream, seq }: DataFrame,
    code: RejectCode,
    permanent: boolean,
    retryAfterMs: number,
  ): void {
    const open = this.streams.get(stream);
    if (open !== undefined) open.rejected = seq;
    open?.assembler.reset();
    this.send({ type: "reject", stream, seq, code, permanent, retryAfterMs });
  }

  /** @returns the whole message, if this chunk ends one */
  assemble(frame: DataFrame) {
    return this.streams.get(frame.stream)?.assembler.push(frame);
  }

  /** Gives credit. Limits that are lower than before mean nothing (TP20). */
  allow(stream: number, limit: number): void {
    const open = this.streams.get(stream);
    if (open !== undefined) open.limit = Math.max(open.limit, limit);
    const credit = { streamLimit: limit, bytesReceived: this.received };
    this.send({ type: "credit", stream, credit });
  }

  goaway(code: keyof typeof GOAWAY_CODE, retryAfterMs?: number): void {
    this.send({
      ...{ type: "goaway", stream: 0, code: GOAWAY_CODE[code] },
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    });
  }

  #take(frame: DataFrame): void {
    const stream = this.streams.get(frame.stream);
    if (stream === undefined) return;
    const { rejected } = stream;
    if (rejected !== undefined && (frame.seq !== rejected || !frame.first)) return;
    stream.rejected = undefined;
    const message = stream.assembler.push(frame);
    if (message === undefined) {
      this.allow(frame.stream, stream.limit);
      return;
    }
    const taken = stream.book.take(message);
    if (taken.kind === "refused") this.faults.push(taken.why);
    this.ack(frame.stream);
  }

  #skip(frame: SkipFrame): void {
    const taken = this.streams.get(frame.stream)?.book.skip(frame);
    if (taken?.kind === "refused") this.faults.push(taken.why);
    this.ack(frame.stream);
  }

  /** What holds for every agent at every moment. */
  #check(frame: Frame, bodyBytes: number): void {
    if (frame.type === "hello") {
      if (this.hello !== undefined) this.faults.push("a second HELLO");
      this.hello = frame;
      return;
    }
    if (!this.isWelcomed && frame.type !== "goaway" && frame.type !== "error") {
      this.faults.push(`${frame.type.toUpperCase()} before WELCOME`);
    }
    if (frame.type === "open") this.#checkOpen(frame);
    if (frame.type === "data" || frame.type === "skip") {
      const stream = this.streams.get(frame.stream);
      if (stream?.isOpen !== true) {
        this.faults.push(`${frame.type.toUpperCase()} on a stream whose OPENED was not OK`);
      } else if (frame.type === "data") this.#checkData(frame, stream, bodyBytes);
    }
  }

  #checkOpen(frame: OpenFrame): void {
    if (frame.stream % 2 === 0) this.faults.push(`OPEN of the even stream ${frame.stream}`);
    const book = this.#host.book(frame.channel, frame.epoch);
    const assembler = new MessageAssembler(MESSAGE_MAX_BYTES);
    const open = { book, assembler, isOpen: false, limit: 0, received: 0, rejected: undefined };
    this.streams.set(frame.stream, open);
  }

  #checkData(frame: DataFrame, stream: OpenStream, bodyBytes: number): void {
    this.received += bodyBytes;
    stream.received += bodyBytes;
    if (stream.received > stream.limit) this.faults.push("more DATA than the credit of the stream");
    if (this.received > this.connectionLimit) {
      this.faults.push("more DATA than the credit of the connection");
    }
    if (frame.payload.length > CHUNK_MAX_BYTES) this.faults.push("a chunk above 32,768 bytes");
  }
}
