/** Replies that wait for the receiver while their channel moves to a new epoch (03 A3, 06 TP18). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { AgentStack } from "#test/support/agent-stack.ts";
import { adt, framed } from "#test/support/messages.ts";
import { until } from "#test/support/processes.ts";

/** Moves the channel to epoch 2, and waits until this side knows it. */
async function moved(agent: AgentStack): Promise<void> {
  await agent.outbox.epochs.part(agent.channel.id, 1n, { epoch: 1n, lastSeq: 0n });
  await until("it has moved", () => agent.outbox.epochs.isCurrent(agent.channel.id, 2n));
}

async function settledDown(agent: AgentStack): Promise<void> {
  await agent.outbox.standing();
  for (let i = 0; i < 20; i++) await turn();
}

test("[A3, TP18] a reply that waits is not given for a number of another epoch; the sender that asks again gets it", async () => {
  await using agent = await AgentStack.open({ ackPolicy: { ackMode: "deferred" } });
  {
    await using sender = await agent.connect();
    await sender.send(framed(adt("M1")));
    await until("it is stored", () => agent.counters.value("stored") === 1);
    await moved(agent);
    agent.outbox.settle(agent.channel.id, 1n, 1n);
    await settledDown(agent);
    assert.equal(sender.received, "", "epoch 1 says nothing any more");
    const [closed] = agent.logs("connectionClosed");
    assert.equal(closed?.["reason"], "closedByPolicy", "it has to ask again");
  }
  await using again = await agent.connect();
  await again.send(framed(adt("M1")));
  await until("it has been read", () => agent.counters.value("received") === 2);
  await settledDown(agent);
  assert.equal(again.received, "");
  agent.outbox.settle(agent.channel.id, 2n, 1n);
  assert.deepEqual(await again.acknowledged(1), ["AA M1"]);
});
