import assert from "node:assert/strict";
import { test } from "node:test";
import { HeldBytes } from "#agent/ingest/mllp/held-bytes.ts";
import { latin1, textOf } from "#test/support/messages.ts";

function held(...parts: readonly string[]): HeldBytes {
  const bytes = new HeldBytes(4);
  for (const part of parts) bytes.add(latin1(part));
  return bytes;
}

test("HeldBytes gives back what was added, in one piece or in many, and starts over", () => {
  for (const parts of [["abcdef"], ["abc", "def"], [..."abcdef"], ["", "abcdef", ""]]) {
    const bytes = held(...parts);
    assert.equal(bytes.totalBytes, 6);
    assert.equal(textOf(bytes.view()), "abcdef");
    assert.equal(textOf(bytes.takeAll()), "abcdef");
    assert.equal(bytes.totalBytes, 0);
    assert.equal(textOf(bytes.takeAll()), "");
  }
});

test("HeldBytes copies nothing while there is one part, and everything when told to keep it", () => {
  const chunk = latin1("abc");
  const view = new HeldBytes(4);
  view.add(chunk);
  assert.equal(view.view(), chunk);
  view.keep();
  chunk.fill(0x58);
  assert.equal(textOf(view.view()), "abc");
});

test("[F7] HeldBytes gives whole slices with memory of their own and holds the rest", () => {
  const bytes = held("abcdefgh", "ij");
  const slices = bytes.takeSlices(4);
  assert.deepEqual(slices.map(textOf), ["abcd", "efgh"]);
  for (const slice of slices) assert.equal(slice.buffer.byteLength, 4);
  assert.equal(bytes.totalBytes, 10);
  bytes.add(latin1("kl"));
  assert.deepEqual(bytes.takeSlices(4).map(textOf), ["ijkl"]);
  assert.deepEqual(bytes.takeSlices(4), []);
  assert.equal(bytes.totalBytes, 12);
  assert.equal(textOf(bytes.takeAll()), "");
});

test("[F7] HeldBytes keeps the beginning and counts the rest once it drops", () => {
  const bytes = held("abcdef");
  bytes.dropRest();
  bytes.dropRest();
  bytes.add(latin1("ghi"));
  assert.ok(bytes.dropping);
  assert.equal(bytes.totalBytes, 9);
  assert.equal(textOf(bytes.takeAll()), "abcd");
  assert.equal(bytes.dropping, false);
});

test("[F7] HeldBytes keeps nothing more of a beginning that was given out as slices", () => {
  const bytes = held("abcdefgh");
  bytes.takeSlices(4);
  bytes.add(latin1("ij"));
  bytes.dropRest();
  assert.equal(bytes.totalBytes, 10);
  assert.equal(textOf(bytes.takeAll()), "");
});
