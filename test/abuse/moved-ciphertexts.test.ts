/** Somebody with a shell swaps what is sealed: nothing that was moved leaves, everything else does (08 R02). */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import Sqlite from "better-sqlite3";
import { askLocal } from "#agent/host/local-socket.ts";
import { makePair, type Pair } from "#scripts/make-pair.ts";
import { exported } from "#test/faults/kill-rounds/oracle.ts";
import { sendOnce } from "#test/faults/mllp-sender.ts";
import { adt, largeAdt, latin1, message } from "#test/support/messages.ts";
import { agentStatus, startAgent, startReceiver, until } from "#test/support/processes.ts";

async function send(pair: Pair, channel: string, bytes: Uint8Array): Promise<string> {
  return (await sendOnce(pair.ports[channel] ?? 0, bytes)).kind;
}

/** Exchanges one column of two rows. */
function swap(db: Sqlite.Database, table: string, column: string, rows: readonly string[]): void {
  const [first = "", second = ""] = rows;
  const read = (where: string): unknown =>
    db.prepare(`SELECT ${column} FROM ${table} WHERE ${where}`).pluck().get();
  const write = (where: string, value: unknown): void => {
    const { changes } = db.prepare(`UPDATE ${table} SET ${column} = ? WHERE ${where}`).run(value);
    assert.equal(changes, 1);
  };
  const values = [read(first), read(second)];
  assert.notDeepEqual(values[0], values[1]);
  write(first, values[1]);
  write(second, values[0]);
}

test("[R02, S16] swapped segments, slices and quarantine rows do not open; other channels flow; an alarm names each", async () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-moved-"));
  const stateDir = join(folder, "agent/state");
  try {
    const pair = await makePair({ folder, moreChannels: ["lab", "other"] });
    {
      await using agent = startAgent(pair.agentConfig);
      await agent.ready();
      for (const controlId of ["A1", "A2", "A3"]) {
        assert.equal(await send(pair, "adt", latin1(adt(controlId))), "accepted");
      }
      assert.equal(await send(pair, "lab", largeAdt("L1", 1_500_000)), "accepted");
      assert.equal(await send(pair, "other", latin1(adt("O1"))), "accepted");
      for (const controlId of ["Q1", "Q2"]) {
        const refused = latin1(message({ 9: "", 10: controlId }));
        assert.equal(await send(pair, "other", refused), "other");
      }
      assert.equal((await agent.end("SIGTERM")).code, 0);
    }
    const db = new Sqlite(join(stateDir, "outbox/holdfast.db"));
    swap(db, "segment", "bytes", ["id = 2", "id = 3"]);
    swap(db, "slice", "bytes", ["ordinal = 4", "ordinal = 5"]);
    swap(db, "quarantine", "sealed", ["id = 1", "id = 2"]);
    // The weekly walk is due.
    db.exec("UPDATE identity SET created_at_ms = 1, verified_at_ms = 0");
    db.close();

    await using receiver = startReceiver(pair.receiverConfig);
    await receiver.ready();
    await using agent = startAgent(pair.agentConfig);
    await agent.ready();
    assert.equal(await send(pair, "other", latin1(adt("O2"))), "accepted");
    await until("each is named", async () => {
      const { conditions } = await agentStatus(pair.agentConfig);
      const named = conditions.filter(({ condition }) => condition === "messageDamaged");
      const subjects = named.map(({ subject }) => subject).sort();
      return subjects.join() === "adt,lab,other";
    });
    await until("what is whole has left", async () => {
      const { channels } = await agentStatus(pair.agentConfig);
      return channels.find(({ name }) => name === "other")?.waiting === 0;
    });
    const held: (string | undefined)[] = [];
    for await (const { controlId } of exported(pair.receiverConfig)) held.push(controlId);
    assert.deepEqual(held.sort(), ["A1", "O1", "O2"]);
    for (const id of [1, 2]) {
      const reply = await askLocal(stateDir, { ask: "quarantineRelease", id });
      assert.deepEqual(reply, { error: "QUARANTINE_NOT_WHOLE" });
    }
    const { errors } = agent;
    assert.match(errors, /"rowDamaged".*"seq":"2"|"seq":"2".*"rowDamaged"/);
    assert.equal((await agent.end("SIGTERM")).code, 0);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
