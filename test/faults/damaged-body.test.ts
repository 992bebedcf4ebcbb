/** The disk gives back other bytes than it was given: one channel is held, the others flow. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import { makePair, type Pair } from "#scripts/make-pair.ts";
import {
  agentStatus,
  type ShownStatus,
  startAgent,
  startReceiver,
  until,
} from "#test/support/processes.ts";
import { exported } from "./kill-rounds/oracle.ts";
import { sendOnce } from "./mllp-sender.ts";

const MIB = 1024 * 1024;

function messageOf(controlId: string, bytes: number): Buffer {
  const head = `MSH|^~\\&|LAB|WEST|HUB|EAST|20260101||ADT^A01|${controlId}|P|2.5\rOBX|1|TX|||`;
  return Buffer.concat([Buffer.from(head), Buffer.alloc(bytes, controlId), Buffer.of(0x0d)]);
}

async function send(pair: Pair, channel: string, controlId: string, bytes = 300): Promise<void> {
  const answer = await sendOnce(pair.ports[channel] ?? 0, messageOf(controlId, bytes));
  assert.deepEqual(answer, { kind: "accepted", controlId });
}

/** Flips one bit in the second message of channel adt, as a bad sector or cable does. */
function flipBit(stateDir: string): void {
  const db = new Database(join(stateDir, "outbox/holdfast.db"));
  const [segment, upload] = db
    .prepare(
      `SELECT segment, upload FROM message
       WHERE channel = (SELECT id FROM channel WHERE name = 'adt') AND seq = 2`,
    )
    .raw()
    .get() as [number, number];
  const [table, row, id] =
    upload === 0 ? ["segment", "id = ?", segment] : ["slice", "upload = ? AND ordinal = 3", upload];
  const changed = db.prepare(`SELECT bytes FROM ${table} WHERE ${row}`).pluck().get(id) as Buffer;
  changed[200] = (changed[200] ?? 0) ^ 0x10;
  db.prepare(`UPDATE ${table} SET bytes = ? WHERE ${row}`).run(changed, id);
  db.close();
}

const channelOf = (status: ShownStatus, name: string): ShownStatus["channels"][number] => {
  const found = status.channels.find((channel) => channel.name === name);
  assert.ok(found !== undefined);
  return found;
};

for (const [kind, bytes] of [
  ["a body in a segment", 300],
  ["a body in slices", 1.5 * MIB],
] as const) {
  test(`[S16, T-S08] one flipped bit in ${kind} holds its channel and shows; the other channel flows`, async () => {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-damaged-"));
    try {
      const pair = await makePair({ folder, moreChannels: ["lab"] });
      {
        await using agent = startAgent(pair.agentConfig);
        await agent.ready();
        await send(pair, "adt", "BEFORE");
        await send(pair, "adt", "DAMAGED", bytes);
        await send(pair, "adt", "BEHIND");
        await send(pair, "lab", "OTHER");
        assert.equal((await agent.end("SIGTERM")).code, 0);
      }
      flipBit(join(folder, "agent/state"));
      await using receiver = startReceiver(pair.receiverConfig);
      await receiver.ready();
      await using agent = startAgent(pair.agentConfig);
      await agent.ready();
      await until("the damage shows", async () => {
        const { conditions } = await agentStatus(pair.agentConfig);
        return conditions.some(({ condition }) => condition === "messageDamaged");
      });
      await send(pair, "lab", "LATER", bytes);
      await send(pair, "adt", "KEPT");
      await until(
        "the other channel has drained",
        async () => channelOf(await agentStatus(pair.agentConfig), "lab").waiting === 0,
        30_000,
      );
      const status = await agentStatus(pair.agentConfig);
      const damaged = status.conditions.filter(({ condition }) => condition === "messageDamaged");
      assert.deepEqual(
        damaged.map(({ subject }) => subject),
        ["adt"],
      );
      assert.equal(status.health, "attention");
      assert.deepEqual(
        [channelOf(status, "adt").ackedSeq, channelOf(status, "adt").waiting],
        [1, 3],
      );
      const held: (string | undefined)[] = [];
      for await (const { controlId } of exported(pair.receiverConfig)) held.push(controlId);
      assert.deepEqual(held, ["BEFORE", "OTHER", "LATER"]);
      assert.ok(agent.isRunning);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}
