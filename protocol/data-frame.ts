/**
 * DATA (TP8), the one frame whose body is not CBOR. It is most of the traffic: encoding allocates
 * the frame and nothing else of its size; decoding copies nothing of the payload.
 *
 * @module
 */
import { body, optional, required } from "./body.ts";
import { decodeMap } from "./cbor-reader.ts";
import { encodeMap } from "./cbor-writer.ts";
import type { DataFrame, MessageMeta } from "./frame.ts";
import { ERROR_CODE } from "./frame.ts";
import { attributes, hash, messageBytes, messageId, oneOf, seq, tstr, uint } from "./kind.ts";
import { CHUNK_MAX_BYTES, FRAME_HEADER_BYTES, META_MAX_BYTES } from "./limits.ts";
import { ProtocolError } from "./protocol-error.ts";

export const FLAG_FIRST = 0x01;
export const FLAG_LAST = 0x02;

/** Where the parts of a DATA body lie: seq u64, offset u32, total u32, meta length u16, meta. */
const OFFSET_AT = 8;
const TOTAL_AT = 12;
const META_LENGTH_AT = 16;
const META_AT = 18;

const META = body<MessageMeta>({
  sha256: required(1, hash),
  receivedAtMs: required(2, uint),
  mediaType: optional(3, tstr),
  encoding: optional(4, oneOf({ none: 0, gzip: 1, zstd: 2 })),
  length: optional(5, messageBytes),
  source: optional(6, tstr),
  traceparent: optional(7, tstr),
  replaces: optional(8, messageId),
  attributes: optional(9, attributes),
});

const NOTHING = new Uint8Array(0);

/**
 * @returns a new frame whose header is still zero
 * @throws {RangeError} on a value that DATA cannot carry
 */
export function encodeData(frame: DataFrame): Uint8Array<ArrayBuffer> {
  const { payload } = frame;
  if (frame.first !== (frame.meta !== undefined)) {
    throw new RangeError("Cannot encode DATA with metadata on any but the first chunk");
  }
  const meta = frame.meta === undefined ? NOTHING : encodeMap(META.write(frame.meta));
  if (meta.length > META_MAX_BYTES) {
    throw new RangeError(`Cannot encode ${meta.length} bytes of metadata`);
  }
  if (payload.length > CHUNK_MAX_BYTES) {
    throw new RangeError(`Cannot encode a chunk of ${payload.length} bytes`);
  }
  seq.write(frame.seq);
  messageBytes.write(frame.offset);
  messageBytes.write(frame.total);

  const bodyAt = FRAME_HEADER_BYTES;
  const payloadAt = bodyAt + META_AT + meta.length;
  const bytes = new Uint8Array(payloadAt + payload.length);
  const view = new DataView(bytes.buffer, bodyAt);
  view.setBigUint64(0, frame.seq);
  view.setUint32(OFFSET_AT, frame.offset);
  view.setUint32(TOTAL_AT, frame.total);
  view.setUint16(META_LENGTH_AT, meta.length);
  bytes.set(meta, bodyAt + META_AT);
  bytes.set(payload, payloadAt);
  return bytes;
}

/**
 * @param bytes the body, as a plain Uint8Array; the payload is a view into it
 * @throws {ProtocolError} malformed or limit. Whether chunks follow each other is not looked at:
 *   that takes the chunks before (`MessageAssembler`)
 */
export function decodeData(stream: number, flags: number, bytes: Uint8Array): DataFrame {
  if (bytes.length < META_AT) throw malformed("DATA ends inside its fields");
  const view = new DataView(bytes.buffer, bytes.byteOffset, META_AT);
  const metaLength = view.getUint16(META_LENGTH_AT);
  const payloadAt = META_AT + metaLength;
  const first = (flags & FLAG_FIRST) !== 0;

  if (metaLength > META_MAX_BYTES) throw limit("The metadata is too large");
  if (payloadAt > bytes.length) throw malformed("DATA ends inside its metadata");
  if (bytes.length - payloadAt > CHUNK_MAX_BYTES) throw limit("A chunk is too large");
  if (first !== metaLength > 0) throw malformed("Metadata is not on the first chunk, or elsewhere");

  const chunk = {
    type: "data",
    stream,
    first,
    last: (flags & FLAG_LAST) !== 0,
    seq: seq.read(view.getBigUint64(0)),
    offset: messageBytes.read(view.getUint32(OFFSET_AT)),
    total: messageBytes.read(view.getUint32(TOTAL_AT)),
    payload: bytes.subarray(payloadAt),
  } as const;
  return first
    ? { ...chunk, meta: META.read(decodeMap(bytes.subarray(META_AT, payloadAt))) }
    : chunk;
}

function malformed(message: string): ProtocolError {
  return new ProtocolError(ERROR_CODE.malformed, message);
}

function limit(message: string): ProtocolError {
  return new ProtocolError(ERROR_CODE.limit, message);
}
