/**
 * A store of schema version 1, as the first version of this program left it, is taken over by this one (05 S5).
 *
 * @module
 */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import Sqlite from "better-sqlite3";
import { systemClock } from "#agent/host/clock.ts";
import { CHAIN_START, nextChain } from "#agent/outbox/format/chain.ts";
import { migrate, SCHEMA_VERSION } from "#agent/outbox/format/migrations.ts";
import { ACK_UNDELIVERED } from "#agent/outbox/reader.ts";
import { RECENT_ENTRY_BYTES, RecentKey } from "#agent/outbox/recent-keys.ts";
import type { Sealer } from "#agent/sealing/sealer.ts";
import { AgentStack } from "#test/support/agent-stack.ts";
import { adt, framed, largeAdt, latin1, textOf } from "#test/support/messages.ts";
import { appendTo, entryOf, sha256 } from "#test/support/test-outbox.ts";

/** Copied, and never to be changed: what is on the disks of those who had version 1. */
const VERSION_1 = `
  CREATE TABLE identity (
    id INTEGER PRIMARY KEY CHECK (id = 1), store_id BLOB NOT NULL, created_at_ms INTEGER NOT NULL,
    opened_at_ms INTEGER NOT NULL, ack_through INTEGER NOT NULL DEFAULT 0,
    quarantine_count INTEGER NOT NULL DEFAULT 0, quarantine_bytes INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE TABLE channel (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE cursor (
    channel INTEGER NOT NULL REFERENCES channel (id), epoch INTEGER NOT NULL,
    sent INTEGER NOT NULL DEFAULT 0, acked INTEGER NOT NULL DEFAULT 0,
    trimmed INTEGER NOT NULL DEFAULT 0, acked_chain BLOB, trimmed_chain BLOB,
    PRIMARY KEY (channel, epoch)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE message (
    id INTEGER PRIMARY KEY AUTOINCREMENT, channel INTEGER NOT NULL, epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL, received_at_ms INTEGER NOT NULL, length INTEGER NOT NULL,
    sha256 BLOB NOT NULL, chain BLOB NOT NULL, control_id BLOB NOT NULL, source TEXT NOT NULL,
    flags INTEGER NOT NULL, body INTEGER NOT NULL, body_at INTEGER NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX message_by_seq ON message (channel, epoch, seq);
  CREATE TABLE segment (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
  CREATE TABLE upload (id INTEGER PRIMARY KEY, complete INTEGER NOT NULL) STRICT;
  CREATE INDEX upload_incomplete ON upload (complete) WHERE complete = 0;
  CREATE TABLE slice (
    upload INTEGER NOT NULL, ordinal INTEGER NOT NULL, bytes BLOB NOT NULL,
    PRIMARY KEY (upload, ordinal)
  ) STRICT;
  CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY AUTOINCREMENT, channel INTEGER NOT NULL,
    received_at_ms INTEGER NOT NULL, last_at_ms INTEGER, repeat_count INTEGER NOT NULL DEFAULT 0,
    reason TEXT NOT NULL, length INTEGER NOT NULL, sha256 BLOB NOT NULL, control_id BLOB NOT NULL,
    source TEXT NOT NULL, bytes BLOB NOT NULL, upload INTEGER
  ) STRICT;
  CREATE TABLE recent (id INTEGER PRIMARY KEY, entries BLOB NOT NULL) STRICT;
  CREATE TABLE ack_exception (
    first_id INTEGER PRIMARY KEY, last_id INTEGER NOT NULL, state INTEGER NOT NULL
  ) STRICT;`;

/** The first two steps seal nothing. */
const NO_SEALER = undefined as unknown as Sealer;

const NOW = systemClock.nowMs();
const CHANNEL_ADT = 1;
const CHANNEL_ORU = 2;
const BIG = largeAdt("BIG", 300_000);
const ASIDE = Buffer.alloc(200_000, "MSH|^~\\&|LAB\x0b");

