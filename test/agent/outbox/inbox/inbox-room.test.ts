/** Room, keys and damage of the inbox: pruning, shredding, verification, the budget (05 S12 to S16, 08 2.3). */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { AgentError } from "#agent/errors.ts";
import { type DamagedRow, walkStore } from "#agent/outbox/format/row-walk.ts";
import { leftovers, wronglyCounted } from "#test/faults/store-accounting.ts";
import { until } from "#test/support/processes.ts";
import { ASIDE, RoomInbox } from "#test/support/room-inbox.ts";
import { HOUR_MS, MIB } from "#test/support/room-store.ts";
import { itemOf, openInbox } from "#test/support/test-inbox.ts";
import { TestOutbox } from "#test/support/test-outbox.ts";

const DAY_MS = 24 * HOUR_MS;
const BIG = Buffer.from(Array.from({ length: 3 * MIB }, (_, index) => 32 + (index % 90)));

function isSound({ room }: RoomInbox): void {
  assert.deepEqual(wronglyCounted(room.database), []);
  assert.deepEqual(leftovers(room.database), []);
}

describe("retention of the inbox", () => {
  test("[S14, TP38] a delivered body stays for retainHours; its row is the ledger for ledgerDays", () => {
    using made = new RoomInbox({ retainHours: 72, ledgerDays: 10 });
    made.ingest(1n, "one", "two");
    const first = made.settle();
    made.room.clock.advance(72 * HOUR_MS - 1);
    made.room.work("inboxPrune");
    assert.equal(made.body(first), "one");
    made.room.clock.advance(1);
    made.room.work("inboxPrune");
    assert.equal(made.room.count("inbox_slice"), 1, "two waits to be delivered");
    assert.equal(made.room.count("inbox"), 2);
    assert.equal(made.room.number("SELECT count(*) FROM inbox WHERE head IS NULL"), 1);
    isSound(made);
    made.room.clock.advance(10 * DAY_MS);
    made.room.work("inboxLedger");
    assert.deepEqual(made.kept(), [first + 1]);
    assert.equal(made.room.count("inbox"), 1);
    const [answer] = made.write({
      ...{
        call: "ingest",
        channel: "orders",
        epoch: 1n,
        atMs: 0,
        first: 1n,
        items: [itemOf("one")],
      },
    });
    const repeat = { kind: "ok", last: 2n, arrivedCount: 0, unverifiedCount: 1, gap: null };
    assert.deepEqual(answer, { result: repeat }, "RI5: a repeat, unseen");
  });

  test("[I-4, X12] nothing unsettled and nothing set aside is pruned, whatever the time and the pressure", () => {
    using made = new RoomInbox({ retainHours: 0, diskBudgetBytes: MIB });
    made.ingest(1n, Buffer.alloc(300_000, "a"), Buffer.alloc(300_000, "b"), "waits");
    const aside = made.settle(ASIDE);
    const delivered = made.settle();
    made.room.clock.advance(500 * DAY_MS);
    made.room.workAll();
    assert.ok(made.room.store.budget.isPressed === false || made.kept().length === 2);
    assert.deepEqual(made.kept(), [aside, delivered + 1]);
    made.write({ call: "discard", ids: [aside] });
    assert.deepEqual(made.kept(), [delivered + 1]);
    assert.equal(made.body(delivered + 1), "waits");
    isSound(made);
  });

  test("[S12, TP37] under pressure delivered bodies go before their time", () => {
    using made = new RoomInbox({ retainHours: 72, diskBudgetBytes: 2 * MIB });
    made.ingest(1n, ...Array.from({ length: 5 }, (_, index) => Buffer.alloc(250_000, `${index}`)));
    for (let index = 0; index < 5; index++) made.settle();
    assert.ok(made.room.store.budget.isPressed);
    made.room.work("inboxPrune");
    assert.deepEqual(made.kept(), []);
    isSound(made);
  });

  test("[S11] a large body goes in steps, and a crash between two of them goes on", () => {
    using made = new RoomInbox({ retainHours: 0 });
    made.ingest(1n, BIG);
    made.settle();
    made.room.work("inboxPrune");
    assert.equal(made.room.count("inbox_slice"), 24);
    assert.equal(made.room.chore("inboxDoomed").step(false), 0);
    assert.equal(made.room.count("inbox_slice"), 8);
    made.reopen();
    made.room.work("inboxDoomed");
    assert.deepEqual([made.room.count("inbox_slice"), made.room.count("inbox_doomed")], [0, 0]);
    isSound(made);
  });
});

