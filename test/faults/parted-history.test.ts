/** The agent's store is not the one that the receiver knows: nothing is settled on a number alone. */
import assert from "node:assert/strict";
import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { makePair, type Pair } from "#scripts/make-pair.ts";
import {
  agentStatus,
  type ShownStatus,
  Started,
  startAgent,
  startReceiver,
  until,
} from "#test/support/processes.ts";
import { exported } from "./kill-rounds/oracle.ts";
import { sendOnce } from "./mllp-sender.ts";
import { messageOf } from "./seeded-messages.ts";

const adtOf = ({ channels }: ShownStatus): ShownStatus["channels"][number] => {
  const found = channels.find(({ name }) => name === "adt");
  assert.ok(found !== undefined);
  return found;
};

async function send(pair: Pair, ...controlIds: readonly string[]): Promise<void> {
  for (const controlId of controlIds) {
    const answer = await sendOnce(pair.mllp.port, messageOf(controlId));
    assert.deepEqual(answer, { kind: "accepted", controlId });
  }
}

test("[TP15, TP18, T-S15] a store with another history under the same numbers goes on under new ones; nothing is lost", async () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-parted-"));
  try {
    const pair = await makePair({ folder });
    await using receiver = startReceiver(pair.receiverConfig);
    await receiver.ready();
    {
      await using agent = startAgent(pair.agentConfig);
      await agent.ready();
      await send(pair, "S1.old.1", "S1.old.2");
      await until("both have arrived", async () => {
        return adtOf(await agentStatus(pair.agentConfig)).ackedSeq === 2;
      });
      assert.equal((await agent.end("SIGTERM")).code, 0);
    }
    rmSync(join(folder, "agent/state/outbox"), { recursive: true });
    await receiver.end("SIGKILL");
    await using agent = startAgent(pair.agentConfig);
    await agent.ready();
    await send(pair, "S1.new.1", "S1.new.2", "S1.new.3");
    await using again = startReceiver(pair.receiverConfig);
    await again.ready();
    await until(
      "everything has arrived",
      async () => {
        const { channels, conditions } = await agentStatus(pair.agentConfig);
        const { waiting, ackedSeq } = adtOf({ channels } as ShownStatus);
        // That the store is new, with the keys of another beside it, stays in sight.
        const names = conditions.map(({ condition }) => condition);
        return waiting === 0 && ackedSeq === 3 && names.join() === "storeRolledBack";
      },
      60_000,
    );
    assert.match(agent.errors, /"code":"CHANNEL_PARTED"/);
    assert.match(agent.errors, /"message":"epochBegun"/);
    const lines: string[] = [];
    for await (const line of exported(pair.receiverConfig)) {
      lines.push(`${line.epoch}/${line.seq} ${line.gap ?? line.controlId}`);
    }
    const old = ["1/1 S1.old.1", "1/2 S1.old.2"];
    assert.deepEqual(lines, [...old, "2/1 S1.new.1", "2/2 S1.new.2", "2/3 S1.new.3"]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("[S17, T-S15] an old database under the running receiver: status names what is gone, trace what came of the rest", async () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-rolled-"));
  try {
    const pair = await makePair({ folder });
    const outbox = join(folder, "agent/state/outbox");
    await using receiver = startReceiver(pair.receiverConfig);
    await receiver.ready();
    for (const [index, ids] of [
      ["S1.kept.1", "S1.kept.2"],
      ["S1.gone.1", "S1.gone.2"],
    ].entries()) {
      await using agent = startAgent(pair.agentConfig);
      await agent.ready();
      await send(pair, ...ids);
      await until("both have arrived", async () => {
        return adtOf(await agentStatus(pair.agentConfig)).ackedSeq === 2 * (index + 1);
      });
      assert.equal((await agent.end("SIGTERM")).code, 0);
      if (index === 0) cpSync(outbox, join(folder, "old"), { recursive: true });
    }
    for (const name of ["holdfast.db", "holdfast.db-wal"]) {
      rmSync(join(outbox, name), { force: true });
      if (existsSync(join(folder, "old", name)))
        cpSync(join(folder, "old", name), join(outbox, name));
    }
    await using agent = startAgent(pair.agentConfig);
    await agent.ready();
    await send(pair, "S1.new.1");
    await until("it has arrived", async () => {
      const { waiting, lastSeq } = adtOf(await agentStatus(pair.agentConfig));
      return waiting === 0 && lastSeq === 1;
    });
    const { conditions } = await agentStatus(pair.agentConfig);
    // Of what the agent said of itself as much was taken away as it had said by then.
    const rolledBack = conditions.filter(({ subject }) => subject !== "$status");
    assert.deepEqual(
      rolledBack.map(({ condition, subject }) => `${condition} ${subject}`),
      ["storeRolledBack adt"],
    );
    const shown = await said("status", "--config", pair.agentConfig);
    assert.match(shown, /^missing: adt epoch 1, from 3 to 4, rollback, found 20/m);
    const traced = await said("trace", "S1.new.1", "--config", pair.agentConfig);
    assert.match(traced, / 2\/1 .*at the receiver/);
    assert.match(agent.errors, /"message":"messagesMissing"/);
    assert.match(agent.errors, /"firstSeq":"3","lastSeq":"4"/);
    const lines: string[] = [];
    for await (const { epoch, seq, gap, controlId } of exported(pair.receiverConfig)) {
      lines.push(`${epoch}/${seq} ${gap ?? controlId}`);
    }
    const first = ["1/1 S1.kept.1", "1/2 S1.kept.2", "1/3 S1.gone.1", "1/4 S1.gone.2"];
    assert.deepEqual(lines, [...first, "2/1 S1.new.1"]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** What a command of the agent prints. */
async function said(...args: readonly string[]): Promise<string> {
  const main = join(import.meta.dirname, "../../agent/main.ts");
  await using asked = new Started([process.execPath, main, ...args]);
  let text = "";
  asked.child.stdout?.setEncoding("utf8").on("data", (part: string) => {
    text += part;
  });
  await asked.ended;
  return text;
}
