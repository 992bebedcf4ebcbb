import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeBase64 } from "#documents/base64.ts";

const BYTES = Uint8Array.of(0xfb, 0xff, 0xbe, 0x01);

for (const text of ["+/++AQ==", "-_--AQ==", "-_--AQ"]) {
  test(`[V5] ${text} is read: one alphabet, and exactly what its bytes are written as`, () => {
    assert.deepEqual(decodeBase64(text), BYTES);
  });
}

const REFUSED: readonly (readonly [name: string, text: string])[] = [
  ["both alphabets", "+/--AQ=="],
  ["standard without its padding", "+/++AQ"],
  ["half of the padding", "+/++AQ="],
  ["too much padding", "+/++AQ==="],
  ["bits that say nothing", "+/++AR=="],
  ["the same, URL-safe", "-_--AR"],
  ["a line break", "+/++\nAQ=="],
  ["a blank behind", "+/++AQ== "],
  ["padding in the middle", "+/++AQ==AQ=="],
  ["a single character", "A"],
  ["text that is not base64", "%%%%"],
  ["more than a byte a character", "AAA\u0441"],
];
for (const [name, text] of REFUSED) {
  test(`[V5] ${name}: refused`, () => assert.equal(decodeBase64(text), undefined));
}

test("[V5] nothing is nothing", () => assert.deepEqual(decodeBase64(""), new Uint8Array()));
