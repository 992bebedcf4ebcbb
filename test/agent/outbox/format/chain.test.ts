import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CHAIN_START, nextChain } from "#agent/outbox/format/chain.ts";
import { chainInput, CHAIN_START as PROTOCOL_START } from "#protocol/chain.ts";
import { appendTo, entryOf, sha256, TestOutbox } from "#test/support/test-outbox.ts";

/** 06 section 15: chain[1] for "hello" in epoch 1. */
const VECTOR = "7d4aa940fd24a50528cbcba13cb43c9ff1d3f832693a420a2ea603c865606f72";
const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString("hex");

test("[TP15] nextChain has the value of the vector in 06 section 15", () => {
  const chain = nextChain(CHAIN_START, 1n, 1n, sha256(Buffer.from("hello")));
  assert.equal(hex(chain), VECTOR);
  assert.equal(hex(CHAIN_START), "00".repeat(32));
});

test("[TP15] nextChain is the receiver's chain, for every epoch and seq of 63 bits", () => {
  assert.deepEqual(CHAIN_START, PROTOCOL_START);
  const digest = fc.uint8Array({ minLength: 32, maxLength: 32 });
  const epoch = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });
  const seq = fc.bigInt({ min: 1n, max: 2n ** 63n - 1n });
  fc.assert(
    fc.property(digest, epoch, seq, digest, (previous, e, s, content) => {
      const expected = sha256(chainInput(previous, e, s, content));
      assert.equal(hex(nextChain(previous, e, s, content)), hex(expected));
    }),
  );
});

test("[TP15] nextChain gives memory of its own at each call", () => {
  const first = nextChain(CHAIN_START, 1n, 1n, sha256(Buffer.from("hello")));
  nextChain(CHAIN_START, 9n, 9n, sha256(Buffer.from("other")));
  assert.equal(hex(first), VECTOR);
});

test("[TP15] the store chains every row, a channel at a time, and goes on after a restart", async () => {
  await using store = await TestOutbox.open();
  const expected = new Map<number, Uint8Array>();
  for (let seq = 1n; seq <= 6n; seq++) {
    if (seq === 4n) await store.reopen();
    for (const channel of [1, 2]) {
      const controlId = `${channel}-${seq}`;
      await appendTo(store.outbox, entryOf({ controlId, channel }));
      const before = expected.get(channel) ?? PROTOCOL_START;
      const digest = sha256(Buffer.from(controlId));
      expected.set(channel, sha256(chainInput(before, 1n, seq, digest)));
      assert.equal(hex(await store.outbox.chainAt(channel, 1n, seq)), hex(expected.get(channel)));
    }
  }
  assert.equal(await store.outbox.chainAt(1, 1n, 7n), undefined);
  assert.equal(await store.outbox.chainAt(1, 2n, 1n), undefined);
});
