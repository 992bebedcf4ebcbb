/**
 * How far the store has been, in a file beside it (05 S17).
 *
 * A database that was put back from an old copy, or whose log lost its end, looks sound to itself. This
 * mark is how the next start sees that something is missing, and what. Two slots are written in turn, so
 * that a write which is cut leaves the other; the newer one that its checksum fits counts.
 *
 * A slot, integers big endian: magic (8), SHA-256 of all the following up to the zeros (32), its length
 * (u32), counter (u64, 0: nothing marked yet), store id (16), last message id (u64), last quarantine id
 * (u64), number of channels (u16); of each the length of its name (u16), name, epoch (u64), last seq
 * (u64); zeros.
 *
 * @module
 */
import { hash } from "node:crypto";
import {
  closeSync,
  existsSync,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  openSync,
  readSync,
  writeSync,
} from "node:fs";
import { codeOf, type Identifier } from "../../errors.ts";
import { replaceFile } from "../../host/atomic-file.ts";
import { type Clock, systemClock } from "../../host/clock.ts";
import { translated } from "../format/fault.ts";

export interface HighWaterMark {
  /** 16 bytes. */
  readonly storeId: Uint8Array;
  /** Highest row ids ever given, 0 if none. */
  readonly lastMessageId: number;
  readonly lastQuarantineId: number;
  readonly channels: readonly {
    readonly name: string;
    readonly epoch: bigint;
    readonly lastSeq: bigint;
  }[];
}

/** About 750 channels with names of 64 bytes. */
const SLOT_BYTES = 64 * 1024;
/** What a power cut may take of the mark: a flush for each commit would double what a commit costs. */
const FLUSH_EVERY_MS = 1_000;
const MAGIC = Buffer.from("HFMARK\0\x01", "latin1");
const STORE_ID_BYTES = 16;
const CHECKSUM_BYTES = 32;
const CHECKED_AT = MAGIC.length + CHECKSUM_BYTES;
const HEAD_BYTES = CHECKED_AT + 4 + 8 + STORE_ID_BYTES + 8 + 8 + 2;

interface Slot {
  readonly counter: bigint;
  readonly mark: HighWaterMark;
  /** Nothing but zeros stands behind what it says. */
  readonly isClean: boolean;
}

const NOTHING: HighWaterMark = {
  storeId: new Uint8Array(STORE_ID_BYTES),
  lastMessageId: 0,
  lastQuarantineId: 0,
  channels: [],
};

/** The open file. Its writer is one thread, the one that commits. */
export class HighWater implements Disposable {
  /** The mark as it was at open: of the newer slot that its checksum fits. */
  readonly found: HighWaterMark | undefined;
  /** A slot holds something else than was written: a write that was cut, or damage. It stays so until both are written again. */
  readonly damaged: boolean;
  readonly #descriptor: number;
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #buffer = Buffer.alloc(SLOT_BYTES);
  /** How much of each slot is not known to be zero. */
  readonly #used: [number, number] = [SLOT_BYTES, SLOT_BYTES];
  #turn: 0 | 1;
  #counter: bigint;
  #isDirty = false;
  #isFlushing = false;
  #isClosed = false;
  #flushStartedMs = Number.NEGATIVE_INFINITY;
  #writeFailed: Identifier | undefined;
  #flushFailed: Identifier | undefined;

  private constructor(
    descriptor: number,
    clock: Pick<Clock, "monotonicMs">,
    slots: readonly [Slot | undefined, Slot | undefined],
    notExtended: Identifier | undefined,
  ) {
    const [first, second] = slots;
    const secondIsNewer = second !== undefined && second.counter > (first?.counter ?? -1n);
    const newest = secondIsNewer ? second : first;
    this.found = newest === undefined || newest.counter === 0n ? undefined : newest.mark;
    this.damaged = slots.some((slot) => slot?.isClean !== true);
    this.#turn = secondIsNewer || newest === undefined ? 0 : 1;
    this.#counter = newest?.counter ?? 0n;
    this.#descriptor = descriptor;
    this.#clock = clock;
    this.#writeFailed = notExtended;
  }

