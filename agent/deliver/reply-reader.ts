/**
 * Bytes of one connection in, replies out: framing as on a listener (03 O9, F1 to F11). Pure.
 *
 * Of a reply at most its beginning is kept, however long it is: MSA stands there.
 *
 * @module
 */
import { type BlockEvent, BlockReader } from "../ingest/mllp/block-reader.ts";
import { REPLY_KEPT_BYTES, SPOOL_THRESHOLD_BYTES } from "../limits.ts";

export type ReplyEvent =
  /** One block. `bytes` is a copy; cut after `REPLY_KEPT_BYTES`. */
  | { readonly kind: "reply"; readonly bytes: Uint8Array; readonly cut: boolean }
  /** Something that cannot be a reply: framing bytes inside, half a block, over the limit, not MLLP. */
  | { readonly kind: "unusable"; readonly why: Unusable }
  /** White space in a block: some peers keep a connection alive with it (03 E3). */
  | { readonly kind: "empty" }
  | { readonly kind: "lenientEnd" }
  /** Bytes between blocks that mean nothing (F2). */
  | { readonly kind: "junk"; readonly count: number };

export type Unusable = "malformed" | "fragment" | "tooLarge" | "notMllp";

export interface ReplyReaderOptions {
  readonly blockMaxBytes: number;
  readonly lenientEnd: boolean;
}

/** How servers begin that speak something else: an HTTP response; a TLS alert (RFC 8446 section 5.1). */
const FOREIGN = [Buffer.from("HTTP/", "latin1"), Buffer.of(0x15, 0x03)] as const;

export class ReplyReader {
  readonly #reader: BlockReader;
  #heardAny = false;
  /** The beginning of a block that is longer than the spool threshold. */
  #head: Uint8Array | undefined;

  constructor({ blockMaxBytes, lenientEnd }: ReplyReaderOptions) {
    this.#reader = new BlockReader({
      ...{ blockMaxBytes, lenientEnd, junkSampleBytes: 0 },
      spoolThresholdBytes: SPOOL_THRESHOLD_BYTES,
    });
  }

  /** FS was the last byte: call `silence` after `endOfBlockWaitMilliseconds` (03 F3). */
  get awaitsEnd(): boolean {
    return this.#reader.awaitsEnd;
  }

  get insideBlock(): boolean {
    return this.#reader.insideBlock;
  }

  /** How many blocks have begun: tells one from the next. */
  get begunCount(): number {
    return this.#reader.begunCount;
  }

  /** @param chunk bytes in wire order, cut anywhere; not kept */
  push(chunk: Uint8Array): ReplyEvent[] {
    const first = !this.#heardAny;
    this.#heardAny ||= chunk.length > 0;
    // For diagnosis alone, and so only where the connection's first chunk shows it.
    if (first && FOREIGN.some((start) => start.equals(chunk.subarray(0, start.length)))) {
      this.#reader.abort();
      return [{ kind: "unusable", why: "notMllp" }];
    }
    return this.#events(this.#reader.push(chunk));
  }

  silence(): ReplyEvent[] {
    return this.#events(this.#reader.silence());
  }

  /** The peer's FIN: behind FS it ends the block (03 F3). */
  end(): ReplyEvent[] {
    return this.#events(this.#reader.end());
  }

  #events(events: readonly BlockEvent[]): ReplyEvent[] {
    return events.flatMap((event) => this.#eventsOf(event));
  }

  #eventsOf(event: BlockEvent): ReplyEvent[] {
    switch (event.kind) {
      case "slice":
        this.#head ??= new Uint8Array(event.bytes.subarray(0, REPLY_KEPT_BYTES));
        return [];
      case "block": {
        const lenient: ReplyEvent[] = event.lenientEnd ? [{ kind: "lenientEnd" }] : [];
        return [...lenient, this.#replyOf(event.bytes, event.totalBytes)];
      }
      case "malformed":
      case "fragment":
      case "tooLarge":
        this.#head = undefined;
        return [{ kind: "unusable", why: event.kind }];
      case "notMllp":
        return [{ kind: "unusable", why: "notMllp" }];
      case "junk":
        return [event];
      case "bytesAfterLenientEnd":
      case "junkSample":
        return [];
    }
  }

  #replyOf(bytes: Uint8Array, totalBytes: number): ReplyEvent {
    const kept = this.#head ?? new Uint8Array(bytes.subarray(0, REPLY_KEPT_BYTES));
    this.#head = undefined;
    if (totalBytes <= kept.length && kept.every(isBlank)) return { kind: "empty" };
    return { kind: "reply", bytes: kept, cut: totalBytes > kept.length };
  }
}

const isBlank = (byte: number): boolean =>
  byte === 0x20 || byte === 0x09 || byte === 0x0d || byte === 0x0a;
