import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import type { Client } from "pg";
import { ingestValues } from "#receiver/store/postgres/ingest-values.ts";
import { openPostgresStore } from "#receiver/store/postgres/postgres-store.ts";
import { SQL } from "#receiver/store/postgres/statements.ts";
import type { Store } from "#receiver/store/store.ts";
import { assertStored, bodiesOf } from "#test/receiver/support/insistent.ts";
import { PostgresServer, withoutPostgres } from "#test/receiver/support/postgres.ts";
import { Caller, itemOf } from "#test/receiver/support/store-suite.ts";

const skip = withoutPostgres();

/** The second message of `caller`, in a transaction left open, as by a node that was paused. */
async function ingestWithoutCommit(paused: Client, caller: Caller, body: string): Promise<void> {
  const { agent, session } = caller;
  const call = { agent, session, channel: "adt", epoch: 1n, atMs: 1_700_000_000_000, first: 2n };
  const values = ingestValues({ ...call, items: [itemOf(body)] }, "2023-11-14", null);
  await paused.query("BEGIN");
  const { rows } = await paused.query<{ kind: string }>({ text: SQL.ingest, values });
  assert.equal(rows[0]?.kind, "ok");
}

describe("PostgreSQL, several nodes", { skip }, async () => {
  if (skip !== false) return;
  const server = await PostgresServer.start();
  after(() => server[Symbol.asyncDispose]());
  /** Resolves once a session waits for `event`, a lock or a standby. */
  const waiting = async (event: string): Promise<void> => {
    const sql = `SELECT count(*) FROM pg_stat_activity WHERE wait_event = '${event}'`;
    for (let tries = 0; tries < 1_000; tries++) {
      if ((await server.ask("postgres", sql)) !== "0") return;
    }
    assert.fail(`nobody waits for ${event}`);
  };

  test("[T-C03] [RI2] a node that was paused before its COMMIT: HELLO elsewhere waits for it", async () => {
    const database = await server.newDatabase();
    await using one = await openPostgresStore(server.options(database));
    await using two = await openPostgresStore(server.options(database));
    const old = await Caller.greet(one);
    await old.open(1n);
    assert.equal((await old.ingest(1n, 1n, "first")).kind, "ok");
    await using paused = await server.session(database);
    await ingestWithoutCommit(paused, old, "second");
    const young = new Caller(two, old.agent);
    let isGreeted = false;
    const greeting = young.hello().then(() => {
      isGreeted = true;
    });
    await waiting("transactionid");
    assert.equal(isGreeted, false);
    await paused.query("COMMIT");
    await greeting;
    const opened = await young.open(1n);
    assert.ok("position" in opened);
    assert.equal(opened.position.lastSeq, 2n, "OPENED of the new session tells of it");
    assert.deepEqual(await old.ingest(1n, 3n, "zombie"), { kind: "fenced" });
    await assertStored(two, old.agent, ["first", "second"]);
  });

  test("[T-C03] [RI2] a call that waits while a HELLO is committed is fenced and writes nothing", async () => {
    const database = await server.newDatabase();
    await using one = await openPostgresStore(server.options(database));
    const old = await Caller.greet(one);
    await old.open(1n);
    await using hello = await server.session(database);
    await hello.query("BEGIN; UPDATE holdfast.session SET session = session + 1");
    const zombie = [old.ingest(1n, 1n, "zombie"), old.skip(1n, 1n, 1n), old.open(2n)];
    await waiting("transactionid");
    await hello.query("COMMIT");
    for (const answer of await Promise.all(zombie)) assert.deepEqual(answer, { kind: "fenced" });
    await assertStored(one, old.agent, []);
    assert.deepEqual(await old.gaps(), []);
  });

  test("[TP19] [06 12] the same call again while nobody knows of the first: stored once", async () => {
    const database = await server.newDatabase();
    await using one = await openPostgresStore(server.options(database));
    const caller = await Caller.greet(one);
    await caller.open(1n);
    await caller.ingest(1n, 1n, "first");
    await using running = await server.session(database);
    await ingestWithoutCommit(running, caller, "second");
    const again = caller.ingest(1n, 2n, "second");
    await waiting("transactionid");
    await running.query("COMMIT");
    assert.deepEqual(await again, { kind: "ok", last: 2n, unverifiedCount: 0, gap: null });
    await assertStored(one, caller.agent, ["first", "second"]);
  });

  test("[T-C03] a paused node that never comes back loses its transaction, not ours", async () => {
    const database = await server.newDatabase();
    await using one = await openPostgresStore(server.options(database));
    const old = await Caller.greet(one);
    await old.open(1n);
    assert.equal((await old.ingest(1n, 1n, "first")).kind, "ok");
    const paused = await server.session(database);
    await ingestWithoutCommit(paused, old, "never");
    const again = old.ingest(1n, 2n, "again");
    await waiting("transactionid");
    await paused.end();
    assert.equal((await again).kind, "ok");
    await assertStored(one, old.agent, ["first", "again"]);
  });

  test("[T-C04] [T-M04] agents that move between four nodes: stored once, in order, no zombie", async () => {
    const database = await server.newDatabase();
    await using stack = new AsyncDisposableStack();
    const nodes: Store[] = [];
    for (let count = 0; count < 4; count++) {
      nodes.push(stack.use(await openPostgresStore(server.options(database))));
    }
    const random = seeded(42);
    const node = () => nodes[Math.floor(random() * nodes.length)] ?? nodes[0];
    const bodies = bodiesOf("m", 40);
    const [first] = nodes;
    assert.ok(first);
    const wander = async (name: string): Promise<number> => {
      let caller = await Caller.greet(first, name);
      await caller.open(1n);
      const zombies: Promise<unknown>[] = [];
      for (let seq = 0; seq < bodies.length; ) {
        if (random() < 0.25) {
          const old = caller;
          caller = new Caller(node() ?? first, old.agent);
          await caller.hello();
          const opened = await caller.open(1n);
          assert.ok("position" in opened);
          seq = Number(opened.position.lastSeq);
          // The connection that was left behind still has something in its hands.
          zombies.push(old.ingest(1n, BigInt(seq + 1), `zombie of ${name}`));
          continue;
        }
        const answer = await caller.ingest(1n, BigInt(seq + 1), bodies[seq] ?? "");
        assert.equal(answer.kind, "ok");
        // The answer was lost on its way.
        if (random() < 0.75) seq += 1;
      }
      for (const answer of await Promise.all(zombies)) {
        assert.deepEqual(answer, { kind: "fenced" });
      }
      return caller.agent;
    };
    const names = Array.from({ length: 10 }, (_, index) => `ward-${index}`);
    const agents = await Promise.all(names.map(wander));
    for (const agent of agents) await assertStored(first, agent, bodies);
  });

  test("[RI7] no answer while the commit waits, here for a standby that is not there", async () => {
    const database = await server.newDatabase();
    await using store = await openPostgresStore(server.options(database));
    const caller = await Caller.greet(store);
    await caller.open(1n);
    await server.ask("postgres", "ALTER SYSTEM SET synchronous_standby_names = 'absent'");
    await server.reload();
    let isAnswered = false;
    const asked = caller.ingest(1n, 1n, "a").finally(() => {
      isAnswered = true;
    });
    await waiting("SyncRep");
    assert.equal(isAnswered, false);
    await server.ask("postgres", "ALTER SYSTEM RESET synchronous_standby_names");
    await server.reload();
    assert.equal((await asked).kind, "ok");
  });
});

/** Mulberry32. @returns numbers from 0 to 1, the same for the same seed */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
