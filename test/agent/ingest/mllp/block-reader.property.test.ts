import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { BlockReader } from "#agent/ingest/mllp/block-reader.ts";
import { latin1 } from "#test/support/messages.ts";
import { lines, merged, newReader } from "./reader-events.ts";

/** Bytes as senders and attackers mix them: framing, headers, blanks, and anything. */
const wire = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        "\x0b",
        "\x1c",
        "\r",
        "\n",
        "\0",
        " ",
        "\x1c\r",
        "\x0bMSH",
        "MSH|^~\\&|",
        "BHS",
      ),
      fc.constantFrom("\xef\xbb\xbf", "\xef", "\x16\x03", "GET ", "M", "MS"),
      fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
    ),
    { maxLength: 40 },
  )
  .map((parts) => parts.join(""));
const cuts = fc.array(fc.nat(), { maxLength: 30 });

function chunksOf(text: string, at: readonly number[]): string[] {
  const ends = [...at.map((cut) => cut % (text.length + 1)), text.length].sort((a, b) => a - b);
  return ends.map((end, index) => text.slice(ends[index - 1] ?? 0, end));
}

function readAll(reader: BlockReader, chunks: readonly string[]): string[] {
  const shown = chunks.flatMap((chunk) => lines(reader.push(latin1(chunk))));
  return [...shown, ...lines(reader.end())];
}

for (const lenientEnd of [true, false]) {
  test(`[F1, F10] BlockReader yields the same events however the bytes are cut when lenientEnd is ${lenientEnd}`, () => {
    fc.assert(
      fc.property(wire, cuts, (text, at) => {
        const whole = readAll(newReader({ lenientEnd }), [text]);
        const cut = readAll(newReader({ lenientEnd }), chunksOf(text, at));
        assert.deepEqual(merged(untilRefused(cut)), merged(untilRefused(whole)));
      }),
      { numRuns: 2_000 },
    );
  });
}

/** How many bytes lay before the moment of refusal depends on the chunk; that it comes does not. */
function untilRefused(shown: readonly string[]): string[] {
  const at = shown.indexOf("notMllp");
  return at === -1 ? [...shown] : shown.slice(0, at + 1).filter((line) => !line.startsWith("junk"));
}

test("[F1, F7] BlockReader never throws and never gives more bytes than came, whatever comes", () => {
  const options = { blockMaxBytes: 300, spoolThresholdBytes: 64 };
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 20 }), (chunks) => {
      const reader = newReader(options);
      let [came, given] = [0, 0];
      for (const chunk of chunks) {
        came += chunk.length;
        const events = [...reader.push(chunk), ...(chunk.length % 3 === 0 ? reader.silence() : [])];
        for (const event of events) if ("bytes" in event) given += event.bytes.length;
        assert.ok(given <= came);
      }
      reader.abort();
      assert.deepEqual(reader.push(latin1("\x0bMSH|\x1c\r")), []);
    }),
    { numRuns: 1_000 },
  );
});

test("[F1, F9] every payload without framing bytes comes out byte for byte between its neighbours", () => {
  const payload = fc
    .uint8Array({ maxLength: 300 })
    .map((bytes) => bytes.filter((byte) => byte !== 0x0b && byte !== 0x1c));
  fc.assert(
    fc.property(fc.array(payload, { maxLength: 6 }), cuts, (payloads, at) => {
      const texts = payloads.map((bytes) => Buffer.from(bytes).toString("latin1"));
      const reader = newReader();
      const chunks = chunksOf(texts.map((text) => `\x0b${text}\x1c\r`).join(""), at);
      assert.deepEqual(
        readAll(reader, chunks),
        texts.map((text) => `block:${text}`),
      );
    }),
  );
});
