/** Texts that were right, changed as bytes: one character a byte. @module */
import fc from "fast-check";
import { anyBytes } from "./wire-bytes.ts";

/** Of a text that is JSON, or is to be. */
export const NASTY_JSON = [
  ...['"__proto__":{},', '"payload":"",', '"keyid":"constructor",', '"\\ud800"', "1e400", "-0"],
  ...["{", "}", "[", "]", '"', ",", ":", "\\", "\\u0000", "null", "\xff", "\xef\xbb\xbf", "\0"],
  ...["[".repeat(100), '{"a":'.repeat(40), "=".repeat(3), "%2B", "\n", " ", "9".repeat(30)],
] as const;

export type TextChange = (text: string) => string;

/** Taken modulo the length of a text. */
export const place = fc.nat({ max: 3_000 });

/** A bit flipped, a part cut out, something put in, or the rest of another one. */
export const textChanges = (others: fc.Arbitrary<string>): readonly fc.Arbitrary<TextChange>[] => [
  fc.tuple(place, fc.nat({ max: 7 })).map(
    ([at, bit]) =>
      (text) =>
        flip(text, at, bit),
  ),
  fc.tuple(place, fc.nat({ max: 60 })).map(([at, length]) => (text) => {
    const from = at % (text.length + 1);
    return text.slice(0, from) + text.slice(from + length);
  }),
  fc
    .tuple(place, fc.oneof(fc.constantFrom(...NASTY_JSON), anyBytes(8)))
    .map(([at, more]) => (text) => {
      const from = at % (text.length + 1);
      return text.slice(0, from) + more + text.slice(from);
    }),
  fc.tuple(others, place, place).map(([other, a, b]) => (text) => {
    return text.slice(0, a % (text.length + 1)) + other.slice(b % (other.length + 1));
  }),
];

function flip(text: string, at: number, bit: number): string {
  const index = at % Math.max(1, text.length);
  const flipped = (text.charCodeAt(index) || 0) ^ (1 << bit);
  return text.slice(0, index) + String.fromCharCode(flipped & 0xff) + text.slice(index + 1);
}

export type Json = Record<string, unknown>;

/** Changed as JSON where it still is an object. */
export function edited(text: string, edit: (json: Json) => Json): string {
  try {
    const json: unknown = JSON.parse(text);
    const isObject = typeof json === "object" && json !== null && !Array.isArray(json);
    return isObject ? JSON.stringify(edit(json as Json)) : text;
  } catch {
    return text;
  }
}
