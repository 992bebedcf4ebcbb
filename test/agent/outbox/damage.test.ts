import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import Sqlite from "better-sqlite3";
import { SmallDisk } from "#test/support/small-disk.ts";
import { appendTo, entryOf, stagedEntry, TestOutbox } from "#test/support/test-outbox.ts";

/** Flips one bit in a blob of the closed store, where the disk would. */
async function flip(
  store: TestOutbox,
  table: "segment" | "slice",
  nth: number,
  file = store.databaseFile,
): Promise<void> {
  await store.close();
  const database = new Sqlite(file);
  const rows = database.prepare(`SELECT rowid, bytes FROM ${table} ORDER BY rowid`).raw().all();
  const [rowid, bytes] = rows[nth] as [number, Buffer];
  const at = bytes.length >> 1;
  bytes[at] = (bytes[at] ?? 0) ^ 0x01;
  database.prepare(`UPDATE ${table} SET bytes = ? WHERE rowid = ?`).run(bytes, rowid);
  database.close();
  await store.reopen();
}

/** Makes the page that a small blob lies in one of no kind. */
function breakLeaf(file: string, blob: string): void {
  const database = new Sqlite(file);
  database.pragma("wal_checkpoint(TRUNCATE)");
  const bytes = database.prepare(blob).pluck().get() as Buffer;
  const pageBytes = Number(database.pragma("page_size", { simple: true }));
  database.close();
  const content = readFileSync(file);
  const at = content.indexOf(bytes);
  assert.ok(at > 0, "the row is in the file");
  content[Math.floor(at / pageBytes) * pageBytes] = 0;
  writeFileSync(file, content);
}

/** Points a page in the middle of the first blob's chain to a page that the file does not have. */
function breakOverflowChain(file: string, blob = "SELECT bytes FROM segment ORDER BY id"): void {
  const database = new Sqlite(file);
  database.pragma("wal_checkpoint(TRUNCATE)");
  const bytes = database.prepare(blob).pluck().get() as Buffer;
  const pageBytes = Number(database.pragma("page_size", { simple: true }));
  database.close();
  const content = readFileSync(file);
  // A piece from the middle lies in one overflow page, behind its four bytes of pointer.
  const at = content.indexOf(bytes.subarray(10_000, 10_040));
  assert.ok(at > 0, "the segment is in the file");
  content.writeUInt32BE(0x7fffffff, Math.floor(at / pageBytes) * pageBytes);
  writeFileSync(file, content);
}

const read = (store: TestOutbox, afterSeq: bigint) =>
  store.outbox.read({ channel: 1, epoch: 1n, afterSeq, maxBytes: 1 << 20, maxCount: 100 });

const bodies = ["first body", "second body", "third body", "fourth body"];

