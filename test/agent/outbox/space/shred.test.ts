import assert from "node:assert/strict";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { listQuarantine } from "#agent/outbox/quarantine-reader.ts";
import { readSlices } from "#agent/outbox/reader.ts";
import { Sealer } from "#agent/sealing/sealer.ts";
import { HOUR_MS, named, RoomStore } from "#test/support/room-store.ts";
import { entryOf } from "#test/support/test-outbox.ts";

const DAY_MS = 24 * HOUR_MS;

const keyFiles = ({ stateDir }: RoomStore): string[] =>
  readdirSync(join(stateDir, "keys")).filter((name) => name !== "index.key");

/** A day later: the next row is sealed with a new key, and the chore has seen it coming. */
function nextDay(room: RoomStore): void {
  room.clock.advance(DAY_MS - 60_000);
  room.chore("shred").step(false);
  room.clock.advance(60_000);
}

const deleted = ({ notices }: RoomStore): number[] =>
  notices.flatMap((notice) => (notice.notice === "keysDeleted" ? [...notice.epochs] : []));

describe("shredding keys", () => {
  test("[R03] [S21] a key goes when the last body that it sealed is pruned, not before", () => {
    using room = new RoomStore({ retainHours: 72 });
    room.append(named(1, 3));
    room.settle(2n);
    nextDay(room);
    room.append(named(4, 1));
    room.work("shred");
    room.clock.advance(100 * HOUR_MS);
    room.workAll();
    assert.ok(keyFiles(room).includes("1.key"), "M3 is unsettled");
    room.settle(3n);
    room.clock.advance(72 * HOUR_MS);
    room.workAll();
    assert.deepEqual(deleted(room), [1]);
    assert.ok(!keyFiles(room).includes("1.key"));
    assert.deepEqual(room.bodies(1, 3n), named(4, 1));
    const wal = `${room.database.name}-wal`;
    assert.ok(statSync(wal).size < 20_000, "the log was emptied before");
    room.reopen();
    assert.deepEqual(room.bodies(1, 3n), named(4, 1));
    room.append(named(5, 1));
    room.isSound();
  });

  test("[R03] the key in use stays, and numbers go on where everything is gone", () => {
    using room = new RoomStore({ retainHours: 0 });
    room.append(named(1, 3));
    room.settle(3n);
    room.workAll();
    assert.deepEqual(keyFiles(room), ["1.key"]);
    room.reopen();
    room.workAll();
    const epochs = keyFiles(room).map((name) => Number.parseInt(name, 10));
    assert.deepEqual(epochs, [2]);
    room.reopen();
    assert.notEqual(room.store.tails.get(1)?.lastChain, undefined, "the chain was sealed again");
    room.append(named(4, 1));
    room.settle(4n);
    room.reopen();
    assert.deepEqual(room.bodies(1, 3n), named(4, 1));
  });

  test("[R03] what outlives bodies is sealed again: quarantine, its slices, duplicate keys, chains", () => {
    using room = new RoomStore({ retainHours: 0 });
    for (let count = 1; count <= 450; count++) room.append([`M${count}`]);
    const junk = named(1, 20).map((body) => entryOf({ controlId: body, body, quarantine: "junk" }));
    for (const entry of junk) assert.ok(room.commit(entry).committed);
    room.appendLarge("BIG", new Uint8Array(40 * 1024).fill(9));
    room.database.exec(`
      UPDATE upload SET uses = 2;
      INSERT INTO quarantine (channel, received_at_ms, reason, length, content_token, sealed, kept_bytes, upload, body_at, kept)
        SELECT channel, received_at_ms, 'tooLarge', 40960, content_token, sealed, 0, 1, 0, 0 FROM quarantine LIMIT 1`);
    room.settle(451n);
    nextDay(room);
    room.append(named(1, 1), { channel: 2 });
    room.workAll();
    assert.deepEqual(deleted(room), [1]);
    assert.deepEqual(keyFiles(room), ["2.key"]);
    assert.equal(listQuarantine(room.store.readParts, Number.MAX_SAFE_INTEGER, 100).length, 21);
    assert.equal(readSlices(room.store.readParts, 1, 0, 100_000).length, 40 * 1024);
    room.reopen();
    assert.notEqual(room.store.tails.get(1)?.lastChain, undefined);
    room.store.loadRecent();
    assert.equal(room.store.recent.count, 452, "every repeat is still recognised");
    const again = room.commit(entryOf({ controlId: "M7", body: "M7" }));
    assert.ok(again.committed && again.appended[0]?.outcome === 1);
  });

  test("[R03] each kind of row that has an old key is found, in whatever order rows came", () => {
    using room = new RoomStore({ retainHours: 72 });
    // Upload 1 begins late, and is sealed with the second key; upload 2 with the first.
    room.store.commit([{ order: "stage", upload: 2, ordinal: 0, bytes: new Uint8Array(9) }]);
    nextDay(room);
    room.store.commit([{ order: "stage", upload: 1, ordinal: 0, bytes: new Uint8Array(9) }]);
    room.work("shred");
    assert.deepEqual(deleted(room), [1]);
    for (const upload of [1, 2]) {
      assert.equal(readSlices(room.store.readParts, upload, 0, 100).length, 9, `upload ${upload}`);
    }
  });

  test("[R03] a log that cannot be emptied keeps the key; the next look tries again", () => {
    using room = new RoomStore({ retainHours: 0 });
    room.append(named(1, 3));
    room.settle(3n);
    nextDay(room);
    room.append(named(1, 1), { channel: 2 });
    room.work("prune");
    room.database.unsafeMode(true);
    const reader = room.database.prepare("SELECT id FROM message").iterate();
    reader.next();
    room.work("shred");
    assert.deepEqual(keyFiles(room), ["1.key", "2.key"]);
    reader.return?.();
    room.database.unsafeMode(false);
    room.work("shred");
    assert.deepEqual(keyFiles(room), ["2.key"]);
  });

  test("[R03] a segment that says it has an older key than its number allows keeps that key", () => {
    using room = new RoomStore({ retainHours: 0 });
    room.append(named(1, 1));
    nextDay(room);
    room.append(named(2, 1));
    room.work("shred");
    room.database.exec("UPDATE key_mark SET segment = 0");
    const head = room.database.prepare("SELECT bytes FROM segment").pluck().get() as Uint8Array;
    assert.equal(Sealer.keyEpochOf(head), 1);
    room.work("shred");
    assert.deepEqual(keyFiles(room), ["1.key", "2.key"]);
  });

  for (const steps of [1, 2, 3, 4]) {
    test(`[R03] [T-S12] a crash after step ${steps} of it: everything opens, and the work goes on`, () => {
      using room = new RoomStore({ retainHours: 0 });
      for (let count = 1; count <= 250; count++) room.append([`M${count}`]);
      room.commit(entryOf({ controlId: "J", quarantine: "junk" }));
      room.settle(250n);
      nextDay(room);
      room.append(["last"], { channel: 2 });
      room.work("prune");
      for (let step = 0; step < steps; step++) room.chore("shred").step(false);
      room.reopen();
      room.store.loadRecent();
      assert.equal(room.store.recent.count, 251);
      assert.equal(listQuarantine(room.store.readParts, 100, 100).length, 1);
      assert.deepEqual(room.bodies(2), ["last"]);
      room.workAll();
      assert.ok(!keyFiles(room).includes("1.key"));
      room.isSound();
    });
  }
});