describe("room of the inbox", () => {
  test("[TP34] it is told to whoever gives credit: not before somebody has looked, and whenever it changes", async () => {
    await using made = await openInbox();
    const { inbox } = made.outbox;
    const heard: boolean[] = [];
    inbox.onRoom(() => heard.push(inbox.hasRoom));
    const before = inbox.hasRoom;
    await until("there is room", () => inbox.hasRoom);
    if (!before) assert.deepEqual(heard, [true]);
    await made.outbox.diskIs(true);
    await until("there is none", () => !inbox.hasRoom);
    assert.equal(heard.at(-1), false);
  });

  test("[TP35] the channel for reports is there from the opening on, where anything comes down", async () => {
    await using made = await openInbox();
    const named = made.outbox.channels.map(({ name }) => name);
    assert.deepEqual(named, ["adt", "oru", "$outcomes"]);
    await using plain = await TestOutbox.open();
    assert.deepEqual(
      plain.outbox.channels.map(({ name }) => name),
      ["adt", "oru"],
    );
  });

  const room = (made: RoomInbox): (boolean | undefined)[] =>
    made.room.notices.flatMap((notice) => (notice.notice === "inboxRoom" ? [notice.hasRoom] : []));

  test("[TP34] there is none where the disk is short, while what is stored is still delivered", () => {
    using made = new RoomInbox();
    made.ingest(1n, "one");
    made.room.work("inboxRoom");
    made.room.space.diskIs(true);
    made.room.work("inboxRoom");
    made.room.work("inboxRoom");
    made.settle();
    made.room.space.diskIs(false);
    made.room.work("inboxRoom");
    assert.deepEqual(room(made), [true, false, true]);
  });

  test("[TP34, S12] there is none above 85 % of the budget, and messages of hospital systems have the rest", () => {
    using made = new RoomInbox({ diskBudgetBytes: 2 * MIB, retainHours: 0 });
    made.room.work("inboxRoom");
    made.room.append([Buffer.alloc(900_000, "x").toString("latin1")]);
    made.room.append([Buffer.alloc(800_000, "y").toString("latin1")]);
    made.room.work("inboxRoom");
    assert.deepEqual(room(made), [true, false]);
    made.room.append(["still taken"]);
    made.room.settle(2n);
    made.room.work("prune");
    made.room.work("inboxRoom");
    assert.deepEqual(room(made), [true, false, true]);
  });

  test("[S12, RI7] a message that finds no room is answered busy, and what is delivered is still written", () => {
    using made = new RoomInbox({ diskBudgetBytes: MIB });
    made.ingest(1n, "one");
    const { id = 0 } = made.reader.next("orders") ?? {};
    const big = { call: "ingest", channel: "orders", epoch: 1n, atMs: 0, first: 2n } as const;
    const settle = { call: "settle", id, atMs: 5 } as const;
    const outcome = { kind: "accepted", flags: [], reply: undefined } as const;
    const answers = made.write({ ...big, items: [itemOf(BIG)] }, { ...settle, outcome });
    assert.deepEqual(answers, [{ result: { kind: "busy" } }, { result: undefined }]);
    assert.equal(made.reader.next("orders"), undefined);
    made.ingest(2n, "two");
    assert.equal(made.body(made.settle()), "two");
    isSound(made);
  });
});

