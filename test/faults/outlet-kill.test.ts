import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { openSqliteStore, STORE_FILE } from "#receiver/store/sqlite/sqlite-store.ts";
import { ReceiverFolder } from "#test/receiver/support/receiver-folder.ts";
import { Caller } from "#test/receiver/support/store-suite.ts";
import { WebhookEndpoint } from "#test/receiver/support/webhook-endpoint.ts";
import { until } from "#test/support/processes.ts";

const MESSAGES = 100;
const AGENTS = ["ward-1", "ward-2"];
/** After so many answers the receiver is killed, each time. */
const KILLS = [7, 31, 58, 90, 133, 170];

interface Seen {
  readonly agent: string;
  readonly seq: bigint;
  readonly status: number;
}

/** Fills the store with 200 messages of two agents. */
async function fill(folder: ReceiverFolder): Promise<void> {
  await using store = await openSqliteStore(join(folder.stateDir, STORE_FILE));
  for (const name of AGENTS) {
    const caller = await Caller.greet(store, name);
    await caller.open(1n);
    const bodies = Array.from({ length: MESSAGES }, (_, i) => `${name} ${i + 1}`);
    await caller.ingest(1n, 1n, ...bodies);
  }
}

/** What the killed receiver had written of how far the outlet was. */
async function positions(folder: ReceiverFolder): Promise<Map<string, bigint>> {
  await using store = await openSqliteStore(join(folder.stateDir, STORE_FILE));
  const found = new Map<string, bigint>();
  for (const { id, tenant, name } of await store.listAgents(null)) {
    const place = await store.findPosition({ outlet: "lab", agent: id, channel: "adt" });
    found.set(`${tenant}/${name}`, place?.seq ?? 0n);
  }
  return found;
}

test("[TP38] a receiver that is killed while it hands on: each message at least once, in order, the position never ahead of a 2xx", async () => {
  await using endpoint = await WebhookEndpoint.open("http");
  const outlet = `{ kind: webhook, name: lab, url: '${endpoint.url}', secretFile: secret }`;
  using folder = new ReceiverFolder({ more: `outlets:\n  - ${outlet}` });
  folder.write("secret", `whsec_${Buffer.alloc(32, 3).toString("base64")}\n`);
  await fill(folder);

  /** By process, in the order in which they were answered. */
  const runs: Seen[][] = [];
  let count = 0;
  endpoint.answer = ({ headers }, response) => {
    count += 1;
    // Some are refused; what is refused has not been taken.
    const status = count % 17 === 0 ? 503 : 204;
    const [agent, seq] = [String(headers["holdfast-agent"]), headers["holdfast-seq"]];
    runs.at(-1)?.push({ agent, seq: BigInt(String(seq)), status });
    response.writeHead(status).end();
  };
  const takenBefore = (agent: string, runCount: number): bigint =>
    runs
      .slice(0, runCount)
      .flat()
      .filter((seen) => seen.agent === agent && seen.status === 204)
      .map(({ seq }) => seq)
      .toSorted((a, b) => Number(b - a))[0] ?? 0n;

  for (const killAfter of [...KILLS, Number.POSITIVE_INFINITY]) {
    runs.push([]);
    await using receiver = await folder.serve();
    const isDone = () =>
      AGENTS.every((name) => takenBefore(`north/${name}`, runs.length) === BigInt(MESSAGES));
    await until("enough is posted", () => runs.flat().length >= killAfter || isDone(), 60_000);
    await receiver.end(killAfter === Number.POSITIVE_INFINITY ? "SIGTERM" : "SIGKILL");
    for (const [agent, seq] of await positions(folder)) {
      assert.ok(seq <= takenBefore(agent, runs.length), `${agent} is ahead of what was taken`);
    }
  }

  for (const agent of AGENTS.map((name) => `north/${name}`)) {
    for (const [index, run] of runs.entries()) {
      let next: bigint | undefined;
      for (const { seq, status } of run.filter((seen) => seen.agent === agent)) {
        // A run begins at or before what the runs before it had taken, and leaves nothing out.
        if (next === undefined) assert.ok(seq <= takenBefore(agent, index) + 1n);
        else assert.equal(seq, next, `${agent} in run ${index + 1}`);
        next = status === 204 ? seq + 1n : seq;
      }
    }
    assert.equal(takenBefore(agent, runs.length), BigInt(MESSAGES));
  }
  assert.equal(runs.length, KILLS.length + 1);
  assert.deepEqual([...(await positions(folder)).values()], [100n, 100n]);
});
