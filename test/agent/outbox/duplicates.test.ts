import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { AppendOutcome } from "#agent/outbox/writing/ticket-queue.ts";
import { StoreFile } from "#test/support/store-file.ts";
import { appendTo, type EntryFields, entryOf, TestOutbox } from "#test/support/test-outbox.ts";

const DAY_MS = 86_400_000;
const AT_MS = 1_700_000_000_000;

const kindOf = (outcome: AppendOutcome): string => {
  if (outcome.kind === "stored") return outcome.controlIdReused ? "stored, reused" : "stored";
  if (outcome.kind === "quarantined") return outcome.repeated ? "quarantined again" : "quarantined";
  return outcome.kind;
};

const append = async (store: TestOutbox, fields: EntryFields): Promise<string> =>
  kindOf(await appendTo(store.outbox, entryOf(fields)));

describe("the store recognises repeats", () => {
  test("[D1] in one group, in the next commit, and after a restart and a crash", async () => {
    await using store = await TestOutbox.open();
    const both = [entryOf({}), entryOf({})].map((entry) => appendTo(store.outbox, entry));
    assert.deepEqual((await Promise.all(both)).map(kindOf), ["stored", "repeat"]);
    assert.equal(await append(store, {}), "repeat");
    await store.reopen();
    assert.equal(await append(store, {}), "repeat");
    await store.kill();
    await store.reopen();
    assert.equal(await append(store, {}), "repeat");
    assert.deepEqual(await store.bodies(), ["M1"]);
  });

  test("[D1] the first append after a start waits for the keys of before", async () => {
    await using store = await TestOutbox.open();
    const ids = Array.from({ length: 3_000 }, (_, index) => `M${index}`);
    await Promise.all(ids.map((controlId) => appendTo(store.outbox, entryOf({ controlId }))));
    const outbox = await store.reopen();
    const again = await Promise.all(
      ids.map((controlId) => appendTo(outbox, entryOf({ controlId }))),
    );
    assert.ok(again.every(({ kind }) => kind === "repeat"));
    assert.equal((await store.outbox.standing()).recentKeyCount, 3_000);
  });

  test("[D1] only inside the window; behind it the same message is new, and its number reused", async () => {
    await using store = await TestOutbox.open();
    assert.equal(await append(store, { receivedAtMs: AT_MS }), "stored");
    assert.equal(await append(store, { receivedAtMs: AT_MS + DAY_MS }), "repeat");
    assert.equal(await append(store, { receivedAtMs: AT_MS + DAY_MS + 3_000 }), "stored, reused");
    assert.equal(await append(store, { receivedAtMs: AT_MS + DAY_MS + 4_000 }), "repeat");
  });

  test("[D1] not where duplicates are not checked, and not on another channel", async () => {
    await using store = await TestOutbox.open();
    assert.equal(await append(store, {}), "stored");
    assert.equal(await append(store, { duplicates: "off" }), "stored");
    assert.equal(await append(store, { channel: 2 }), "stored");
  });

  test("[D2] the same control id with other content is stored, and flagged for ever", async () => {
    await using store = await TestOutbox.open();
    assert.equal(await append(store, { body: "one" }), "stored");
    assert.equal(await append(store, { body: "two" }), "stored, reused");
    assert.equal(await append(store, { body: "one" }), "repeat");
    assert.equal(await append(store, { body: "two" }), "repeat");
    await store.reopen();
    const found = await store.outbox.trace(Buffer.from("M1"));
    assert.deepEqual(
      found.map(({ seq, controlIdReused }) => [seq, controlIdReused]),
      [
        [2n, true],
        [1n, false],
      ],
    );
    assert.deepEqual(await store.bodies(), ["one", "two"]);
  });

  test("[D2] messages without a control id are never said to reuse one", async () => {
    await using store = await TestOutbox.open();
    assert.equal(await append(store, { controlId: "", body: "one" }), "stored");
    assert.equal(await append(store, { controlId: "", body: "two" }), "stored");
  });

  test("[E7, D1] a block that was set aside is counted, not kept twice, also over a restart", async () => {
    await using store = await TestOutbox.open();
    const bad: EntryFields = { quarantine: "noMessageType" };
    assert.equal(await append(store, bad), "quarantined");
    assert.equal(await append(store, bad), "quarantined again");
    await store.reopen();
    assert.equal(await append(store, bad), "quarantined again");
    assert.equal(await append(store, {}), "stored", "accepted now: no repeat of a refusal");
    assert.equal(await append(store, bad), "quarantined again");
    const { quarantineCount, quarantineBytes } = await store.tail();
    // Two bytes, and what a row costs.
    assert.deepEqual([quarantineCount, quarantineBytes], [1, 2 + 512]);
    await store.close();
    using file = new StoreFile(store.stateDir);
    assert.deepEqual(
      file.quarantine().map(({ repeatCount }) => repeatCount),
      [3],
    );
  });
});

describe("trace", () => {
  test("[S22] finds the newest of a control id, newest first, through any number of rows", async () => {
    await using store = await TestOutbox.open();
    const ids = Array.from({ length: 4_500 }, (_, index) =>
      index % 1_500 === 7 ? "X" : `M${index}`,
    );
    await Promise.all(
      ids.map((controlId, index) =>
        appendTo(store.outbox, entryOf({ controlId, body: `${index}` })),
      ),
    );
    const found = await store.outbox.trace(Buffer.from("X"));
    assert.deepEqual(
      found.map(({ seq }) => seq),
      [3_008n, 1_508n, 8n],
    );
    assert.deepEqual(await store.outbox.trace(Buffer.from("absent")), []);
  });

  test("shows fifty at most", async () => {
    await using store = await TestOutbox.open();
    const bodies = Array.from({ length: 60 }, (_, index) => `${index}`);
    await Promise.all(
      bodies.map((body) => appendTo(store.outbox, entryOf({ controlId: "X", body }))),
    );
    const found = await store.outbox.trace(Buffer.from("X"));
    assert.deepEqual([found.length, found[0]?.seq, found[49]?.seq], [50, 60n, 11n]);
  });
});
