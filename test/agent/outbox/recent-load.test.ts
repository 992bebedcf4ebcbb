/** The duplicate memory is filled behind the listeners, in steps, and no repeat slips through meanwhile. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { named, RoomStore } from "#test/support/room-store.ts";
import { entryOf } from "#test/support/test-outbox.ts";

const COMMITS = 25;
const KEYS = COMMITS * 1_000;

const outcomesOf = (room: RoomStore, ...ids: readonly string[]): (number | undefined)[] => {
  const result = room.commit(...ids.map((controlId) => entryOf({ controlId })));
  assert.ok(result.committed);
  return result.appended.map(({ outcome }) => outcome);
};

/** A store with 25,000 keys that was just opened. */
function filled(): RoomStore {
  const room = new RoomStore();
  for (let count = 0; count < COMMITS; count++) {
    const entries = named(count * 1_000, 1_000, 8).map((controlId) => entryOf({ controlId }));
    assert.ok(room.commit(...entries).committed);
  }
  room.reopen();
  return room;
}

describe("loading the duplicate memory", () => {
  test("[D1, S7] in steps; each is a part of it, and between two the store can be read", () => {
    using room = filled();
    const counts: number[] = [];
    while (room.store.loadSomeRecent()) {
      counts.push(room.store.recent.count);
      assert.equal(room.bodies(1, BigInt(KEYS - 1)).length, 1);
    }
    assert.equal(room.store.recent.count, KEYS);
    assert.ok(counts.length >= 2, `${counts.length} steps`);
    assert.ok((counts[0] ?? 0) < KEYS);
    assert.equal(room.store.recent.sinceMs, undefined, "nothing is forgotten");
  });

  test("[D1] a resend that comes before it is done is recognised, however old its first copy", () => {
    using room = filled();
    room.store.loadSomeRecent();
    const [oldest, newest] = [named(0, 1, 8), named(KEYS - 1, 1, 8)].flat();
    assert.deepEqual(outcomesOf(room, oldest ?? "", newest ?? ""), [1, 1]);
    assert.equal(room.store.recent.count, KEYS);
    assert.equal(room.store.loadSomeRecent(), false);
    assert.deepEqual(outcomesOf(room, "NEW"), [0]);
    room.reopen();
    assert.deepEqual(outcomesOf(room, "NEW", oldest ?? ""), [1, 1]);
  });

  test("[S7] progress does not wait for it, and what it writes does not harm it", () => {
    using room = filled();
    assert.ok(room.store.loadSomeRecent());
    const before = room.store.recent.count;
    room.settle(7n);
    assert.equal(room.store.recent.count, before);
    assert.equal(room.store.tails.get(1)?.ackedSeq, 7n);
    room.store.loadRecent();
    assert.equal(room.store.recent.count, KEYS);
    assert.deepEqual(outcomesOf(room, "NEW"), [0]);
    assert.equal(room.number("SELECT max(id) FROM recent"), COMMITS + 1);
  });

  test("[D1, S16] a row that does not open costs its own keys alone, and shortens the window", () => {
    using room = filled();
    room.database.exec("UPDATE recent SET entries = zeroblob(100) WHERE id = 3");
    room.reopen();
    room.store.loadRecent();
    assert.equal(room.store.recent.count, KEYS - 1_000);
    assert.notEqual(room.store.recent.sinceMs, undefined);
    const lost = named(2_000, 1, 8)[0] ?? "";
    const kept = named(3_000, 1, 8)[0] ?? "";
    assert.deepEqual(outcomesOf(room, lost, kept), [0, 1]);
  });
});