describe("a body that the disk changed", () => {
  for (const [index, damaged] of bodies.slice(0, -1).entries()) {
    test(`[S16, R03] is named and never given out, those before it are: ${damaged}`, async () => {
      await using store = await TestOutbox.open();
      for (const body of bodies) {
        await appendTo(store.outbox, entryOf({ controlId: body.slice(0, 3), body }));
      }
      await flip(store, "segment", index);
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

  test("[S16] bodies of one commit lie in one sealed segment: the first of them is named", async () => {
    await using store = await TestOutbox.open();
    await Promise.all(
      bodies.map((body) => appendTo(store.outbox, entryOf({ controlId: body.slice(0, 3), body }))),
    );
    await appendTo(store.outbox, entryOf({ controlId: "behind" }));
    await flip(store, "segment", 0);
    assert.equal((await read(store, 0n)).damagedSeq, 1n);
    assert.equal((await read(store, 4n)).messages.length, 1);
  });

  test("[S16] bytes that never had their digest are named and never given out", async () => {
    await using store = await TestOutbox.open();
    await appendTo(store.outbox, entryOf({ controlId: "A" }));
    await appendTo(store.outbox, entryOf({ controlId: "B", sha256: new Uint8Array(32).fill(1) }));
    const { messages, damagedSeq } = await read(store, 0n);
    assert.deepEqual([messages.length, damagedSeq], [1, 2n]);
  });

  test("[S16] in a slice: the slices end before it, and the message keeps its digest", async () => {
    await using store = await TestOutbox.open();
    const body = new Uint8Array(300_000).fill(0x41);
    const entry = stagedEntry(store.outbox, "BIG", body);
    await appendTo(store.outbox, entry);
    await flip(store, "slice", 1);
    const { messages } = await read(store, 0n);
    assert.deepEqual(messages[0]?.sha256, new Uint8Array(entry.sha256));
    const slices = await store.slices(messages[0]?.upload ?? 0);
    assert.equal(slices.length, 128 * 1024, "what does not open is not given out");
  });

  test("[S16] a damaged message of one channel leaves another channel whole", async () => {
    await using store = await TestOutbox.open();
    await appendTo(store.outbox, entryOf({ controlId: "A", body: "damaged body" }));
    await appendTo(store.outbox, entryOf({ controlId: "A2", body: "whole body" }));
    await appendTo(store.outbox, entryOf({ controlId: "B", body: "whole body", channel: 2 }));
    await flip(store, "segment", 0);
    assert.equal((await read(store, 0n)).damagedSeq, 1n);
    assert.deepEqual(await store.bodies(2), ["whole body"]);
    assert.equal((await appendTo(store.outbox, entryOf({ controlId: "C" }))).kind, "stored");
  });

  test("[T-S08, S16] a page of a segment that SQLite cannot read is damage of its messages; others flow, and nothing halts", async () => {
    await using store = await TestOutbox.open();
    const body = "A".repeat(30_000);
    await appendTo(store.outbox, entryOf({ controlId: "A", body }));
    await appendTo(store.outbox, entryOf({ controlId: "B", channel: 2 }));
    await store.close();
    breakOverflowChain(store.databaseFile);
    await store.reopen();
    assert.equal((await read(store, 0n)).damagedSeq, 1n);
    assert.deepEqual(await store.bodies(2), ["B"]);
    assert.deepEqual(store.fatals, []);
  });

  test("[T-S08, S22] a page of the duplicate memory that cannot be read costs recognition, and no start", async () => {
    await using store = await TestOutbox.open();
    const ids = Array.from({ length: 600 }, (_, index) => `K${index}`);
    await Promise.all(ids.map((controlId) => appendTo(store.outbox, entryOf({ controlId }))));
    await appendTo(store.outbox, entryOf({ controlId: "LAST" }));
    await store.close();
    breakOverflowChain(
      store.databaseFile,
      "SELECT entries FROM recent ORDER BY length(entries) DESC",
    );
    for (let start = 0; start < 2; start++) {
      await store.reopen();
      assert.equal((await appendTo(store.outbox, entryOf({ controlId: "LAST" }))).kind, "repeat");
      assert.deepEqual(store.fatals, []);
    }
  });

  test("[D1, S16] a message that was read as damaged is no repeat when its sender sends it again", async () => {
    await using store = await TestOutbox.open();
    await appendTo(store.outbox, entryOf({ controlId: "A", body: "damaged body" }));
    await appendTo(store.outbox, entryOf({ controlId: "B" }));
    await flip(store, "segment", 0);
    assert.equal((await read(store, 0n)).damagedSeq, 1n);
    const again = await appendTo(store.outbox, entryOf({ controlId: "A", body: "damaged body" }));
    assert.equal(again.kind, "stored");
    assert.equal((await appendTo(store.outbox, entryOf({ controlId: "B" }))).kind, "repeat");
  });

  test("[S16, T-S05] on a full disk a damaged message is named all the same, and reading goes on", async (t) => {
    const disk = SmallDisk.make(6 << 20);
    if (typeof disk === "string") return t.skip(disk);
    using _ = disk;
    await using store = await TestOutbox.open({ stateDir: disk.stateDir });
    await appendTo(store.outbox, entryOf({ controlId: "A", body: "damaged body" }));
    await appendTo(store.outbox, entryOf({ controlId: "B" }));
    await flip(store, "segment", 0, join(disk.stateDir, "outbox/holdfast.db"));
    disk.fill();
    for (let again = 0; again < 2; again++) {
      assert.equal((await read(store, 0n)).damagedSeq, 1n);
      assert.equal((await read(store, 1n)).messages.length, 1);
    }
    assert.deepEqual(store.fatals, []);
    disk.free();
    assert.equal((await read(store, 0n)).damagedSeq, 1n);
    const resent = entryOf({ controlId: "A", body: "damaged body" });
    assert.equal((await appendTo(store.outbox, resent)).kind, "stored");
  });

  test("[T-S08, S22] a page that names rows of the duplicate memory cannot be read: numbers go on above all of them", async () => {
    await using store = await TestOutbox.open();
    for (let index = 0; index < 150; index++) {
      await appendTo(store.outbox, entryOf({ controlId: `K${index}` }));
    }
    await store.close();
    breakLeaf(store.databaseFile, "SELECT entries FROM recent WHERE id = 75");
    await store.reopen();
    assert.equal((await appendTo(store.outbox, entryOf({ controlId: "NEW" }))).kind, "stored");
    assert.deepEqual(store.fatals, []);
  });
});
