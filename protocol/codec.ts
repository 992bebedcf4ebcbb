/**
 * Frames to bytes and back (06 section 3).
 *
 *   type u8 │ flags u8 │ stream u16 │ body: one CBOR map, or for DATA what TP8 says
 *
 * @module
 */
import type { Body } from "./body.ts";
import { decodeMap } from "./cbor-reader.ts";
import { encodeMap } from "./cbor-writer.ts";
import { decodeData, encodeData, FLAG_FIRST, FLAG_LAST } from "./data-frame.ts";
import type { DataFrame, Frame } from "./frame.ts";
import { ERROR_CODE, FRAME_TYPE } from "./frame.ts";
import { BODIES } from "./frame-bodies.ts";
import { FRAME_HEADER_BYTES, FRAME_MAX_NEGOTIABLE_BYTES } from "./limits.ts";
import { ProtocolError } from "./protocol-error.ts";

type FrameName = Frame["type"];

const FLAG_IGNORABLE = 0x80;
const STREAM_MAX = 0xffff;

const NAMES = new Map(
  Object.entries(FRAME_TYPE).map(([name, type]) => [type as number, name as FrameName]),
);

/** Frames of a stream; the others are of the connection, stream 0. CREDIT may be of either. */
const STREAM_FRAMES: ReadonlySet<FrameName> = new Set<FrameName>([
  "open",
  "opened",
  "data",
  "skip",
  "ack",
  "partial",
  "reject",
]);

/**
 * @returns the frame in memory of its own
 * @throws {RangeError} on a frame that the protocol does not allow: the caller's mistake
 */
export function encodeFrame(frame: Frame): Uint8Array<ArrayBuffer> {
  if (!isStreamOf(frame.type, frame.stream)) {
    throw new RangeError(`Cannot encode ${frame.type} on stream ${frame.stream}`);
  }
  const bytes = frame.type === "data" ? encodeData(frame) : encodeCbor(frame);
  if (bytes.length > FRAME_MAX_NEGOTIABLE_BYTES) {
    throw new RangeError(`Cannot encode a frame of ${bytes.length} bytes`);
  }
  bytes[0] = FRAME_TYPE[frame.type];
  bytes[1] = frame.type === "data" ? flagsOf(frame) : 0;
  bytes[2] = frame.stream >>> 8;
  bytes[3] = frame.stream & 0xff;
  return bytes;
}

/**
 * Reads one frame. The negotiated frame limit is the websocket's to enforce (TP3); here only the
 * largest that can be negotiated is.
 *
 * @param bytes one websocket message. The payload of a DATA is a view into it
 * @returns the frame, or undefined if its type is unknown and it may be skipped (TP6)
 * @throws {ProtocolError} on anything else that is not a frame; nothing else is thrown
 */
export function decodeFrame(bytes: Uint8Array): Frame | undefined {
  if (bytes.length < FRAME_HEADER_BYTES) throw malformed("A frame ends inside its header");
  const type = bytes[0] ?? 0;
  try {
    return decodeBody(bytes, NAMES.get(type));
  } catch (error) {
    throw error instanceof ProtocolError ? error.inFrame(type) : error;
  }
}

function decodeBody(bytes: Uint8Array, name: FrameName | undefined): Frame | undefined {
  const flags = bytes[1] ?? 0;
  const stream = ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0);
  if (bytes.length > FRAME_MAX_NEGOTIABLE_BYTES) {
    throw new ProtocolError(ERROR_CODE.limit, "A frame is larger than any frame limit");
  }
  if (name === undefined && (flags & FLAG_IGNORABLE) === 0) {
    throw new ProtocolError(ERROR_CODE.unknownFrame, "The type of a frame is unknown");
  }
  const known = name === "data" ? FLAG_IGNORABLE | FLAG_FIRST | FLAG_LAST : FLAG_IGNORABLE;
  if ((flags & ~known) !== 0) throw malformed("A frame has flags that it cannot have");
  if (name === undefined) return undefined;
  if (!isStreamOf(name, stream)) throw malformed("A frame is on a stream that it cannot be on");

  // A plain Uint8Array whatever came in: on a Buffer, slice shares memory.
  const body = new Uint8Array(
    bytes.buffer,
    bytes.byteOffset + FRAME_HEADER_BYTES,
    bytes.length - FRAME_HEADER_BYTES,
  );
  if (name === "data") return decodeData(stream, flags, body);
  const table: Body<object> = BODIES[name];
  // The table of `name` has just read the fields of the frame of that name.
  return { type: name, stream, ...table.read(decodeMap(body)) } as Frame;
}

function encodeCbor(frame: Exclude<Frame, { type: "data" }>): Uint8Array<ArrayBuffer> {
  const table: Body<object> = BODIES[frame.type];
  const body = encodeMap(table.write(frame));
  const bytes = new Uint8Array(FRAME_HEADER_BYTES + body.length);
  bytes.set(body, FRAME_HEADER_BYTES);
  return bytes;
}

function isStreamOf(name: FrameName, stream: number): boolean {
  if (stream === 0) return !STREAM_FRAMES.has(name);
  const isAllowed = STREAM_FRAMES.has(name) || name === "credit";
  return isAllowed && Number.isInteger(stream) && stream > 0 && stream <= STREAM_MAX;
}

function flagsOf(frame: DataFrame): number {
  return (frame.first ? FLAG_FIRST : 0) | (frame.last ? FLAG_LAST : 0);
}

function malformed(message: string): ProtocolError {
  return new ProtocolError(ERROR_CODE.malformed, message);
}
