/** Keys go although a segment can be neither read nor deleted; and none goes that a readable row needs. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { codeOf } from "#agent/errors.ts";
import { readRange } from "#agent/outbox/reader.ts";
import { HOUR_MS, named, RoomStore } from "#test/support/room-store.ts";

const DAY_MS = 24 * HOUR_MS;
/** Its segment has pages of its own. */
const LONG = 20_000;

const keyFiles = ({ stateDir }: RoomStore): string[] =>
  readdirSync(join(stateDir, "keys")).filter((name) => name !== "index.key");

/** A day later: the next row is sealed with a new key, and the chore has seen it coming. */
function nextDay(room: RoomStore): void {
  room.clock.advance(DAY_MS - 60_000);
  room.chore("shred").step(false);
  room.clock.advance(60_000);
}

/** Breaks the chain of pages in which a segment lies: SQLite can neither read nor delete it. */
function breakSegment(room: RoomStore, id: number): void {
  const read = room.database.prepare("SELECT bytes FROM segment WHERE id = ?").pluck();
  const bytes = read.get(id) as Buffer;
  const file = room.database.name;
  // After a clean stop nothing looks for it (05 S18).
  room.store.prepared.identityClean.run();
  room.database.pragma("wal_checkpoint(TRUNCATE)");
  room.close();
  const content = readFileSync(file);
  const at = content.indexOf(bytes.subarray(5_000, 5_032));
  assert.ok(at > 0);
  content.writeUInt32BE(0x7fffffff, at - (at % 4_096));
  writeFileSync(file, content);
  room.reopen();
}

/** Breaks the page in which a small segment lies: what comes behind it is not found from before it. */
function breakPageOf(room: RoomStore, id: number): void {
  const read = room.database.prepare("SELECT bytes FROM segment WHERE id = ?").pluck();
  const bytes = read.get(id) as Buffer;
  const file = room.database.name;
  room.store.prepared.identityClean.run();
  room.database.pragma("wal_checkpoint(TRUNCATE)");
  room.close();
  const content = readFileSync(file);
  const at = content.indexOf(bytes);
  assert.ok(at > 0);
  // The kind of a b-tree page (SQLite file format, 1.6): there is none of number 0.
  content[at - (at % 4_096)] = 0;
  writeFileSync(file, content);
  room.reopen();
}

const isBroken = (room: RoomStore, id: number): boolean => {
  try {
    room.database.prepare("SELECT bytes FROM segment WHERE id = ?").pluck().get(id);
    return false;
  } catch (error) {
    return codeOf(error).startsWith("SQLITE_CORRUPT");
  }
};

/** `channel/seq` of every kept message that can be read. */
function readable({ store }: RoomStore): string[] {
  return [...store.tails.values()].flatMap(({ channel, epoch, lastSeq, trimmedSeq }) => {
    const found: string[] = [];
    for (let seq = trimmedSeq + 1n; seq <= lastSeq; seq += 1n) {
      const range = { channel, epoch, afterSeq: seq - 1n, maxBytes: 1, maxCount: 1 };
      const [message] = readRange(store.readParts, range).messages;
      if (message?.seq === seq) found.push(`${channel}/${seq}`);
    }
    return found;
  });
}

