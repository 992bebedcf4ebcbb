/**
 * One stream at its sink: chunks become messages, or pieces of a large one, which wait in order for
 * the store.
 *
 * At most one call of a stream is with the store at a time. A second one in flight could be stored
 * after the first was refused, and its ACK, being cumulative, would settle what was refused.
 * Batches form by themselves while a call is away.
 *
 * @module
 */

import type { DurablePart } from "#protocol/chunk-order.ts";
import type { DataFrame, SkipFrame } from "#protocol/frame.ts";
import { ERROR_CODE, FRAME_TYPE } from "#protocol/frame.ts";
import { LARGE_MESSAGE_BYTES, PARTIAL_BYTES, PARTIAL_MS } from "#protocol/limits.ts";
import { MessageAssembler } from "#protocol/message-assembler.ts";
import { ProtocolError } from "#protocol/protocol-error.ts";
import { type Budget, CreditAccount } from "./credit.ts";
import {
  CALL_MAX_BYTES,
  CALL_MAX_COUNT,
  SPOOL_PIECE_BYTES,
  STREAM_QUEUE_MAX_COUNT,
} from "./limits.ts";
import { itemOf, REFUSAL, type Refusal, verifiedItem } from "./results.ts";
import type { IngestItem } from "./sink-store.ts";
import { joined, type Piece, Spool } from "./spool.ts";

export type StreamState =
  /** OPEN is with the store. */
  | { readonly at: "opening" }
  | { readonly at: "open" }
  /** TP29: everything is dropped until `seq` comes again, or a SKIP over it. */
  | { readonly at: "rejecting"; readonly seq: bigint }
  /** OPENED was not OK, or another OPEN took the number of this stream. */
  | { readonly at: "closed" };

interface QueuedMessage {
  readonly kind: "message";
  readonly seq: bigint;
  readonly item: IngestItem;
  /** Of its DATA bodies, which is what credit counts. */
  readonly wireBytes: number;
}
interface QueuedPiece {
  readonly kind: "piece";
  readonly piece: Piece;
  readonly wireBytes: number;
}
interface QueuedSkip {
  readonly kind: "skip";
  readonly frame: SkipFrame;
  readonly wireBytes: 0;
}
type Queued = QueuedMessage | QueuedPiece | QueuedSkip;

/** What goes to the store in one call. */
export type Batch =
  | {
      readonly kind: "messages";
      readonly first: bigint;
      readonly items: readonly IngestItem[];
      readonly wireBytes: number;
    }
  | QueuedPiece
  | QueuedSkip;

export type Taken =
  | { readonly kind: "held" }
  | { readonly kind: "queued" | "dropped"; readonly wireBytes: number }
  | { readonly kind: "refused"; readonly wireBytes: number; readonly refusal: Refusal };

/** What a stream let go of, in bytes of DATA bodies. */
export interface Forgotten {
  /** Of complete messages in the queue. */
  readonly waitingBytes: number;
  /** Of a message that was still arriving. */
  readonly partialBytes: number;
}

export class SinkStream {
  readonly number: number;
  readonly channel: string;
  readonly epoch: bigint;
  readonly credit = new CreditAccount();
  state: StreamState = { at: "opening" };
  /** A call of this stream is with the store. */
  isAway = false;
  readonly #messageLimitBytes: number;
  readonly #assembler: MessageAssembler;
  readonly #budget: Budget;
  readonly #skips: Budget;
  #partWireBytes = 0;
  #reservedBytes = 0;
  /** The large message that is arriving. */
  #spool: Spool | undefined;
  /** What the source has been told of its unfinished message, and when (TP25). */
  #durable: DurablePart | undefined;
  #toldMs = Number.NEGATIVE_INFINITY;
  #queue: Queued[] = [];

  constructor(
    open: { readonly stream: number; readonly channel: string; readonly epoch: bigint },
    limits: {
      readonly messageLimitBytes: number;
      readonly budget: Budget;
      /** Of SKIPs that wait, over all streams of the connection. */
      readonly skips: Budget;
    },
  ) {
    this.number = open.stream;
    this.channel = open.channel;
    this.epoch = open.epoch;
    this.#messageLimitBytes = limits.messageLimitBytes;
    this.#assembler = new MessageAssembler(limits.messageLimitBytes);
    this.#budget = limits.budget;
    this.#skips = limits.skips;
  }

  get isEmpty(): boolean {
    return !this.isAway && this.#queue.length === 0;
  }

