/**
 * The next messages of one downstream channel, read from the store before they are asked for.
 *
 * What was pruned before the agent had it becomes a SKIP (TP31 reason 4): the agent was put back further
 * than bodies are kept.
 *
 * @module
 */
import { createHash, hash } from "node:crypto";
import { SKIP_REASON } from "#protocol/frame.ts";
import { LARGE_MESSAGE_BYTES } from "#protocol/limits.ts";
import { storedMetaFrom } from "#streams/sink/stored-meta.ts";
import type { OutgoingMessage, OutgoingSkip } from "#streams/source/source-stream.ts";
import type { OutgoingRow, OutgoingStore } from "../store/outgoing.ts";

/** So few left: the next page is read. */
const LOW_COUNT = 50;
/** So much ready: no more is read meanwhile (I-8). */
const LOW_BYTES = 1_048_576;
/** Of a large body, at a time. */
const PART_BYTES = 262_144;

export interface ReadAheadOptions {
  readonly store: OutgoingStore;
  readonly agent: number;
  readonly channel: string;
  /** Something is at hand that was not before. */
  readonly onReady: () => void;
  /** The store gives other bytes than it was given: nothing behind that message may pass it. */
  readonly onDamaged: (seq: bigint) => void;
  readonly onFault: (error: unknown) => void;
}

const bytesOf = (item: OutgoingMessage | OutgoingSkip): number =>
  "body" in item && typeof item.body !== "function" ? item.body.length : 0;

interface Partial {
  readonly seq: bigint;
  readonly durableOffset: number;
}

export class ReadAhead {
  readonly #options: ReadAheadOptions;
  #ready: (OutgoingMessage | OutgoingSkip)[] = [];
  #readyBytes = 0;
  #epoch = 0n;
  /** The last one that was read. */
  #readSeq = 0n;
  #lastSeq = 0n;
  #partial: Partial | undefined;
  #isReading = false;
  /** Counts starts: what was asked before the last one is not heard. */
  #turn = 0;

  constructor(options: ReadAheadOptions) {
    this.#options = options;
  }

  /**
   * Reads from behind `afterSeq` on, up to `lastSeq` for now.
   *
   * @param partial how much of the next message the agent has already (TP14)
   */
  start(epoch: bigint, afterSeq: bigint, lastSeq: bigint, partial?: Partial): void {
    this.stop();
    this.#partial = partial;
    this.#epoch = epoch;
    this.#readSeq = afterSeq;
    this.#lastSeq = lastSeq;
    this.#read();
  }

  /** There are messages up to `lastSeq`. */
  grown(lastSeq: bigint): void {
    this.#lastSeq = lastSeq;
    this.#read();
  }

  stop(): void {
    this.#turn += 1;
    this.#ready = [];
    this.#readyBytes = 0;
    this.#isReading = false;
    this.#lastSeq = 0n;
  }

  take(): OutgoingMessage | OutgoingSkip | undefined {
    const item = this.#ready.shift();
    if (item !== undefined) this.#readyBytes -= bytesOf(item);
    this.#read();
    return item;
  }

  #read(): void {
    const isEnough = this.#ready.length > LOW_COUNT || this.#readyBytes > LOW_BYTES;
    if (this.#isReading || isEnough || this.#readSeq >= this.#lastSeq) return;
    this.#isReading = true;
    const turn = this.#turn;
    this.#page(turn).then(
      (items) => {
        if (turn !== this.#turn) return;
        this.#isReading = false;
        this.#ready.push(...items);
        for (const item of items) this.#readyBytes += bytesOf(item);
        if (items.length > 0) this.#options.onReady();
      },
      (error: unknown) => {
        if (turn === this.#turn) this.#options.onFault(error);
      },
    );
  }

  async #page(turn: number): Promise<(OutgoingMessage | OutgoingSkip)[]> {
    const { store, agent, channel } = this.#options;
    const place = { agent, channel, epoch: this.#epoch, seq: this.#readSeq };
    const until = this.#lastSeq;
    const rows = await store.readOutgoing(place);
    if (turn !== this.#turn) return [];
    const items: (OutgoingMessage | OutgoingSkip)[] = [];
    for (const row of rows) {
      // TP9: verified before it is sent.
      const isWhole = await this.#isWhole(row);
      // Another start has begun, perhaps in another epoch: nothing here is true of it.
      if (turn !== this.#turn) return [];
      if (!isWhole) {
        this.#options.onDamaged(row.seq);
        this.#lastSeq = this.#readSeq;
        break;
      }
      if (row.seq > this.#readSeq + 1n) {
        const skip = await this.#skip(row.seq - 1n);
        if (turn !== this.#turn) return [];
        items.push(skip);
        this.#readSeq = skip.lastSeq;
      }
      items.push(this.#message(row));
      this.#readSeq = row.seq;
    }
    if (rows.length === 0) {
      const skip = await this.#skip(until);
      if (turn !== this.#turn) return [];
      items.push(skip);
      this.#readSeq = skip.lastSeq;
    }
    return items;
  }

  async #skip(lastSeq: bigint): Promise<OutgoingSkip> {
    const { store, agent, channel } = this.#options;
    const chain = await store.outgoingChain({ agent, channel, epoch: this.#epoch, seq: lastSeq });
    const firstSeq = this.#readSeq + 1n;
    return { firstSeq, lastSeq, reason: SKIP_REASON.pruned, chain };
  }

  #message(row: OutgoingRow): OutgoingMessage {
    const { seq, sha256, queuedAtMs, bytes, replaces, body } = row;
    const { mediaType, source, traceparent, attributes } = storedMetaFrom(row.meta);
    const meta = {
      ...{ sha256, receivedAtMs: queuedAtMs },
      ...(mediaType === undefined ? {} : { mediaType }),
      ...(source === undefined ? {} : { source }),
      ...(traceparent === undefined ? {} : { traceparent }),
      ...(attributes === undefined ? {} : { attributes }),
      ...(replaces === null ? {} : { replaces }),
    };
    // Of smaller ones no part is kept: what the agent has is of a message that was here before (TP14).
    const isLarge = bytes > LARGE_MESSAGE_BYTES;
    const partial = isLarge && this.#partial?.seq === seq ? this.#partial.durableOffset : 0;
    const from = partial <= bytes ? partial : 0;
    return { seq, meta, total: bytes, from, body: body ?? this.#partsOf(row, from) };
  }

  async #isWhole(row: OutgoingRow): Promise<boolean> {
    if (row.body !== null) return hash("sha256", row.body, "buffer").equals(row.sha256);
    const digest = createHash("sha256");
    const next = this.#partsOf(row);
    for (let part = await next(); part.length > 0; part = await next()) digest.update(part);
    return digest.digest().equals(row.sha256);
  }

  /** @returns what gives the next part at each call, an empty one at the end */
  #partsOf({ epoch, seq }: OutgoingRow, start = 0): () => Promise<Uint8Array> {
    const { store, agent, channel } = this.#options;
    let from = start;
    return async () => {
      const place = { agent, channel, epoch, seq };
      const part = await store.readOutgoingBody({ ...place, from, maxBytes: PART_BYTES });
      from += part.length;
      return part;
    };
  }
}
