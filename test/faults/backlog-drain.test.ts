/** The receiver was away, much has piled up, and it comes back (T-N06). */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import Sqlite from "better-sqlite3";
import { STORE_FILE } from "#receiver/store/sqlite/sqlite-store.ts";
import { freePort } from "#scripts/free-port.ts";
import { ReceiverFolder } from "#test/receiver/support/receiver-folder.ts";
import { AgentEnd } from "#test/support/agent-end.ts";
import { until } from "#test/support/processes.ts";

const GROUP_COUNT = 1_000;
/** One channel has four times as much as the other. */
const COUNTS = { adt: 16_000, oru: 4_000 } as const;
const filler = "-".repeat(500);

interface Row {
  readonly channel: string;
  readonly seq: number;
}

/** What the receiver stored, in the order of storing; it has the store to itself while it runs. */
function storedOrder(stateDir: string): Row[] {
  const db = new Sqlite(join(stateDir, STORE_FILE), { readonly: true });
  const rows = db.prepare<[], Row>("SELECT channel, seq FROM inbox ORDER BY id").all();
  db.close();
  return rows;
}

test("[T-N06] [TP23] 20,000 messages of an outage drain: all, in order, and the smaller channel does not wait for the larger", {
  timeout: 120_000,
}, async (context) => {
  const port = await freePort();
  using folder = new ReceiverFolder({ port });
  const agent = await folder.newAgent();
  await using end = await AgentEnd.open();
  await end.connect(new URL(`wss://127.0.0.1:${port}`), agent.identity);
  for (const [index, [name, count]] of Object.entries(COUNTS).entries()) {
    for (let group = 0; group < count; group += GROUP_COUNT) {
      const bodies = Array.from(
        { length: GROUP_COUNT },
        (_, n) => `${name} ${group + n} ${filler}`,
      );
      await end.appendTo(index + 1, bodies);
    }
  }
  await until("it is an outage", () => end.conditions.includes("tunnelDown"));

  await using served = await folder.serve();
  const startMs = performance.now();
  await end.settled(60_000);
  const drainMs = performance.now() - startMs;
  // By channel, in order: adt before oru.
  assert.deepEqual(await agent.stored(), end.sent.flat());
  assert.deepEqual(end.conditions, []);
  assert.equal(await served.end("SIGTERM"), 0);
  const rows = storedOrder(folder.stateDir);
  for (const [name, count] of Object.entries(COUNTS)) {
    const seqs = rows.filter(({ channel }) => channel === name).map(({ seq }) => seq);
    assert.deepEqual(
      seqs,
      Array.from({ length: count }, (_, n) => n + 1),
    );
  }
  const lastIndex = rows.findLastIndex(({ channel }) => channel === "oru");
  context.diagnostic(`${Math.round(drainMs)} ms; oru is complete after ${lastIndex + 1} rows`);
  // Turn by turn it is after twice its own count; behind the larger one it would be after all 20,000.
  assert.ok(lastIndex < 3 * COUNTS.oru, `oru is complete after ${lastIndex + 1} rows`);
});
