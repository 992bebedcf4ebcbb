import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { describe, test } from "node:test";
import { appendTo, entryOf, stagedEntry, TestOutbox } from "#test/support/test-outbox.ts";

/** Flips one bit of the closed store where `marker` lies; the marker must be there once. */
async function flip(store: TestOutbox, marker: string): Promise<void> {
  await store.close();
  const bytes = readFileSync(store.databaseFile);
  const at = bytes.indexOf(marker, 0, "latin1");
  assert.ok(at > 0 && bytes.indexOf(marker, at + 1, "latin1") === -1, `${marker} is there once`);
  bytes[at + 3] = (bytes[at + 3] ?? 0) ^ 0x01;
  writeFileSync(store.databaseFile, bytes);
  await store.reopen();
}

const read = (store: TestOutbox, afterSeq: bigint) =>
  store.outbox.read({ channel: 1, epoch: 1n, afterSeq, maxBytes: 1 << 20, maxCount: 100 });

const bodies = ["first body", "second body", "third body", "fourth body"];

describe("a body that the disk changed", () => {
  for (const together of [true, false]) {
    for (const [index, damaged] of bodies.entries()) {
      const where = together ? "one segment" : "segments of their own";
      test(`[S16] is named and never given out, those before it are: ${damaged} of ${where}`, async () => {
        await using store = await TestOutbox.open();
        const appends = bodies.map((body) => async () => {
          await appendTo(store.outbox, entryOf({ controlId: body.slice(0, 3), body }));
        });
        if (together) await Promise.all(appends.map((append) => append()));
        else for (const append of appends) await append();
        await flip(store, damaged);
        const { messages, damagedSeq } = await read(store, 0n);
        assert.equal(damagedSeq, BigInt(index + 1));
        assert.deepEqual(
          messages.map(({ body }) => Buffer.from(body ?? []).toString("latin1")),
          bodies.slice(0, index),
        );
        const behind = await read(store, BigInt(index + 1));
        assert.equal(behind.damagedSeq, undefined);
        assert.equal(behind.messages.length, bodies.length - index - 1);
      });
    }
  }

  test("[S16] in a slice: the message is named by its digest, which the slices no longer have", async () => {
    await using store = await TestOutbox.open();
    const body = new Uint8Array(300_000).fill(0x41);
    body.set(Buffer.from("a mark in the second slice"), 150_000);
    const entry = stagedEntry(store.outbox, "BIG", body);
    await appendTo(store.outbox, entry);
    await flip(store, "a mark in the second slice");
    const { messages } = await read(store, 0n);
    assert.deepEqual(messages[0]?.sha256, new Uint8Array(entry.sha256));
    const slices = await store.slices(messages[0]?.upload ?? 0);
    assert.ok(!Buffer.from(body).equals(slices), "the damage is there for its reader to find");
  });

  test("[S16] a damaged message of one channel leaves another channel whole", async () => {
    await using store = await TestOutbox.open();
    await appendTo(store.outbox, entryOf({ controlId: "A", body: "damaged body" }));
    await appendTo(store.outbox, entryOf({ controlId: "B", body: "whole body", channel: 2 }));
    await flip(store, "damaged body");
    assert.equal((await read(store, 0n)).damagedSeq, 1n);
    assert.deepEqual(await store.bodies(2), ["whole body"]);
    assert.equal((await appendTo(store.outbox, entryOf({ controlId: "C" }))).kind, "stored");
  });
});
