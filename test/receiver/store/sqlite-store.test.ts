import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { describe, test } from "node:test";
import Database from "better-sqlite3";
import { ReceiverError } from "#receiver/errors.ts";
import { DURABLE_SETTINGS, openDatabase, storeError } from "#receiver/store/sqlite/database.ts";
import { migrate, SCHEMA_VERSION } from "#receiver/store/sqlite/migrations.ts";
import { OUTGOING_SQL } from "#receiver/store/sqlite/outgoing-statements.ts";
import { packItems, unpackItems } from "#receiver/store/sqlite/packed-items.ts";
import { openSqliteStore } from "#receiver/store/sqlite/sqlite-store.ts";
import { SQL } from "#receiver/store/sqlite/statements.ts";
import { until } from "../../support/processes.ts";
import { outgoingSuite } from "../support/outgoing-suite.ts";
import { durable, LargeMessage, partialSuite } from "../support/partial-suite.ts";
import { pruneSuite } from "../support/prune-suite.ts";
import { Caller, itemOf, storeSuite } from "../support/store-suite.ts";
import { openTemporaryStore, temporaryFolder } from "../support/temporary-store.ts";

describe("SQLite store", () => {
  storeSuite("SQLite", openTemporaryStore);
  partialSuite("SQLite", openTemporaryStore);
  outgoingSuite("SQLite", openTemporaryStore);
  pruneSuite("SQLite", openTemporaryStore);

  test("[S2] is WAL and FULL after the first write of the first and of every later open", () => {
    using folder = temporaryFolder();
    for (const round of ["created", "opened again"]) {
      const { db } = openDatabase(folder.file);
      assert.equal(db.pragma("synchronous", { simple: true }), 2, round);
      assert.equal(db.pragma("journal_mode", { simple: true }), "wal", round);
      assert.equal(db.pragma("locking_mode", { simple: true }), "exclusive", round);
      assert.equal(db.pragma("auto_vacuum", { simple: true }), 2, round);
      db.close();
    }
  });

  for (const planted of ["synchronous = NORMAL", "synchronous = OFF", "journal_mode = DELETE"]) {
    test(`[S2] refuses to run with ${planted}, exit 70`, () => {
      using folder = temporaryFolder();
      const settings = [...DURABLE_SETTINGS, planted];
      assert.throws(
        () => openDatabase(folder.file, settings),
        (error) =>
          error instanceof ReceiverError &&
          error.code === "STORE_NOT_DURABLE" &&
          error.exitCode === 70,
      );
      openDatabase(folder.file).db.close();
    });
  }

  test("[S2] refuses what better-sqlite3 makes of a WAL database that says nothing, exit 70", () => {
    using folder = temporaryFolder();
    openDatabase(folder.file).db.close();
    const silent = DURABLE_SETTINGS.filter((setting) => !setting.startsWith("synchronous"));
    assert.throws(() => openDatabase(folder.file, silent), { code: "STORE_NOT_DURABLE" });
  });

  test("[S3] a newer schema is refused and left as it is, exit 78", async () => {
    using folder = temporaryFolder();
    const { db } = openDatabase(folder.file);
    db.pragma(`user_version = ${SCHEMA_VERSION + 1}`);
    db.close();
    await assert.rejects(
      openSqliteStore(folder.file),
      (error) =>
        error instanceof ReceiverError &&
        error.code === "STORE_SCHEMA_NEWER" &&
        error.facts["found"] === SCHEMA_VERSION + 1 &&
        error.exitCode === 78,
    );
    const after = new Database(folder.file);
    assert.equal(after.pragma("user_version", { simple: true }), SCHEMA_VERSION + 1);
    after.close();
  });

  test("[S3] a file that is no database, and a folder in its place, are refused", async () => {
    using folder = temporaryFolder();
    await assert.rejects(openSqliteStore(folder.path), { code: "STORE_IO" });
    writeFileSync(folder.file, "this is not a database ".repeat(500));
    await assert.rejects(openSqliteStore(folder.file), { code: "STORE_CORRUPT" });
  });

  test("[S1] a second opener is refused while the first holds the store", async () => {
    using folder = temporaryFolder();
    await using _store = await openSqliteStore(folder.file);
    await assert.rejects(openSqliteStore(folder.file), { code: "STORE_LOCKED" });
  });

  test("[S9] the end of the writer is reported, and calls that wait are rejected", async () => {
    using folder = temporaryFolder();
    await using store = await openSqliteStore(folder.file);
    const unknownAgent = new Caller(store, 999);
    await assert.rejects(unknownAgent.hello(), { code: "STORE_WORKER_ENDED" });
    const error = await store.failed;
    assert.ok(error instanceof ReceiverError);
    assert.equal(error.code, "STORE_WORKER_ENDED");
    await assert.rejects(store.listAgents(null), { code: "STORE_WORKER_ENDED" });
  });

  test("[S2] the whole store refuses to open without FULL, not only the database", async () => {
    using folder = temporaryFolder();
    const settings = [...DURABLE_SETTINGS, "synchronous = NORMAL"];
    await assert.rejects(openSqliteStore(folder.file, settings), { code: "STORE_NOT_DURABLE" });
  });

  test("[06 12] a full disk is BUSY: nothing of the batch is stored, and reading goes on", async () => {
    using folder = temporaryFolder();
    await openSqliteStore(folder.file).then((store) => store[Symbol.asyncDispose]());
    const settings = [...DURABLE_SETTINGS, "max_page_count = 60"];
    await using store = await openSqliteStore(folder.file, settings);
    const caller = await Caller.greet(store);
    await caller.open(1n);
    assert.equal((await caller.ingest(1n, 1n, "small")).kind, "ok");
    const [large, other] = await Promise.all([
      caller.ingest(1n, 2n, "x".repeat(1_000_000)),
      caller.open(1n, null, "other"),
    ]);
    assert.deepEqual([large.kind, other.kind], ["busy", "busy"]);
    assert.deepEqual(await caller.stored(), ["1.1:small"]);
    assert.equal((await caller.ingest(1n, 2n, "also small")).kind, "ok");
  });

  test("[S9] SQLite's faults are told apart by what they mean for the process", () => {
    const codeOf = (code: string) => storeError(Object.assign(new Error("x"), { code })).code;
    assert.equal(codeOf("SQLITE_BUSY"), "STORE_LOCKED");
    assert.equal(codeOf("SQLITE_IOERR_FSYNC"), "STORE_IO");
    assert.equal(codeOf("SQLITE_CORRUPT_VTAB"), "STORE_CORRUPT");
    assert.equal(codeOf("ERR_ASSERTION"), "STORE_WORKER_ENDED");
  });

  test("[S7] carries out a thousand calls of one turn in order, each with its own result", async () => {
    await using store = await openTemporaryStore();
    const caller = await Caller.greet(store);
    await caller.open(1n);
    const calls = Array.from({ length: 1_000 }, (_, i) => caller.ingest(1n, BigInt(i + 1), `${i}`));
    const results = await Promise.all(calls);
    assert.deepEqual(
      results.map((result) => (result.kind === "ok" ? result.last : result.kind)),
      Array.from({ length: 1_000 }, (_, i) => BigInt(i + 1)),
    );
  });

  test("[S7] a refused call leaves the others of its batch alone", async () => {
    await using store = await openTemporaryStore();
    const caller = await Caller.greet(store);
    await caller.open(1n);
    const [one, gap, two] = await Promise.all([
      caller.ingest(1n, 1n, "a"),
      caller.ingest(1n, 9n, "x"),
      caller.ingest(1n, 2n, "b"),
    ]);
    assert.deepEqual([one.kind, gap.kind, two.kind], ["ok", "gap", "ok"]);
    assert.deepEqual(await caller.stored(), ["1.1:a", "1.2:b"]);
  });

  test("keeps what it was told when it is opened again", async () => {
    using folder = temporaryFolder();
    let storeId: Uint8Array;
    {
      await using store = await openSqliteStore(folder.file);
      ({ storeId } = store);
      const caller = await Caller.greet(store);
      await caller.open(1n);
      await caller.ingest(1n, 1n, "a");
    }
    await using store = await openSqliteStore(folder.file);
    assert.deepEqual(store.storeId, storeId);
    const [agent] = await store.listAgents(null);
    assert.ok(agent);
    assert.deepEqual(await new Caller(store, agent.id).stored(), ["1.1:a"]);
  });

  test("[S5] every statement uses an index: none scans a table", () => {
    const db = new Database(":memory:");
    migrate(db);
    for (const [name, sql] of Object.entries({ ...SQL, ...OUTGOING_SQL })) {
      const parameters = Array.from(sql.matchAll(/\?/g), () => null);
      const plan = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...parameters) as {
        detail: string;
      }[];
      for (const { detail } of plan) {
        assert.doesNotMatch(detail, /\bSCAN\b|TEMP B-TREE/, `${name}: ${detail}`);
      }
    }
    db.close();
  });

  test("packed items come out as they went in, whatever bytes they hold", () => {
    const items = [
      itemOf(""),
      itemOf("\x00\xff\r", { epoch: 2n ** 63n - 1n, seq: 5n }),
      { ...itemOf("x".repeat(70_000)), meta: JSON.stringify({ source: "é€😀".repeat(100) }) },
    ];
    const unpacked = unpackItems(packItems(items));
    assert.deepEqual(
      unpacked.map((item) => ({
        ...item,
        sha256: new Uint8Array(item.sha256),
        body: new Uint8Array(item.body ?? []),
      })),
      items,
    );
  });

  test("a large item is packed alone, without its body", () => {
    const large = { ...itemOf("x"), body: null };
    const [unpacked] = unpackItems(packItems([large]));
    assert.deepEqual({ ...unpacked, sha256: new Uint8Array(unpacked?.sha256 ?? []) }, large);
    assert.throws(() => packItems([itemOf("a"), large]), TypeError);
  });

  test("[TP25] what is durable of a large message is there when the store is opened again", async () => {
    using folder = temporaryFolder();
    const large = new LargeMessage(1_500_000);
    {
      await using store = await openSqliteStore(folder.file);
      const caller = await Caller.greet(store);
      await caller.open(1n);
      assert.deepEqual(await caller.save(1n, large, 0, 1_000_000), durable(1_000_000));
    }
    await using store = await openSqliteStore(folder.file);
    const caller = await Caller.greet(store);
    assert.deepEqual(await caller.partial(1n), [1n, 1_000_000]);
    assert.deepEqual(await caller.save(1n, large, 1_000_000, 1_500_000), durable(1_500_000));
    assert.equal((await caller.end(1n, large)).kind, "ok");
    assert.deepEqual(await caller.bodyOf(1n), large.bytes);
  });

  test("[RI1] a large message that is asked for before a close is verified and stored by it", async () => {
    using folder = temporaryFolder();
    const large = new LargeMessage(9_000_000);
    let ended: Promise<{ readonly kind: string }>;
    {
      await using store = await openSqliteStore(folder.file);
      const caller = await Caller.greet(store);
      await caller.open(1n);
      await caller.save(1n, large, 0, large.bytes.length);
      ended = caller.end(1n, large);
    }
    assert.equal((await ended).kind, "ok");
  });

  test("[RI1] other calls are carried out while a large message is read", async () => {
    await using store = await openTemporaryStore();
    const caller = await Caller.greet(store);
    const other = await Caller.greet(store, "ward-2");
    await caller.open(1n);
    await other.open(1n);
    const large = new LargeMessage(30_000_000);
    await caller.save(1n, large, 0, large.bytes.length);
    const order: string[] = [];
    const ended = caller.end(1n, large).then(() => order.push("large"));
    // The post with the large one has left by then.
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    const small = other.ingest(1n, 1n, "a").then(() => order.push("small"));
    await Promise.all([ended, small]);
    assert.deepEqual(order, ["small", "large"]);
  });

  test("[05 S7] what was forgotten of a large message is deleted, slice by slice", async () => {
    using folder = temporaryFolder();
    const large = new LargeMessage(6_000_000);
    {
      await using store = await openSqliteStore(folder.file);
      const caller = await Caller.greet(store);
      await caller.open(1n);
      await caller.save(1n, large, 0, 5_000_000);
      await caller.skip(1n, 1n, 1n);
    }
    await until("no slice is left", async () => {
      // What one process did not come to, the next one does.
      await openSqliteStore(folder.file).then((store) => store[Symbol.asyncDispose]());
      const { db } = openDatabase(folder.file);
      const left = db
        .prepare("SELECT (SELECT count(*) FROM body_slice) + (SELECT count(*) FROM large_body)")
        .pluck()
        .get();
      db.close();
      return left === 0;
    });
  });

  test("[S9] the store of a process that dies in the middle of writing opens again", () => {
    using folder = temporaryFolder();
    const program = `
      const { openDatabase } = await import(process.argv[1]);
      const { db } = openDatabase(process.argv[2]);
      db.exec("BEGIN IMMEDIATE; INSERT INTO agent (tenant, name, serial, added_ms) VALUES ('a','b','c',0)");
      process.kill(process.pid, "SIGKILL");`;
    const url = new URL("../../../receiver/store/sqlite/database.ts", import.meta.url);
    const args = ["--input-type=module", "-e", program, url.href, folder.file];
    assert.equal(spawnSync(process.execPath, args).signal, "SIGKILL");
    const { db } = openDatabase(folder.file);
    assert.deepEqual(db.prepare("SELECT * FROM agent").all(), []);
    db.close();
  });
});