describe("keys of the inbox", () => {
  const keyFiles = ({ room }: RoomInbox): string[] =>
    readdirSync(join(room.stateDir, "keys")).filter((name) => name !== "index.key");

  /** A day later: the next row is sealed with a new key, and the chore has seen it coming. */
  function nextDay({ room }: RoomInbox): void {
    room.clock.advance(DAY_MS - 60_000);
    room.chore("shred").step(false);
    room.clock.advance(60_000);
  }

  test("[R03, S21] a key goes, and everything of the inbox that outlives it is sealed again", () => {
    using made = new RoomInbox({ retainHours: 0 });
    made.ingest(1n, "old aside", "old open", "old delivered", BIG.subarray(0, 400_000));
    const aside = made.settle(ASIDE);
    const { id = 0 } = made.reader.next("orders") ?? {};
    const said = { code: "CA", text: Buffer.from("T"), bytes: Buffer.from("R") } as const;
    const awaiting = { id, controlId: Buffer.from("M1"), untilMs: 1, flags: [] };
    made.write({ call: "awaitAcknowledgment", awaiting, reply: said });
    made.settle();
    const digest = Buffer.alloc(32, 5);
    const piece = { channel: "orders", epoch: 1n, atMs: 0, seq: 5n, sha256: digest } as const;
    const bytes = { totalBytes: 9, offset: 0, bytes: Buffer.from("partial") };
    made.write({ call: "partial", ...piece, ...bytes });
    nextDay(made);
    made.ingest(5n, "new");
    made.write({ call: "partial", ...piece, seq: 6n, ...bytes });
    nextDay(made);
    made.room.append(["M1"]);
    made.room.settle(1n);
    made.room.settle(2n, 2);
    made.room.workAll();
    assert.ok(!keyFiles(made).includes("1.key"), `${keyFiles(made)}`);
    made.reopen();
    assert.deepEqual([made.body(aside), made.body(id)], ["old aside", "old open"]);
    assert.equal(made.reader.awaiting("orders")[0]?.controlId.toString(), "77,49");
    assert.equal(made.body(id + 2).length, 400_000);
    const opened = made.write({
      ...{ call: "open", channel: "orders", epoch: 1n, atMs: 0, nextSeq: 1n },
      ...{ previous: null, sourceStore: null },
    });
    const [answer] = opened as unknown as { result: { position: Record<string, unknown> } }[];
    const { chain, partial } = answer?.result.position ?? {};
    assert.ok(chain instanceof Uint8Array, "the chain was sealed again");
    assert.deepEqual((partial as { sha256: Uint8Array }).sha256, new Uint8Array(digest));
    isSound(made);
  });

  test("[R03, TP15] the chains of epochs that ended are sealed again, too", () => {
    using made = new RoomInbox({ retainHours: 0 });
    made.ingest(1n, "one");
    const previous = { epoch: 1n, finalSeq: 1n };
    const call = { channel: "orders", epoch: 2n, atMs: 0, nextSeq: 1n, previous } as const;
    assert.equal(made.kindOf({ call: "open", ...call, sourceStore: null }), "ok");
    nextDay(made);
    made.room.append(["M1"]);
    made.room.settle(1n);
    made.room.workAll();
    assert.ok(!keyFiles(made).includes("1.key"), `${keyFiles(made)}`);
    const read = made.room.database.prepare("SELECT final_chain FROM inbox_epoch").pluck();
    const place = { column: "inbox_epoch.final_chain", channel: 1, row: 1n } as const;
    assert.equal(made.room.store.sealer.open(read.get() as Buffer, place)?.length, 32);
  });

  test("[R03] a key that the inbox alone needs stays until it is sealed again, also after a crash", () => {
    using made = new RoomInbox({ retainHours: 0 });
    made.ingest(1n, "waits");
    nextDay(made);
    made.reopen();
    made.ingest(2n, "later");
    made.room.workAll();
    made.reopen();
    assert.equal(made.body(made.settle()), "waits");
    assert.equal(made.body(made.settle()), "later");
  });

  test("[S21, R08] nothing of a message, its metadata or its reply lies in clear", () => {
    using made = new RoomInbox();
    const canary = "Vogelhaus";
    made.ingest(1n, itemOf(`body ${canary}`, { meta: `{"source":"${canary}"}` }), `x${canary}`);
    const { id = 0 } = made.reader.next("orders") ?? {};
    const said = {
      code: "AE",
      text: Buffer.from(canary),
      bytes: Buffer.from(`MSA ${canary}`),
    } as const;
    made.write({ call: "hold", hold: { id, why: "error", flags: [] }, reply: said });
    made.settle({ kind: "accepted", flags: [], reply: undefined });
    const more = { id: id + 1, controlId: Buffer.from(canary), untilMs: 1, flags: [] };
    made.write({ call: "awaitAcknowledgment", awaiting: more, reply: said });
    made.room.database.pragma("wal_checkpoint(PASSIVE)");
    for (const file of [made.room.database.name, `${made.room.database.name}-wal`]) {
      const bytes = readFileSync(file);
      for (const form of [canary, Buffer.from(canary).toString("base64").slice(0, 10)]) {
        assert.ok(!bytes.includes(form), `${form} in ${file}`);
      }
    }
  });
});

