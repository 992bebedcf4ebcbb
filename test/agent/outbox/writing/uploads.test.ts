import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { until } from "#test/support/processes.ts";
import { StoreFile } from "#test/support/store-file.ts";
import { appendTo, entryOf, stagedEntry, TestOutbox } from "#test/support/test-outbox.ts";

const bodyOf = (bytes: number, seed = 1): Uint8Array =>
  Uint8Array.from({ length: bytes }, (_, index) => (index * 31 + (index >> 8) * seed) % 251);

async function leftIn(store: TestOutbox): Promise<{ slices: number; uploads: number }> {
  await store.close();
  using file = new StoreFile(store.stateDir);
  return { slices: file.sliceCount(), uploads: file.uploadCount() };
}

describe("large bodies", () => {
  for (const bytes of [1, 131_071, 131_072, 131_073, 3_000_001]) {
    test(`[S11] ${bytes} bytes in slices come back as they were, also after a restart`, async () => {
      await using store = await TestOutbox.open();
      const body = bodyOf(bytes);
      const outcome = await appendTo(store.outbox, stagedEntry(store.outbox, "BIG", body));
      assert.equal(outcome.kind, "stored");
      await store.reopen();
      const range = { channel: 1, epoch: 1n, afterSeq: 0n, maxBytes: 1, maxCount: 1 };
      const { messages } = await store.outbox.read(range);
      assert.deepEqual([messages[0]?.length, messages[0]?.body], [bytes, undefined]);
      assert.ok(Buffer.from(body).equals(await store.slices(messages[0]?.upload ?? 0)));
    });
  }

  test("[S11] a body in slices is not there before its row is", async () => {
    await using store = await TestOutbox.open();
    const entry = stagedEntry(store.outbox, "BIG", bodyOf(500_000));
    await store.outbox.probe();
    assert.deepEqual(await store.bodies(), []);
    assert.equal((await appendTo(store.outbox, entry)).kind, "stored");
    assert.equal((await store.bodies()).length, 1);
  });

  test("[S11] another channel's message is stored between the slices of a large one", async () => {
    await using store = await TestOutbox.open();
    const { outbox } = store;
    const upload = outbox.newUpload();
    outbox.stage(upload, 0, new Uint8Array(128 * 1024));
    assert.equal((await appendTo(outbox, entryOf({ controlId: "B", channel: 2 }))).kind, "stored");
    outbox.stage(upload, 1, new Uint8Array(128 * 1024));
    assert.equal((await appendTo(outbox, entryOf({ controlId: "C", channel: 2 }))).kind, "stored");
    outbox.unstage(upload);
    assert.deepEqual(await store.bodies(2), ["B", "C"]);
  });

  for (const [what, spoil] of [
    ["a slice in the middle is missing", (ordinal: number) => ordinal !== 1],
    ["the first slice is missing", (ordinal: number) => ordinal !== 0],
    ["the last slice is missing", (ordinal: number) => ordinal !== 3],
    ["no slice is there", () => false],
  ] as const) {
    test(`[S11, T-S05] a message of which ${what} is refused, and nothing of it is kept`, async () => {
      await using store = await TestOutbox.open();
      const { outbox } = store;
      const body = bodyOf(400_000);
      const upload = outbox.newUpload();
      for (let ordinal = 0; ordinal < 4; ordinal++) {
        const slice = new Uint8Array(body.subarray(ordinal * 100_000, (ordinal + 1) * 100_000));
        if (spoil(ordinal)) outbox.stage(upload, ordinal, slice);
      }
      const entry = { ...stagedEntry(outbox, "BIG", body), upload };
      const outcome = await appendTo(outbox, entry);
      assert.equal(outcome.kind, "refused");
      assert.deepEqual(await store.bodies(), []);
      const again = await appendTo(outbox, stagedEntry(outbox, "BIG", body));
      assert.equal(again.kind, "stored", "the resend is not taken for a repeat");
      await store.reopen();
      assert.equal((await store.bodies()).length, 1);
      assert.deepEqual(await leftIn(store), { slices: 4, uploads: 1 });
    });
  }

  test("[S11] what a crash leaves of an unfinished upload is swept at start; the number is not used again", async () => {
    await using store = await TestOutbox.open();
    await appendTo(store.outbox, stagedEntry(store.outbox, "KEPT", bodyOf(300_000)));
    stagedEntry(store.outbox, "LOST", bodyOf(700_000, 3));
    await store.outbox.probe();
    await store.kill();
    await store.reopen();
    assert.equal((await store.bodies()).length, 1);
    assert.deepEqual(await leftIn(store), { slices: 3, uploads: 1 });
  });

  test("[S11] an upload that is taken back leaves nothing", async () => {
    await using store = await TestOutbox.open();
    const { upload } = stagedEntry(store.outbox, "GONE", bodyOf(700_000));
    store.outbox.unstage(upload);
    await store.outbox.probe();
    assert.deepEqual(await leftIn(store), { slices: 0, uploads: 0 });
  });

  test("[S11, D1] a repeat in slices is recognised by its digest and stored once", async () => {
    await using store = await TestOutbox.open();
    const { outbox } = store;
    const body = bodyOf(300_000);
    const first = await appendTo(outbox, stagedEntry(outbox, "BIG", body));
    const repeat = stagedEntry(outbox, "BIG", body);
    assert.deepEqual(await appendTo(outbox, repeat), { kind: "repeat", id: 1, seq: 1n });
    assert.equal(first.kind, "stored");
    outbox.unstage(repeat.upload);
    await until("the repeat's slices are gone", async () => {
      const slices = await outbox.slices(repeat.upload, 0, 1);
      return slices.length === 0;
    });
    assert.deepEqual(await leftIn(store), { slices: 3, uploads: 1 });
  });

  test("[S11, E7] a large block that is set aside keeps its slices", async () => {
    await using store = await TestOutbox.open();
    const entry = stagedEntry(store.outbox, "BAD", bodyOf(300_000));
    const outcome = await appendTo(store.outbox, { ...entry, quarantine: "noControlId" });
    assert.deepEqual(outcome, { kind: "quarantined", repeated: false, id: 1 });
    await store.reopen();
    await store.close();
    using file = new StoreFile(store.stateDir);
    const [kept] = file.quarantine();
    assert.deepEqual(
      [kept?.length, kept?.sha256],
      [300_000, Buffer.from(entry.sha256).toString("hex")],
    );
  });
});
