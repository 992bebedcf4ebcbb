import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { chownSync } from "node:fs";
import { after, describe, test } from "node:test";
import { openPostgresStore } from "#receiver/store/postgres/postgres-store.ts";
import { assertStored, insist } from "#test/receiver/support/insistent.ts";
import { PostgresServer, type Session, withoutPostgres } from "#test/receiver/support/postgres.ts";
import { Caller } from "#test/receiver/support/store-suite.ts";
import { SmallDisk } from "#test/support/small-disk.ts";

const skip = withoutPostgres();
const OURS = "FROM pg_stat_activity WHERE application_name = 'holdfast-receiver'";
const BLOCKED = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";

describe("PostgreSQL that cannot do it now", { skip }, async () => {
  if (skip !== false) return;
  const settings = ["max_connections=5", "superuser_reserved_connections=1"];
  const server = await PostgresServer.start(...settings, "deadlock_timeout=300ms");
  after(() => server[Symbol.asyncDispose]());

  /** Resolves once `count` sessions wait for a lock. */
  const blocked = async (count: number): Promise<void> => {
    for (let tries = 0; tries < 1_000; tries++) {
      if ((await server.ask("postgres", BLOCKED)) === String(count)) return;
    }
    assert.fail("nobody waits for a lock");
  };

  test("[T-C07] a lock that another session holds: BUSY, and stored once when it is free", async () => {
    const database = await server.newDatabase();
    await using store = await openPostgresStore({ ...server.options(database), lockWaitMs: 200 });
    const caller = await Caller.greet(store);
    await caller.open(1n);
    await using other = await server.session(database);
    await other.query("BEGIN; SELECT * FROM holdfast.channel FOR UPDATE");
    assert.deepEqual(await caller.ingest(1n, 1n, "a1"), { kind: "busy" });
    assert.deepEqual(await caller.skip(1n, 1n, 1n), { kind: "busy" });
    await other.query("COMMIT");
    await insist(() => caller.ingest(1n, 1n, "a1"));
    await assertStored(store, caller.agent, ["a1"]);
  });

  test("[T-C07] a deadlock that takes our call: BUSY, and stored once afterwards", async () => {
    const database = await server.newDatabase();
    await using store = await openPostgresStore(server.options(database));
    const caller = await Caller.greet(store);
    await caller.open(1n);
    await using other = await server.session(database);
    // Ours is the one that looks for the deadlock, and so the one that ends by it.
    await other.query("SET deadlock_timeout = '1min'");
    await other.query("BEGIN; SELECT * FROM holdfast.channel FOR UPDATE");
    const ours = caller.ingest(1n, 1n, "a1");
    await blocked(1);
    const theirs = other.query("UPDATE holdfast.session SET hello_ms = 5");
    assert.deepEqual(await ours, { kind: "busy" });
    await theirs;
    await other.query("COMMIT");
    await insist(() => caller.ingest(1n, 1n, "a1"));
    await assertStored(store, caller.agent, ["a1"]);
    assert.equal(
      await server.ask(
        database,
        "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()",
      ),
      "1",
    );
  });

  for (const state of ["40001", "40P01", "55P03", "57014", "57P01", "53200", "53400", "25006"]) {
    test(`[T-C07] SQLSTATE ${state} in the middle of a call: BUSY, nothing stored, then once`, async () => {
      const database = await server.newDatabase();
      await using store = await openPostgresStore(server.options(database));
      const caller = await Caller.greet(store);
      await caller.open(1n);
      await using other = await server.session(database);
      await other.query(`CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION USING ERRCODE = '${state}', MESSAGE = 'planted'; END $$;
        CREATE TRIGGER fail BEFORE UPDATE ON holdfast.channel
          FOR EACH ROW EXECUTE FUNCTION fail()`);
      assert.deepEqual(await caller.ingest(1n, 1n, "a1"), { kind: "busy" });
      assert.deepEqual(await caller.stored(), []);
      await other.query("DROP TRIGGER fail ON holdfast.channel");
      assert.equal((await caller.ingest(1n, 1n, "a1")).kind, "ok");
      await assertStored(store, caller.agent, ["a1"]);
    });
  }

  test("[T-C07] no connection left: BUSY, and reading says what is wrong; then as before", async () => {
    const database = await server.newDatabase();
    await using store = await openPostgresStore(server.options(database));
    const caller = await Caller.greet(store);
    await caller.open(1n);
    {
      await using sessions = new AsyncDisposableStack();
      const takeAll = async (): Promise<void> => {
        for (let taken: Session | null; ; sessions.use(taken)) {
          taken = await server.session(database).catch(() => null);
          if (taken === null) return;
        }
      };
      await using first = await server.session(database);
      await takeAll();
      await first.query(`SELECT pg_terminate_backend(pid) ${OURS}`);
      while ((await first.query(`SELECT pid ${OURS}`)).rowCount !== 0);
      await takeAll();
      assert.deepEqual(await caller.ingest(1n, 1n, "a1"), { kind: "busy" });
      await assert.rejects(store.listAgents(null), { code: "STORE_UNREACHABLE" });
    }
    await insist(() => caller.ingest(1n, 1n, "a1"));
    await assertStored(store, caller.agent, ["a1"]);
  });

  test("[06 12] a connection that was cut since it was last used costs nobody a refusal at the gate", async () => {
    const database = await server.newDatabase();
    await using store = await openPostgresStore(server.options(database));
    // As many connections as there may be.
    await Promise.all(Array.from({ length: 4 }, () => store.listAgents(null)));
    await using other = await server.session(database);
    const { rows } = await other.query(
      "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
    );
    const pids = rows.map(({ pid }) => pid).join(", ");
    // It asks while they are cut, and does not know it yet.
    const cut = other.query(`SELECT pg_terminate_backend(pid) FROM unnest(ARRAY[${pids}]) AS pid`);
    // Of a session that ends by itself nobody has to know.
    cut.catch(() => {});
    assert.deepEqual(await store.listAgents(null), []);
    await cut;
    assert.deepEqual(await store.listAgents(null), []);
  });

  test("[S9] what cannot be expected ends the store, with the code of the database", async () => {
    const database = await server.newDatabase();
    await using store = await openPostgresStore(server.options(database));
    const caller = await Caller.greet(store);
    await using other = await server.session(database);
    await other.query("DROP FUNCTION holdfast.open");
    await assert.rejects(caller.open(1n), { code: "STORE_DATABASE", facts: { error: "42883" } });
    assert.equal((await store.failed).code, "STORE_DATABASE");
    await assert.rejects(store.listAgents(null), { code: "STORE_DATABASE" });
  });

  const disk = SmallDisk.make(24 << 20);
  const diskSkip = typeof disk === "string" && disk;
  test("[T-C07] [TP20] a full tablespace of 24 MB: BUSY until there is room, nothing lost or twice", {
    skip: diskSkip,
  }, async () => {
    if (typeof disk === "string") return;
    using _disk = disk;
    const { uid, gid } = server.owner;
    if (uid !== undefined && gid !== undefined) chownSync(disk.path, uid, gid);
    await server.ask("postgres", `CREATE TABLESPACE small LOCATION '${disk.path}'`);
    const database = await server.newDatabase("TABLESPACE small");
    await server.ask(database, "CREATE SCHEMA holdfast AUTHORIZATION holdfast");
    await using store = await openPostgresStore(server.options(database));
    const caller = await Caller.greet(store);
    await caller.open(1n);
    // Not to be compressed.
    const bodies = Array.from({ length: 12_000 }, () => randomBytes(1_500).toString("latin1"));
    await server.ask(database, "CREATE TABLE filler AS SELECT generate_series(1, 60000) AS n");
    let seq = 0;
    const next = () => caller.ingest(1n, BigInt(seq + 1), ...bodies.slice(seq, seq + 100));
    for (; seq < bodies.length && (await next()).kind === "ok"; seq += 100);
    assert.ok(seq >= 100 && seq < bodies.length, `${seq} were stored`);
    assert.deepEqual(await next(), { kind: "busy" });
    await server.ask(database, "DROP TABLE filler");
    assert.equal((await next()).kind, "ok");
    await assertStored(store, caller.agent, bodies.slice(0, seq + 100));
  });
});
