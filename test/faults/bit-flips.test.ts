/** One bit of the store's files flips: nothing is delivered altered, and nothing goes without a word. */
import assert from "node:assert/strict";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import Database from "better-sqlite3";
import {
  type Flip,
  FlippedStore,
  isWrong,
  type Judged,
  judgeAll,
  places,
  titleOf,
} from "./bit-flips/bit-flips.ts";

/** `npm run soak -- --bit-flips` has other seeds, and more places. */
const SEED = 1;
const CLOSED_COUNT = 24;
const LOG_COUNT = 12;

/** Flips are made in copies of it. */
const closed = await FlippedStore.make("close");
after(() => closed[Symbol.dispose]());

async function judged(store: FlippedStore, flips: readonly Flip[]): Promise<Judged[]> {
  const all: Judged[] = [];
  await judgeAll(store, flips, availableParallelism(), (one) => all.push(one));
  return all;
}

test(`[T-S08] [S16] ${CLOSED_COUNT} flips in a closed store: each is harmless, named or refused, seed ${SEED}`, async () => {
  const all = await judged(closed, places(closed.files(), CLOSED_COUNT, SEED));
  assert.deepEqual(all.filter(isWrong).map(titleOf), []);
  assert.ok(all.some(({ verdict }) => verdict === "named"));
  assert.ok(all.some(({ verdict }) => verdict === "harmless"));
});

test(`[T-S08] [S17] ${LOG_COUNT} flips in the log of a killed store: what they take away is named, seed ${SEED}`, async () => {
  using store = await FlippedStore.make("kill");
  const logs = store.files().filter(({ file }) => file.endsWith("-wal"));
  assert.equal(logs.length, 1);
  const all = await judged(store, places(logs, LOG_COUNT, SEED));
  assert.deepEqual(all.filter(isWrong).map(titleOf), []);
  assert.ok(all.some(({ verdict }) => verdict === "named"));
});

test("[T-S08] [S17] a flip in the high-water mark costs nothing", async () => {
  const marks = closed.files().filter(({ file }) => file.endsWith("high-water"));
  assert.equal(marks.length, 1);
  const [{ file } = { file: "" }] = marks;
  // In the head of each of its two slots.
  const bits = [8 * 50, 8 * (65_536 + 50)].map((bit) => ({ file, bit }));
  for (const one of await judged(closed, bits)) assert.equal(one.verdict, "harmless", titleOf(one));
});

test("[T-S08] a flip in a key file refuses the store, with a code", async () => {
  const keys = closed.files().filter(({ file }) => file.endsWith(".key"));
  assert.equal(keys.length, 2);
  const flips = keys.map(({ file }) => ({ file, bit: 8 * 60 }));
  for (const one of await judged(closed, flips)) {
    assert.equal(`${one.verdict} ${one.text}`, "refused KEY_FILE_DAMAGED", titleOf(one));
  }
});

/** A bit of one cell, as SQL: of a row that nothing but its own message should answer for. */
const CELLS: Readonly<Record<string, string>> = {
  "names the record before it": "UPDATE message SET segment = segment + 1 - 2 * (segment & 1)",
  "has another length": "UPDATE message SET length = length + 16 - 2 * (length & 16)",
  "names a place without a record": "UPDATE message SET record_at = record_at + 64",
  "names an upload": "UPDATE message SET upload = 1",
};

for (const [what, sql] of Object.entries(CELLS)) {
  test(`[T-S08] [S16] a row that ${what} is damaged, not another message`, async () => {
    const { verdict, text } = await closed.judgeChanged((stateDir) => {
      const db = new Database(join(stateDir, "outbox/holdfast.db"));
      db.prepare(`${sql} WHERE channel = 1 AND seq = 26`).run();
      db.close();
    });
    assert.equal(`${verdict} ${text}`, "named damaged seq 26, says reader and walk");
  });
}
