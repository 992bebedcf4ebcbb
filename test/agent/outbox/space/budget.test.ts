import assert from "node:assert/strict";
import { existsSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { AgentError } from "#agent/errors.ts";
import { Budget } from "#agent/outbox/space/budget.ts";
import { makeRoomToOpen } from "#agent/outbox/space/space.ts";
import type { StoreNotice } from "#agent/outbox/writing/writer-messages.ts";
import { until } from "#test/support/processes.ts";
import { MIB, named, RoomStore } from "#test/support/room-store.ts";
import { SmallDisk } from "#test/support/small-disk.ts";
import { appendTo, entryOf, stagedEntry, TestOutbox } from "#test/support/test-outbox.ts";

/** Appends until the store refuses. @returns how many it took, and its refusal */
function fill(room: RoomStore, length = 60_000): { count: number; error: AgentError } {
  for (let count = 0; ; count++) {
    const body = `M${count}.`.padEnd(length, "x");
    const result = room.commit(entryOf({ controlId: `M${count}`, body }));
    if (!result.committed) return { count, error: result.error };
  }
}

describe("the disk budget", () => {
  test("[S12] the file does not grow above it; the refusal says that it is the budget", () => {
    using room = new RoomStore({ diskBudgetBytes: 8 * MIB });
    const { count, error } = fill(room);
    assert.ok(count > 100);
    assert.equal(error.code, "STORE_FULL");
    assert.equal(error.disposition, "retry");
    assert.equal(error.facts["budget"], true);
    assert.ok(room.store.budget.fileBytes <= 8 * MIB);
    assert.equal(room.bodies().length, count);
    room.isSound();
  });

  test("[S12] [T-S06] at the cap settle, prune and discard work, and then there is room again", () => {
    using room = new RoomStore({ diskBudgetBytes: 8 * MIB, retainHours: 0 });
    const junk = "x".repeat(60_000);
    for (let id = 1; id <= 20; id++) {
      room.commit(entryOf({ controlId: `Q${id}`, body: `${id}${junk}`, quarantine: "junk" }));
    }
    fill(room);
    assert.equal(fill(room, 300).error.facts["budget"], true, "not a small one either");
    assert.equal(room.store.discard([1, 2, 3]), 3);
    room.settle(BigInt(room.count("message")));
    room.work("prune");
    assert.equal(room.trimmed(), room.count("message"));
    assert.ok(fill(room).count > 50);
    room.isSound();
  });

  test("[S12] at the cap marks and cursors of many channels still find room", () => {
    const channels = Array.from({ length: 60 }, (_, index) => `ch${index}`);
    using room = new RoomStore({ diskBudgetBytes: 4 * MIB, retainHours: 72, channels });
    for (let channel = 1; channel <= 60; channel++) room.append(["first"], { channel });
    fill(room);
    fill(room, 50);
    for (let round = 0; round < 40; round++) {
      room.clock.advance(600_000);
      room.store.inTransaction(() => {
        for (let channel = 1; channel <= 60; channel++) room.store.marks.write(channel, 1n, 1n);
      });
    }
    assert.equal(room.count("settle_mark"), 2_400);
  });

  test("[S12] a budget below what the file has stops growth, and what is there leaves", () => {
    using room = new RoomStore({ retainHours: 0 });
    room.append(named(1, 50, 60_000));
    const budget = new Budget(room.database, MIB);
    budget.allow("messages");
    const insert = room.database.prepare("INSERT INTO segment (bytes) VALUES (zeroblob(?))");
    assert.throws(() => insert.run(100_000), { code: "SQLITE_FULL" });
    budget.allow("progress");
    room.settle(50n);
    room.work("prune");
    assert.equal(room.trimmed(), 50);
  });

  test("[S12] alarms at 70, 85 and 95 %, each ending two points below", () => {
    using room = new RoomStore({ diskBudgetBytes: 10 * MIB });
    const pages = (percent: number): void => {
      const insert = room.database.prepare("INSERT INTO segment (bytes) VALUES (zeroblob(4000))");
      room.store.inTransaction(() => {
        room.database.exec("DELETE FROM segment");
        while (room.store.budget.standing.percent < percent) insert.run();
      });
      room.chore("filling").step(false);
    };
    for (const percent of [50, 71, 69, 67, 86, 84, 96, 94, 92, 72, 20]) pages(percent);
    const told = room.notices.map((notice) => notice.notice === "filling" && notice.alarm);
    assert.deepEqual(told, [70, 0, 85, 95, 85, 70, 0]);
  });

  test("[S12] [TP37] what is only retained goes before the first alarm", () => {
    using room = new RoomStore({ diskBudgetBytes: 8 * MIB, retainHours: 1_000 });
    for (let from = 1; from < 1_000; from += 5) {
      room.append(named(from, 5, 60_000));
      room.settle(BigInt(from + 4));
      room.work("prune");
      room.chore("filling").step(false);
    }
    assert.deepEqual(room.notices, []);
    assert.ok(room.bodies(1, BigInt(room.trimmed())).length > 20, "as much stays as there is room");
  });

  test("[S12] [E1] the thread: refused at the cap, told, probed until there is room, then taken again", async () => {
    const notices: StoreNotice[] = [];
    const room = { diskBudgetBytes: 4 * MIB, retainHours: 0 };
    await using store = await TestOutbox.open({
      ...room,
      onNotice: (notice) => notices.push(notice),
    });
    let count = 0;
    const body = "x".repeat(100_000);
    const send = () =>
      appendTo(store.outbox, entryOf({ controlId: `M${count}`, body: `${count}${body}` }));
    while ((await send()).kind === "stored") count += 1;
    assert.ok(count > 20);
    await assert.rejects(store.outbox.probe(), ({ code, facts }: AgentError) => {
      const { budget, usedBytes, budgetBytes } = facts;
      assert.deepEqual([code, budget, budgetBytes], ["STORE_FULL", true, 4 * MIB]);
      return Number(usedBytes) > 0 && Number(usedBytes) <= Number(budgetBytes) * 1.1;
    });
    await until("it is told", () => notices.some((one) => one.notice === "filling"));
    store.outbox.settle(1, 1n, BigInt(count));
    await until("there is room", () =>
      store.outbox.probe().then(
        () => true,
        () => false,
      ),
    );
    assert.equal((await send()).kind, "stored");
    const { space } = await store.outbox.standing();
    assert.equal(space.budgetBytes, 4 * MIB);
    assert.ok(space.percent < 95 && space.usedBytes > 0);
    assert.deepEqual(store.fatals, []);
  });

  test("[S12] [S11] a body in slices that finds no room is refused for the budget, and leaves nothing", async () => {
    await using store = await TestOutbox.open({ diskBudgetBytes: 4 * MIB });
    const big = stagedEntry(store.outbox, "BIG", new Uint8Array(6 * MIB).fill(7));
    assert.equal((await appendTo(store.outbox, big)).kind, "refused");
    await until("there is room again", async () => {
      // Sent anew each time, as a sender does: slices that found no room are gone.
      const small = stagedEntry(store.outbox, "SMALL", new Uint8Array(MIB).fill(7));
      return (await appendTo(store.outbox, small)).kind === "stored";
    });
    assert.deepEqual(store.fatals, []);
  });
});

describe("the ballast's keeper", () => {
  const keeping = (): RoomStore => new RoomStore({ ballastBytes: 3 * MIB });
  const file = ({ stateDir }: RoomStore): string => join(stateDir, "outbox/ballast");
  const keep = (room: RoomStore): void => {
    for (let step = 0; step < 10; step++) {
      assert.ok(room.chore("ballast").step(false) <= 1_000);
      room.clock.advance(1_000);
    }
  };

  test("[S13] made a MiB a step once somebody has looked at the disk, and kept", () => {
    using room = keeping();
    room.chore("ballast").step(false);
    assert.ok(!existsSync(file(room)), "the disk may be full");
    room.space.diskIs(false);
    room.chore("ballast").step(false);
    assert.equal(statSync(file(room)).size, MIB);
    keep(room);
    assert.equal(statSync(file(room)).size, 3 * MIB);
    assert.ok(room.space.standing().ballastHeld);
  });

  test("[S13] given up at once when free space is short, made again when it is not", () => {
    using room = keeping();
    room.space.diskIs(false);
    keep(room);
    room.space.diskIs(true);
    assert.ok(!existsSync(file(room)));
    room.clock.advance(100_000);
    room.chore("ballast").step(false);
    assert.ok(!existsSync(file(room)), "not while it is short");
    room.space.diskIs(false);
    keep(room);
    assert.ok(room.space.standing().ballastHeld);
  });

  test("[S13] [S12] a commit that finds the disk full takes it; one that finds the budget used up does not", () => {
    using room = keeping();
    room.space.diskIs(false);
    keep(room);
    assert.equal(room.space.refused(new AgentError("STORE_FULL", { budget: true })), false);
    assert.equal(room.space.refused(new AgentError("STORE_FULL", { slices: true })), false);
    assert.equal(room.space.refused(new AgentError("STORE_BUSY", {})), false);
    assert.ok(existsSync(file(room)));
    assert.equal(room.space.refused(new AgentError("STORE_FULL", {})), true);
    assert.ok(!existsSync(file(room)));
    room.chore("ballast").step(false);
    assert.ok(!existsSync(file(room)), "not for a minute: the disk is full");
    room.clock.advance(60_000);
    keep(room);
    assert.ok(room.space.standing().ballastHeld);
  });

  test("[S13] [E1] on a disk that is full already it is given up before the store is opened", (context) => {
    const made = SmallDisk.make(16 * MIB);
    if (typeof made === "string") return context.skip(made);
    using disk = made;
    makeRoomToOpen(disk.stateDir, 3 * MIB);
    {
      using room = new RoomStore({ stateDir: disk.stateDir, ballastBytes: 3 * MIB });
      room.append(["before"]);
      room.space.diskIs(false);
      keep(room);
      makeRoomToOpen(disk.stateDir, 3 * MIB);
      assert.ok(existsSync(file(room)), "there is room");
    }
    disk.fill();
    makeRoomToOpen(disk.stateDir, 3 * MIB);
    using room = new RoomStore({ stateDir: disk.stateDir, ballastBytes: 3 * MIB });
    assert.ok(!existsSync(file(room)));
    room.settle(1n);
    assert.deepEqual(room.bodies(), ["before"]);
  });

  test("[S13] none is made where none is configured; one that vanished is made again", () => {
    using room = keeping();
    room.space.diskIs(false);
    keep(room);
    rmSync(file(room));
    keep(room);
    assert.ok(existsSync(file(room)));
    using none = new RoomStore();
    none.space.diskIs(false);
    assert.equal(none.chore("ballast").step(false), Number.POSITIVE_INFINITY);
    assert.ok(!existsSync(file(none)));
  });
});