/** The bodies of channel adt in order; BIG lies in slices. Two of them are acked. */
const ADT_BODIES = [latin1(adt("M1")), latin1(adt("M2")), BIG, latin1(adt("M3"))];
const ORU_BODY = latin1(adt("O1"));
const bytesOf = (bodies: readonly Uint8Array[]): number =>
  bodies.reduce((sum, { length }) => sum + length, 0);

/** Keys of sending application LAB, facility NORTH and these control ids on channel adt, as version 1 made them. */
const KEYS_OF_VERSION_1: readonly (readonly [string, string])[] = [
  ["M1", "333390615594c1e5"],
  ["M2", "8ca8f658a853754d"],
  ["BIG", "57a6c10c7fe01fda"],
  ["M3", "859739e79d79c32c"],
];

function fillMessages(database: Sqlite.Database): void {
  database.prepare("INSERT INTO channel (id, name) VALUES (1, 'adt'), (2, 'oru')").run();
  const small = [ADT_BODIES[0], ADT_BODIES[1], ADT_BODIES[3]].map((one) => one ?? Buffer.alloc(0));
  database.prepare("INSERT INTO segment VALUES (1, ?), (2, ?)").run(Buffer.concat(small), ORU_BODY);
  const lengths = small.map(({ length }) => length);
  const [first = 0, second = 0] = lengths;
  // [channel, seq, body, control id, segment or minus the upload, where in the segment]
  const rows = [
    [CHANNEL_ADT, 1n, small[0], "M1", 1, 0],
    [CHANNEL_ADT, 2n, small[1], "M2", 1, first],
    [CHANNEL_ORU, 1n, ORU_BODY, "O1", 2, 0],
    [CHANNEL_ADT, 3n, BIG, "BIG", -1, 0],
    [CHANNEL_ADT, 4n, small[2], "M3", 1, first + second],
  ] as const;
  const insert = database.prepare(
    `INSERT INTO message (channel, epoch, seq, received_at_ms, length, sha256, chain, control_id,
       source, flags, body, body_at) VALUES (?, 1, ?, ?, ?, ?, ?, ?, '10.0.0.1:4711', 0, ?, ?)`,
  );
  const chains = new Map<number, Uint8Array>();
  const acked: Uint8Array[] = [];
  for (const [channel, seq, body = Buffer.alloc(0), id, place, at] of rows) {
    const digest = sha256(body);
    const chain = nextChain(chains.get(channel) ?? CHAIN_START, 1n, seq, digest);
    chains.set(channel, chain);
    if (channel === CHANNEL_ADT) acked.push(chain);
    insert.run(channel, seq, NOW, body.length, digest, chain, latin1(id), place, at);
  }
  const cursor = database.prepare(
    "INSERT INTO cursor (channel, epoch, sent, acked, acked_chain) VALUES (?, 1, ?, ?, ?)",
  );
  cursor.run(CHANNEL_ADT, 2, 2, acked[1]);
  cursor.run(CHANNEL_ORU, 0, 0, null);
}

function fillSlices(database: Sqlite.Database): void {
  const upload = database.prepare("INSERT INTO upload (id, complete) VALUES (?, ?)");
  const slice = database.prepare("INSERT INTO slice (upload, ordinal, bytes) VALUES (?, ?, ?)");
  for (const [id, complete, body] of [
    [1, 1, BIG],
    [2, 1, ASIDE],
    // What a crash left of a body that was still arriving.
    [3, 0, Buffer.alloc(150_000)],
  ] as const) {
    upload.run(id, complete);
    for (let ordinal = 0; ordinal * 131_072 < body.length; ordinal++) {
      slice.run(id, ordinal, body.subarray(ordinal * 131_072, (ordinal + 1) * 131_072));
    }
  }
}

const BAD = adt("Q1").replace("ADT^A01", "");

