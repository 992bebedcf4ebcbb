/** What is read from the store: for the relay, for a person who asks. Each call is short. @module */
import { hash } from "node:crypto";
import {
  FLAG_ACK_NOT_OWED,
  FLAG_CONTROL_ID_REUSED,
  FLAG_DUPLICATE,
  FLAG_RELEASED,
} from "./appender.ts";
import type { Prepared } from "./prepared.ts";

/** One message on its way to the relay. */
export interface StoredMessage {
  readonly id: number;
  readonly seq: bigint;
  readonly receivedAtMs: number;
  readonly length: number;
  readonly sha256: Uint8Array;
  readonly controlId: Uint8Array;
  /** The body, or `undefined` where it lies in the slices of `upload`. */
  readonly body: Uint8Array | undefined;
  readonly upload: number;
  /** Where in the bytes of the upload it begins. */
  readonly uploadAt: number;
  /** 03 D2, D3: its control id, or all of it, came before. */
  readonly controlIdReused: boolean;
  readonly duplicate: boolean;
  /** An object of strings as JSON, or empty: what travels besides the bytes. */
  readonly attributes: string;
}

export interface ReadRange {
  readonly channel: number;
  readonly epoch: bigint;
  readonly afterSeq: bigint;
  readonly maxBytes: number;
  readonly maxCount: number;
}

/** Messages in order; `damagedSeq` is the one after them whose digest does not fit (05 S16). */
export interface ReadResult {
  readonly messages: readonly StoredMessage[];
  readonly damagedSeq: bigint | undefined;
}

type RangeRow = [
  bigint,
  bigint,
  bigint,
  bigint,
  Uint8Array,
  Uint8Array,
  bigint,
  bigint,
  bigint,
  string,
];

/**
 * Reads messages after a seq, in order, each checked against its digest.
 *
 * Always gives at least one message if there is one, and at most about `maxBytes` of bodies.
 *
 * @returns bodies are views of whole segments, which may be transferred: see `buffersOf`
 */
export function readRange(prepared: Prepared, range: ReadRange): ReadResult {
  const { channel, epoch, afterSeq, maxCount, maxBytes } = range;
  const rows = prepared.messageRange.all(channel, epoch, afterSeq, maxCount) as RangeRow[];
  const messages: StoredMessage[] = [];
  let bytes = 0;
  let segment: Segment = { id: 0, bytes: new Uint8Array(0) };
  for (const [id, seq, receivedAtMs, length, sha256, controlId, place, at, flags, more] of rows) {
    const common = {
      id: Number(id),
      seq,
      receivedAtMs: Number(receivedAtMs),
      sha256,
      controlId,
      controlIdReused: (Number(flags) & FLAG_CONTROL_ID_REUSED) !== 0,
      duplicate: (Number(flags) & FLAG_DUPLICATE) !== 0,
      attributes: more,
    };
    if (place < 0n) {
      // A body in slices is checked by whoever reads the slices; here it is enough that it is named.
      const where = { body: undefined, upload: Number(-place), uploadAt: Number(at) };
      messages.push({ ...common, length: Number(length), ...where });
    } else {
      if (segment.id !== Number(place)) segment = readSegment(prepared, Number(place));
      const body = segment.bytes.subarray(Number(at), Number(at + length));
      if (!isWhole(body, Number(length), sha256)) return { messages, damagedSeq: seq };
      messages.push({ ...common, length: body.length, body, upload: 0, uploadAt: 0 });
      bytes += body.length;
    }
    if (bytes >= maxBytes) break;
  }
  return { messages, damagedSeq: undefined };
}

interface Segment {
  readonly id: number;
  readonly bytes: Uint8Array;
}

function readSegment(prepared: Prepared, id: number): Segment {
  const found = prepared.segmentRead.get(id) as Uint8Array | undefined;
  return { id, bytes: found ?? new Uint8Array(0) };
}

function isWhole(body: Uint8Array, length: number, sha256: Uint8Array): boolean {
  return body.length === length && Buffer.compare(hash("sha256", body, "buffer"), sha256) === 0;
}

