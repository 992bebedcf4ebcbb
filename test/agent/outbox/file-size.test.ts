/** The file and its log shrink (05 S15). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { WAL_ALARM_BYTES } from "#agent/limits.ts";
import { MIB, named, RoomStore } from "#test/support/room-store.ts";

describe("the file shrinks", () => {
  test("[S15] after a drain the file is at most a quarter, or a MiB, larger than what is in use", () => {
    using room = new RoomStore({ retainHours: 0 });
    for (let from = 1; from <= 400; from += 20) room.append(named(from, 20, 60_000));
    room.settle(300n);
    room.work("prune");
    const before = room.store.budget.fileBytes;
    assert.ok(room.store.budget.freeBytes > before / 2);
    assert.ok(room.work("vacuum") > 3, "in steps");
    const { fileBytes, freeBytes } = room.store.budget;
    assert.ok(freeBytes <= (fileBytes - freeBytes) / 4 + 4096);
    assert.deepEqual(room.bodies(1, 300n).length, 100);
    room.isSound();
  });

  test("[S15] a step takes less while messages come", () => {
    using room = new RoomStore({ retainHours: 0 });
    room.append(named(1, 400, 60_000));
    room.settle(400n);
    room.work("prune");
    const pagesOf = (busy: boolean): number => {
      const before = room.store.budget.freeBytes;
      assert.equal(room.chore("vacuum").step(busy), 0);
      return (before - room.store.budget.freeBytes) / room.store.budget.pageBytes;
    };
    assert.equal(pagesOf(true), 64);
    assert.equal(pagesOf(false), 256);
  });

  test("[S15] [S23] while messages come the file may be twice what is in use", () => {
    using room = new RoomStore({ retainHours: 0 });
    room.append(named(1, 500, 60_000));
    room.settle(240n);
    room.work("prune");
    assert.ok(room.store.budget.freeBytes > 12 * MIB);
    assert.equal(room.work("vacuum", true), 0);
    room.settle(400n);
    room.work("prune");
    assert.ok(room.work("vacuum", true) > 0);
    const { fileBytes, freeBytes } = room.store.budget;
    assert.ok(fileBytes <= 2 * (fileBytes - freeBytes) + 2 * MIB + 4096);
  });

  test("[S15] where less than a MiB is free, nothing is moved; on a full disk everything above that", () => {
    using room = new RoomStore({ retainHours: 0 });
    room.append(named(1, 100, 60_000));
    room.settle(20n);
    room.work("prune");
    assert.equal(room.work("vacuum"), 0);
    room.append(named(101, 200, 60_000));
    room.settle(50n);
    room.work("prune");
    assert.equal(room.work("vacuum"), 0, "less than a quarter");
    room.space.diskIs(true);
    assert.ok(room.work("vacuum") > 0);
    assert.ok(room.store.budget.freeBytes <= MIB);
  });

  test("[S15] the log is brought into the file and emptied after five quiet seconds", () => {
    using room = new RoomStore();
    room.append(named(1, 10));
    const walBytes = (): number => room.space.standing().walBytes;
    const chore = room.chore("checkpoint");
    chore.step(false);
    room.clock.advance(4_999);
    chore.step(false);
    assert.ok(walBytes() > 0);
    room.clock.advance(1);
    chore.step(false);
    assert.equal(walBytes(), 0);
    assert.deepEqual(room.bodies().length, 10);
  });

  test("[T-S20] a log that cannot be emptied is an alarm above its limit, and the alarm ends", () => {
    using room = new RoomStore();
    room.append(["first"]);
    const chore = room.chore("checkpoint");
    // No product code holds a statement open across a commit; this stands for whatever may.
    room.database.unsafeMode(true);
    const reader = room.database.prepare("SELECT id FROM message").iterate();
    reader.next();
    const write = room.database.prepare("INSERT INTO recent (id, entries) VALUES (?, zeroblob(?))");
    const until = (bytes: number): void => {
      for (let id = 1_000 + bytes; room.space.standing().walBytes < bytes; id++) {
        write.run(id, 4 * MIB);
      }
    };
    until(WAL_ALARM_BYTES - 5 * MIB);
    chore.step(false);
    assert.equal(room.notices.length, 0);
    until(WAL_ALARM_BYTES + MIB);
    chore.step(false);
    chore.step(false);
    const [told, ...more] = room.notices;
    assert.ok(told?.notice === "walGrowing" && told.growing);
    assert.deepEqual(more, []);
    reader.return?.();
    chore.step(false);
    assert.deepEqual(
      room.notices.map((notice) => notice.notice === "walGrowing" && notice.growing),
      [true, false],
    );
    assert.equal(room.space.standing().walBytes, 0);
  });

  test("[T-S20] [S15] without such a reader the log stays under its limit by itself", () => {
    using room = new RoomStore({ retainHours: 0 });
    let most = 0;
    for (let from = 1; from <= 1_000; from += 50) {
      room.append(named(from, 50, 60_000));
      most = Math.max(most, room.space.standing().walBytes);
    }
    assert.ok(most < WAL_ALARM_BYTES / 4, `${most}`);
  });
});