describe("keys and segments that cannot be read", () => {
  test("[R03] [S16] one that was pruned and cannot be deleted keeps no key, after a restart neither", () => {
    using room = new RoomStore({ retainHours: 0 });
    room.append(named(1, 1, LONG));
    nextDay(room);
    room.append(named(2, 1));
    breakSegment(room, 1);
    assert.ok(isBroken(room, 1));
    room.workAll();
    assert.ok(keyFiles(room).includes("1.key"), "it is unsettled: a person has not decided");
    room.settle(1n);
    room.workAll();
    assert.ok(isBroken(room, 1), "SQLite cannot delete it");
    assert.ok(!keyFiles(room).includes("1.key"));
    assert.deepEqual(room.bodies(1, 1n), named(2, 1));
    room.settle(2n);
    nextDay(room);
    room.append(named(3, 1));
    room.workAll();
    assert.equal(keyFiles(room).length, 1, "nor the keys of what came after it");
    room.store.prepared.identityClean.run();
    room.reopen();
    nextDay(room);
    room.append(named(4, 1));
    room.workAll();
    assert.deepEqual(room.bodies(1, 2n), [...named(3, 1), ...named(4, 1)]);
  });

  test("[R03] a kept row whose segment storage has altered does not let the others' keys go", () => {
    using room = new RoomStore({ retainHours: 0 });
    room.append(named(1, 3));
    nextDay(room);
    room.append(named(4, 1));
    room.database.exec("UPDATE message SET segment = 4 WHERE seq = 1");
    room.workAll();
    assert.ok(keyFiles(room).includes("1.key"));
    assert.deepEqual(room.bodies(1, 1n), named(2, 3));
  });

  test("[R03] nor does the only kept row of its time", () => {
    using room = new RoomStore({ retainHours: 0 });
    room.append(named(1, 1));
    nextDay(room);
    room.append(named(2, 1), { channel: 2 });
    room.database.exec("UPDATE message SET segment = 9 WHERE channel = 1");
    room.workAll();
    assert.ok(keyFiles(room).includes("1.key"), "what lies there can be read");
  });

  for (const [what, found, alter] of [
    ["a row leads astray", 3, "UPDATE message SET segment = 99 WHERE seq = 2"],
    ["an index does not find the first rows", 5, "DELETE FROM message WHERE seq IN (2, 3, 4)"],
  ] as const) {
    test(`[R03] behind a page that cannot be read, where ${what}, keys stay`, () => {
      using room = new RoomStore({ retainHours: 0 });
      room.append(named(1, 4, 3_000));
      nextDay(room);
      room.append(named(5, 1, 3_000));
      room.settle(1n);
      breakPageOf(room, 1);
      room.work("prune");
      assert.equal(room.trimmed(), 1);
      room.database.exec(alter);
      room.work("shred");
      assert.ok(keyFiles(room).includes("1.key"));
      assert.deepEqual(room.bodies(1, BigInt(found - 1)), named(found, 6 - found, 3_000));
      room.settle(found === 3 ? 4n : 5n);
      room.work("prune");
      room.work("shred");
      assert.ok(!keyFiles(room).includes("1.key"), "nothing of its time is kept any more");
    });
  }

  test("[R03] where an index does not find the first kept row, every key stays", () => {
    using room = new RoomStore({ retainHours: 0 });
    room.append(named(1, 2));
    nextDay(room);
    room.append(named(3, 1));
    room.database.exec("DELETE FROM message WHERE seq <= 2");
    room.work("shred");
    assert.ok(keyFiles(room).includes("1.key"));
  });

  test("[R03] whatever comes, is settled, pruned and breaks: no key goes that a readable row needs", () => {
    const step = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({
          kind: fc.constant("append"),
          channel: fc.integer({ min: 1, max: 2 }),
          long: fc.boolean(),
        }),
      },
      {
        weight: 2,
        arbitrary: fc.record({
          kind: fc.constant("settle"),
          channel: fc.integer({ min: 1, max: 2 }),
          part: fc.integer({ min: 0, max: 100 }),
        }),
      },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant("day") }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("break"), at: fc.nat(50) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant("work") }) },
    );
    const property = fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
      using room = new RoomStore({ retainHours: 0 });
      let count = 0;
      const work = (): void => {
        const before = readable(room);
        room.workAll();
        const kept = new Set(readable(room));
        for (const one of before) {
          const [channel = "", seq = ""] = one.split("/");
          const trimmed = room.store.tails.get(Number(channel))?.trimmedSeq ?? 0n;
          assert.ok(BigInt(seq) <= trimmed || kept.has(one), `${one} could be read before`);
        }
      };
      for (const one of steps) {
        if (one.kind === "append" && "long" in one) {
          room.append(named(++count, 1, one.long ? LONG : 20), { channel: one.channel });
        } else if (one.kind === "settle" && "part" in one) {
          const last = Number(room.store.tails.get(one.channel)?.lastSeq ?? 0n);
          const seq = Math.floor((last * one.part) / 100);
          if (seq > 0) room.settle(BigInt(seq), one.channel);
        } else if (one.kind === "day") nextDay(room);
        else if (one.kind === "break" && "at" in one) {
          const ids = room.database
            .prepare(
              // A channel whose last record is gone begins a new epoch at the start: not of this test.
              `SELECT id FROM segment WHERE length(bytes) > 15000
                 AND id NOT IN (SELECT max(segment) FROM message GROUP BY channel)`,
            )
            .pluck()
            .all() as number[];
          const id = ids[one.at % Math.max(1, ids.length)];
          if (id !== undefined && !isBroken(room, id)) breakSegment(room, id);
        } else work();
      }
      // Everything has left: whatever broke, no old key is kept.
      for (const channel of [1, 2]) {
        room.append([`last ${channel}`], { channel });
        room.settle(room.store.tails.get(channel)?.lastSeq ?? 0n, channel);
      }
      nextDay(room);
      room.append(["a new key"]);
      work();
      assert.equal(keyFiles(room).length, 1);
    });
    fc.assert(property, { numRuns: 60 });
  });
});
