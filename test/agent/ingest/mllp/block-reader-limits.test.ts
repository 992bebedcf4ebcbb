import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { BlockEvent } from "#agent/ingest/mllp/block-reader.ts";
import { SLICE_BYTES } from "#agent/limits.ts";
import { latin1, sha256Of, textOf } from "#test/support/messages.ts";
import { lines, newReader, read } from "./reader-events.ts";

const KIB = 1024;

test("[F7] a block of exactly the limit is a block, one byte more is too large", () => {
  assert.deepEqual(read({ blockMaxBytes: 4 }, "\x0babcd\x1c\r"), ["block:abcd"]);
  assert.deepEqual(read({ blockMaxBytes: 4 }, "\x0babcde\x1c\r"), ["tooLarge ended 5:abcde"]);
  assert.deepEqual(read({ blockMaxBytes: 4 }, ..."\x0babcde\x1c\r"), ["tooLarge ended 5:abcde"]);
});

test("[F7] past twice the limit a block is cut off at once, and nothing after it is read", () => {
  const after = "\x1c\r\x0bMSH|2\x1c\r";
  const cut = ["tooLarge cut off 9:abcdefghi"];
  assert.deepEqual(read({ blockMaxBytes: 4 }, ...`\x0babcdefghi${after}`), cut);
  // In one chunk there is more to keep, and the same end.
  const whole = read({ blockMaxBytes: 4 }, `\x0babcdefghi${after}`);
  assert.deepEqual(whole, ["tooLarge cut off 9:abcdefghi"]);
});

test("[F7] past twice the limit nothing after a VT inside is read either", () => {
  for (const chunks of [["\x0babcdefghi\x0bMSH|2\x1c\r"], [..."\x0babcdefghi\x0bMSH|2\x1c\r"]]) {
    const shown = read({ blockMaxBytes: 4 }, ...chunks);
    assert.equal(shown.length, 1);
    assert.match(shown[0] ?? "", /^tooLarge cut off 9:/);
  }
});

test("[F7, F4] a block over the limit that is abandoned has no end, so no reply", () => {
  const shown = read({ blockMaxBytes: 4 }, "\x0babcdef\x0bMSH|2\x1c\r");
  assert.deepEqual(shown, ["tooLarge cut off 6:abcdef"]);
});

test("[F7] a broken connection inside a block over the limit gives its whole length", () => {
  const reader = newReader({ blockMaxBytes: 4 });
  assert.deepEqual(reader.push(latin1("\x0babcdef")), []);
  assert.deepEqual(lines(reader.abort()), ["tooLarge cut off 6:abcdef"]);
});

test("[F7] of a block over the limit 65,536 bytes are kept and all are counted", () => {
  const limit = 100 * KIB;
  const reader = newReader({ blockMaxBytes: limit });
  const body = Buffer.alloc(150 * KIB, "abcdefg");
  const events = [reader.push(latin1("\x0b")), reader.push(body), reader.push(latin1("\x1c\r"))];
  const [event] = events.flat();
  assert.ok(event?.kind === "tooLarge" && event.ended);
  assert.equal(event.totalBytes, 150 * KIB);
  assert.equal(textOf(event.bytes), textOf(body.subarray(0, 64 * KIB)));
});

/** Everything that comes out, one after the other, and how it was handed over. */
function collect(events: readonly BlockEvent[]): { slices: number[]; bytes: Buffer } {
  const parts: Buffer[] = [];
  const slices: number[] = [];
  for (const event of events) {
    if (!("bytes" in event)) continue;
    parts.push(Buffer.from(event.bytes));
    if (event.kind === "slice") slices.push(event.bytes.length);
  }
  return { slices, bytes: Buffer.concat(parts) };
}

test("[F7] above the spool threshold a block comes in whole slices and a rest, byte for byte", () => {
  const threshold = 256 * KIB;
  const body = Buffer.from(Array.from({ length: 700 * KIB }, (_, at) => 0x20 + (at % 91)));
  for (const chunkBytes of [701 * KIB, 64 * KIB, 10_007]) {
    const reader = newReader({ spoolThresholdBytes: threshold });
    const wire = Buffer.concat([latin1("\x0b"), body, latin1("\x1c\r")]);
    const events: BlockEvent[] = [];
    for (let at = 0; at < wire.length; at += chunkBytes) {
      for (const event of reader.push(wire.subarray(at, at + chunkBytes))) {
        // A copy: a block may be a view into its chunk.
        events.push(
          "bytes" in event ? ({ ...event, bytes: event.bytes.slice() } as BlockEvent) : event,
        );
      }
    }
    const { slices, bytes } = collect(events);
    assert.deepEqual(new Set(slices), new Set([SLICE_BYTES]), `chunks of ${chunkBytes}`);
    assert.equal(sha256Of(bytes), sha256Of(body));
    const last = events.at(-1);
    assert.ok(last?.kind === "block" && last.totalBytes === body.length);
    assert.ok(last.bytes.length < SLICE_BYTES);
  }
});

test("[F7] a block of exactly the spool threshold is not sliced", () => {
  const reader = newReader({ spoolThresholdBytes: 256 * KIB });
  const body = Buffer.alloc(256 * KIB, "a");
  const events = reader.push(Buffer.concat([latin1("\x0b"), body, latin1("\x1c\r")]));
  assert.deepEqual(
    events.map(({ kind }) => kind),
    ["block"],
  );
});

