/**
 * The kinds of values in a frame's body, each able to go both ways: `read` checks what a peer sent,
 * `write` what a caller asks for, by the same rule. The names follow the CDDL of 06.
 *
 * @module
 */
import type { Cbor, CborEntries } from "./cbor-writer.ts";
import type { ErrorFrameCode, MessageId } from "./frame.ts";
import { ERROR_CODE } from "./frame.ts";
import { ATTRIBUTES_MAX_COUNT, ID_BYTES, MESSAGE_MAX_BYTES, TEXT_MAX_BYTES } from "./limits.ts";
import { ProtocolError } from "./protocol-error.ts";

export interface Kind<T> {
  /** @throws {ProtocolError} if `wire`, as cborg decodes it, is not of this kind */
  read(wire: unknown): T;
  /** @throws {RangeError} if `value` is not of this kind */
  write(value: T): Cbor;
}

const UINT63_MAX = 2n ** 63n - 1n;
const UTF8 = new TextEncoder();

/** An integer from 0 to 2^53 - 1. */
export const uint: Kind<number> = plain("an integer from 0 to 2^53 - 1", isUint);

/** The size of a message, as sent or unpacked. */
export const messageBytes: Kind<number> = plain(
  "a size that a message may have",
  (value): value is number => isUint(value) && value <= MESSAGE_MAX_BYTES,
  ERROR_CODE.limit,
);

/** An epoch, or a seq where 0 stands for "none yet". */
export const uint63: Kind<bigint> = bigintFrom(0n);

/** The seq of a message: they count from 1. */
export const seq: Kind<bigint> = bigintFrom(1n);

export const bool: Kind<boolean> = plain("true or false", (value) => typeof value === "boolean");

export const bstr: Kind<Uint8Array> = plain("a byte string", isBytes);

/** 16 bytes: of a store, a start of the agent, a command. */
export const id: Kind<Uint8Array> = bstrOf(ID_BYTES);

/** 32 bytes. */
export const hash: Kind<Uint8Array> = bstrOf(32);

/** Of any length: the frame or the metadata around it is the limit. */
export const tstr: Kind<string> = tstrWithin(0, Number.POSITIVE_INFINITY);

/** For people (06 section 3). */
export const text: Kind<string> = tstrWithin(0, TEXT_MAX_BYTES);

/** [epoch, seq]. */
export const messageId: Kind<MessageId> = mapped(
  pair(uint63, seq),
  ([epoch, seq]) => ({ epoch, seq }),
  (message) => [message.epoch, message.seq],
);

/** A map of text to text. */
export const attributes: Kind<Readonly<Record<string, string>>> = {
  read(wire) {
    if (!(wire instanceof Map)) throw unread("a map", ERROR_CODE.malformed);
    if (wire.size > ATTRIBUTES_MAX_COUNT) throw unread("few enough attributes", ERROR_CODE.limit);
    const entries = [...wire].map(([key, value]) => [tstr.read(key), tstr.read(value)]);
    // Makes "__proto__" a property like any other, where an assignment would not.
    return Object.fromEntries(entries);
  },
  write(value) {
    const entries = Object.entries(value);
    if (entries.length > ATTRIBUTES_MAX_COUNT) throw unwritten("few enough attributes");
    if (entries.length > 1) entries.sort(([left], [right]) => compareEncoded(left, right));
    const map: CborEntries = new Map();
    for (const [name, text] of entries) {
      tstr.write(name);
      map.set(name, tstr.write(text));
    }
    return map;
  },
};

/** Text of `minBytes` to `maxBytes` bytes of UTF-8. */
export function tstrWithin(
  minBytes: number,
  maxBytes: number,
  code: ErrorFrameCode = ERROR_CODE.malformed,
): Kind<string> {
  const fits = (value: unknown): value is string =>
    typeof value === "string" &&
    value.length >= minBytes &&
    // One UTF-16 unit is one to three bytes: the length is counted only if it could matter.
    (value.length * 3 <= maxBytes || UTF8.encode(value).length <= maxBytes) &&
    value.isWellFormed();
  return plain(`a text of ${minBytes} to ${maxBytes} bytes`, fits, code);
}

/** One of the values of a code object. */
export function oneOf<const T extends number>(codes: Readonly<Record<string, T>>): Kind<T> {
  const values: readonly unknown[] = Object.values(codes);
  return plain("a known code", (value): value is T => values.includes(value));
}

export function nullable<T>(kind: Kind<T>): Kind<T | null> {
  return {
    read: (wire) => (wire === null ? null : kind.read(wire)),
    write: (value) => (value === null ? null : kind.write(value)),
  };
}

export function list<T>(kind: Kind<T>): Kind<readonly T[]> {
  return {
    read(wire) {
      if (!Array.isArray(wire)) throw unread("an array", ERROR_CODE.malformed);
      return wire.map((item) => kind.read(item));
    },
    write: (values) => values.map((value) => kind.write(value)),
  };
}

export function pair<A, B>(left: Kind<A>, right: Kind<B>): Kind<readonly [A, B]> {
  return {
    read(wire) {
      if (!Array.isArray(wire) || wire.length !== 2) throw unread("a pair", ERROR_CODE.malformed);
      return [left.read(wire[0]), right.read(wire[1])];
    },
    write: (value) => [left.write(value[0]), right.write(value[1])],
  };
}

/** The same on the wire as `kind`, but of another shape in here. */
export function mapped<const A extends readonly unknown[], B>(
  kind: Kind<A>,
  to: (a: A) => B,
  from: (b: B) => NoInfer<A>,
): Kind<B> {
  return {
    read: (wire) => to(kind.read(wire)),
    write: (value) => kind.write(from(value)),
  };
}

function plain<T extends Cbor>(
  what: string,
  fits: (value: unknown) => value is T,
  code: ErrorFrameCode = ERROR_CODE.malformed,
): Kind<T> {
  return {
    read(wire) {
      if (!fits(wire)) throw unread(what, code);
      return wire;
    },
    write(value) {
      if (!fits(value)) throw unwritten(what);
      return value;
    },
  };
}

function bigintFrom(min: bigint): Kind<bigint> {
  return {
    read(wire) {
      // cborg decodes to a number if that is exact.
      const value = isUint(wire) ? BigInt(wire) : wire;
      if (typeof value !== "bigint" || value < min || value > UINT63_MAX) {
        throw unread(`an integer from ${min} to 2^63 - 1`, ERROR_CODE.malformed);
      }
      return value;
    },
    write(value) {
      if (value < min || value > UINT63_MAX) throw unwritten(`an integer from ${min} to 2^63 - 1`);
      return value;
    },
  };
}

function bstrOf(sizeBytes: number): Kind<Uint8Array> {
  return plain(
    `a byte string of ${sizeBytes} bytes`,
    (value): value is Uint8Array => isBytes(value) && value.length === sizeBytes,
  );
}

/** RFC 8949 section 4.2.1: in the order of the encoded keys, whose first bytes are the length. */
function compareEncoded(left: string, right: string): number {
  const [a, b] = [UTF8.encode(left), UTF8.encode(right)];
  if (a.length !== b.length) return a.length - b.length;
  const at = a.findIndex((byte, index) => byte !== b[index]);
  return at === -1 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}

function isUint(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array;
}

function unread(what: string, code: ErrorFrameCode): ProtocolError {
  return new ProtocolError(code, `A value is not ${what}`);
}

function unwritten(what: string): RangeError {
  return new RangeError(`Cannot encode a value that is not ${what}`);
}
