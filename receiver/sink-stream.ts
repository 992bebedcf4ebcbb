/**
 * One stream at its sink: chunks become messages, messages wait in order for the store.
 *
 * At most one call of a stream is with the store at a time. A second one in flight could be stored
 * after the first was refused, and its ACK, being cumulative, would settle what was refused.
 * Batches form by themselves while a call is away.
 *
 * @module
 */
import type { DataFrame, SkipFrame } from "#protocol/frame.ts";
import { ERROR_CODE, FRAME_TYPE } from "#protocol/frame.ts";
import { MessageAssembler } from "#protocol/message-assembler.ts";
import { ProtocolError } from "#protocol/protocol-error.ts";
import { type Budget, CreditAccount } from "./credit.ts";
import { REFUSAL, type Refusal, verifiedItem } from "./ingest.ts";
import { CALL_MAX_BYTES, CALL_MAX_COUNT, STREAM_QUEUE_MAX_COUNT } from "./limits.ts";
import type { IngestItem } from "./store/store.ts";

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
interface QueuedSkip {
  readonly kind: "skip";
  readonly frame: SkipFrame;
}

/** What goes to the store in one call. */
export type Batch =
  | {
      readonly kind: "messages";
      readonly first: bigint;
      readonly items: readonly IngestItem[];
      readonly wireBytes: number;
    }
  | { readonly kind: "skip"; readonly frame: SkipFrame; readonly wireBytes: 0 };

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
  #partWireBytes = 0;
  #reservedBytes = 0;
  #queue: (QueuedMessage | QueuedSkip)[] = [];

  constructor(
    open: { readonly stream: number; readonly channel: string; readonly epoch: bigint },
    limits: { readonly messageLimitBytes: number; readonly budget: Budget },
  ) {
    this.number = open.stream;
    this.channel = open.channel;
    this.epoch = open.epoch;
    this.#messageLimitBytes = limits.messageLimitBytes;
    this.#assembler = new MessageAssembler(limits.messageLimitBytes);
    this.#budget = limits.budget;
  }

  get isEmpty(): boolean {
    return !this.isAway && this.#queue.length === 0;
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
    const refusal = frame.first && this.#partWireBytes === 0 ? this.#refusalOf(frame) : undefined;
    if (refusal !== undefined) return this.#refuse(frame.seq, wireBytes, refusal);

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
    if (this.#partWireBytes > 0) throw fault("outOfOrder", "A SKIP comes inside a message");
    this.#enqueue({ kind: "skip", frame });
    return true;
  }

  /** @returns the next call, of consecutive seqs and bounded size, or undefined if nothing waits */
  nextBatch(): Batch | undefined {
    const [head] = this.#queue;
    if (head === undefined) return undefined;
    if (head.kind === "skip") {
      this.#queue.shift();
      return { kind: "skip", frame: head.frame, wireBytes: 0 };
    }
    const items: IngestItem[] = [];
    let wireBytes = 0;
    for (const entry of this.#queue) {
      if (entry.kind !== "message" || entry.seq !== head.seq + BigInt(items.length)) break;
      const isFull =
        items.length === CALL_MAX_COUNT || wireBytes + entry.wireBytes > CALL_MAX_BYTES;
      if (isFull && items.length > 0) break;
      items.push(entry.item);
      wireBytes += entry.wireBytes;
    }
    this.#queue = this.#queue.slice(items.length);
    return { kind: "messages", first: head.seq, items, wireBytes };
  }

  /** TP29, after the store refused `seq`: nothing behind it may pass. */
  rejectFrom(seq: bigint): Forgotten {
    this.state = { at: "rejecting", seq };
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
    if (frame.last) return undefined;
    if (!this.#budget.take(frame.total)) return REFUSAL.busy;
    this.#reservedBytes = frame.total;
    return undefined;
  }

  #refuse(seq: bigint, wireBytes: number, refusal: Refusal): Taken {
    this.state = { at: "rejecting", seq };
    return { kind: "refused", wireBytes, refusal };
  }

  #enqueue(entry: QueuedMessage | QueuedSkip): void {
    if (this.#queue.length >= STREAM_QUEUE_MAX_COUNT) throw fault("limit", "Too much is queued");
    this.#queue.push(entry);
  }

  #endMessage(): number {
    const wireBytes = this.#partWireBytes;
    this.#partWireBytes = 0;
    this.#budget.giveBack(this.#reservedBytes);
    this.#reservedBytes = 0;
    return wireBytes;
  }

  #forget(): Forgotten {
    let waitingBytes = 0;
    for (const entry of this.#queue) if (entry.kind === "message") waitingBytes += entry.wireBytes;
    this.#queue = [];
    this.#assembler.reset();
    return { waitingBytes, partialBytes: this.#endMessage() };
  }
}

function fault(code: keyof typeof ERROR_CODE, message: string): ProtocolError {
  const frameType = code === "limit" ? FRAME_TYPE.data : FRAME_TYPE.skip;
  return new ProtocolError(ERROR_CODE[code], message, { frameType });
}
