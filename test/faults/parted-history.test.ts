/** The agent's store is not the one that the receiver knows: nothing is settled on a number alone. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { makePair, type Pair } from "#scripts/make-pair.ts";
import {
  agentStatus,
  type ShownStatus,
  startAgent,
  startReceiver,
  until,
} from "#test/support/processes.ts";
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

test("[TP15, T-S15] a store with another history under the same numbers is held, and keeps every message", async () => {
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
      "the channel is held",
      async () => {
        const { conditions } = await agentStatus(pair.agentConfig);
        return conditions.some(({ condition }) => condition === "channelHeld");
      },
      60_000,
    );
    const { ackedSeq, waiting } = adtOf(await agentStatus(pair.agentConfig));
    assert.deepEqual({ ackedSeq, waiting }, { ackedSeq: 0, waiting: 3 });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
