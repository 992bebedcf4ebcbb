/**
 * JSON with one reading (07 V2, V3): what two parsers could understand differently is refused.
 *
 * `JSON.parse` decides the grammar and makes the values. What it cannot tell is found in one pass before
 * it: duplicate keys (it keeps the last, others keep the first), `__proto__`, depth, lone surrogates, and
 * numbers that do not fit (`1e400` becomes Infinity, 2^53 + 1 becomes 2^53). The pass reads only the marks of
 * the text, so it need not know the grammar: of a text that `JSON.parse` takes, it has seen everything.
 *
 * Keys are written without escapes. No key of ours needs one, and V8 reads some as another key once it has
 * seen an object with a backslash in a key: after `{"a":1,"\\":1}`, `{"a":1,"\u0062":1}` has no `b`
 * (nodejs/node issue 63785, open in Node 24.21).
 *
 * Why no package: `secure-json-parse` knows no duplicate keys; `jsonc-parser` and momoa are second, more
 * generous grammars, recursive and without a bound of depth; `lossless-json` lets a repeated key pass whose
 * values are equal, and recurs as well.
 *
 * @module
 */
import { JSON_MAX_DEPTH } from "./limits.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

export type JsonReading =
  | { readonly kind: "object"; readonly value: JsonObject }
  | { readonly kind: "broken"; readonly step: "V2" | "V3"; readonly detail: string };

/**
 * Reads an object.
 *
 * @param bytes at most a few megabytes: the caller has looked at the length
 * @returns never throws; memory is a small multiple of the length, depth of the stack does not grow
 */
export function readStrictJson(bytes: Uint8Array): JsonReading {
  // V2 Valid UTF-8 without a byte order mark.
  const text = decodeUtf8(bytes);
  if (text === undefined) return { kind: "broken", step: "V2", detail: "not-utf-8" };
  if (text.startsWith("\uFEFF")) return { kind: "broken", step: "V2", detail: "byte-order-mark" };
  // V3 Strict JSON, an object at the root.
  const detail = surpriseIn(text);
  if (detail !== undefined) return { kind: "broken", step: "V3", detail };
  const value = parse(text);
  if (isObject(value)) return { kind: "object", value };
  return { kind: "broken", step: "V3", detail: value === undefined ? "not-json" : "no-object" };
}

/** An object of JSON: no array, not null. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** An object that is open: its keys so far, and whether the next string is one. An array is null. */
type Open = { keys: Set<string> | undefined; isKeyNext: boolean } | null;

const [QUOTE, COMMA, BACKSLASH] = [0x22, 0x2c, 0x5c];
const [ARRAY, ARRAY_END, OBJECT, OBJECT_END] = [0x5b, 0x5d, 0x7b, 0x7d];
const NUMBER = /-?[0-9][0-9.eE+-]*/y;

/** @returns what `JSON.parse` would pass over in silence, or undefined */
function surpriseIn(text: string): string | undefined {
  const open: Open[] = [];
  for (let at = 0; at < text.length; ) {
    const mark = text.charCodeAt(at);
    let end = at + 1;
    let surprise: string | undefined;
    if (mark === QUOTE) {
      end = endOfString(text, at);
      surprise = surpriseInString(text.slice(at, end), open.at(-1) ?? null);
    } else if (mark === OBJECT || mark === ARRAY) {
      open.push(mark === OBJECT ? { keys: undefined, isKeyNext: true } : null);
      if (open.length > JSON_MAX_DEPTH) surprise = "too-deep";
    } else if (mark === OBJECT_END || mark === ARRAY_END) {
      open.pop();
    } else if (mark === COMMA) {
      const around = open.at(-1);
      if (around) around.isKeyNext = true;
    } else if (isNumberStart(mark)) {
      end = endOfNumber(text, at);
      if (!isExact(Number(text.slice(at, end)))) surprise = "number-out-of-range";
    }
    if (surprise !== undefined) return surprise;
    at = end;
  }
  return undefined;
}

/** @returns the index behind the closing quote, or the end of the text if there is none */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; ; at += 1) {
    at = text.indexOf('"', at);
    if (at === -1) return text.length;
    let escapes = at;
    while (text.charCodeAt(escapes - 1) === BACKSLASH) escapes -= 1;
    // A quote behind an odd number of backslashes is one of the string's own.
    if ((at - escapes) % 2 === 0) return at + 1;
  }
}

function surpriseInString(token: string, around: Open): string | undefined {
  const isEscaped = token.includes("\\");
  if (around?.isKeyNext === true) {
    if (isEscaped) return "escaped-key";
    return surpriseInKey(token.slice(1, -1), around);
  }
  // A string without escapes is its own text, and UTF-8 has no lone surrogates.
  const value = isEscaped ? parse(token) : token;
  if (typeof value !== "string") return "not-json";
  return value.isWellFormed() ? undefined : "lone-surrogate";
}

function surpriseInKey(key: string, object: NonNullable<Open>): string | undefined {
  object.isKeyNext = false;
  if (key === "__proto__") return "proto-key";
  object.keys ??= new Set();
  if (object.keys.has(key)) return "duplicate-key";
  object.keys.add(key);
  return undefined;
}

/** `-` or a digit. */
const isNumberStart = (mark: number): boolean => mark === 0x2d || (mark >= 0x30 && mark <= 0x39);

function endOfNumber(text: string, start: number): number {
  NUMBER.lastIndex = start;
  return NUMBER.test(text) ? NUMBER.lastIndex : start + 1;
}

/** NaN is left to the grammar. Integers beyond 2^53 are other numbers than were written (V9). */
function isExact(value: number): boolean {
  if (Number.isNaN(value)) return true;
  return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));
}
