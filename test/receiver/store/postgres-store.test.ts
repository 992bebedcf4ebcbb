import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { openPostgresStore } from "#receiver/store/postgres/postgres-store.ts";
import { assertStored, bodiesOf } from "../support/insistent.ts";
import { LargeMessage, partialSuite } from "../support/partial-suite.ts";
import { PostgresServer, withoutPostgres } from "../support/postgres.ts";
import { prune } from "../support/prune-suite.ts";
import { Caller, itemOf, storeSuite } from "../support/store-suite.ts";

const skip = withoutPostgres();
const DAY_MS = 86_400_000;

describe("PostgreSQL store", { skip }, async () => {
  if (skip !== false) return;
  const server = await PostgresServer.start();
  after(() => server[Symbol.asyncDispose]());
  const open = () => server.openNewStore();
  storeSuite("PostgreSQL", open);
  partialSuite("PostgreSQL", open);

  /** A store, a greeted caller with an open channel, and a session beside it. */
  const opened = async (
    act: (caller: Caller, ask: (sql: string) => Promise<string>) => Promise<void>,
  ): Promise<void> => {
    const database = await server.newDatabase();
    await using store = await openPostgresStore(server.options(database));
    const caller = await Caller.greet(store);
    await caller.open(1n);
    await act(caller, (sql) => server.ask(database, sql));
  };

  test("[RI5] a repeat whose row is gone is accepted, and counted", () =>
    opened(async (caller, ask) => {
      await caller.ingest(1n, 1n, "a", "b");
      await ask("DELETE FROM holdfast.ledger WHERE seq = 1");
      const answer = await caller.ingest(1n, 1n, "anything", "b", "c");
      assert.deepEqual(answer, { kind: "ok", last: 3n, unverifiedCount: 1, gap: null });
    }));

  test("[RI6] a message that replaces one whose row is gone is handed on as a possible repeat", () =>
    opened(async (caller, ask) => {
      await caller.ingest(1n, 1n, "a", "b");
      await caller.skip(1n, 3n, 3n);
      await caller.open(2n, { epoch: 1n, finalSeq: 3n });
      await ask("DELETE FROM holdfast.ledger WHERE seq = 2");
      const gone = itemOf("b", { epoch: 1n, seq: 2n });
      const skipped = itemOf("c", { epoch: 1n, seq: 3n });
      const beyond = itemOf("d", { epoch: 1n, seq: 9n });
      assert.equal((await caller.ingest(2n, 1n, gone, skipped, beyond)).kind, "ok");
      assert.deepEqual(await caller.stored(), ["1.1:a", "2.1?:b", "2.2:c", "2.3:d"]);
    }));

  test("[S7] a thousand calls of one turn are carried out in order, each with its own result", () =>
    opened(async (caller) => {
      const bodies = bodiesOf("n", 1_000);
      const calls = bodies.map((body, index) => caller.ingest(1n, BigInt(index + 1), body));
      const results = await Promise.all(calls);
      assert.deepEqual(
        results.map((result) => (result.kind === "ok" ? result.last : result.kind)),
        bodies.map((_, index) => BigInt(index + 1)),
      );
      await assertStored(caller.store, caller.agent, bodies);
    }));

  test("[TP38] a day is a partition: retention drops it, and what comes late makes it again", () =>
    opened(async (caller, ask) => {
      const days = () =>
        ask(`SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class
          WHERE relnamespace = 'holdfast'::regnamespace AND relispartition AND relkind = 'r'`);
      await caller.ingest(1n, 1n, "a");
      caller.atMs += DAY_MS;
      await caller.ingest(1n, 2n, "b");
      const [first, second] = ["2023_11_14", "2023_11_15"];
      const all = `body_slice_${first} body_slice_${second} message_${first} message_${second}`;
      assert.equal(await days(), all);
      await prune(caller.store, caller.atMs);
      assert.equal(await days(), `body_slice_${second} message_${second}`);
      assert.equal(await ask("SELECT count(*) FROM holdfast.ledger"), "2");
      caller.atMs -= DAY_MS;
      assert.equal((await caller.ingest(1n, 3n, "late")).kind, "ok");
      assert.equal(await days(), all);
      assert.deepEqual(await caller.stored(), ["1.1:", "1.2:b", "1.3:late"]);
    }));

  test("[TP38] a day that another node has dropped is made again", async () => {
    const database = await server.newDatabase();
    await using store = await openPostgresStore(server.options(database));
    await using other = await openPostgresStore(server.options(database));
    const caller = await Caller.greet(store);
    await caller.open(1n);
    await caller.ingest(1n, 1n, "a");
    await prune(other, caller.atMs + 2 * DAY_MS);
    assert.equal((await caller.ingest(1n, 2n, "b")).kind, "ok");
    assert.deepEqual(await caller.stored(), ["1.1:", "1.2:b"]);
  });

  test("[TP38] [S7] dropping a day gives up soon while something of it is being stored", async () => {
    const database = await server.newDatabase();
    await using store = await openPostgresStore(server.options(database));
    const caller = await Caller.greet(store);
    await caller.open(1n);
    await caller.ingest(1n, 1n, "a");
    const step = { beforeMs: caller.atMs + 2 * DAY_MS, outlets: [], after: null };
    await using other = await server.session(database);
    await other.query("BEGIN; LOCK TABLE holdfast.message IN ROW EXCLUSIVE MODE");
    assert.deepEqual(await store.prune(step), { kind: "busy" });
    assert.equal((await caller.ingest(1n, 2n, "b")).kind, "ok");
    await other.query("COMMIT");
    assert.equal((await store.prune(step)).kind, "ok");
    assert.deepEqual(await caller.stored(), ["1.1:", "1.2:"]);
  });

  test("[TP25] slices of a body that was given up are deleted, in chunks", () =>
    opened(async (caller, ask) => {
      const large = new LargeMessage(3_000_000);
      await caller.save(1n, large, 0, 3_000_000);
      assert.equal(await ask("SELECT count(*) FROM holdfast.body_slice"), "12");
      await caller.skip(1n, 1n, 1n);
      await caller.save(2n, large, 0, 1_000);
      const left = () => ask("SELECT count(*) FROM holdfast.body_slice");
      while ((await left()) !== "1");
      assert.equal(await ask("SELECT count(*) FROM holdfast.forgotten_body"), "0");
    }));
});
