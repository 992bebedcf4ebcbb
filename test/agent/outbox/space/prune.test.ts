import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { describe, test } from "node:test";
import { PRUNE_RANGE_ROWS } from "#agent/limits.ts";
import { chainAt } from "#agent/outbox/epochs/epoch-chains.ts";
import { HOUR_MS, MIB, named, RoomStore } from "#test/support/room-store.ts";
import { entryOf } from "#test/support/test-outbox.ts";

/** Breaks the chain of the pages in which a value of several pages lies: in the closed file, as a disk would. */
function breakOverflowChain(room: RoomStore, value: Buffer): void {
  const { database } = room;
  const file = database.name;
  // Else the start would look closer, and refuse.
  room.store.prepared.identityClean.run();
  room.close();
  const content = readFileSync(file);
  const found = content.indexOf(value.subarray(10_000, 10_200));
  assert.ok(found > 0, "the value is in the file");
  content.writeUInt32BE(0x7fffffff, Math.floor(found / 4096) * 4096);
  writeFileSync(file, content);
  room.reopen();
}

describe("pruning", () => {
  test("[S14] bodies stay for retainHours after they were settled, then go; their rows stay", () => {
    using room = new RoomStore({ retainHours: 72 });
    room.append(named(1, 5));
    room.clock.advance(500 * HOUR_MS);
    room.settle(5n);
    room.clock.advance(72 * HOUR_MS - 1);
    room.work("prune");
    assert.equal(room.trimmed(), 0, "counted from settling, not from arrival");
    assert.equal(room.count("segment"), 5);
    room.clock.advance(1);
    room.work("prune");
    assert.equal(room.trimmed(), 5);
    assert.equal(room.count("segment"), 0);
    assert.equal(room.count("message"), 5);
    assert.deepEqual(room.bodies(), []);
    room.isSound();
  });

  test("[S14] what is settled after the last mark is marked when settling has come to rest", () => {
    using room = new RoomStore({ retainHours: 72 });
    room.append(named(1, 4));
    room.settle(1n);
    room.clock.advance(1_000);
    room.settle(4n);
    room.work("prune");
    assert.equal(room.count("settle_mark"), 1, "a mark each ten minutes at most");
    room.clock.advance(600_000);
    room.work("prune");
    assert.equal(room.count("settle_mark"), 2);
    room.clock.advance(72 * HOUR_MS - 600_000);
    room.work("prune");
    assert.equal(room.trimmed(), 1, "the others were settled later, as far as anybody knows");
    room.clock.advance(600_000);
    room.work("prune");
    assert.equal(room.trimmed(), 4);
    assert.equal(room.count("settle_mark"), 1, "old marks are gone");
    room.isSound();
  });

  test("[S14] a clock that was far ahead and is set back keeps bodies for their whole time again", () => {
    using room = new RoomStore({ retainHours: 72 });
    room.append(named(1, 3));
    room.clock.advance(1_000_000 * HOUR_MS);
    room.settle(3n);
    room.clock.advance(-1_000_000 * HOUR_MS);
    room.work("prune");
    room.clock.advance(72 * HOUR_MS - 1);
    room.work("prune");
    assert.equal(room.trimmed(), 0);
    room.clock.advance(1);
    room.work("prune");
    assert.equal(room.trimmed(), 3);
  });

  for (const pressed of [false, true]) {
    test(`[S14] [I-4] nothing unsettled is pruned${pressed ? ", whatever the pressure" : ""}`, () => {
      using room = new RoomStore({ retainHours: 0, ...(pressed && { diskBudgetBytes: 4096 }) });
      room.space.diskIs(pressed);
      room.append(named(1, 10));
      room.append(named(1, 10), { channel: 2 });
      room.settle(6n);
      room.clock.advance(1_000 * HOUR_MS);
      room.work("prune");
      assert.equal(room.trimmed(1), 6);
      assert.equal(room.trimmed(2), 0);
      assert.deepEqual(room.bodies(1, 6n), named(7, 4));
      assert.deepEqual(room.bodies(2), named(1, 10));
      room.isSound();
    });
  }

  test("[I-4] the statement that moves trimmed refuses to pass the receiver's word", () => {
    using room = new RoomStore({ retainHours: 0 });
    room.append(named(1, 4));
    room.settle(2n);
    const trim = (seq: number): number =>
      room.store.prepared.cursorTrim.run(seq, 0, null, 1, 1, seq, seq).changes;
    assert.equal(trim(3), 0);
    assert.equal(trim(2), 1);
    assert.equal(trim(1), 0, "nor back");
  });

  test("[S14] a segment goes with the last of its messages that may go", () => {
    using room = new RoomStore({ retainHours: 0 });
    const group = named(1, 6).map((body) => entryOf({ controlId: body, body }));
    assert.ok(room.commit(...group).committed);
    assert.equal(room.count("segment"), 1);
    room.settle(5n);
    assert.equal(room.work("prune"), 0);
    assert.equal(room.trimmed(), 0);
    room.settle(6n);
    room.work("prune");
    assert.equal(room.trimmed(), 6);
    room.isSound();
  });

  test("[S15] one transaction takes at most 1,000 rows, and about two MiB", () => {
    using room = new RoomStore({ retainHours: 0 });
    const rows = 2 * PRUNE_RANGE_ROWS + 500;
    for (let from = 1; from <= rows; from += 100) {
      const group = named(from, 100).map((body) => entryOf({ controlId: body, body }));
      assert.ok(room.commit(...group).committed);
    }
    room.settle(BigInt(rows));
    assert.equal(room.work("prune"), 3);
    assert.equal(room.trimmed(), rows);
    const large = named(rows + 1, 10, 600_000);
    room.append(large);
    room.settle(BigInt(rows + 10));
    assert.equal(room.work("prune"), 3, "four of 600 kB each");
    room.isSound();
  });

  test("[S7] [S23] a range is smaller while messages come", () => {
    using room = new RoomStore({ retainHours: 0 });
    for (let from = 1; from <= 500; from += 10) {
      assert.ok(room.commit(...named(from, 10).map((body) => entryOf({ body }))).committed);
    }
    room.settle(500n);
    assert.equal(room.work("prune", true), 2);
    room.isSound();
  });

  test("[S14] [S11] a large body goes with its row: first out of sight, then in steps", () => {
    using room = new RoomStore({ retainHours: 0 });
    room.appendLarge("BIG", new Uint8Array(300 * 1024).fill(7));
    room.append(["small"]);
    room.settle(2n);
    assert.equal(room.work("prune"), 1);
    assert.equal(room.trimmed(), 2);
    assert.equal(room.number("SELECT count(*) FROM upload WHERE complete = 1"), 0);
    const slices = room.count("slice");
    assert.ok(slices > 250, "no step takes all of them");
    assert.equal(room.chore("uploads").step(false), 0);
    assert.ok(slices - room.count("slice") <= 16);
    room.work("uploads");
    assert.equal(room.count("slice"), 0);
    assert.equal(room.count("upload"), 0);
    room.isSound();
  });

  test("[S11] [T-S12] a crash between those steps: the next start sweeps what is left", () => {
    using room = new RoomStore({ retainHours: 0 });
    room.appendLarge("BIG", new Uint8Array(100 * 1024).fill(7));
    room.settle(1n);
    room.work("prune");
    room.chore("uploads").step(false);
    assert.ok(room.count("slice") > 0);
    room.reopen();
    assert.equal(room.count("slice"), 0);
    room.isSound();
  });

  test("[S14] [F12] the slices of a batch go with the last of its messages", () => {
    using room = new RoomStore({ retainHours: 0 });
    const body = new Uint8Array(3_000).fill(7);
    const orders = [0, 1, 2].map((ordinal) => {
      const bytes = body.slice(ordinal * 1_000, (ordinal + 1) * 1_000);
      return { order: "stage", upload: 1, ordinal, bytes } as const;
    });
    const part = (controlId: string, uploadAt: number) =>
      entryOf({
        ...{ controlId, body: new Uint8Array(0), length: 1_000, uploadAt },
        ...{ upload: 1, uploadBytes: 3_000 },
      });
    const parts = [part("A", 0), part("B", 1_000)];
    assert.ok(room.store.commit([...orders, room.order(...parts)]).committed);
    room.append(["between"]);
    const late = entryOf({ controlId: "C", body: new Uint8Array(0), length: 1_000, upload: 1 });
    assert.ok(room.commit({ ...late, uploadBytes: -1 }).committed);
    room.database.exec("UPDATE upload SET uses = 3");
    room.settle(3n);
    room.work("prune");
    room.work("uploads");
    assert.equal(room.count("slice"), 3);
    room.settle(4n);
    room.work("prune");
    room.work("uploads");
    assert.equal(room.count("slice"), 0);
    room.isSound();
  });

  test("[TP15] [S5] the chain goes on from what was pruned, also after a start", () => {
    using room = new RoomStore({ retainHours: 0 });
    using other = new RoomStore();
    const append = (bodies: string[]): void => {
      room.append(bodies);
      other.append(bodies);
    };
    const chainOf = ({ store }: RoomStore, seq: bigint) => chainAt(store.readParts, 1, 1n, seq);
    append(named(1, 3));
    room.settle(3n);
    room.work("prune");
    assert.deepEqual(chainOf(room, 3n), chainOf(other, 3n), "of the last that is pruned");
    room.reopen();
    append(named(4, 2));
    assert.deepEqual(chainOf(room, 5n), chainOf(other, 5n));
    room.settle(4n);
    room.work("prune");
    room.reopen();
    append(named(6, 1));
    assert.deepEqual(chainOf(room, 6n), chainOf(other, 6n));
    assert.deepEqual(chainOf(room, 4n), chainOf(other, 4n));
    assert.equal(chainOf(room, 2n), undefined);
  });

  test("[S14] [S16] a damaged row goes like the others; at the end of a channel its chain is kept", () => {
    using room = new RoomStore({ retainHours: 0 });
    room.append(named(1, 5));
    const flip = (seq: number): void => {
      const segment = room.number(`SELECT segment FROM message WHERE seq = ${seq}`);
      room.database.prepare("UPDATE segment SET bytes = zeroblob(100) WHERE id = ?").run(segment);
    };
    flip(3);
    room.settle(3n);
    room.work("prune");
    assert.equal(room.trimmed(), 3);
    const chain = "SELECT trimmed_chain IS NULL FROM cursor WHERE channel = 1";
    assert.equal(room.number(chain), 1);
    flip(5);
    room.settle(5n);
    room.work("prune");
    assert.equal(room.trimmed(), 5);
    assert.equal(room.number(chain), 0, "the writer knew it");
    room.reopen();
    assert.ok(room.store.tails.get(1)?.lastChain !== undefined);
    room.append(named(6, 1));
    room.isSound();
  });

  test("[S16] [T-S08] pages that SQLite cannot follow stay; all around them goes, nothing halts, no key is lost", () => {
    using room = new RoomStore({ retainHours: 0 });
    room.append(named(1, 3, 30_000));
    room.appendLarge("BIG", new Uint8Array(400_000).fill(0x41), 20_000);
    room.commit(entryOf({ controlId: "Q", body: "Q".repeat(30_000), quarantine: "junk" }));
    const at = (table: string, column: string, offset: number): void => {
      // The first overflow page of the row says that it goes on where no page is.
      const row = `SELECT ${column} FROM ${table} LIMIT 1 OFFSET ${offset}`;
      const bytes = room.database.prepare(row).pluck().get() as Uint8Array;
      breakOverflowChain(room, Buffer.from(bytes));
    };
    room.settle(4n);
    room.database.pragma("wal_checkpoint(TRUNCATE)");
    for (const [table, column, offset] of [
      ["segment", "bytes", 1],
      ["slice", "bytes", 5],
      ["quarantine", "sealed", 0],
    ] as const) {
      at(table, column, offset);
    }
    room.clock.advance(25 * HOUR_MS);
    room.append(["new"], { channel: 2 });
    room.work("prune");
    room.work("uploads");
    room.work("shred");
    assert.equal(room.trimmed(), 4);
    assert.equal(room.count("segment"), 2, "the damaged one, and the new one");
    assert.equal(room.count("slice"), 1);
    assert.equal(room.count("upload"), 0);
    assert.deepEqual(room.bodies(2), ["new"]);
  });

  test("[S16] the damaged end of a channel stays until a new epoch has begun", () => {
    using room = new RoomStore({ retainHours: 0 });
    room.append(named(1, 3));
    room.settle(3n);
    room.database.exec("UPDATE segment SET bytes = zeroblob(100) WHERE id = 3");
    room.reopen();
    assert.equal(room.store.tails.get(1)?.lastChain, undefined);
    room.work("prune");
    assert.equal(room.trimmed(), 2);
  });

  test("[S14] [TP37] under pressure the oldest settled goes first, over all channels, and the newest stays", () => {
    using room = new RoomStore({ retainHours: 72 });
    for (let round = 0; round < 4; round++) {
      room.append([`A${round}`]);
      room.clock.advance(60_000);
      room.append([`B${round}`], { channel: 2 });
      room.clock.advance(60_000);
    }
    room.settle(4n, 1);
    room.settle(3n, 2);
    room.space.diskIs(true);
    const gone: string[] = [];
    while (room.chore("prune").step(false) === 0) {
      gone.push(`${room.trimmed(1)} ${room.trimmed(2)}`);
    }
    // A range takes all that may go of one channel: it is the oldest that chooses the channel.
    assert.deepEqual(gone, ["3 0", "3 2"]);
    assert.deepEqual(room.bodies(1, 3n), ["A3"]);
    assert.deepEqual(room.bodies(2, 2n), ["B2", "B3"]);
    room.isSound();
  });

  test("[S14] on a full disk no more goes than the file can give back", () => {
    using room = new RoomStore({ retainHours: 72 });
    room.append(named(1, 60, 900_000));
    room.settle(60n);
    room.space.diskIs(true);
    room.work("prune");
    const trimmed = room.trimmed();
    assert.ok(trimmed >= 16 && trimmed < 30, `${trimmed} of 60`);
    room.work("vacuum");
    room.work("prune");
    assert.ok(room.trimmed() > trimmed);
  });

  test("[TP37] what a receiver reads again is not pruned under it", () => {
    using room = new RoomStore({ retainHours: 0 });
    room.append(named(1, 6));
    room.settle(6n);
    const range = { channel: 1, epoch: 1n, maxBytes: MIB, maxCount: 1 };
    room.space.reading({ ...range, afterSeq: 2n });
    room.work("prune");
    assert.equal(room.trimmed(), 2);
    room.space.reading({ ...range, afterSeq: 4n });
    room.work("prune");
    assert.equal(room.trimmed(), 4);
    room.clock.advance(HOUR_MS);
    room.work("prune");
    assert.equal(room.trimmed(), 6, "it went away");
  });

  test("[TP18] of an epoch that was appended again everything goes", () => {
    using room = new RoomStore({ retainHours: 72 });
    room.append(named(1, 6));
    room.settle(2n);
    room.database.exec(`UPDATE cursor SET ended = 2, final = 2 WHERE channel = 1;
      INSERT INTO cursor (channel, epoch) VALUES (1, 2)`);
    room.reopen();
    room.work("prune");
    assert.equal(room.trimmed(), 0, "what was settled has its time");
    room.clock.advance(72 * HOUR_MS);
    room.work("prune");
    assert.equal(room.trimmed(), 6);
    room.isSound();
  });
});
