/**
 * Which message goes out next: one chunk after another, fairly among streams (06 TP23).
 *
 * The next frame is chosen only while the socket holds little, so that a heartbeat, which the session
 * sends at once, never waits behind megabytes. Streams take turns of one chunk's bytes each (`Turns`).
 *
 * @module
 */
import { encodeFrame } from "#protocol/codec.ts";
import { CHUNK_FRAME_MARGIN_BYTES, CHUNK_MAX_BYTES, FRAME_HEADER_BYTES } from "#protocol/limits.ts";
import type { Flow } from "./flow.ts";
import type { OutgoingMessage, StreamSource } from "./source-stream.ts";
import { Turns } from "./turns.ts";

/** TP23: the next frame is chosen only while the socket holds less than this. */
const SOCKET_UNSENT_MAX_BYTES = 65_536;

/** The socket, as far as sending is concerned. */
export interface FrameSink {
  readonly unsentBytes: number;
  send(frame: Uint8Array): void;
  /** Between the two, frames may be gathered into fewer writes. */
  cork(): void;
  uncork(): void;
}

interface Current {
  readonly message: OutgoingMessage;
  /** Its first chunk in this connection has left: the metadata travelled with it (TP8). */
  begun: boolean;
  offset: number;
  /** What is here of the next bytes; undefined: the next part must be asked for. */
  part: Uint8Array | undefined;
  /** The next part was asked for. */
  loading: boolean;
}

/** One stream of one connection. */
export class SendingStream {
  readonly number: number;
  readonly source: StreamSource;
  /** False until its OPENED said OK. */
  flowing = false;
  creditLimit = 0;
  sentBytes = 0;
  /** The message in hand and how much of it has left. */
  current: Current | undefined;
  /** OPEN was sent and not answered yet: it must not be sent again before (06 section 3). */
  opening = false;
  /** It has to be opened again as soon as that is answered. */
  outdated = false;
  /** Nothing at hand: not asked again before it wakes. */
  idle = false;
  /** What is at hand waits for credit or for the window. */
  blocked = false;

  constructor(number: number, source: StreamSource) {
    this.number = number;
    this.source = source;
  }
}

/** What a DATA body holds besides the payload of a middle chunk: seq, offset, total, meta length. */
const DATA_FIXED_BYTES = 18;

export class Outgoing {
  readonly #sink: FrameSink;
  readonly #flow: Flow;
  readonly #chunkBytes: number;
  readonly #onFault: (error: unknown) => void;
  readonly #streams: SendingStream[] = [];
  readonly #turns = new Turns<SendingStream>();
  /** The connection has no room for the frame whose turn it is: a smaller one does not overtake it. */
  #isFull = false;
  #stopped = false;
  #ended = false;

  constructor(sink: FrameSink, flow: Flow, frameLimit: number, onFault: (error: unknown) => void) {
    this.#sink = sink;
    this.#flow = flow;
    this.#chunkBytes = Math.min(CHUNK_MAX_BYTES, frameLimit - CHUNK_FRAME_MARGIN_BYTES);
    this.#onFault = onFault;
  }

  add(stream: SendingStream): void {
    this.#streams.push(stream);
    this.#turns.add(stream);
  }

  /** The priority of its source may be another one. */
  place(stream: SendingStream): void {
    this.#turns.place(stream);
  }

  /** No new message; the one in hand is finished (TP32). */
  stopAfterCurrent(): void {
    this.#stopped = true;
  }

  /** The connection is over: what still arrives of a message in hand is not sent, and no other is taken. */
  end(): void {
    this.#ended = true;
  }

  /** Whether credit or the window holds back every stream that has something. */
  get starved(): boolean {
    const eager = this.#streams.filter((stream) => stream.flowing && !stream.idle);
    return eager.length > 0 && (this.#isFull || eager.every(({ blocked }) => blocked));
  }

  /** Sends what may be sent now. Call after credit, after the socket drained, after a wake. */
  pump(): void {
    if (this.#ended) return;
    this.#sink.cork();
    this.#isFull = false;
    let sent = true;
    while (sent && this.#mayChoose) sent = this.#turns.give((stream) => this.#takeTurn(stream));
    this.#sink.uncork();
  }

  /** Sends up to one chunk's bytes of one stream. @returns whether anything left */
  #takeTurn(stream: SendingStream): boolean {
    if (!stream.flowing) return false;
    let turnBytes = 0;
    while (turnBytes < this.#chunkBytes && this.#mayChoose) {
      const sent = this.#sendChunk(stream);
      if (sent === 0) break;
      turnBytes += sent;
    }
    return turnBytes > 0;
  }

  get #mayChoose(): boolean {
    return !this.#isFull && this.#sink.unsentBytes < SOCKET_UNSENT_MAX_BYTES;
  }

  #sendChunk(stream: SendingStream): number {
    stream.blocked = false;
    stream.current ??= this.#next(stream);
    const { current } = stream;
    if (current === undefined) return 0;
    const part = this.#loaded(current);
    if (part === undefined) return 0;
    const { message, offset } = current;
    const first = !current.begun;
    const room = Math.min(this.#flow.room, stream.creditLimit - stream.sentBytes);
    const payload = part.subarray(0, this.#chunkBytes);
    // Without the metadata of a first chunk; the exact size is checked once it is encoded.
    const leastBytes = DATA_FIXED_BYTES + payload.length;
    if (room < leastBytes) return this.#holdBack(stream, leastBytes);
    const frame = encodeFrame({
      type: "data",
      stream: stream.number,
      first,
      last: offset + payload.length === message.total,
      seq: message.seq,
      offset,
      total: message.total,
      ...(first ? { meta: message.meta } : {}),
      payload,
    });
    const bytes = frame.length - FRAME_HEADER_BYTES;
    if (bytes > room) return this.#holdBack(stream, bytes);
    this.#sink.send(frame);
    this.#flow.sent(bytes);
    stream.sentBytes += bytes;
    current.begun = true;
    current.offset += payload.length;
    current.part = payload.length < part.length ? part.subarray(payload.length) : undefined;
    if (current.offset === message.total) stream.current = undefined;
    return bytes;
  }

  #holdBack(stream: SendingStream, bytes: number): 0 {
    stream.blocked = true;
    this.#isFull = this.#flow.room < bytes;
    this.#flow.heldBack(bytes);
    return 0;
  }

  #next(stream: SendingStream): Current | undefined {
    if (this.#stopped || stream.idle) return undefined;
    for (;;) {
      const item = stream.source.take();
      if (item === undefined) {
        stream.idle = true;
        return undefined;
      }
      if ("body" in item) {
        const { body, from = 0 } = item;
        const part = typeof body === "function" ? undefined : body.subarray(from);
        return { message: item, begun: false, offset: from, part, loading: false };
      }
      // Between two messages, and without credit, which counts DATA alone (TP20).
      this.#sink.send(encodeFrame({ type: "skip", stream: stream.number, ...item }));
    }
  }

  /** The next part of the message if it is here; if not, it is asked for. */
  #loaded(current: Current): Uint8Array | undefined {
    const { message } = current;
    if (current.part !== undefined) return current.part;
    if (typeof message.body !== "function" || current.loading) return undefined;
    current.loading = true;
    message.body().then(
      (part) => {
        current.loading = false;
        const isEarly = part.length === 0 && current.offset < message.total;
        if (isEarly)
          this.#onFault(new RangeError("Cannot send a body that ends before its length"));
        else {
          current.part = part;
          this.pump();
        }
      },
      (error: unknown) => this.#onFault(error),
    );
    return undefined;
  }
}
