/**
 * Many messages in two transferable pieces of memory: how bodies reach the writer thread.
 *
 * A body is copied once, from the socket's chunk into the slab; the slab changes its owner without a
 * copy (05 S7). One structured clone per message would cost more than the message's commit.
 *
 * @module
 */

/** Everything the store needs to know about one message or one block to quarantine. */
export interface AppendEntry {
  readonly channel: number;
  /** `undefined`: a message. Else why it is set aside. */
  readonly quarantine: QuarantineReason | undefined;
  /** 03 E5: whether the sender is owed a reply for it. */
  readonly ackOwed: boolean;
  /** False for `duplicatePolicy: off` and for operators' replays. */
  readonly checkDuplicate: boolean;
  readonly receivedAtMs: number;
  /** Length of the whole block in bytes; more than the body where only a part is kept. */
  readonly length: number;
  /** SHA-256 of the whole body, 32 bytes. */
  readonly sha256: Uint8Array;
  /** 8 bytes that stand for channel, MSH-3, MSH-4 and MSH-10. */
  readonly controlKey: Uint8Array;
  readonly controlId: Uint8Array;
  /** The sender's address, ASCII. */
  readonly source: string;
  /** The body, or empty where it was stored in slices. */
  readonly body: Uint8Array;
  /** Number of the upload that holds the slices, 0 if none. */
  readonly upload: number;
}

/** Why a block was set aside. Names are public and never reused. */
export const QUARANTINE_REASONS = [
  "noHeader",
  "headerTooShort",
  "noMessageType",
  "noControlId",
  "notAllowed",
  "embeddedFraming",
  "wideCharacters",
  "abandoned",
  "partial",
  "tooLarge",
  "junk",
  "batchUnsupported",
  "damaged",
] as const;
export type QuarantineReason = (typeof QUARANTINE_REASONS)[number];

const COLUMNS = 11;
const SHA256_BYTES = 32;
const CONTROL_KEY_BYTES = 8;
const FLAG_ACK_OWED = 1;
const FLAG_CHECK_DUPLICATE = 2;

/** What crosses the thread border; both arrays are transferred. */
export interface PackedBatch {
  readonly count: number;
  readonly slab: Uint8Array<ArrayBuffer>;
  readonly table: Float64Array<ArrayBuffer>;
}

/** Collects entries until somebody takes them. */
export class AppendBatch {
  #slab = new Uint8Array(0);
  #slabBytes = 0;
  #table: number[] = [];

  /** Copies `entry` in; its byte arrays may be reused afterwards. @param ticket given back with the outcome */
  add(ticket: number, entry: AppendEntry): void {
    const source = Buffer.from(entry.source, "latin1");
    const { sha256, controlKey, controlId, body } = entry;
    const bytes = SHA256_BYTES + CONTROL_KEY_BYTES + controlId.length + source.length + body.length;
    this.#reserve(bytes);
    const reason =
      entry.quarantine === undefined ? -1 : QUARANTINE_REASONS.indexOf(entry.quarantine);
    const flags =
      (entry.ackOwed ? FLAG_ACK_OWED : 0) | (entry.checkDuplicate ? FLAG_CHECK_DUPLICATE : 0);
    this.#table.push(ticket, entry.channel, reason, flags, entry.receivedAtMs, entry.length);
    this.#table.push(entry.upload, this.#slabBytes, controlId.length, source.length, body.length);
    for (const part of [sha256, controlKey, controlId, source, body]) {
      this.#slab.set(part, this.#slabBytes);
      this.#slabBytes += part.length;
    }
  }

  get count(): number {
    return this.#table.length / COLUMNS;
  }

  /** Everything collected, in order; the batch is empty afterwards. */
  take(): PackedBatch {
    const packed = {
      count: this.count,
      slab: this.#slab,
      table: Float64Array.from(this.#table),
    };
    // The next batch is probably as large as this one.
    this.#slab = new Uint8Array(Math.min(this.#slabBytes, 1 << 20));
    this.#slabBytes = 0;
    this.#table = [];
    return packed;
  }

  #reserve(bytes: number): void {
    const needed = this.#slabBytes + bytes;
    if (needed <= this.#slab.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#slab.length * 2, 16_384));
    larger.set(this.#slab.subarray(0, this.#slabBytes));
    this.#slab = larger;
  }
}

/** An entry with its ticket; the byte arrays are views into the slab. */
export interface TicketedEntry extends AppendEntry {
  readonly ticket: number;
}

/** Reads a batch in order. */
export function* unpacked({ slab, table }: PackedBatch): Generator<TicketedEntry> {
  for (let row = 0; row < table.length; row += COLUMNS) {
    const column = (index: number): number => table[row + index] ?? 0;
    const flags = column(3);
    let at = column(7);
    const take = (length: number): Buffer => {
      at += length;
      return Buffer.from(slab.buffer, at - length, length);
    };
    yield {
      ticket: column(0),
      channel: column(1),
      quarantine: QUARANTINE_REASONS[column(2)],
      ackOwed: (flags & FLAG_ACK_OWED) !== 0,
      checkDuplicate: (flags & FLAG_CHECK_DUPLICATE) !== 0,
      receivedAtMs: column(4),
      length: column(5),
      upload: column(6),
      sha256: take(SHA256_BYTES),
      controlKey: take(CONTROL_KEY_BYTES),
      controlId: take(column(8)),
      source: take(column(9)).toString("latin1"),
      body: take(column(10)),
    };
  }
}