  get isSpooling(): boolean {
    return this.#spool !== undefined;
  }

  /** OPENED says so: the message may go on there (TP14). */
  resumable(durable: DurablePart): void {
    this.#durable = durable;
  }

  /**
   * More of the message that is arriving is durable.
   *
   * @returns whether the source is to be told, by PARTIAL: of the first piece, and then each 1 MiB or 5 s (TP25)
   */
  kept(piece: Piece, durableOffset: number, nowMs: number): boolean {
    const { seq, totalBytes } = piece;
    const told = this.#durable?.seq === seq ? this.#durable.durableOffset : undefined;
    const isDue =
      told === undefined ||
      durableOffset - told >= PARTIAL_BYTES ||
      nowMs - this.#toldMs >= PARTIAL_MS;
    // ACK is about to say more.
    if (!isDue || durableOffset === totalBytes) return false;
    this.#durable = { seq, durableOffset };
    this.#toldMs = nowMs;
    return true;
  }

  /** What has arrived of a large message goes to the store now. @returns its wire bytes, 0 if nothing has */
  flush(): number {
    return this.#enqueuePieces(this.#spool?.flush() ?? []);
  }

  /**
   * Takes a chunk. Its credit has been counted.
   *
   * @param wireBytes of its body
   * @returns what became of it. `refused`: the caller sends REJECT for the seq of the frame, and
   *   everything behind it is dropped by itself
   * @throws {ProtocolError} if it does not follow what came before
   */
  take(frame: DataFrame, wireBytes: number): Taken {
    if (this.state.at === "rejecting") {
      if (!frame.first || frame.seq !== this.state.seq) return { kind: "dropped", wireBytes };
      this.state = { at: "open" };
    }
    if (frame.first && this.#partWireBytes === 0 && this.#spool === undefined) {
      const refusal = this.#refusalOf(frame);
      if (refusal !== undefined) return this.#refuse(frame.seq, wireBytes, refusal);
      if (frame.total > LARGE_MESSAGE_BYTES) {
        this.#spool = new Spool(this.#messageLimitBytes, this.#durable);
      }
    }
    if (this.#spool !== undefined) return this.#takeLarge(this.#spool, frame, wireBytes);

    this.#partWireBytes += wireBytes;
    const message = this.#assembler.push(frame);
    if (message === undefined) return { kind: "held" };
    const whole = this.#endMessage();
    const item = verifiedItem(message);
    if (item === undefined) return this.#refuse(frame.seq, whole, REFUSAL.hash);
    this.#enqueue({ kind: "message", seq: message.seq, item, wireBytes: whole });
    return { kind: "queued", wireBytes: whole };
  }

  /**
   * Takes a SKIP (TP31), which waits in order behind the messages before it.
   *
   * @returns whether it was queued; it is dropped while another seq is awaited (TP29)
   * @throws {ProtocolError} inside a message, or if it names no seq
   */
  takeSkip(frame: SkipFrame): boolean {
    if (frame.firstSeq > frame.lastSeq) throw fault("malformed", "A SKIP ends before it begins");
    if (this.state.at === "rejecting") {
      const { seq } = this.state;
      if (seq < frame.firstSeq || seq > frame.lastSeq) return false;
      this.state = { at: "open" };
    }
    if (this.#partWireBytes > 0 || this.#spool !== undefined) {
      throw fault("outOfOrder", "A SKIP comes inside a message");
    }
    if (!this.#skips.take(1)) throw fault("limit", "Too many SKIPs are queued");
    this.#enqueue({ kind: "skip", frame, wireBytes: 0 });
    return true;
  }

  /** @returns the next call, of consecutive seqs and bounded size, or undefined if nothing waits */
  nextBatch(): Batch | undefined {
    const [head] = this.#queue;
    if (head === undefined) return undefined;
    if (head.kind === "skip") {
      this.#queue.shift();
      this.#skips.giveBack(1);
      return head;
    }
    if (head.kind === "piece") return this.#nextPieces(head.piece);
    const items: IngestItem[] = [];
    let wireBytes = 0;
    for (const entry of this.#queue) {
      if (entry.kind !== "message" || entry.seq !== head.seq + BigInt(items.length)) break;
      const isFull =
        items.length === CALL_MAX_COUNT || wireBytes + entry.wireBytes > CALL_MAX_BYTES;
      // A large one is alone in its call.
      const isLarge = entry.item.body === null;
      if ((isFull || isLarge) && items.length > 0) break;
      items.push(entry.item);
      wireBytes += entry.wireBytes;
      if (isLarge) break;
    }
    this.#queue = this.#queue.slice(items.length);
    return { kind: "messages", first: head.seq, items, wireBytes };
  }

  /** What has collected behind a piece of the same message goes with it: each call is a flush. */
  #nextPieces({ seq }: Piece): QueuedPiece {
    const pieces: Piece[] = [];
    let bytes = 0;
    for (const entry of this.#queue) {
      if (entry.kind !== "piece" || entry.piece.seq !== seq) break;
      bytes += entry.piece.bytes.length;
      if (bytes > CALL_MAX_BYTES && pieces.length > 0) break;
      pieces.push(entry.piece);
    }
    this.#queue = this.#queue.slice(pieces.length);
    const piece = joined(pieces);
    return { kind: "piece", piece, wireBytes: piece.wireBytes };
  }

  /** TP29, after the store refused `seq`: nothing behind it may pass. */
  rejectFrom(seq: bigint): Forgotten {
    this.state = { at: "rejecting", seq };
    this.#durable = undefined;
    return this.#forget();
  }

  /** The stream ends here. */
  close(): Forgotten {
    this.state = { at: "closed" };
    return this.#forget();
  }

  #refusalOf(frame: DataFrame): Refusal | undefined {
    if (frame.total > this.#messageLimitBytes) return REFUSAL.tooLarge;
    // No capability is in force that would allow another encoding (TP9, TP12).
    if ((frame.meta?.encoding ?? 0) !== 0) return REFUSAL.refused;
    const isLarge = frame.total > LARGE_MESSAGE_BYTES;
    // RI1: of what is not compressed the length is known now.
    const isOfLength = (frame.meta?.length ?? frame.total) === frame.total;
    if (isLarge && !isOfLength) return REFUSAL.hash;
    if (frame.last && !isLarge) return undefined;
    const heldBytes = isLarge ? SPOOL_PIECE_BYTES : frame.total;
    if (!this.#budget.take(heldBytes)) return REFUSAL.busy;
    this.#reservedBytes = heldBytes;
    return undefined;
  }

  #takeLarge(spool: Spool, frame: DataFrame, wireBytes: number): Taken {
    const spooled = spool.push(frame, wireBytes);
    let queuedBytes = this.#enqueuePieces(spooled.pieces);
    if (spooled.ended !== undefined) {
      const { seq, meta } = spooled.ended;
      this.#endMessage();
      queuedBytes += spooled.wireBytes;
      this.#enqueue({
        kind: "message",
        seq,
        item: itemOf(meta, null),
        wireBytes: spooled.wireBytes,
      });
    } else if (spooled.pieces.length === 0) return { kind: "held" };
    return { kind: "queued", wireBytes: queuedBytes };
  }

  #enqueuePieces(pieces: readonly Piece[]): number {
    let queuedBytes = 0;
    for (const piece of pieces) {
      queuedBytes += piece.wireBytes;
      this.#enqueue({ kind: "piece", piece, wireBytes: piece.wireBytes });
    }
    return queuedBytes;
  }

  #refuse(seq: bigint, wireBytes: number, refusal: Refusal): Taken {
    this.state = { at: "rejecting", seq };
    return { kind: "refused", wireBytes, refusal };
  }

  #enqueue(entry: Queued): void {
    if (this.#queue.length >= STREAM_QUEUE_MAX_COUNT) throw fault("limit", "Too much is queued");
    this.#queue.push(entry);
  }

  #endMessage(): number {
    const wireBytes = this.#partWireBytes + (this.#spool?.wireBytes ?? 0);
    this.#partWireBytes = 0;
    this.#spool = undefined;
    this.#budget.giveBack(this.#reservedBytes);
    this.#reservedBytes = 0;
    return wireBytes;
  }

  #forget(): Forgotten {
    let waitingBytes = 0;
    for (const entry of this.#queue) {
      waitingBytes += entry.wireBytes;
      if (entry.kind === "skip") this.#skips.giveBack(1);
    }
    this.#queue = [];
    this.#assembler.reset();
    return { waitingBytes, partialBytes: this.#endMessage() };
  }
}

function fault(code: keyof typeof ERROR_CODE, message: string): ProtocolError {
  const frameType = code === "limit" ? FRAME_TYPE.data : FRAME_TYPE.skip;
  return new ProtocolError(ERROR_CODE[code], message, { frameType });
}
