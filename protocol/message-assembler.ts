/**
 * The sink's side of one stream: chunks in, messages out (TP8). Pure: no socket, no store. Which
 * chunk may follow which is the matter of `ChunkOrder`.
 *
 * @module
 */
import { ChunkOrder } from "./chunk-order.ts";
import type { DataFrame, MessageMeta } from "./frame.ts";

/** Memory for a message of several chunks begins with this much, or with all if it is less. */
const BODY_START_BYTES = 1_048_576;

const NOTHING = new Uint8Array(0);

export interface AssembledMessage {
  readonly seq: bigint;
  readonly meta: MessageMeta;
  /** As sent: compressed if `meta.encoding` says so. In memory of its own, of exact length. */
  readonly body: Uint8Array;
}

export class MessageAssembler {
  readonly #order: ChunkOrder;
  /** Filled up to where the last chunk ended. */
  #body = NOTHING;

  /** @param messageLimitBytes largest message taken, as sent: what WELCOME announced */
  constructor(messageLimitBytes: number) {
    this.#order = new ChunkOrder(messageLimitBytes);
  }

  /**
   * Takes the next chunk. Copies its payload, so the memory of the frame is free again; holds no
   * more than about twice what has arrived of a message, whatever total it announces.
   *
   * @returns the message that this chunk completes, if it does
   * @throws {ProtocolError} as `ChunkOrder` does
   */
  push(frame: DataFrame): AssembledMessage | undefined {
    const { seq, meta, total } = this.#order.push(frame);
    const { first, last, payload } = frame;
    if (first && last) return { seq, meta, body: new Uint8Array(payload) };
    this.#body = first ? start(total, payload.length) : this.#body;
    const endBytes = frame.offset + payload.length;
    if (endBytes > this.#body.length) this.#body = grown(this.#body, endBytes, total);
    this.#body.set(payload, frame.offset);
    if (!last) return undefined;
    const body = this.#body;
    this.#body = NOTHING;
    return { seq, meta, body };
  }

  /** Forgets what has arrived of a message; the next chunk has to be a first one. */
  reset(): void {
    this.#order.reset();
    this.#body = NOTHING;
  }
}

function start(total: number, firstBytes: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Math.min(total, Math.max(BODY_START_BYTES, firstBytes)));
}

/** Doubles, but ends at `total` exactly: a body that is full is never longer than its message. */
function grown(body: Uint8Array, neededBytes: number, total: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.min(total, Math.max(2 * body.length, neededBytes)));
  larger.set(body);
  return larger;
}
