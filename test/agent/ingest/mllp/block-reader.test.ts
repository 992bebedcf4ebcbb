import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { latin1 } from "#test/support/messages.ts";
import { lines, merged, newReader, read } from "./reader-events.ts";

const CONTENT = "MSH|^~\\&|\rPID|\r";

/** Each is read in one chunk, in chunks of one byte, and cut in two at every position. */
const VECTORS: readonly {
  readonly name: string;
  readonly wire: string;
  readonly gives: string[];
}[] = [
  { name: "[F1] one block", wire: `\x0b${CONTENT}\x1c\r`, gives: [`block:${CONTENT}`] },
  {
    name: "[F1] three blocks, nothing between them",
    wire: "\x0bMSH|1\x1c\r\x0bMSH|2\x1c\r\x0bMSH|3\x1c\r",
    gives: ["block:MSH|1", "block:MSH|2", "block:MSH|3"],
  },
  { name: "[F1, E3] an empty block", wire: "\x0b\x1c\r", gives: ["block:"] },
  {
    name: "[F1, F10] good, malformed, good",
    wire: "\x0bMSH|1\x1c\r\x0bMSH\x1cx|2\x1c\r\x0bMSH|3\x1c\r",
    gives: ["block:MSH|1", "malformed:MSH\x1cx|2", "block:MSH|3"],
  },
  {
    name: "[F2] NUL, CR, LF, space between blocks",
    wire: "\r\n\0 \x0ba\x1c\r\n\0",
    gives: ["block:a"],
  },
  { name: "[F2] junk before a block", wire: "xyz \x0ba\x1c\r", gives: ["junk:3", "block:a"] },
  {
    name: "[F2] a payload without VT",
    wire: "MSH|1\x1c\r\x0ba\x1c\r",
    gives: ["junk:6", "block:a"],
  },
  { name: "[F3] FS LF", wire: "\x0ba\x1c\n\x0bb\x1c\r", gives: ["lenient block:a", "block:b"] },
  { name: "[F3] FS VT", wire: "\x0ba\x1c\x0bb\x1c\r", gives: ["lenient block:a", "block:b"] },
  { name: "[F3] FS, a byte, FS CR", wire: "\x0ba\x1cb\x1c\r", gives: ["malformed:a\x1cb"] },
  { name: "[F3] FS FS CR", wire: "\x0ba\x1c\x1c\r", gives: ["malformed:a\x1c"] },
  {
    name: "[F3] a malformed block with a lenient end",
    wire: "\x0ba\x1cb\x1c\n\x0bc\x1c\r",
    gives: ["lenient malformed:a\x1cb", "block:c"],
  },
  {
    name: "[F4] VT and MSH inside a block",
    wire: "\x0bMSH|1\r\x0bMSH|2\x1c\r",
    gives: ["fragment abandoned:MSH|1\r", "block:MSH|2"],
  },
  {
    name: "[F4, F8] VT, line break and BHS inside a block",
    wire: "\x0bMSH|1\x0b\r\n BHS|2\x1c\r",
    gives: ["fragment abandoned:MSH|1", "block:\r\n BHS|2"],
  },
  {
    name: "[F4, F8] VT, byte order mark and MSH inside a block",
    wire: "\x0bMSH|1\x0b\xef\xbb\xbfMSH|2\x1c\r",
    gives: ["fragment abandoned:MSH|1", "block:\xef\xbb\xbfMSH|2"],
  },
  { name: "[F4] VT inside a field", wire: "\x0bMSH|\x0bx\x1c\r", gives: ["malformed:MSH|\x0bx"] },
  { name: "[F4] VT and half a header", wire: "\x0ba\x0bMS\x1c\r", gives: ["malformed:a\x0bMS"] },
  { name: "[F4] VT VT MSH in front of a block", wire: "\x0b\x0bMSH|\x1c\r", gives: ["block:MSH|"] },
  {
    name: "[F4, F10] VT inside, then VT and MSH",
    wire: "\x0ba\x0bx\x0bMSH|2\x1c\r",
    gives: ["fragment abandoned:a\x0bx", "block:MSH|2"],
  },
  {
    name: "[F4] VT, then more than 64 blanks",
    wire: `\x0ba\x0b${" ".repeat(70)}MSH\x1c\r`,
    gives: [`malformed:a\x0b${" ".repeat(70)}MSH`],
  },
  {
    name: "[F9] NUL and control bytes",
    wire: "\x0bMSH|\0\x01\x7f\xff\x1c\r",
    gives: ["block:MSH|\0\x01\x7f\xff"],
  },
];