function fillQuarantine(database: Sqlite.Database): void {
  const insert = database.prepare(
    `INSERT INTO quarantine (channel, received_at_ms, last_at_ms, repeat_count, reason, length,
       sha256, control_id, source, bytes, upload) VALUES (?, ?, ?, ?, ?, ?, ?, ?, '10.0.0.1:4711', ?, ?)`,
  );
  const none = Buffer.alloc(0);
  const half = latin1("MSH|half");
  const beginning = Buffer.alloc(64, "MSH|");
  const rows = [
    [CHANNEL_ADT, NOW, 3, "noMessageType", latin1(BAD), BAD.length, "Q1", null],
    [CHANNEL_ADT, null, 0, "partial", half, half.length, "", null],
    [CHANNEL_ADT, null, 0, "embeddedFraming", ASIDE, ASIDE.length, "", 2],
    [CHANNEL_ADT, null, 0, "tooLarge", beginning, 5_000_000, "Q4", null],
    [CHANNEL_ORU, null, 0, "noHeader", latin1("rubbish"), 7, "", null],
  ] as const;
  for (const [channel, last, count, reason, body, length, id, upload] of rows) {
    const kept = upload === null ? body : none;
    const digest = sha256(body);
    insert.run(channel, NOW, last, count, reason, length, digest, latin1(id), kept, upload);
  }
}

function fillRecent(database: Sqlite.Database): void {
  const key = new RecentKey();
  const entries = KEYS_OF_VERSION_1.map(([id, controlKey], index) => {
    const entry = Buffer.alloc(RECENT_ENTRY_BYTES);
    const body = [ADT_BODIES[0], ADT_BODIES[1], BIG, ADT_BODIES[3]][index] ?? BIG;
    key.set(Buffer.from(controlKey, "hex"), sha256(body));
    // Rows of `message`: the one of channel oru stands between them.
    key.writeEntry(entry, index < 2 ? index + 1 : index + 2, NOW);
    assert.equal(id, KEYS_OF_VERSION_1[index]?.[0]);
    return entry;
  });
  const aside = Buffer.alloc(RECENT_ENTRY_BYTES);
  key.set(new Uint8Array(8).fill(5), sha256(latin1(BAD)));
  // Version 1 kept the keys of quarantined blocks here, too, under minus their row.
  key.writeEntry(aside, -1, NOW);
  database
    .prepare("INSERT INTO recent (entries) VALUES (?)")
    .run(Buffer.concat([...entries, aside]));
}

/** A state folder that version 1 left behind. */
class OldStore implements Disposable {
  readonly stateDir = mkdtempSync(join(tmpdir(), "holdfast-version-1-"));
  readonly file = join(this.stateDir, "outbox/holdfast.db");

  constructor(fill: boolean) {
    mkdirSync(join(this.stateDir, "outbox"), { mode: 0o700 });
    const database = new Sqlite(this.file);
    database.pragma("auto_vacuum = INCREMENTAL");
    database.pragma("journal_mode = WAL");
    migrate(database, NO_SEALER, [VERSION_1]);
    assert.equal(database.pragma("user_version", { simple: true }), 1);
    database
      .prepare(
        `INSERT INTO identity (id, store_id, created_at_ms, opened_at_ms, ack_through,
           quarantine_count, quarantine_bytes) VALUES (1, ?, 1, 1, ?, 5, 1000)`,
      )
      .run(new Uint8Array(16).fill(7), fill ? 5 : 0);
    if (fill) {
      fillMessages(database);
      fillSlices(database);
      fillQuarantine(database);
      fillRecent(database);
      // The reply to M2 did not reach its sender.
      database.prepare("INSERT INTO ack_exception VALUES (2, 2, ?)").run(ACK_UNDELIVERED);
    }
    database.close();
    chmodSync(this.file, 0o600);
  }

  number(sql: string): unknown {
    const database = new Sqlite(this.file);
    const found = database.prepare(sql).pluck().get();
    database.close();
    return found;
  }

  [Symbol.dispose](): void {
    rmSync(this.stateDir, { recursive: true, force: true });
  }
}

const open = ({ stateDir }: OldStore): Promise<AgentStack> => AgentStack.open({ stateDir });