/** The buffers that bodies lie in: handing them to another thread costs no copy. */
export function buffersOf({ messages }: ReadResult): ArrayBufferLike[] {
  const buffers = new Set<ArrayBufferLike>();
  for (const { body } of messages) {
    // Only memory that is wholly one segment's: a pooled Buffer's is shared with others.
    const whole = body !== undefined && body.length > 0 && body.buffer.byteLength > POOL_BYTES;
    if (whole) buffers.add(body.buffer);
  }
  return [...buffers];
}

/** Node's `Buffer.poolSize`: smaller Buffers may share memory, larger ones never do. */
const POOL_BYTES = 65_536;

/**
 * Bytes of an upload from `from` on, at most `maxBytes`; empty where it ends.
 *
 * Every slice of an upload but the last has the same length, so that a place is found without reading
 * what comes before it.
 */
export function readSlices(
  prepared: Prepared,
  upload: number,
  from: number,
  maxBytes: number,
): Uint8Array<ArrayBuffer> {
  const sliceBytes = (prepared.sliceLength.get(upload) as number | undefined) ?? 0;
  if (sliceBytes === 0 || maxBytes <= 0) return new Uint8Array(0);
  const first = Math.floor(from / sliceBytes);
  const skip = from - first * sliceBytes;
  const parts: Uint8Array[] = [];
  let bytes = -skip;
  const found = prepared.sliceRead.iterate(upload, first) as IterableIterator<[number, Uint8Array]>;
  for (const [, slice] of found) {
    parts.push(slice);
    bytes += slice.length;
    if (bytes >= maxBytes) break;
  }
  return new Uint8Array(Buffer.concat(parts).subarray(skip, skip + maxBytes));
}

/** 03 E5: what became of the reply to a message. */
export type AckState = "pending" | "delivered" | "undelivered" | "notOwed";
export const ACK_PENDING = 0;
export const ACK_UNDELIVERED = 1;

/** One message as `trace` shows it. */
export interface TracedMessage {
  readonly id: number;
  readonly channel: number;
  readonly epoch: bigint;
  readonly seq: bigint;
  readonly receivedAtMs: number;
  readonly length: number;
  readonly sha256: Uint8Array;
  readonly source: string;
  readonly controlIdReused: boolean;
  readonly duplicate: boolean;
  readonly released: boolean;
  readonly ack: AckState;
}

type SearchRow = [
  bigint,
  bigint,
  bigint,
  bigint,
  bigint,
  bigint,
  Uint8Array,
  string,
  bigint,
  Uint8Array,
];

/**
 * Looks through `rows` messages before `beforeId`, newest first, for a control id.
 *
 * @returns the matches, and where the next call goes on; `nextId` 0 when there are no more rows
 */
export function searchSlice(
  prepared: Prepared,
  controlId: Uint8Array,
  beforeId: number,
  rows: number,
): { readonly matches: TracedMessage[]; readonly nextId: number } {
  const matches: TracedMessage[] = [];
  let nextId = 0;
  let seen = 0;
  for (const row of prepared.messageSearch.iterate(beforeId, rows) as IterableIterator<SearchRow>) {
    nextId = Number(row[0]);
    seen += 1;
    if (Buffer.compare(row[9], controlId) === 0) matches.push(traced(prepared, row));
  }
  return { matches, nextId: seen < rows ? 0 : nextId };
}

function traced(prepared: Prepared, row: SearchRow): TracedMessage {
  const [id, channel, epoch, seq, receivedAtMs, length, sha256, source, flags] = row;
  return {
    id: Number(id),
    channel: Number(channel),
    epoch,
    seq,
    receivedAtMs: Number(receivedAtMs),
    length: Number(length),
    sha256: new Uint8Array(sha256),
    source,
    controlIdReused: (Number(flags) & FLAG_CONTROL_ID_REUSED) !== 0,
    duplicate: (Number(flags) & FLAG_DUPLICATE) !== 0,
    released: (Number(flags) & FLAG_RELEASED) !== 0,
    ack: ackState(prepared, Number(id), Number(flags)),
  };
}

function ackState(prepared: Prepared, id: number, flags: number): AckState {
  if ((flags & FLAG_ACK_NOT_OWED) !== 0) return "notOwed";
  const exception = prepared.ackExceptionAt.get(id) as [number, number] | undefined;
  if (exception !== undefined && id <= exception[0]) {
    return exception[1] === ACK_UNDELIVERED ? "undelivered" : "pending";
  }
  return id <= (prepared.ackThroughRead.get() as number) ? "delivered" : "pending";
}