describe("BlockReader", () => {
  for (const { name, wire, gives } of VECTORS) {
    test(`${name}: the same events however the bytes are cut`, () => {
      assert.deepEqual(read({}, ...wire), gives.flatMap(cutJunk), "in chunks of one byte");
      for (let cut = 0; cut <= wire.length; cut++) {
        assert.deepEqual(
          merged(read({}, wire.slice(0, cut), wire.slice(cut))),
          gives,
          `cut ${cut}`,
        );
      }
    });
  }

  const STRICT: readonly (readonly [string, string, string[]])[] = [
    ["FS LF, later FS CR", "\x0ba\x1c\nb\x1c\r", ["malformed:a\x1c\nb"]],
    ["FS VT MSH", "\x0ba\x1c\x0bMSH|2\x1c\r", ["fragment abandoned:a\x1c", "block:MSH|2"]],
    ["FS VT without a header", "\x0ba\x1c\x0bb\x1c\r", ["malformed:a\x1c\x0bb"]],
    ["FS CR", "\x0ba\x1c\r", ["block:a"]],
  ];
  for (const [what, wire, gives] of STRICT) {
    test(`[F3] BlockReader without lenient ends gives ${gives.length} units when it reads ${what}`, () => {
      assert.deepEqual(read({ lenientEnd: false }, wire), gives);
      assert.deepEqual(read({ lenientEnd: false }, ...wire), gives);
    });
  }

  test("[F3] silence after FS ends the block; a late CR is silent, other bytes are not", () => {
    const reader = newReader();
    assert.deepEqual(reader.push(latin1("\x0ba\x1c")), []);
    assert.ok(reader.awaitsEnd);
    assert.deepEqual(lines(reader.silence()), ["lenient block:a"]);
    assert.deepEqual(lines(reader.silence()), [], "silence means nothing between blocks");
    assert.deepEqual(lines(reader.push(latin1("\r\n"))), []);
    assert.deepEqual(lines(reader.push(latin1("x"))), ["bytesAfterLenientEnd", "junk:1"]);
    assert.deepEqual(lines(reader.push(latin1("y"))), ["junk:1"], "once is enough");
    assert.deepEqual(lines(reader.push(latin1("\x0bb\x1c\r"))), ["block:b"]);
  });

  test("[F3] silence ends nothing while lenient ends are off or the block goes on", () => {
    for (const [lenientEnd, wire] of [
      [false, "\x0ba\x1c"],
      [true, "\x0ba"],
      [true, "a"],
    ] as const) {
      const reader = newReader({ lenientEnd });
      reader.push(latin1(wire));
      assert.equal(reader.awaitsEnd, false);
      assert.deepEqual(reader.silence(), []);
    }
  });

  const ENDS: readonly (readonly [string, string, boolean, string[]])[] = [
    ["after FS", "\x0ba\x1c", true, ["lenient block:a"]],
    ["after FS, strictly", "\x0ba\x1c", false, ["fragment partial:a\x1c"]],
    ["inside a block", "\x0bab", true, ["fragment partial:ab"]],
    ["after a VT inside a block", "\x0bab\x0bM", true, ["fragment partial:ab\x0bM"]],
    ["right after VT", "\x0b", true, []],
    ["between blocks", "\r\n", true, []],
  ];
  for (const [where, wire, lenientEnd, gives] of ENDS) {
    test(`[F3, F5] the peer's FIN ${where} gives ${gives.join() || "nothing"}`, () => {
      const reader = newReader({ lenientEnd });
      reader.push(latin1(wire));
      assert.deepEqual(lines(reader.end()), gives);
      assert.equal(reader.insideBlock, false);
      assert.deepEqual(reader.push(latin1("\x0bMSH|\x1c\r")), [], "nothing is read after the end");
    });
  }

  test("[F5] a broken connection after FS leaves a fragment, never a block", () => {
    const reader = newReader();
    reader.push(latin1("\x0ba\x1c"));
    assert.deepEqual(lines(reader.abort()), ["fragment partial:a\x1c"]);
    assert.deepEqual(reader.abort(), []);
  });

  test("[F5] insideBlock is true from VT to the end of the block and nowhere else", () => {
    const reader = newReader();
    const inside = [..."x\x0ba\x0bM\x1c\r\r"].map((byte) => {
      reader.push(latin1(byte));
      return reader.insideBlock;
    });
    assert.deepEqual(inside, [false, true, true, true, true, true, false, false]);
  });

  test("[F1] BlockReader keeps its own copy of a chunk when the block does not end in it", () => {
    const reader = newReader();
    const chunk = latin1("\x0babc");
    reader.push(chunk);
    chunk.fill(0x58);
    assert.deepEqual(lines(reader.push(latin1("\x1c\r"))), ["block:abc"]);
  });

  test("[F7] BlockReader refuses a limit that is no whole number above 0", () => {
    for (const blockMaxBytes of [0, -1, 1.5, Number.NaN]) {
      assert.throws(() => newReader({ blockMaxBytes }), RangeError);
    }
  });
});

/** `junk:3` byte by byte is three times `junk:1`. */
function cutJunk(line: string): string[] {
  const count = line.startsWith("junk:") ? Number(line.slice(5)) : 0;
  return count === 0 ? [line] : new Array<string>(count).fill("junk:1");
}