describe("a store of version 1", () => {
  test("[S5, I-2] every message is there, in order, with its bytes and its place in the chain", async () => {
    using old = new OldStore(true);
    await using agent = await open(old);
    assert.deepEqual(
      (await agent.messages()).map(({ seq, text, attributes }) => [seq, text, attributes]),
      ADT_BODIES.map((body, index) => [BigInt(index + 1), textOf(body), {}]),
    );
    let chain: Uint8Array = CHAIN_START;
    for (const [index, body] of ADT_BODIES.entries()) {
      chain = nextChain(chain, 1n, BigInt(index + 1), sha256(body));
      const found = await agent.outbox.chainAt(CHANNEL_ADT, 1n, BigInt(index + 1));
      assert.deepEqual(found, new Uint8Array(chain));
    }
    const range = { channel: CHANNEL_ORU, epoch: 1n, afterSeq: 0n, maxBytes: 1_000, maxCount: 9 };
    const { messages } = await agent.outbox.read(range);
    assert.deepEqual(
      messages.map(({ body }) => textOf(body)),
      [adt("O1")],
    );
    assert.deepEqual(agent.outbox.storeId, new Uint8Array(16).fill(7));
  });

  test("[S20, C5] sums, cursors and what waits for the receiver are what they were", async () => {
    using old = new OldStore(true);
    await using agent = await open(old);
    const { channels } = await agent.outbox.standing();
    const [lastBytes, ackedBytes] = [bytesOf(ADT_BODIES), bytesOf(ADT_BODIES.slice(0, 2))];
    assert.deepEqual(
      channels.map((one) => [one.name, one.lastSeq, one.ackedSeq, one.lastBytes, one.ackedBytes]),
      [
        ["adt", 4n, 2n, lastBytes, ackedBytes],
        ["oru", 1n, 0n, ORU_BODY.length, 0],
      ],
    );
    assert.equal(agent.outbox.backlogBytes(CHANNEL_ADT), lastBytes - ackedBytes + 2 * 256);
    agent.outbox.settle(CHANNEL_ADT, 1n, 3n);
    await agent.outbox.probe();
    const [settled] = (await agent.outbox.standing()).channels;
    assert.deepEqual([settled?.ackedSeq, settled?.ackedBytes], [3n, ackedBytes + BIG.length]);
  });

  test("[S5, I-3] what comes now is numbered, chained and counted behind it, and stays over a restart", async () => {
    using old = new OldStore(true);
    await using agent = await open(old);
    const outcome = await appendTo(agent.outbox, entryOf({ controlId: "NEW" }));
    assert.deepEqual([outcome.kind, outcome.kind === "stored" && outcome.seq], ["stored", 5n]);
    assert.ok(agent.outbox.newUpload() > 2, "no number of an upload in use is given twice");
    await agent.close();
    await agent.reopen();
    const texts = (await agent.messages()).map(({ text }) => text);
    assert.deepEqual(texts, [...ADT_BODIES.map(textOf), "NEW"]);
    const [tail] = (await agent.outbox.standing()).channels;
    assert.equal(tail?.lastBytes, bytesOf(ADT_BODIES) + 3);
    await agent.close();
    assert.equal(old.number("PRAGMA user_version"), SCHEMA_VERSION);
    assert.equal(old.number("PRAGMA integrity_check"), "ok");
  });

  test("[D1] a message that version 1 acknowledged is recognised when it comes again", async () => {
    using old = new OldStore(true);
    await using agent = await open(old);
    await using sender = await agent.connect();
    for (const body of ADT_BODIES) sender.socket.write(framed(textOf(body)), "latin1");
    const expected = ["AA M1", "AA M2", "AA BIG", "AA M3"];
    assert.deepEqual(await sender.acknowledged(4), expected);
    assert.equal((await agent.messages()).length, 4);
    assert.equal(agent.counters.value("duplicates"), 4);
  });

  test("[E5] how replies ended is what it was", async () => {
    using old = new OldStore(true);
    await using agent = await open(old);
    const acks: (string | undefined)[] = [];
    for (const id of ["M1", "M2", "BIG"]) acks.push((await agent.trace(id))[0]?.ack);
    assert.deepEqual(acks, ["delivered", "undelivered", "delivered"]);
  });

  test("[S11] what a crash left of a body that was arriving is swept; slices in use stay", async () => {
    using old = new OldStore(true);
    const agent = await open(old);
    await agent[Symbol.asyncDispose]();
    assert.equal(old.number("SELECT group_concat(id) FROM upload"), "1,2");
    assert.equal(old.number("SELECT count(*) FROM slice"), 5);
  });
});

