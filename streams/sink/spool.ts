/**
 * A large message on its way into the store: chunks become pieces, each of which is one call (TP20:
 * it is spooled rather than held). What is kept here is one piece at most.
 *
 * @module
 */
import { type ArrivingMessage, ChunkOrder, type DurablePart } from "#protocol/chunk-order.ts";
import type { DataFrame } from "#protocol/frame.ts";
import { SPOOL_PIECE_BYTES } from "./limits.ts";

/** Some bytes of a large message. */
export interface Piece {
  readonly seq: bigint;
  /** Of the whole message. */
  readonly sha256: Uint8Array;
  readonly totalBytes: number;
  readonly offset: number;
  readonly bytes: Uint8Array;
  /** Of its DATA bodies, which is what credit counts. */
  readonly wireBytes: number;
}

/** @param pieces at least one, each where the one before ends */
export function joined(pieces: readonly Piece[]): Piece {
  const [first] = pieces;
  if (first === undefined) throw new TypeError("Cannot join no pieces");
  if (pieces.length === 1) return first;
  const wireBytes = pieces.reduce((sum, piece) => sum + piece.wireBytes, 0);
  return { ...first, bytes: Buffer.concat(pieces.map(({ bytes }) => bytes)), wireBytes };
}

/** What a chunk made complete. */
export interface Spooled {
  readonly pieces: readonly Piece[];
  /** The message, if this was its last chunk. */
  readonly ended: ArrivingMessage | undefined;
  /** Of chunks that no piece counts: those without payload. */
  readonly wireBytes: number;
}

const EMPTY = new Uint8Array(0);

export class Spool {
  readonly #order: ChunkOrder;
  readonly #durable: DurablePart | undefined;
  #message: ArrivingMessage | undefined;
  #piece: Uint8Array = EMPTY;
  #filledBytes = 0;
  #pieceOffset = 0;
  #wireBytes = 0;

  /**
   * @param messageLimitBytes largest message taken
   * @param durable where the message may go on instead of beginning at 0
   */
  constructor(messageLimitBytes: number, durable: DurablePart | undefined) {
    this.#order = new ChunkOrder(messageLimitBytes);
    this.#durable = durable;
  }

  /** Bytes of DATA bodies that lie here. */
  get wireBytes(): number {
    return this.#wireBytes;
  }

  /**
   * Takes the next chunk, and copies its payload.
   *
   * @param wireBytes of its body
   * @throws {ProtocolError} as `ChunkOrder` does
   */
  push(frame: DataFrame, wireBytes: number): Spooled {
    const message = this.#order.push(frame, this.#durable);
    if (this.#message === undefined) {
      this.#message = message;
      this.#pieceOffset = message.from;
    }
    this.#wireBytes += wireBytes;
    const pieces: Piece[] = [];
    for (let at = 0; at < frame.payload.length; ) {
      if (this.#filledBytes === 0) this.#piece = this.#freshPiece(message);
      const part = frame.payload.subarray(at, at + this.#piece.length - this.#filledBytes);
      this.#piece.set(part, this.#filledBytes);
      this.#filledBytes += part.length;
      at += part.length;
      if (this.#filledBytes === this.#piece.length) pieces.push(...this.flush());
    }
    const ended = frame.last ? message : undefined;
    return { pieces, ended, wireBytes: frame.last ? this.#rest() : 0 };
  }

  /** Gives out what has collected, as one piece of less than the usual size. */
  flush(): Piece[] {
    const message = this.#message;
    if (message === undefined || this.#filledBytes === 0) return [];
    const isFull = this.#filledBytes === this.#piece.length;
    // Memory of its own, which the store may take over.
    const bytes = isFull ? this.#piece : this.#piece.slice(0, this.#filledBytes);
    const { seq, total, meta } = message;
    const offset = this.#pieceOffset;
    this.#piece = EMPTY;
    this.#filledBytes = 0;
    this.#pieceOffset += bytes.length;
    const identity = { seq, sha256: meta.sha256, totalBytes: total };
    return [{ ...identity, offset, bytes, wireBytes: this.#rest() }];
  }

  #freshPiece({ total }: ArrivingMessage): Uint8Array {
    return new Uint8Array(Math.min(SPOOL_PIECE_BYTES, total - this.#pieceOffset));
  }

  #rest(): number {
    const wireBytes = this.#wireBytes;
    this.#wireBytes = 0;
    return wireBytes;
  }
}
