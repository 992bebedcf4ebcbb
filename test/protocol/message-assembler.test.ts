import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { DataFrame } from "#protocol/frame.ts";
import { type AssembledMessage, MessageAssembler } from "#protocol/message-assembler.ts";

const META = { sha256: new Uint8Array(32), receivedAtMs: 1 };

/** `body` in chunks that end at `cuts`, as a source would send them. */
function chunksOf(seq: bigint, body: Uint8Array, cuts: readonly number[]): DataFrame[] {
  const ends = [...new Set(cuts), body.length].sort((left, right) => left - right);
  return ends.map((end, index) => {
    const offset = ends[index - 1] ?? 0;
    return {
      type: "data",
      stream: 1,
      first: index === 0,
      last: index === ends.length - 1,
      seq,
      offset,
      total: body.length,
      ...(index === 0 ? { meta: META } : {}),
      payload: body.subarray(offset, end),
    };
  });
}

test("[TP8] MessageAssembler gives back the same messages however they are cut", () => {
  const message = fc
    .uint8Array({ minLength: 1, maxLength: 200 })
    .chain((body) =>
      fc.tuple(
        fc.constant(body),
        fc.array(fc.integer({ min: 0, max: body.length - 1 }), { maxLength: 6 }),
      ),
    );
  fc.assert(
    fc.property(fc.array(message, { maxLength: 5 }), (messages) => {
      const assembler = new MessageAssembler(200);
      const frames = messages.flatMap(([body, cuts], index) =>
        chunksOf(BigInt(index + 1), body, cuts),
      );
      const out = frames.map((frame) => assembler.push(frame)).filter((m) => m !== undefined);
      const expected = messages.map(([body], index): AssembledMessage => {
        return { seq: BigInt(index + 1), meta: META, body };
      });
      assert.deepEqual(out, expected);
    }),
  );
});

for (const cuts of [[], [1], [1, 3]]) {
  test(`[TP8] a body of ${cuts.length + 1} chunks is memory of its own, of exact length`, () => {
    const wire = Buffer.from("a frame: hello");
    const assembler = new MessageAssembler(5);
    const frames = chunksOf(1n, wire.subarray(9), cuts);
    const message = frames.map((frame) => assembler.push(frame)).at(-1);
    wire.fill(0);
    assert.deepEqual(message?.body, new Uint8Array(Buffer.from("hello")));
    assert.equal(message?.body.buffer.byteLength, 5);
  });
}

test("[TP8] a message of several MiB grows to its exact length", () => {
  const body = new Uint8Array(5_000_001).map((_, index) => index * 7);
  const cuts = Array.from({ length: 152 }, (_, index) => (index + 1) * 32_768);
  const assembler = new MessageAssembler(5_000_001);
  const message = chunksOf(1n, body, cuts)
    .map((frame) => assembler.push(frame))
    .at(-1);
  assert.deepEqual(message?.body, body);
  assert.equal(message?.body.buffer.byteLength, body.length);
});

test("[TP8] a message takes no more memory than about twice what has arrived of it", () => {
  const total = 536_870_912;
  const payload = new Uint8Array(32_768);
  const before = process.memoryUsage().arrayBuffers;
  const assembler = new MessageAssembler(total);
  for (let offset = 0; offset < 3 * 1_048_576; offset += payload.length) {
    const first = offset === 0;
    const position = { stream: 1, seq: 1n, first, last: false, offset, total };
    assembler.push({ type: "data", ...position, ...(first ? { meta: META } : {}), payload });
  }
  const grownBytes = process.memoryUsage().arrayBuffers - before;
  // Outgrown memory of 1 and 2 MiB may not have been collected yet.
  assert.ok(grownBytes < 8 * 1_048_576, `3 MiB of a message take ${grownBytes} bytes`);
});

test("[TP29] reset forgets a partial message, and the next begins with FIRST", () => {
  const assembler = new MessageAssembler(5);
  const [first, last] = chunksOf(1n, new Uint8Array(5), [2]);
  assert.ok(first !== undefined && last !== undefined);
  assembler.push(first);
  assembler.reset();
  assert.throws(() => assembler.push(last), { code: 3, frameType: 5 });
  assert.equal(assembler.push(first), undefined);
  assert.equal(assembler.push(last)?.seq, 1n);
});