describe("quarantine of version 1", () => {
  test("[E7, S20] blocks, counts and bytes are there, for each channel", async () => {
    using old = new OldStore(true);
    await using agent = await open(old);
    const { channels } = await agent.outbox.standing();
    const kept = BAD.length + "MSH|half".length + ASIDE.length + 64 + 4 * 512;
    assert.deepEqual(
      channels.map(({ quarantineCount, quarantineBytes }) => [quarantineCount, quarantineBytes]),
      [
        [4, kept],
        [1, 7 + 512],
      ],
    );
    const rows = await agent.outbox.quarantined(Number.MAX_SAFE_INTEGER, 10);
    assert.deepEqual(
      rows.map(({ id, reason, repeatCount, length, whole }) => [
        id,
        reason,
        repeatCount,
        length,
        whole,
      ]),
      [
        [5, "noHeader", 0, 7, true],
        [4, "tooLarge", 0, 5_000_000, false],
        [3, "embeddedFraming", 0, ASIDE.length, true],
        [2, "partial", 0, 8, false],
        [1, "noMessageType", 3, BAD.length, true],
      ],
    );
  });

  test("[E7, D1] a block that version 1 set aside is recognised, counted and answered", async () => {
    using old = new OldStore(true);
    await using agent = await open(old);
    await using sender = await agent.connect();
    await sender.send(framed(BAD));
    assert.deepEqual(await sender.acknowledged(1), ["AR Q1"]);
    const rows = await agent.outbox.quarantined(Number.MAX_SAFE_INTEGER, 10);
    assert.deepEqual([rows.length, rows.at(-1)?.repeatCount], [5, 4]);
  });

  test("[E7] blocks can be released, small and large, and discarded with their slices", async () => {
    using old = new OldStore(true);
    await using agent = await open(old);
    const { outbox } = agent;
    await assert.rejects(outbox.release(2), { code: "QUARANTINE_NOT_WHOLE" });
    await assert.rejects(outbox.release(4), { code: "QUARANTINE_NOT_WHOLE" });
    assert.equal((await outbox.release(3))?.seq, 5n);
    assert.equal((await outbox.release(1))?.seq, 6n);
    assert.equal(await outbox.discard([2, 4, 5]), 3);
    const texts = (await agent.messages()).map(({ text }) => text);
    assert.deepEqual(texts.slice(4), [textOf(ASIDE), BAD]);
    const { channels } = await outbox.standing();
    assert.ok(channels.every((one) => one.quarantineCount === 0 && one.quarantineBytes === 0));
    await agent.close();
    assert.equal(old.number("SELECT count(*) FROM slice WHERE upload = 2"), 2);
  });

  test("[E7] its fragments make room before its complete blocks", async () => {
    using old = new OldStore(true);
    const quarantineMaxBytes = ASIDE.length + BAD.length + 64 + 3 * 512 + 200;
    await using agent = await AgentStack.open({ stateDir: old.stateDir, quarantineMaxBytes });
    await using sender = await agent.connect();
    await sender.send(framed(BAD.replace("Q1", "Q2")));
    assert.deepEqual(await sender.acknowledged(1), ["AR Q2"]);
    const rows = await agent.outbox.quarantined(Number.MAX_SAFE_INTEGER, 10);
    const reasons = rows.filter(({ channel }) => channel === CHANNEL_ADT).map((one) => one.reason);
    assert.deepEqual(reasons, ["noMessageType", "embeddedFraming", "noMessageType"]);
  });
});

test("[S5] an empty store of version 1 is taken over, too", async () => {
  using old = new OldStore(false);
  await using agent = await open(old);
  await using sender = await agent.connect();
  await sender.send(framed(adt("M1")), framed(BAD));
  assert.deepEqual(await sender.acknowledged(2), ["AA M1", "AR Q1"]);
  assert.equal((await agent.messages())[0]?.seq, 1n);
});