  /**
   * Opens the file, or makes it at its full size, so that a full disk does not stop the marks. A file that
   * is damaged or not ours is no error and keeps its content until it is written.
   *
   * @param file in the store's folder; made with mode 0600, flushed with its name
   * @throws {AgentError} `STORE_*` if it cannot be made or opened
   */
  static open(file: string, clock: Pick<Clock, "monotonicMs"> = systemClock): HighWater {
    try {
      if (!existsSync(file)) replaceFile(file, emptyFile(), 0o600);
      const descriptor = openSync(file, "r+");
      const slots = [readSlot(descriptor, 0), readSlot(descriptor, 1)] as const;
      return new HighWater(descriptor, clock, slots, extend(descriptor));
    } catch (error) {
      throw translated(error);
    }
  }

  /** Why the last write, or the last flush, did not succeed; nothing while both do. */
  get failed(): Identifier | undefined {
    return this.#writeFailed ?? this.#flushFailed;
  }

  /**
   * Writes the mark in the place of the older one. Not flushed: it survives the process, a power cut
   * after `flushSoon`. A disk that refuses it is remembered in `failed`: the commit that it follows is done.
   *
   * @throws {RangeError} more channels than a slot holds, a store id that is not 16 bytes, a number that
   *   is no unsigned one of 64 bits; the file is then as it was
   */
  write(mark: HighWaterMark): void {
    if (this.#isClosed) throw new TypeError("Cannot write to a high-water file that is closed");
    const length = encode(this.#buffer, mark, this.#counter + 1n);
    const writeBytes = Math.max(length, this.#used[this.#turn]);
    this.#buffer.fill(0, length, writeBytes);
    try {
      writeAll(this.#descriptor, this.#buffer.subarray(0, writeBytes), this.#turn * SLOT_BYTES);
    } catch (error) {
      // The same slot again next time: the other one is whole.
      this.#used[this.#turn] = writeBytes;
      this.#writeFailed = codeOf(error);
      return;
    }
    this.#used[this.#turn] = length;
    this.#counter += 1n;
    this.#turn = this.#turn === 0 ? 1 : 0;
    this.#writeFailed = undefined;
    this.#isDirty = true;
  }

  /** Starts to flush what was written, in the background, once a second at most and never two at once. */
  flushSoon(): void {
    if (!this.#isDirty || this.#isFlushing || this.#isClosed) return;
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#flushStartedMs < FLUSH_EVERY_MS) return;
    this.#flushStartedMs = nowMs;
    this.#isDirty = false;
    this.#isFlushing = true;
    fdatasync(this.#descriptor, (error) => {
      this.#isFlushing = false;
      this.#flushed(error);
      if (this.#isClosed) closeSync(this.#descriptor);
    });
  }

  /** Flushes what was written, now. Never throws: see `failed`. */
  flush(): void {
    if (this.#isClosed || !(this.#isDirty || this.#isFlushing)) return;
    this.#isDirty = false;
    try {
      fdatasyncSync(this.#descriptor);
      this.#flushed(null);
    } catch (error) {
      this.#flushed(error);
    }
  }

  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.flush();
    this.#isClosed = true;
    // Its number must not be given to another file while a flush still names it.
    if (!this.#isFlushing) closeSync(this.#descriptor);
  }

  /** A failed flush is not repeated: the system takes the pages for clean, and would say yes. The next mark is. */
  #flushed(error: unknown): void {
    this.#flushFailed = error === null ? undefined : codeOf(error);
  }
}

/**
 * What the file says, for whoever only looks: nothing is written.
 *
 * @returns `undefined` if there is no file, or no mark in it yet
 * @throws the operating system's error, untranslated
 */
export function readHighWater(file: string): HighWaterMark | undefined {
  if (!existsSync(file)) return undefined;
  const descriptor = openSync(file, "r");
  try {
    const slots = [readSlot(descriptor, 0), readSlot(descriptor, 1)];
    let newest: Slot | undefined;
    for (const slot of slots) {
      if (slot !== undefined && slot.counter > (newest?.counter ?? 0n)) newest = slot;
    }
    return newest?.mark;
  } finally {
    closeSync(descriptor);
  }
}

/** Both slots, saying that nothing was marked yet: zeros alone would look like a slot that was wiped. */
function emptyFile(): Buffer {
  const file = Buffer.alloc(2 * SLOT_BYTES);
  for (const at of [0, SLOT_BYTES]) encode(file.subarray(at, at + SLOT_BYTES), NOTHING, 0n);
  return file;
}

/** Takes the room that a shortened file lost. @returns why that did not succeed */
function extend(descriptor: number): Identifier | undefined {
  try {
    const { size } = fstatSync(descriptor);
    if (size >= 2 * SLOT_BYTES) return undefined;
    writeAll(descriptor, Buffer.alloc(2 * SLOT_BYTES - size), size);
    fdatasyncSync(descriptor);
    return undefined;
  } catch (error) {
    return codeOf(error);
  }
}

function writeAll(descriptor: number, bytes: Uint8Array, at: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(descriptor, bytes, done, bytes.length - done, at + done);
  }
}

/** @returns the length of what was written into `slot`; what stands behind it is left as it was */
function encode(slot: Buffer, mark: HighWaterMark, counter: bigint): number {
  const { storeId, channels } = mark;
  if (storeId.length !== STORE_ID_BYTES) {
    throw new RangeError(`Cannot mark a store by an id of ${storeId.length} bytes`);
  }
  MAGIC.copy(slot);
  let at = slot.writeBigUInt64BE(counter, CHECKED_AT + 4);
  slot.set(storeId, at);
  at = slot.writeBigUInt64BE(BigInt(mark.lastMessageId), at + STORE_ID_BYTES);
  at = slot.writeBigUInt64BE(BigInt(mark.lastQuarantineId), at);
  at = slot.writeUInt16BE(channels.length, at);
  for (const { name, epoch, lastSeq } of channels) {
    const nameBytes = Buffer.byteLength(name);
    if (at + 2 + nameBytes + 16 > SLOT_BYTES) {
      throw new RangeError(`Cannot mark ${channels.length} channels in ${SLOT_BYTES} bytes`);
    }
    at = slot.writeUInt16BE(nameBytes, at);
    at += slot.write(name, at);
    at = slot.writeBigUInt64BE(epoch, at);
    at = slot.writeBigUInt64BE(lastSeq, at);
  }
  slot.writeUInt32BE(at - CHECKED_AT, CHECKED_AT);
  slot.set(hash("sha256", slot.subarray(CHECKED_AT, at), "buffer"), MAGIC.length);
  return at;
}

/** @returns nothing if no mark is there, or not the one that was written, or the disk cannot read it */
function readSlot(descriptor: number, index: 0 | 1): Slot | undefined {
  const slot = Buffer.alloc(SLOT_BYTES);
  try {
    readSync(descriptor, slot, 0, SLOT_BYTES, index * SLOT_BYTES);
  } catch (error) {
    if (codeOf(error) === "EIO") return undefined;
    throw error;
  }
  const end = CHECKED_AT + slot.readUInt32BE(CHECKED_AT);
  const checksum = slot.subarray(MAGIC.length, CHECKED_AT);
  if (!slot.subarray(0, MAGIC.length).equals(MAGIC) || end < HEAD_BYTES || end > SLOT_BYTES) {
    return undefined;
  }
  if (!checksum.equals(hash("sha256", slot.subarray(CHECKED_AT, end), "buffer"))) return undefined;
  return decoded(slot, end);
}

/** What a slot says whose checksum fits: it was written here, so that its lengths are true. */
function decoded(slot: Buffer, end: number): Slot {
  const counter = slot.readBigUInt64BE(CHECKED_AT + 4);
  const idAt = CHECKED_AT + 12;
  const rowsAt = idAt + STORE_ID_BYTES;
  const channels: { name: string; epoch: bigint; lastSeq: bigint }[] = [];
  for (let at = HEAD_BYTES; at < end; ) {
    const nameEnd = at + 2 + slot.readUInt16BE(at);
    channels.push({
      name: slot.toString("utf8", at + 2, nameEnd),
      epoch: slot.readBigUInt64BE(nameEnd),
      lastSeq: slot.readBigUInt64BE(nameEnd + 8),
    });
    at = nameEnd + 16;
  }
  const mark = {
    storeId: new Uint8Array(slot.subarray(idAt, rowsAt)),
    lastMessageId: Number(slot.readBigUInt64BE(rowsAt)),
    lastQuarantineId: Number(slot.readBigUInt64BE(rowsAt + 8)),
    channels,
  };
  const isClean = slot.subarray(end).equals(Buffer.alloc(SLOT_BYTES - end));
  return { counter, mark, isClean };
}
