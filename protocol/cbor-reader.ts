/**
 * CBOR in: the one map that a body is (TP7). cborg reads the items; what TP7 asks beyond that is
 * checked here: no floats, no tags, order of keys, depth, UTF-8.
 *
 * @module
 */
import { type Token, Tokenizer, Type } from "cborg";
import { ERROR_CODE } from "./frame.ts";
import { ProtocolError } from "./protocol-error.ts";

/** Maps and arrays inside each other, the body itself being the first. */
const DEPTH_MAX = 4;
/** `strict` refuses integers and lengths written longer than needed. */
const OPTIONS = { strict: true, allowIndefinite: false, allowBigInt: true };
// A decoder that is not fatal would replace what it cannot read; one that minds the byte order mark
// would swallow it. Both alter what was sent. That is why the text that cborg decodes is not used.
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Keys of the outermost map are unsigned integers; integers above 2^53 - 1 are bigint. */
export type CborMap = ReadonlyMap<unknown, unknown>;

/**
 * Reads the one map that `bytes` must consist of. Byte strings in it are copies.
 *
 * @param bytes a plain Uint8Array: a Buffer would give byte strings that share its memory
 * @throws {ProtocolError} malformed, on anything but deterministic CBOR within TP7
 */
export function decodeMap(bytes: Uint8Array): CborMap {
  const reader = new Tokenizer(bytes, OPTIONS);
  const map = readItem(reader, 0);
  if (!(map instanceof Map)) throw malformed("The body is not a map");
  if (!reader.done()) throw malformed("Bytes follow the body");
  for (const key of map.keys()) {
    if (!(typeof key === "number" || typeof key === "bigint") || key < 0) {
      throw malformed("A key of the body is not an unsigned integer");
    }
  }
  return map;
}

function readItem(reader: Tokenizer, depth: number): unknown {
  const start = reader.pos();
  const token = nextToken(reader);
  switch (token.type) {
    case Type.uint:
    case Type.negint:
    case Type.bytes:
    case Type.false:
    case Type.true:
    case Type.null:
      return token.value;
    case Type.string:
      return readText(reader.data, start, reader.pos());
    case Type.array:
      return readArray(reader, token.value, depth + 1);
    case Type.map:
      return readMap(reader, token.value, depth + 1);
    default:
      throw malformed("The body holds a float, a tag or undefined");
  }
}

function nextToken(reader: Tokenizer): Token {
  if (reader.done()) throw malformed("The body ends too early");
  try {
    return reader.next();
  } catch (cause) {
    throw malformed("The body is not deterministic CBOR", cause);
  }
}

function readText(bytes: Uint8Array, start: number, end: number): string {
  // The low five bits of the first byte are the length, or name its size: 24 one byte, 25 two, …
  const minor = (bytes[start] ?? 0) & 0x1f;
  const headerBytes = minor < 24 ? 1 : 1 + 2 ** (minor - 24);
  try {
    return UTF8.decode(bytes.subarray(start + headerBytes, end));
  } catch (cause) {
    throw malformed("A text is not UTF-8", cause);
  }
}

function readArray(reader: Tokenizer, count: number, depth: number): unknown[] {
  if (depth > DEPTH_MAX) throw malformed("The body is nested too deeply");
  const items: unknown[] = [];
  for (let i = 0; i < count; i++) items.push(readItem(reader, depth));
  return items;
}

function readMap(reader: Tokenizer, count: number, depth: number): Map<unknown, unknown> {
  if (depth > DEPTH_MAX) throw malformed("The body is nested too deeply");
  const map = new Map<unknown, unknown>();
  let previous = { start: 0, end: 0 };
  for (let i = 0; i < count; i++) {
    const start = reader.pos();
    const key = readItem(reader, depth);
    const encoded = { start, end: reader.pos() };
    // Strictly ascending: this refuses a repeated key too.
    if (i > 0 && !isBefore(reader.data, previous, encoded)) {
      throw malformed("The keys of a map repeat or are not in order");
    }
    previous = encoded;
    map.set(key, readItem(reader, depth));
  }
  return map;
}

interface Range {
  readonly start: number;
  readonly end: number;
}

/** RFC 8949 section 4.2.1: encoded keys are in bytewise order. */
function isBefore(bytes: Uint8Array, left: Range, right: Range): boolean {
  // No encoded item is the beginning of another, so one of the two cannot run out first.
  for (let at = 0; left.start + at < left.end; at++) {
    const difference = (bytes[left.start + at] ?? 0) - (bytes[right.start + at] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

function malformed(message: string, cause?: unknown): ProtocolError {
  return new ProtocolError(ERROR_CODE.malformed, message, { cause });
}
