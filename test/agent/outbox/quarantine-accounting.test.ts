import assert from "node:assert/strict";
import { test } from "node:test";
import type { AppendOutcome } from "#agent/outbox/writing/ticket-queue.ts";
import { StoreFile } from "#test/support/store-file.ts";
import { appendTo, entryOf, stagedEntry, TestOutbox } from "#test/support/test-outbox.ts";

test("[E7, F7] blocks over the limit that begin alike and differ in length are not the same", async () => {
  await using store = await TestOutbox.open();
  const cut = entryOf({ controlId: "T1", body: "the same beginning", quarantine: "tooLarge" });
  for (const length of [250_000, 250_001, 250_000])
    await appendTo(store.outbox, { ...cut, length });
  const rows = await store.outbox.quarantined(Number.MAX_SAFE_INTEGER, 9);
  assert.deepEqual(
    rows.map(({ length, repeatCount }) => [length, repeatCount]),
    [
      [250_001, 0],
      [250_000, 1],
    ],
  );
});

test("[E7] a bad message of a large batch counts with all the slices that it keeps", async () => {
  await using store = await TestOutbox.open();
  const whole = stagedEntry(store.outbox, "B1", Buffer.alloc(700_000, "x"));
  const child = { ...whole, quarantine: "noMessageType", uploadAt: 100, length: 47 } as const;
  await appendTo(store.outbox, child);
  assert.equal((await store.tail()).quarantineBytes, 700_000 + 512);
});

test("[E7, C5] what travels beside the bytes counts in the backlog", async () => {
  await using store = await TestOutbox.open();
  const attributes = JSON.stringify({ "batch.envelope": "e".repeat(2_000) });
  await appendTo(store.outbox, entryOf({ controlId: "A", body: "ten bytes.", attributes }));
  assert.equal(store.outbox.backlogBytes(1), 10 + attributes.length + 256);
  const { lastBytes, ackedBytes } = await store.tail();
  assert.equal(lastBytes - ackedBytes, 10 + attributes.length);
});

test("[E7, S11] a fragment that is pushed out by the group it came with takes its slices along, and refuses nobody", async () => {
  const channels = [{ name: "adt", quarantineMaxBytes: 2_000_000 }];
  await using store = await TestOutbox.open({ channels });
  const { outbox } = store;
  const fragment = stagedEntry(outbox, "F1", Buffer.alloc(1_500_000, "f"));
  const block = entryOf({ controlId: "B1", body: "b".repeat(1_000_000), quarantine: "noHeader" });
  const outcomes = await new Promise<readonly AppendOutcome[]>((resolve) => {
    outbox.append([{ ...fragment, quarantine: "partial" }, block], 3_000, resolve);
  });
  assert.deepEqual(
    outcomes.map(({ kind }) => kind),
    ["quarantined", "quarantined"],
  );
  const rows = await outbox.quarantined(Number.MAX_SAFE_INTEGER, 9);
  assert.deepEqual(
    rows.map(({ reason }) => reason),
    ["noHeader"],
  );
  await store.close();
  using file = new StoreFile(store.stateDir);
  assert.deepEqual([file.uploadCount(), file.sliceCount()], [0, 0]);
});
