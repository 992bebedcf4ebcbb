/**
 * Many messages in two transferable pieces of memory: how bodies reach the writer thread.
 *
 * A body is copied once, from the socket's chunk into the slab; the slab changes its owner without a
 * copy (05 S7). One structured clone per message would cost more than the message's commit.
 *
 * @module
 */
import type { ClaimMark } from "../../ingest/file-drop/claims.ts";

/** Everything the store needs to know about one message or one block to quarantine. */
export interface AppendEntry {
  readonly channel: number;
  /** `undefined`: a message. Else why it is set aside. */
  readonly quarantine: QuarantineReason | undefined;
  /** 03 E5: whether the sender is owed a reply for it. */
  readonly ackOwed: boolean;
  /** 03 D3; `off` also for what an operator sends again. */
  readonly duplicates: DuplicatePolicy;
  /** 03 D1, D6: how far back a repeat is recognised. */
  readonly duplicateWindowMs: number;
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
  /** Where in the upload's bytes the body begins: a batch lies in one upload (03 F12). */
  readonly uploadAt: number;
  /** Bytes of the whole upload, by which a missing slice is noticed. */
  readonly uploadBytes: number;
  /** What travels with the message besides its bytes: an object of strings as JSON, each character a byte (latin1), or empty. */
  readonly attributes: string;
  /**
   * Of the file that it came in, the same object with all entries of one append: the file's row says in the same
   * commit how far it has come (04 P24).
   */
  readonly claim: ClaimMark | undefined;
}

/** What is done with a message that came before (03 D3). */
const DUPLICATE_POLICIES = ["replayAck", "forwardFlagged", "off"] as const;
export type DuplicatePolicy = (typeof DUPLICATE_POLICIES)[number];

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
  /** No longer given: batches are split. */
  "batchUnsupported",
  "damaged",
  "batchTooLarge",
  "leftover",
  /** The receiver will never take it (06 TP30). */
  "refused",
] as const;
export type QuarantineReason = (typeof QUARANTINE_REASONS)[number];

/** What is left of blocks that never ended, or were no blocks: the first to go when room is needed (03 E7). */
export const FRAGMENT_REASONS = ["abandoned", "partial", "tooLarge", "junk"] as const;

const COLUMNS = 17;
const SHA256_BYTES = 32;
/** Two digests, where the step begins, and whether it is the last. */
const MARK_BYTES = 2 * SHA256_BYTES + 5;
/** In place of a claim's number: it is the one of the entry before. */
const SAME_CLAIM = -1;
export const CONTROL_KEY_BYTES = 8;

/** What crosses the thread border, there and back; both arrays are transferred, neither is full. */
export interface PackedBatch {
  readonly count: number;
  /** How many appends of dropped files are in it. */
  readonly files: number;
  readonly slab: Uint8Array<ArrayBuffer>;
  readonly table: Float64Array<ArrayBuffer>;
}

const SLAB_START_BYTES = 65_536;
const TABLE_START_ROWS = 128;
/** A slab above this came of large bodies: it is given to the garbage collector, not kept. */
const SLAB_KEPT_BYTES = 1_048_576;
/** One filling, one at the writer, one waiting there. */
const SPARES_MAX_COUNT = 3;

/**
 * Collects entries until somebody takes them.
 *
 * The memory of a batch comes back after its commit and is used again: a fresh slab for each would be
 * zeroed, and collected, tens of thousands of times a minute.
 */
export class AppendBatch {
  readonly #spares: PackedBatch[] = [];
  #slab = new Uint8Array(SLAB_START_BYTES);
  #table = new Float64Array(TABLE_START_ROWS * COLUMNS);
  #slabBytes = 0;
  #count = 0;
  #files = 0;
  /** Of the append that is being added. */
  #claim: ClaimMark | undefined;

  get count(): number {
    return this.#count;
  }

  /** What the collected entries take. */
  get bytes(): number {
    return this.#slabBytes;
  }

  /** Copies `entry` in; its byte arrays may be reused afterwards. @param ticket given back with the outcome */
  add(ticket: number, entry: AppendEntry): void {
    const { sha256, controlKey, controlId, source, attributes, body } = entry;
    const fixed = SHA256_BYTES + CONTROL_KEY_BYTES;
    const texts = controlId.length + source.length + attributes.length;
    const fresh = entry.claim === this.#claim ? undefined : entry.claim;
    if (fresh !== undefined) refuseUnlessDigests(fresh);
    const marked = fresh === undefined ? 0 : MARK_BYTES;
    this.#reserve(fixed + texts + body.length + marked);
    const table = this.#table;
    let at = this.#count * COLUMNS;
    table[at++] = ticket;
    table[at++] = entry.channel;
    table[at++] =
      entry.quarantine === undefined ? -1 : QUARANTINE_REASONS.indexOf(entry.quarantine);
    table[at++] = entry.ackOwed ? 1 : 0;
    table[at++] = DUPLICATE_POLICIES.indexOf(entry.duplicates);
    table[at++] = entry.duplicateWindowMs;
    table[at++] = entry.receivedAtMs;
    table[at++] = entry.length;
    table[at++] = entry.upload;
    table[at++] = entry.uploadAt;
    table[at++] = entry.uploadBytes;
    table[at++] = this.#slabBytes;
    table[at++] = controlId.length;
    table[at++] = source.length;
    table[at++] = attributes.length;
    table[at++] = body.length;
    table[at] = entry.claim === undefined ? 0 : (fresh?.id ?? SAME_CLAIM);
    this.#count += 1;
    this.#put(sha256);
    this.#put(controlKey);
    this.#put(controlId);
    this.#putLatin1(source);
    this.#putLatin1(attributes);
    this.#put(body);
    if (fresh !== undefined) this.#putClaim(fresh);
  }