/** Bytes in buffers that something still refers to. */
function heldBytes(): number {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  gc();
  // The first one finds what is free, the second has given it back.
  gc();
  return process.memoryUsage().arrayBuffers;
}

test("[F11] a block of any length is held with the spool threshold and its growth, no more", () => {
  const reader = newReader({ blockMaxBytes: 256 * KIB * KIB });
  const chunk = Buffer.alloc(64 * KIB, "a");
  reader.push(latin1("\x0b"));
  const before = heldBytes();
  let worst = 0;
  for (let at = 1; at <= 1_024; at++) {
    reader.push(chunk);
    if (at % 64 === 0) worst = Math.max(worst, heldBytes() - before);
  }
  assert.ok(worst < 3 * KIB * KIB, `${Math.round(worst / KIB)} KiB while 64 MiB went through`);
});

test("[F2] more than 64 KiB without a VT since the last block is not MLLP", () => {
  const reader = newReader();
  reader.push(latin1("\x0ba\x1c\r"));
  const kinds = (bytes: number): string[] =>
    reader.push(Buffer.alloc(bytes, "x")).map(({ kind }) => kind);
  assert.deepEqual(kinds(65_536), ["junk", "junkSample"]);
  assert.deepEqual(kinds(1), ["junk", "notMllp"]);
  assert.deepEqual(kinds(1), [], "nothing is read afterwards");
});

test("[F2] a VT starts the count anew, and silent bytes are not counted", () => {
  const reader = newReader();
  for (let i = 0; i < 3; i++) {
    reader.push(Buffer.alloc(60_000, "x"));
    reader.push(Buffer.alloc(60_000, "\r"));
    assert.deepEqual(lines(reader.push(latin1("\x0ba\x1c\r"))), ["block:a"]);
  }
});

test("[F2] the first 256 bytes of a run of junk are kept, once", () => {
  const samples = (chunks: readonly string[]): string[] => {
    const reader = newReader();
    const events = chunks.flatMap((chunk) => reader.push(latin1(chunk)));
    const kept = [...events, ...reader.end()];
    return kept.flatMap((event) => (event.kind === "junkSample" ? [textOf(event.bytes)] : []));
  };
  assert.deepEqual(samples([`${"x".repeat(300)}`, "y"]), ["x".repeat(256)]);
  assert.deepEqual(samples(["x", "\x0ba\x1c\r", "y"]), ["x", "y"]);
  assert.deepEqual(samples(["x", "\r", "y".repeat(300), "z"]), [`x${"y".repeat(255)}`]);
});

const FOREIGN = ["GET / HTTP/1.1\r\n", "POST /x HTTP/1.1\r\n", "\x16\x03\x01\x01\x00\x01\x00"];
for (const wire of FOREIGN) {
  test(`[F2] a peer that opens with ${JSON.stringify(wire.slice(0, 4))} is not MLLP, however cut`, () => {
    for (let cut = 0; cut <= wire.length; cut++) {
      const shown = read({}, wire.slice(0, cut), wire.slice(cut), "\x0ba\x1c\r");
      assert.equal(shown.at(-1), "notMllp", `cut ${cut}`);
    }
  });
}

test("[F2] HTTP and TLS bytes after the first block are junk like any other", () => {
  assert.deepEqual(read({}, "\x0ba\x1c\rGET / HTTP", "\x0bb\x1c\r"), [
    "block:a",
    "junk:8",
    "block:b",
  ]);
});

/** Milliseconds of CPU for `bytes` in one chunk, the hardest way to get them; the best of three. */
function cost(bytes: Buffer): number {
  const times = [1, 2, 3].map(() => {
    const reader = newReader({ blockMaxBytes: 64 * KIB * KIB });
    const start = process.cpuUsage().user;
    reader.push(bytes);
    return (process.cpuUsage().user - start) / 1000;
  });
  return Math.min(...times);
}

const PATTERNS: readonly (readonly [string, string, number])[] = [
  ["plain text", "abcdefghijklmnop", 1_024],
  ["VT after VT", "\x0b", 64],
  ["FS after FS", "\x1c", 64],
  ["VT and blanks", "\x0b               ", 64],
  ["VT and half a header", "\x0bMS", 64],
  ["whole empty blocks", "\x0b\x1c\r", 64],
];
for (const [what, pattern, kib] of PATTERNS) {
  test(`[F11] eight times the bytes cost at most ten times the CPU when they are ${what}`, () => {
    const wire = (kibibytes: number): Buffer => {
      const bytes = Buffer.alloc(kibibytes * KIB, latin1(pattern));
      bytes[0] = 0x0b;
      return bytes;
    };
    // The best of three: what other processes and the collector do to one run is not the reader's cost.
    const best = (kibibytes: number): number =>
      Math.min(...[1, 2, 3].map(() => cost(wire(kibibytes))));
    const [one, eight] = [best(kib), best(8 * kib)];
    // Below some milliseconds the clock's grain is larger than what is measured.
    assert.ok(eight <= Math.max(one, 20) * 10, `${kib} KiB ${one} ms, eight times ${eight} ms`);
  });
}
