/** What the receiver will never take: to quarantine, and out of it again (06 TP30, TP31). */
import assert from "node:assert/strict";
import { test } from "node:test";
import Database from "better-sqlite3";
import { wronglyCounted } from "#test/faults/store-accounting.ts";
import { latin1, textOf } from "#test/support/messages.ts";
import { appendTo, entryOf, stagedEntry, TestOutbox } from "#test/support/test-outbox.ts";

const LARGE = latin1("L".repeat(600_000));
const message = (seq: bigint) => ({ channel: 1, epoch: 1n, seq });

test("[TP30] what is refused for good is in quarantine and its row is marked, also after a start; again changes nothing", async () => {
  await using store = await TestOutbox.open();
  await appendTo(store.outbox, entryOf({ controlId: "M1" }));
  await appendTo(store.outbox, entryOf({ controlId: "M2", attributes: '{"a":"b"}' }));
  assert.equal(await store.outbox.epochs.setAsideRefused(message(2n)), "setAside");
  assert.equal(await store.outbox.epochs.setAsideRefused(message(3n)), "gone");
  const outbox = await store.reopen();
  assert.equal(await outbox.epochs.setAsideRefused(message(2n)), "setAside");
  const [row, ...more] = await outbox.quarantined(1_000, 10);
  assert.partialDeepStrictEqual(row, {
    ...{ reason: "refused", attributes: '{"a":"b"}', whole: true },
    replaces: { epoch: 1n, seq: 2n },
  });
  assert.deepEqual(more, []);
  const range = { channel: 1, epoch: 1n, afterSeq: 0n, maxBytes: 1_000, maxCount: 10 };
  const { messages } = await outbox.read(range);
  assert.deepEqual(
    messages.map(({ seq, refused }) => [seq, refused]),
    [
      [1n, false],
      [2n, true],
    ],
  );
});

test("[TP30] its sender's resend is still known, and stored no second time", async () => {
  await using store = await TestOutbox.open();
  await appendTo(store.outbox, entryOf({ controlId: "M1" }));
  await store.outbox.epochs.setAsideRefused(message(1n));
  assert.equal((await appendTo(store.outbox, entryOf({ controlId: "M1" }))).kind, "repeat");
});

test("[TP31] released, it is a new message that names the number it had, with every byte, large or small", async () => {
  await using store = await TestOutbox.open();
  const { outbox } = store;
  await appendTo(outbox, entryOf({ controlId: "M1", body: "small" }));
  await appendTo(outbox, stagedEntry(outbox, "M2", LARGE));
  for (const seq of [1n, 2n]) {
    assert.equal(await outbox.epochs.setAsideRefused(message(seq)), "setAside");
  }
  for (const { id } of (await outbox.quarantined(1_000, 10)).toReversed()) await outbox.release(id);
  const range = { channel: 1, epoch: 1n, afterSeq: 2n, maxBytes: 1_000_000, maxCount: 10 };
  const { messages } = await outbox.read(range);
  assert.deepEqual(
    messages.map(({ seq, refused, replaces }) => [seq, refused, replaces]),
    [
      [3n, false, { epoch: 1n, seq: 1n }],
      [4n, false, { epoch: 1n, seq: 2n }],
    ],
  );
  assert.equal(textOf(messages[0]?.body ?? new Uint8Array(0)), "small");
  const bytes = await outbox.slices(messages[1]?.upload ?? 0, 0, 1_000_000);
  assert.deepEqual(Buffer.from(bytes), Buffer.from(LARGE));
});

test("[TP30, S20] row and quarantine keep the slices together; every count is as a recount", async () => {
  await using store = await TestOutbox.open();
  const { outbox } = store;
  await appendTo(outbox, stagedEntry(outbox, "M1", LARGE));
  await outbox.epochs.setAsideRefused(message(1n));
  await store.close();
  {
    using database = disposable(new Database(store.databaseFile, { readonly: true }));
    assert.deepEqual(wronglyCounted(database.database), []);
  }
  const again = await store.reopen();
  const [row] = await again.quarantined(1_000, 1);
  assert.equal(await again.discard([row?.id ?? 0]), 1);
  const range = { channel: 1, epoch: 1n, afterSeq: 0n, maxBytes: 1, maxCount: 1 };
  const upload = (await again.read(range)).messages[0]?.upload ?? 0;
  assert.equal((await again.slices(upload, 0, 1_000_000)).length, LARGE.length, "the row has them");
});

test("[TP30, E7] where quarantine has no room nothing changes", async () => {
  await using store = await TestOutbox.open({
    channels: [{ name: "adt", quarantineMaxBytes: 1_000 }],
  });
  const { outbox } = store;
  await appendTo(outbox, entryOf({ controlId: "M1", body: "x".repeat(2_000) }));
  assert.equal(await outbox.epochs.setAsideRefused(message(1n)), "full");
  const range = { channel: 1, epoch: 1n, afterSeq: 0n, maxBytes: 1, maxCount: 1 };
  assert.equal((await outbox.read(range)).messages[0]?.refused, false);
  assert.deepEqual(await outbox.quarantined(1_000, 10), []);
});

function disposable(database: Database.Database) {
  return { database, [Symbol.dispose]: () => void database.close() };
}
