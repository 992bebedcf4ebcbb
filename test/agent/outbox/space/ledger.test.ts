import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HOUR_MS, named, RoomStore } from "#test/support/room-store.ts";

const DAY_MS = 24 * HOUR_MS;

describe("the ledger", () => {
  test("[S14] rows stay ledgerDays after their message came, the newest of an epoch for ever", () => {
    using room = new RoomStore({ retainHours: 0, ledgerDays: 400 });
    room.append(named(1, 3));
    room.clock.advance(DAY_MS);
    room.append(named(4, 3));
    room.settle(6n);
    room.work("prune");
    room.clock.advance(399 * DAY_MS);
    room.work("ledger");
    assert.equal(room.count("message"), 6, "not before the day is over");
    room.clock.advance(1);
    room.work("ledger");
    assert.equal(room.number("SELECT min(seq) FROM message"), 4);
    room.clock.advance(1_000 * DAY_MS);
    room.work("ledger");
    assert.equal(room.count("message"), 1);
    room.isSound();
    room.reopen();
    room.append(named(7, 1));
    assert.equal(room.number("SELECT max(seq) FROM message"), 7);
    room.isSound();
  });

  test("[S14] [I-4] a row stays as long as its body, however old", () => {
    using room = new RoomStore({ retainHours: 10_000, ledgerDays: 1 });
    room.append(named(1, 5));
    room.settle(3n);
    room.clock.advance(100 * DAY_MS);
    room.workAll();
    assert.equal(room.count("message"), 5);
    assert.deepEqual(room.bodies(), named(1, 5));
  });

  test("[S14] [E5] outcomes of replies go with the rows that they are about", () => {
    using room = new RoomStore({ retainHours: 0, ledgerDays: 1 });
    room.append(named(1, 6));
    for (const id of [2, 5]) {
      const outcomes = { throughId: id, undeliveredIds: [id], recoveredIds: [] };
      room.store.defer({ order: "outcomes", outcomes });
    }
    room.settle(4n);
    room.work("prune");
    room.clock.advance(2 * DAY_MS);
    room.work("ledger");
    assert.equal(room.number("SELECT min(id) FROM message"), 5);
    assert.deepEqual(
      room.database.prepare("SELECT first_id FROM ack_exception").pluck().all(),
      [5],
    );
  });

  test("[S15] a step takes at most 1,000 rows", () => {
    using room = new RoomStore({ retainHours: 0, ledgerDays: 1 });
    room.append(named(1, 1));
    room.database.exec(`WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
      INSERT INTO message (channel, epoch, seq, received_at_ms, length, flags, segment, record_at, upload,
        upload_at, through_bytes, control_token, content_token)
      SELECT 1, 1, i, received_at_ms, 0, 0, i, 0, 0, 0, through_bytes, x'', x'' FROM n, message WHERE id = 1`);
    room.database.exec("UPDATE cursor SET acked = 2500, trimmed = 2500 WHERE channel = 1");
    room.reopen();
    room.clock.advance(2 * DAY_MS);
    assert.equal(room.work("ledger"), 3);
    assert.equal(room.count("message"), 1);
  });
});
