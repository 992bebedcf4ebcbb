/** A person gives up a message that storage has damaged, with the command, and its channel goes on. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import { makePair } from "#scripts/make-pair.ts";
import {
  agentStatus,
  type ShownStatus,
  Started,
  startAgent,
  startReceiver,
  until,
} from "#test/support/processes.ts";
import { programFile } from "#test/support/programs.ts";
import { exported } from "./kill-rounds/oracle.ts";
import { sendOnce } from "./mllp-sender.ts";

const MAIN = programFile("agent/main.ts");
/** Stands in every message, and may be seen nowhere. */
const SECRET = "DOE^JOHN";

async function command(...args: readonly string[]): Promise<{ out: string; code: number | null }> {
  await using started = new Started([process.execPath, MAIN, ...args]);
  let out = "";
  started.child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  const { code } = await started.ended;
  return { out: out + started.errors, code };
}

function flipBit(stateDir: string, seq: number): void {
  const db = new Database(join(stateDir, "outbox/holdfast.db"));
  const id = db.prepare("SELECT segment FROM message WHERE seq = ?").pluck().get(seq) as number;
  const read = db.prepare("SELECT bytes FROM segment WHERE id = ?").pluck();
  const bytes = read.get(id) as Buffer;
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 0x10;
  db.prepare("UPDATE segment SET bytes = ? WHERE id = ?").run(bytes, id);
  db.close();
}

interface Status extends ShownStatus {
  readonly missing: readonly { readonly firstSeq: number; readonly cause: string }[];
}

test("[S16, TP31, T-S08] channel skip says what would be lost, then the channel goes on without it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-skipped-"));
  try {
    const pair = await makePair({ folder });
    const config = ["--config", pair.agentConfig];
    const send = async (controlId: string): Promise<void> => {
      const text = `MSH|^~\\&|LAB|W|HUB|E|2026||ADT^A01|${controlId}|P|2.5\rPID|1||1||${SECRET}\r`;
      const answer = await sendOnce(pair.mllp.port, Buffer.from(text));
      assert.deepEqual(answer, { kind: "accepted", controlId });
    };
    {
      await using agent = startAgent(pair.agentConfig);
      await agent.ready();
      for (const controlId of ["FIRST", "BROKEN", "BEHIND"]) await send(controlId);
      assert.equal((await agent.end("SIGTERM")).code, 0);
    }
    flipBit(join(folder, "agent/state"), 2);
    await using receiver = startReceiver(pair.receiverConfig);
    await receiver.ready();
    await using agent = startAgent(pair.agentConfig);
    await agent.ready();
    const status = async (): Promise<Status> => (await agentStatus(pair.agentConfig)) as Status;
    const isStopping = async (): Promise<boolean> =>
      (await status()).conditions.some(({ condition }) => condition === "messageDamaged");
    await until("the channel stops", isStopping);
    const skip = (...more: readonly string[]) =>
      command("channel", "skip", "adt", ...more, ...config);
    assert.equal((await skip("--seq", "3")).code, 65, "it does not stop there");
    assert.equal((await skip("--seq", "2-3", "--yes")).code, 65, "3 can be read");
    const dry = await skip("--seq", "2");
    assert.equal(dry.code, 0);
    assert.match(dry.out, /Would be lost, adt epoch 1: 1 message; nothing was changed/);
    assert.match(dry.out, /--seq 2 --yes/);
    assert.ok(await isStopping(), "nothing was changed");
    const { out, code } = await skip("--seq", "2", "--yes", "--json");
    assert.equal(code, 0);
    const answer = JSON.parse(out) as { skipped: boolean; lost: { seq: number; bytes: number }[] };
    assert.deepEqual([answer.skipped, answer.lost.length, answer.lost[0]?.seq], [true, 1, 2]);
    await send("LATER");
    await until("all is at the receiver", async () => (await status()).channels[0]?.waiting === 0);
    assert.equal((await skip("--seq", "2", "--yes")).code, 65, "not twice");
    const after = await status();
    assert.deepEqual(after.conditions, []);
    assert.equal(after.health, "ok");
    assert.deepEqual(
      after.missing.map(({ firstSeq, cause }) => [firstSeq, cause]),
      [[2, "damaged"]],
    );
    const held: string[] = [];
    for await (const row of exported(pair.receiverConfig)) held.push(row.controlId ?? "a gap");
    assert.deepEqual(held, ["FIRST", "BEHIND", "LATER", "a gap"]);
    const trace = await command("trace", "BROKEN", ...config);
    assert.match(trace.out, /lost: damaged here/);
    assert.match(agent.errors, /"message":"messagesSkipped"/);
    for (const text of [dry.out, out, trace.out, agent.errors]) assert.ok(!text.includes(SECRET));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