  /** What comes next is of another append. */
  endAppend(): void {
    this.#claim = undefined;
  }

  /** Everything collected, in order; the batch is empty afterwards. */
  take(): PackedBatch {
    const [count, files] = [this.#count, this.#files];
    const packed = { count, files, slab: this.#slab, table: this.#table };
    const spare = this.#spares.pop();
    this.#slab = spare?.slab ?? new Uint8Array(SLAB_START_BYTES);
    this.#table = spare?.table ?? new Float64Array(TABLE_START_ROWS * COLUMNS);
    this.#slabBytes = 0;
    this.#count = 0;
    this.#files = 0;
    this.#claim = undefined;
    return packed;
  }

  /** Takes the memory of a batch back. */
  recycle(batch: PackedBatch): void {
    const keep = batch.slab.length <= SLAB_KEPT_BYTES && this.#spares.length < SPARES_MAX_COUNT;
    if (keep) this.#spares.push(batch);
  }

  #put(part: Uint8Array): void {
    this.#slab.set(part, this.#slabBytes);
    this.#slabBytes += part.length;
  }

  #putClaim(claim: ClaimMark): void {
    this.#put(claim.sha256);
    this.#put(claim.contentKey);
    const step = Buffer.alloc(MARK_BYTES - 2 * SHA256_BYTES);
    step.writeUInt32LE(claim.from);
    step.writeUInt8(claim.isLast ? 1 : 0, 4);
    this.#put(step);
    this.#claim = claim;
    this.#files += 1;
  }

  #putLatin1(text: string): void {
    for (let i = 0; i < text.length; i++) this.#slab[this.#slabBytes++] = text.charCodeAt(i);
  }

  #reserve(bytes: number): void {
    const needed = this.#slabBytes + bytes;
    if (needed > this.#slab.length) {
      const larger = new Uint8Array(Math.max(needed, this.#slab.length * 2));
      larger.set(this.#slab.subarray(0, this.#slabBytes));
      this.#slab = larger;
    }
    if ((this.#count + 1) * COLUMNS > this.#table.length) {
      const larger = new Float64Array(this.#table.length * 2);
      larger.set(this.#table);
      this.#table = larger;
    }
  }
}

function refuseUnlessDigests({ sha256, contentKey }: ClaimMark): void {
  if (sha256.length === SHA256_BYTES && contentKey.length === SHA256_BYTES) return;
  throw new RangeError("Cannot mark entries with digests of another length");
}

/** An entry with its ticket; the byte arrays are views into the slab. */
export interface TicketedEntry extends AppendEntry {
  readonly ticket: number;
}

/** Reads a batch in order. Entries of one append of a file share one mark, and no other entries have it. */
export function* unpacked({ count, slab, table }: PackedBatch): Generator<TicketedEntry> {
  let mark: ClaimMark | undefined;
  for (let row = 0; row < count * COLUMNS; row += COLUMNS) {
    const column = (index: number): number => table[row + index] ?? 0;
    let at = column(11);
    const take = (length: number): Buffer => {
      at += length;
      return Buffer.from(slab.buffer, at - length, length);
    };
    const entry = {
      ticket: column(0),
      channel: column(1),
      quarantine: QUARANTINE_REASONS[column(2)],
      ackOwed: column(3) === 1,
      duplicates: DUPLICATE_POLICIES[column(4)] ?? "off",
      duplicateWindowMs: column(5),
      receivedAtMs: column(6),
      length: column(7),
      upload: column(8),
      uploadAt: column(9),
      uploadBytes: column(10),
      sha256: take(SHA256_BYTES),
      controlKey: take(CONTROL_KEY_BYTES),
      controlId: take(column(12)),
      source: take(column(13)).toString("latin1"),
      attributes: take(column(14)).toString("latin1"),
      body: take(column(15)),
      claim: undefined as ClaimMark | undefined,
    };
    const id = column(16);
    if (id > 0) {
      const digests = { sha256: take(SHA256_BYTES), contentKey: take(SHA256_BYTES) };
      const step = take(MARK_BYTES - 2 * SHA256_BYTES);
      mark = { id, ...digests, from: step.readUInt32LE(), isLast: step.readUInt8(4) === 1 };
    }
    if (id !== 0) entry.claim = mark;
    yield entry;
  }
}

/** A block of a file that is to be set aside, as far as its room goes. */
export interface BlockSize {
  readonly bodyBytes: number;
  readonly upload: number;
  readonly uploadBytes: number;
  readonly length: number;
}

/** And its place among the entries of its append. */
export interface PlacedBlock extends BlockSize {
  readonly place: number;
}

/** For each append of a file in the batch, in order: what it wants set aside. Reads numbers alone. */
export function* blocksOfFiles({ count, files, table }: PackedBatch): Generator<PlacedBlock[]> {
  if (files === 0) return;
  let blocks: PlacedBlock[] | undefined;
  let place = 0;
  for (let row = 0; row < count * COLUMNS; row += COLUMNS) {
    const column = (index: number): number => table[row + index] ?? 0;
    const id = column(16);
    if (id === 0) continue;
    if (id > 0) {
      if (blocks !== undefined) yield blocks;
      blocks = [];
      place = 0;
    } else place += 1;
    if (column(2) < 0) continue;
    const [length, upload, uploadBytes, bodyBytes] = [column(7), column(8), column(10), column(15)];
    blocks?.push({ place, length, upload, uploadBytes, bodyBytes });
  }
  if (blocks !== undefined) yield blocks;
}
