/** What is read from the store: for the relay, for a person who asks. Each call is short. @module */
import { hash } from "node:crypto";
import { SEAL_OVERHEAD_BYTES, type Sealer } from "../sealing/sealer.ts";
import { readUnlessCorrupt } from "./format/fault.ts";
import type { MessageIdentity } from "./format/record.ts";
import type { RecordReader } from "./format/record-reader.ts";
import { TOKEN_OF_CONTROL_ID } from "./format/tokens.ts";
import {
  FLAG_ACK_NOT_OWED,
  FLAG_CONTROL_ID_REUSED,
  FLAG_DUPLICATE,
  FLAG_REFUSED,
  FLAG_RELEASED,
  FLAG_REPLAYED,
} from "./writing/appender.ts";
import type { Prepared } from "./writing/prepared.ts";

/** One message on its way to the relay. */
export interface StoredMessage {
  readonly id: number;
  readonly seq: bigint;
  readonly receivedAtMs: number;
  readonly length: number;
  readonly sha256: Uint8Array;
  readonly controlId: Uint8Array;
  readonly source: string;
  /** The body, or `undefined` where it lies in the slices of `upload`. */
  readonly body: Uint8Array | undefined;
  readonly upload: number;
  /** Where in the bytes of the upload it begins. */
  readonly uploadAt: number;
  /** `FLAG_*` of the appender. */
  readonly flags: number;
  /** 03 D2, D3: its control id, or all of it, came before. */
  readonly controlIdReused: boolean;
  readonly duplicate: boolean;
  /** The receiver will never take it; a copy is in quarantine (06 TP30). */
  readonly refused: boolean;
  /** An object of strings as JSON, or empty: what travels besides the bytes. */
  readonly attributes: string;
  /** The number under which the receiver may have it already (06 TP18). */
  readonly replaces: MessageIdentity | undefined;
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
  /** It was noted as lost, with all up to here: nobody waits for it any more. */
  readonly lostThrough?: bigint | undefined;
}

type RangeRow = [bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint];

/** What every read needs. */
export interface ReadParts {
  readonly prepared: Prepared;
  readonly sealer: Sealer;
  readonly records: RecordReader;
}

/**
 * Reads messages after a seq, in order, each checked against its digest.
 *
 * Always gives at least one message if there is one, and at most about `maxBytes` of bodies. A row that is not
 * there (a bit of an index that leads astray) is damage as well.
 *
 * @param lastSeq up to which there must be rows, as far as is known
 * @returns bodies are views of whole segments, which may be transferred: see `buffersOf`
 */
export function readRange(
  { prepared, records }: ReadParts,
  range: ReadRange,
  lastSeq = 0n,
): ReadResult {
  const { channel, epoch, afterSeq, maxCount, maxBytes } = range;
  const rows = prepared.messageRange.all(channel, epoch, afterSeq, maxCount) as RangeRow[];
  const messages: StoredMessage[] = [];
  let damagedSeq: bigint | undefined;
  let bytes = 0;
  let nextSeq = afterSeq + 1n;
  for (const row of rows) {
    const message = row[1] === nextSeq ? storedMessage(records, range, row) : undefined;
    if (message === undefined) {
      damagedSeq = nextSeq;
      break;
    }
    messages.push(message);
    nextSeq += 1n;
    bytes += message.body?.length ?? 0;
    if (bytes >= maxBytes) break;
  }
  const isEnd = messages.length === rows.length && rows.length < maxCount;
  if (isEnd && nextSeq <= lastSeq) damagedSeq = nextSeq;
  // What it holds is handed to another thread.
  records.forget();
  return { messages, damagedSeq };
}

