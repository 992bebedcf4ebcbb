/** What an agent makes of commands (06 TP36), while it trusts no keys to judge them by. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { COMMAND_RESULT, ERROR_CODE } from "#protocol/frame.ts";
import { FakeReceiver } from "#test/support/fake-receiver.ts";
import { ListedSource } from "#test/support/listed-source.ts";
import { TestTunnel } from "#test/support/test-tunnel.ts";

const ID = new Uint8Array(16).fill(7);
const CMD = { type: "cmd", stream: 0, id: ID, document: new Uint8Array([1, 2, 3]) } as const;

async function open(capabilities: readonly string[]) {
  const receiver = await FakeReceiver.open();
  const tunnel = new TestTunnel(receiver.url, {}, [new ListedSource("adt")]);
  const agent = await receiver.connection();
  await agent.welcome({ capabilities });
  await agent.opened();
  await tunnel.reaches("streaming");
  return { receiver, tunnel, agent };
}

test("[TP36] [08 4.1] a command is refused, a repeat of it alike, and the log says so once", async () => {
  const { receiver, tunnel, agent } = await open(["commands"]);
  await using _receiver = receiver;
  await using _tunnel = tunnel;
  for (let repeat = 0; repeat < 2; repeat++) {
    agent.send(CMD);
    const { id, result, text, answer } = await agent.next("cmdResult");
    assert.deepEqual([id, result], [ID, COMMAND_RESULT.refused]);
    assert.deepEqual([text, answer], [undefined, undefined], "nothing but a code");
  }
  agent.send({ type: "cmdDone", stream: 0, id: ID }, { type: "ping", stream: 0, nonce: 9 });
  assert.equal((await agent.next("pong")).nonce, 9);
  assert.equal(tunnel.logged.filter((line) => line.startsWith("commandRefused")).length, 1);
});

for (const frame of [CMD, { type: "cmdDone", stream: 0, id: ID } as const]) {
  test(`[TP36] [TP12] ${frame.type} where commands are not in force is an error`, async () => {
    const { receiver, tunnel, agent } = await open(["downstream"]);
    await using _receiver = receiver;
    await using _tunnel = tunnel;
    agent.send(frame);
    assert.equal((await agent.next("error")).code, ERROR_CODE.outOfOrder);
    await agent.closed();
    assert.equal(tunnel.lastError?.code, "TUNNEL_PROTOCOL");
  });
}
