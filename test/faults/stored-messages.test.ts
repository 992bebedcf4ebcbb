/** The oracle itself: it is content with a sound store, and names what is wrong with another. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import { TEST_KEK } from "#test/support/test-keys.ts";
import { appendTo, entryOf, stagedEntry, TestOutbox } from "#test/support/test-outbox.ts";
import { leftovers } from "./store-accounting.ts";
import { inspectStore } from "./stored-messages.ts";

const LARGE = Buffer.alloc(50_000, "large");
const SLICE_BYTES = 16_384;

/** Three messages, one in slices, a repeat, a block that was set aside; two of them settled. */
async function filled(): Promise<TestOutbox> {
  const store = await TestOutbox.open();
  const { outbox } = store;
  await appendTo(outbox, entryOf({ controlId: "ONE", attributes: '{"a":"1"}' }));
  await appendTo(outbox, entryOf({ controlId: "TWO" }));
  await appendTo(outbox, stagedEntry(outbox, "BIG", LARGE, SLICE_BYTES));
  await appendTo(outbox, entryOf({ controlId: "ONE" }));
  await appendTo(outbox, entryOf({ controlId: "BAD", quarantine: "noMessageType" }));
  outbox.settle(1, 1n, 2n);
  await store.close();
  return store;
}

/** Changes the closed store as no agent would. @returns what the oracle says */
async function saidOf(...changes: readonly string[]): Promise<readonly string[]> {
  await using store = await filled();
  const db = new Database(store.databaseFile);
  for (const sql of changes) db.exec(sql);
  const left = leftovers(db);
  db.close();
  return [...inspectStore(store.stateDir, TEST_KEK.current).reasons, ...left];
}

test("[T-S13] the oracle opens a sound store by itself, and finds nothing wrong", async () => {
  await using store = await filled();
  const { bodies, setAside, pruned, missing, reasons } = inspectStore(
    store.stateDir,
    TEST_KEK.current,
  );
  assert.deepEqual(reasons, []);
  assert.deepEqual([...bodies.keys()], ["ONE", "TWO", "BIG"]);
  assert.ok(bodies.get("BIG")?.equals(LARGE));
  assert.deepEqual(
    [...setAside].map(([id, body]) => [id, body.toString()]),
    [["BAD", "BAD"]],
  );
  assert.deepEqual([pruned, missing], [[], []]);
});

test("[T-S13] the oracle opens nothing with another KEK", async () => {
  await using store = await filled();
  const { bodies, reasons } = inspectStore(store.stateDir, new Uint8Array(32));
  assert.equal(bodies.size, 0);
  assert.ok(reasons.some((reason) => /^seal: segment \d+ of .* has no key 1$/.test(reason)));
});

/** With another last byte, whatever it was. */
const flipped = (column: string): string =>
  `cast(substr(${column}, 1, length(${column}) - 1) ||
    iif(substr(${column}, -1) = x'00', x'01', x'00') AS BLOB)`;

/** A change, and what the oracle has to say of it. */
const CHANGES: readonly (readonly [string, RegExp])[] = [
  [
    `UPDATE segment SET bytes = ${flipped("bytes")} WHERE id = 2`,
    /^seal: segment 2 .*does not open/,
  ],
  [
    `UPDATE slice SET bytes = ${flipped("bytes")} WHERE ordinal = 1`,
    /^seal: slice 1 .*does not open/,
  ],
  [`UPDATE quarantine SET sealed = ${flipped("sealed")}`, /^seal: quarantine 1 does not open/],
  [
    `UPDATE recent SET entries = ${flipped("entries")} WHERE id = 1`,
    /^seal: recent 1 does not open/,
  ],
  ["UPDATE message SET segment = 1 WHERE seq = 2", /^tokens: those of 1\/1\/2/],
  ["UPDATE message SET segment = 1, length = 3 WHERE seq = 2", /^chain: parts at 1\/1\/2/],
  ["UPDATE message SET record_at = 1 WHERE seq = 2", /^integrity: 1\/1\/2 has no record/],
  ["UPDATE message SET length = length - 1 WHERE seq = 1", /^integrity: ONE holds 3 of 2 bytes/],
  ["UPDATE message SET seq = 9 WHERE seq = 3", /^order: 1\/1 has 9 after 2/],
  [
    "UPDATE message SET through_bytes = through_bytes + 1 WHERE seq = 3",
    /through_bytes of 1\/1\/3/,
  ],
  ["UPDATE message SET content_token = zeroblob(16) WHERE seq = 1", /^tokens: those of 1\/1\/1/],
  ["UPDATE message SET control_token = x'' WHERE seq = 1", /^tokens: those of 1\/1\/1/],
  ["UPDATE cursor SET acked_bytes = acked_bytes + 1 WHERE acked = 2", /accounting: 1 wrong, acked/],
  ["UPDATE cursor SET acked = 9 WHERE acked = 2", /accounting: 1 wrong, acked_bytes/],
  ["UPDATE cursor SET trimmed = 1 WHERE acked = 2", /accounting: 1 wrong, bodies below trimmed/],
  ["UPDATE cursor SET ended = 1 WHERE acked = 2", /accounting: 1 wrong, current epochs/],
  ["DELETE FROM segment WHERE id = 1", /accounting: 1 wrong, bodies above trimmed/],
  ["DELETE FROM message WHERE seq = 2", /leftovers: 1 wrong, unnamed segments/],
  ["UPDATE upload SET uses = 2", /accounting: 1 wrong, uses of uploads/],
  ["UPDATE upload SET complete = 0", /leftovers: 1 wrong, incomplete uploads/],
  ["DELETE FROM upload", /leftovers: 4 wrong, slices without upload/],
  ["UPDATE message SET upload = 0 WHERE seq = 3", /leftovers: 1 wrong, unnamed uploads/],
  ["UPDATE quarantine_total SET bytes = bytes + 1", /accounting: 1 wrong, quarantine totals/],
  [
    `INSERT INTO missing (channel, epoch, first_seq, last_seq, cause, found_at_ms)
       VALUES (1, 1, 3, 4, 'rollback', 1)`,
    /^honesty: 1\/1 says 3 to 4 are missing/,
  ],
];

for (const [sql, wanted] of CHANGES) {
  test(`[T-S13] the oracle notices: ${sql.replaceAll(/\s+/g, " ").slice(0, 80)}`, async () => {
    const said = await saidOf(sql);
    assert.ok(
      said.some((reason) => wanted.test(reason)),
      said.join("\n"),
    );
  });
}

test("[T-S13] the oracle notices a key file that is gone", async () => {
  await using store = await filled();
  rmSync(join(store.stateDir, "keys/1.key"));
  const { reasons } = inspectStore(store.stateDir, TEST_KEK.current);
  assert.ok(reasons.includes("seal: segment names key 1, no such file"), reasons.join("\n"));
});