/** @returns `undefined` where the record does not open, or its digest does not fit (05 S16) */
function storedMessage(
  records: RecordReader,
  { channel, epoch }: ReadRange,
  row: RangeRow,
): StoredMessage | undefined {
  const [id, seq, receivedAtMs, length, flags, segment, at, upload, uploadAt] = row;
  const place = { channel, epoch, seq, segment: Number(segment), at: Number(at) };
  const record = records.read(place);
  if (record === undefined) return undefined;
  // A body in slices is checked by whoever reads the slices; here it is enough that it is named.
  const inUpload = upload !== 0n;
  if (!inUpload && !isWhole(record.body, Number(length), record.sha256)) return undefined;
  return {
    id: Number(id),
    seq,
    receivedAtMs: Number(receivedAtMs),
    length: Number(length),
    sha256: new Uint8Array(record.sha256),
    controlId: new Uint8Array(record.controlId),
    source: record.source,
    body: inUpload ? undefined : record.body,
    upload: Number(upload),
    uploadAt: Number(uploadAt),
    flags: Number(flags),
    controlIdReused: (Number(flags) & FLAG_CONTROL_ID_REUSED) !== 0,
    duplicate: (Number(flags) & FLAG_DUPLICATE) !== 0,
    refused: (Number(flags) & FLAG_REFUSED) !== 0,
    attributes: record.attributes,
    replaces: record.replaces,
  };
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
  { prepared, sealer }: Omit<ReadParts, "records">,
  upload: number,
  from: number,
  maxBytes: number,
): Uint8Array<ArrayBuffer> {
  const { sliceLength } = prepared;
  const sealedBytes = readUnlessCorrupt(() => sliceLength.get(upload) as number | undefined) ?? 0;
  const sliceBytes = sealedBytes - SEAL_OVERHEAD_BYTES;
  if (sliceBytes <= 0 || maxBytes <= 0) return new Uint8Array(0);
  const first = Math.floor(from / sliceBytes);
  const skip = from - first * sliceBytes;
  const parts: Uint8Array[] = [];
  let bytes = -skip;
  for (let ordinal = first; ; ordinal++) {
    const sealed = readUnlessCorrupt(
      () => prepared.sliceRead.get(upload, ordinal) as Uint8Array | undefined,
    );
    if (sealed === undefined) break;
    const place = { column: "slice.bytes", channel: 0, row: upload, extra: ordinal } as const;
    const slice = sealer.open(sealed, place);
    // What follows would be taken for it: whoever reads finds that the body ends too early.
    if (slice === undefined) break;
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
  /** Digest and source went with the body when it was pruned, or cannot be read. */
  readonly sha256: Uint8Array | undefined;
  readonly source: string | undefined;
  /** An object of strings as JSON, each character a byte; empty or absent where there is nothing. */
  readonly attributes: string | undefined;
  readonly controlIdReused: boolean;
  readonly duplicate: boolean;
  readonly released: boolean;
  /** The receiver will never take it; a copy went to quarantine. */
  readonly refused: boolean;
  /** The number that it had before (06 TP18); absent where its record cannot be read. */
  readonly replaces: MessageIdentity | undefined;
  /** An operator sent it again; this is the copy. */
  readonly replayed: boolean;
  readonly ack: AckState;
  /** By then at the latest the receiver had confirmed it; `undefined`: it has not, or nobody knows any more. */
  readonly confirmedByMs: number | undefined;
}

type SearchRow = [
  bigint,
  bigint,
  bigint,
  bigint,
  bigint,
  bigint,
  bigint,
  bigint,
  bigint,
  Uint8Array,
];

/**
 * Looks through `rows` messages before `beforeId`, newest first, for a control id.
 *
 * @returns the matches, and where the next call goes on; `nextId` 0 when there are no more rows
 */
export function searchSlice(
  parts: ReadParts,
  controlId: Uint8Array,
  beforeId: number,
  rows: number,
): { readonly matches: TracedMessage[]; readonly nextId: number } {
  const { prepared, sealer } = parts;
  const wanted = sealer.token(TOKEN_OF_CONTROL_ID, controlId);
  const found: SearchRow[] = [];
  let nextId = 0;
  let seen = 0;
  for (const row of prepared.messageSearch.iterate(beforeId, rows) as IterableIterator<SearchRow>) {
    nextId = Number(row[0]);
    seen += 1;
    if (Buffer.compare(row[9], wanted) === 0) found.push(row);
  }
  const matches = found.map((row) => traced(parts, row));
  return { matches, nextId: seen < rows ? 0 : nextId };
}

function traced({ prepared, records }: ReadParts, row: SearchRow): TracedMessage {
  const [id, channel, epoch, seq, receivedAtMs, length, flags, segment, at] = row;
  const record = records.read({
    ...{ channel: Number(channel), epoch, seq },
    ...{ segment: Number(segment), at: Number(at) },
  });
  return {
    id: Number(id),
    channel: Number(channel),
    epoch,
    seq,
    receivedAtMs: Number(receivedAtMs),
    length: Number(length),
    sha256: record === undefined ? undefined : new Uint8Array(record.sha256),
    source: record?.source,
    attributes: record?.attributes,
    controlIdReused: (Number(flags) & FLAG_CONTROL_ID_REUSED) !== 0,
    duplicate: (Number(flags) & FLAG_DUPLICATE) !== 0,
    released: (Number(flags) & FLAG_RELEASED) !== 0,
    refused: (Number(flags) & FLAG_REFUSED) !== 0,
    replaces: record?.replaces,
    replayed: (Number(flags) & FLAG_REPLAYED) !== 0,
    ack: ackState(prepared, Number(id), Number(flags)),
    confirmedByMs: prepared.settleMarkFirst.get(channel, epoch, seq) as number | undefined,
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
