import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { shownName } from "#agent/host/shown-name.ts";

const ROWS: readonly (readonly [what: string, name: string | Uint8Array, shown: string])[] = [
  ["plain ASCII", "ADT_0001 (2).hl7", "ADT_0001 (2).hl7"],
  ["nothing", "", ""],
  ["a path below the folder", "ward 7/x.hl7", "ward 7/x.hl7"],
  ["a backslash", "..\\x", "..\\\\x"],
  ["HTML, a formula, shell text", "<b>=1+1;$(rm -rf ~)`", "<b>=1+1;$(rm -rf ~)`"],
  ["letters outside ASCII", "M\u00fcller_\u6f22.hl7", "M\\u{fc}ller_\\u{6f22}.hl7"],
  ["a character of four bytes", "\u{1f4c4}.pdf", "\\u{1f4c4}.pdf"],
  ["line feeds", "x.hl7\r\nnext", "x.hl7\\x0d\\x0anext"],
  ["terminal escapes", "\x1b[2Jx\x07", "\\x1b[2Jx\\x07"],
  ["NUL and DEL", "x\0y\x7f", "x\\x00y\\x7f"],
  ["C1 controls", "x\u0085\u009b", "x\\u{85}\\u{9b}"],
  ["marks that turn the direction", "x\u202efdp.exe\u2066", "x\\u{202e}fdp.exe\\u{2066}"],
  ["line and paragraph separators", "x\u2028\u2029", "x\\u{2028}\\u{2029}"],
  ["a byte order mark, a soft hyphen", "\ufeffx\u00ad", "\\u{feff}x\\u{ad}"],
  ["the replacement character itself", "\ufffd", "\\u{fffd}"],
  ["a composed and a decomposed letter", "\u00e9 e\u0301", "\\u{e9} e\\u{301}"],
  ["no UTF-8", Uint8Array.of(0x4d, 0xfc, 0x6c), "M\\xfcl"],
  ["a broken sequence at the end", Uint8Array.of(0x41, 0xe2, 0x82), "A\\xe2\\x82"],
  ["an overlong form", Uint8Array.of(0xc0, 0xaf), "\\xc0\\xaf"],
  ["half a surrogate pair", Uint8Array.of(0xed, 0xa0, 0x80), "\\xed\\xa0\\x80"],
  ["above U+10FFFF", Uint8Array.of(0xf4, 0x90, 0x80, 0x80), "\\xf4\\x90\\x80\\x80"],
];
for (const [what, name, shown] of ROWS) {
  test(`[P34] [P-A18] [P-A19] a name is shown on one line, in ASCII: ${what}`, () => {
    assert.equal(shownName(Buffer.from(name)), shown);
  });
}

test("[P34] [P-A17] a name of 255 bytes is shown whole, a longer path is cut between two characters", () => {
  for (const byte of [0x41, 0x5c, 0xff, 0x0a]) {
    assert.doesNotMatch(shownName(Buffer.alloc(255, byte)), /\.\.\.$/);
  }
  for (const character of ["\u0416", "\u6f22", "\u{10fffd}"]) {
    const name = Buffer.from(character.repeat(255 / Buffer.byteLength(character)));
    assert.doesNotMatch(shownName(name), /\.\.\.$/);
  }
  const path = shownName(Buffer.alloc(1_000, 0xff));
  assert.match(path, /^(?:\\xff){255}\.\.\.$/);
  assert.equal(shownName(Buffer.alloc(1_024, 0x41)).length, 1_024);
  assert.equal(shownName(Buffer.alloc(1_025, 0x41)).length, 1_024);
});

/** What `shownName` wrote, as the bytes it was written from. */
function readBack(shown: string): Buffer {
  const pieces = shown.match(/\\\\|\\x..|\\u\{[^}]+\}|./gs) ?? [];
  return Buffer.concat(
    pieces.map((piece) => {
      if (piece === "\\\\") return Buffer.from("\\");
      if (piece.startsWith("\\x")) return Buffer.from(piece.slice(2), "hex");
      const code = /^\\u\{(.+)\}$/.exec(piece)?.[1];
      return Buffer.from(
        code === undefined ? piece : String.fromCodePoint(Number.parseInt(code, 16)),
      );
    }),
  );
}

test("[P34] any bytes are shown as printable ASCII, from which they could be had again", () => {
  const name = fc.oneof(
    fc.uint8Array({ maxLength: 255 }),
    fc.string({ unit: "binary", maxLength: 60 }).map((text) => new Uint8Array(Buffer.from(text))),
  );
  fc.assert(
    fc.property(name, (bytes) => {
      const shown = shownName(bytes);
      assert.match(shown, /^[ -~]{0,1024}$/);
      assert.deepEqual(readBack(shown), Buffer.from(bytes));
    }),
    { numRuns: 2_000 },
  );
});
