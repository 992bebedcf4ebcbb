/**
 * Kafka's protocol as far as a played broker needs it: primitive types, and record batches of version 2
 * (kafka.apache.org/protocol). Written from that page, not from the client under test.
 *
 * @module
 */
import assert from "node:assert/strict";

/** Reads one request from its beginning. */
export class WireReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  take(count: number): Buffer {
    assert.ok(count >= 0 && count <= this.left, "a request is longer than it says");
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  int8 = (): number => this.take(1).readInt8();
  int16 = (): number => this.take(2).readInt16BE();
  int32 = (): number => this.take(4).readInt32BE();
  uint32 = (): number => this.take(4).readUInt32BE();
  int64 = (): bigint => this.take(8).readBigInt64BE();

  /** UNSIGNED_VARINT. */
  uvarint(): number {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.take(1).readUInt8();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return Number(value);
    }
  }

  /** VARINT: zigzag. */
  varint(): number {
    const value = this.uvarint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  /** NULLABLE_STRING. */
  string(): string | null {
    const length = this.int16();
    return length < 0 ? null : this.take(length).toString();
  }

  /** COMPACT_NULLABLE_BYTES, and COMPACT_RECORDS. */
  compactBytes(): Buffer | null {
    const length = this.uvarint();
    return length === 0 ? null : this.take(length - 1);
  }

  compactString = (): string | null => this.compactBytes()?.toString() ?? null;

  compactArray<T>(read: () => T): T[] {
    return Array.from({ length: Math.max(this.uvarint() - 1, 0) }, read);
  }

  /** TAG_BUFFER, of which nothing is known here. */
  tags(): void {
    for (let count = this.uvarint(); count > 0; count -= 1) {
      this.uvarint();
      this.take(this.uvarint());
    }
  }
}

export const int8 = (value: number): Buffer => Buffer.from([value]);
export const int16 = (value: number): Buffer => buffer(2, (bytes) => bytes.writeInt16BE(value));
export const int32 = (value: number): Buffer => buffer(4, (bytes) => bytes.writeInt32BE(value));
export const int64 = (value: bigint): Buffer => buffer(8, (bytes) => bytes.writeBigInt64BE(value));
export const NO_TAGS = int8(0);
export const NULL_COMPACT = int8(0);

export function uvarint(value: number): Buffer {
  const bytes: number[] = [];
  let left = value;
  for (; left > 0x7f; left >>>= 7) bytes.push((left & 0x7f) | 0x80);
  return Buffer.from([...bytes, left]);
}

export const compactBytes = (bytes: Buffer): Buffer =>
  Buffer.concat([uvarint(bytes.length + 1), bytes]);
export const compactString = (text: string): Buffer => compactBytes(Buffer.from(text));
export const compactArray = (items: readonly Buffer[]): Buffer =>
  Buffer.concat([uvarint(items.length + 1), ...items]);
export const string = (text: string): Buffer =>
  Buffer.concat([int16(Buffer.byteLength(text)), Buffer.from(text)]);
export const array = (items: readonly Buffer[]): Buffer =>
  Buffer.concat([int32(items.length), ...items]);

export interface WireRecord {
  readonly key: string | null;
  readonly value: Uint8Array | null;
  readonly headers: Readonly<Record<string, string>>;
}

/** @throws if it is not one whole batch, uncompressed, whose CRC-32C fits */
export function recordsOf(bytes: Buffer): WireRecord[] {
  const batch = new WireReader(bytes);
  assert.equal(batch.int64(), 0n, "the base offset is for the broker to give");
  assert.equal(batch.int32(), batch.left, "one batch");
  batch.int32();
  assert.equal(batch.int8(), 2, "magic");
  assert.equal(batch.uint32(), crc32c(bytes.subarray(bytes.length - batch.left)), "CRC");
  assert.equal(batch.int16(), 0, "attributes: not compressed, no transaction");
  const lastOffset = batch.int32();
  batch.take(8 + 8 + 8 + 2 + 4);
  const records = Array.from({ length: batch.int32() }, (_, index) => recordOf(batch, index));
  assert.deepEqual([batch.left, records.length], [0, lastOffset + 1]);
  return records;
}

function recordOf(batch: WireReader, index: number): WireRecord {
  const record = new WireReader(batch.take(batch.varint()));
  const nullable = (): Buffer | null => {
    const length = record.varint();
    return length < 0 ? null : record.take(length);
  };
  record.int8();
  record.varint();
  assert.equal(record.varint(), index, "offset delta");
  const key = nullable()?.toString() ?? null;
  const value = nullable();
  const headers = Array.from({ length: record.varint() }, () => [
    nullable()?.toString() ?? "",
    nullable()?.toString() ?? "",
  ]);
  assert.equal(record.left, 0);
  const copied = value === null ? null : new Uint8Array(value);
  return { key, value: copied, headers: Object.fromEntries(headers) };
}

const CRC_TABLE = Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit += 1) value = (value >>> 1) ^ (value & 1 ? 0x82f63b78 : 0);
  return value >>> 0;
});

/** RFC 3720 appendix B.4. */
function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (CRC_TABLE[(crc ^ byte) & 0xff] ?? 0);
  return (crc ^ 0xffffffff) >>> 0;
}

function buffer(bytes: number, write: (bytes: Buffer) => void): Buffer {
  const made = Buffer.alloc(bytes);
  write(made);
  return made;
}