describe("damage of the inbox", () => {
  function walked(made: RoomInbox): { readonly damaged: DamagedRow[]; readonly inbox: number } {
    const { prepared, sealer, tails } = made.room.store;
    const damaged: DamagedRow[] = [];
    const walk = walkStore({ prepared, sealer, tails: () => tails }, (row) => damaged.push(row));
    for (;;) {
      const piece = walk.next();
      if (piece.done === true) return { damaged, inbox: piece.value.inbox };
    }
  }

  function flip({ room }: RoomInbox, table: string, column: string, where: string): void {
    const read = room.database.prepare(`SELECT ${column} FROM ${table} WHERE ${where}`).pluck();
    const bytes = read.get() as Buffer;
    const at = bytes.length >> 1;
    bytes[at] = (bytes[at] ?? 0) ^ 0x04;
    room.database.prepare(`UPDATE ${table} SET ${column} = ? WHERE ${where}`).run(bytes);
  }

  const isDamaged = ({ code }: AgentError): boolean => code === "STORE_BODY_DAMAGED";

  for (const [table, column, where] of [
    ["inbox_slice", "bytes", "body = 2"],
    ["inbox", "head", "id = 2"],
  ] as const) {
    test(`[S16, S18] a flipped bit in ${table}.${column} is found by the walk and by whoever reads; others flow`, () => {
      using made = new RoomInbox();
      made.ingest(1n, "one", "two", "three");
      assert.deepEqual(walked(made), { damaged: [], inbox: 3 });
      flip(made, table, column, where);
      const row = { kind: "inbox", id: 2, channel: 1, name: "orders", epoch: 1n, seq: 2n };
      assert.deepEqual(walked(made), { damaged: [row], inbox: 3 });
      assert.equal(made.body(made.settle()), "one");
      assert.throws(() => made.body(2), isDamaged);
      made.settle({ kind: "quarantined", reason: "damaged", flags: [], reply: undefined });
      assert.equal(made.body(made.settle()), "three");
    });
  }

  test("[S16, O1] a missing slice, a row that is another's and swapped slices are damage, before the last byte", () => {
    using made = new RoomInbox();
    made.ingest(1n, BIG.subarray(0, 300_000), "two", BIG.subarray(7, 300_007));
    made.room.database.exec("DELETE FROM inbox_slice WHERE body = 1 AND ordinal = 2");
    assert.equal(made.reader.body(1, 0, 1 << 20).length, 131_072, "the first ones are given");
    assert.equal(made.reader.body(1, 131_072, 1 << 20).length, 131_072);
    assert.throws(() => made.reader.body(1, 262_144, 1 << 20), isDamaged);
    made.room.database.exec(`
      UPDATE inbox_slice SET ordinal = ordinal + 10 WHERE body = 3 AND ordinal < 2;
      UPDATE inbox_slice SET ordinal = 11 - ordinal WHERE body = 3 AND ordinal >= 10`);
    assert.throws(() => made.body(3), isDamaged);
    made.room.database.exec(
      "UPDATE inbox SET head = (SELECT head FROM inbox WHERE id = 1) WHERE id = 2",
    );
    assert.throws(() => made.body(2), isDamaged);
    assert.equal(walked(made).damaged.length, 3);
  });

  test("[S16] a bit of a row's own number is found: its head says another", () => {
    using made = new RoomInbox();
    made.ingest(1n, "one", "two");
    made.room.database.exec("UPDATE inbox SET seq = 6 WHERE id = 2");
    assert.equal(walked(made).damaged.length, 1);
    assert.throws(() => made.body(2), isDamaged);
  });

  test("[S16, O1] bytes that open and are not those that were received are damage, before the last byte", () => {
    using made = new RoomInbox();
    made.ingest(1n, BIG.subarray(0, 200_000));
    const place = { column: "inbox_slice.bytes", channel: 0, row: 1, extra: 0 } as const;
    const other = made.room.store.sealer.seal([Buffer.alloc(131_072, "?")], place);
    made.room.database.prepare("UPDATE inbox_slice SET bytes = ? WHERE ordinal = 0").run(other);
    assert.equal(made.reader.body(1, 0, 1 << 20).length, 131_072);
    assert.throws(() => made.reader.body(1, 131_072, 1 << 20), isDamaged);
    assert.equal(walked(made).damaged.length, 1);
  });

  test("[S16] a partial whose last slice does not open any more begins again", () => {
    using made = new RoomInbox();
    const common = { channel: "orders", epoch: 1n, atMs: 0, seq: 1n, sha256: Buffer.alloc(32) };
    const piece = (offset: number): InboxPiece => ({
      ...{ call: "partial", ...common, totalBytes: 100, offset, bytes: Buffer.from("0123456789") },
    });
    assert.equal(made.kindOf(piece(0)), "ok");
    flip(made, "inbox_slice", "bytes", "body = 1");
    assert.equal(made.kindOf(piece(10)), "restart");
    assert.equal(made.kindOf(piece(10)), "restart");
    assert.equal(made.kindOf(piece(0)), "ok");
    assert.equal(made.kindOf(piece(10)), "ok");
    isSound(made);
  });
});

type InboxPiece = Extract<Parameters<RoomInbox["kindOf"]>[0], { readonly call: "partial" }>;
