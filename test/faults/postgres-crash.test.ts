import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { openPostgresStore } from "#receiver/store/postgres/postgres-store.ts";
import type { Store } from "#receiver/store/store.ts";
import { assertStored, bodiesOf, insist } from "#test/receiver/support/insistent.ts";
import { PostgresServer, withoutPostgres } from "#test/receiver/support/postgres.ts";
import { Caller } from "#test/receiver/support/store-suite.ts";

const skip = withoutPostgres();
const COUNT = 60;

/** Sends `bodies` one after the other, each until it is stored; `acked` counts along. */
async function send(
  caller: Caller,
  bodies: readonly string[],
  acked: (count: number) => void,
): Promise<number> {
  let busyCount = 0;
  for (const [index, body] of bodies.entries()) {
    const { answer, busyCount: more } = await insist(() =>
      caller.ingest(1n, BigInt(index + 1), body),
    );
    assert.equal(answer.kind, "ok");
    acked(index + 1);
    busyCount += more;
  }
  return busyCount;
}

async function greetAll(store: Store): Promise<Caller[]> {
  const callers = ["ward-1", "ward-2", "ward-3"].map((name) => Caller.greet(store, name));
  const all = await Promise.all(callers);
  for (const caller of all) await caller.open(1n);
  return all;
}

describe("PostgreSQL that goes away", { skip }, async () => {
  if (skip !== false) return;
  const server = await PostgresServer.start();
  after(() => server[Symbol.asyncDispose]());

  test("[T-C01] [RI7] it crashes right after an answer: what was answered is there, once", async () => {
    const database = await server.newDatabase();
    await using store = await openPostgresStore(server.options(database));
    const callers = await greetAll(store);
    const bodies = bodiesOf("b", COUNT);
    const ackedCounts = callers.map(() => 0);
    let crashing = Promise.resolve();
    const crash = async (): Promise<void> => {
      await server.stop("SIGQUIT");
      // Read as it was left, before anything is sent again.
      await server.restart();
      await using reader = await openPostgresStore(server.options(database));
      for (const [index, { agent }] of callers.entries()) {
        const [channel] = await reader.listChannels(agent, "");
        assert.ok((channel?.lastSeq ?? 0n) >= BigInt(before[index] ?? 0));
      }
    };
    let before: number[] = [];
    const sending = callers.map((caller, index) =>
      send(caller, bodies, (count) => {
        ackedCounts[index] = count;
        if (index !== 0 || ![COUNT / 3, (2 * COUNT) / 3].includes(count)) return;
        before = [...ackedCounts];
        crashing = crashing.then(crash);
      }),
    );
    const busyCounts = await Promise.all(sending);
    await crashing;
    assert.ok(
      busyCounts.some((count) => count > 0),
      "somebody had to wait",
    );
    for (const { agent } of callers) await assertStored(store, agent, bodies);
  });

  test("[T-C07] [TP19] sessions are ended at random while messages arrive: each is stored once", async () => {
    const database = await server.newDatabase();
    await using store = await openPostgresStore(server.options(database));
    const callers = await greetAll(store);
    const bodies = bodiesOf("c", COUNT);
    let isSending = true;
    const killing = (async () => {
      await using killer = await server.session(database);
      let killedCount = 0;
      while (isSending) {
        const { rowCount } = await killer.query(`SELECT pg_terminate_backend(pid) FROM (
          SELECT pid FROM pg_stat_activity WHERE application_name = 'holdfast-receiver'
            AND datname = current_database() AND query LIKE '%ingest%'
          ORDER BY random() LIMIT 1) AS one`);
        killedCount += rowCount ?? 0;
        await killer.query("SELECT pg_sleep(0.01 * random())");
      }
      return killedCount;
    })();
    const sending = callers.map((caller) => send(caller, bodies, () => {}));
    await Promise.all(sending);
    isSending = false;
    assert.ok((await killing) > 5);
    for (const { agent } of callers) await assertStored(store, agent, bodies);
  });

  test("[T-C06] [TP37] a backup is put back: OPENED says less, and the source sends it again", async () => {
    const database = await server.newDatabase();
    await using store = await openPostgresStore(server.options(database));
    const caller = await Caller.greet(store);
    await caller.open(1n);
    await caller.ingest(1n, 1n, "a1", "a2");
    await server.stop("SIGINT");
    server.backUp();
    await server.restart();
    await insist(() => caller.ingest(1n, 3n, "a3", "a4", "a5"));
    await server.stop("SIGQUIT");
    server.putBack();
    await server.restart();
    const { answer } = await insist(() => caller.open(1n));
    assert.ok("position" in answer);
    assert.equal(answer.position.lastSeq, 2n);
    // a3 and a4 were pruned at the source, a5 was not.
    await insist(() => caller.skip(1n, 3n, 4n));
    await insist(() => caller.ingest(1n, 5n, "a5"));
    assert.deepEqual(await caller.stored(), ["1.1:a1", "1.2:a2", "1.5:a5"]);
    assert.deepEqual(await caller.gaps(), ["quarantined 1.3-4"]);
  });

  test("[S9] it is away when the receiver starts: refused with what to do, exit 69", async () => {
    const database = await server.newDatabase();
    await server.stop("SIGINT");
    await assert.rejects(openPostgresStore(server.options(database)), {
      code: "STORE_UNREACHABLE",
      exitCode: 69,
    });
    await server.restart();
  });
});
