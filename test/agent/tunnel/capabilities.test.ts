/** Versions and capabilities: what a receiver must be able to do, or no message leaves (06 TP11, TP12). @module */
import assert from "node:assert/strict";
import { test } from "node:test";
import { GOAWAY_CODE } from "#protocol/frame.ts";
import { ManualClock } from "#test/support/clocks.ts";
import { FakeReceiver } from "#test/support/fake-receiver.ts";
import { ListedSource } from "#test/support/listed-source.ts";
import { until } from "#test/support/processes.ts";
import { TestTunnel } from "#test/support/test-tunnel.ts";

async function scene(requireCapabilities: readonly string[]) {
  const receiver = await FakeReceiver.open();
  const clock = new ManualClock();
  const source = new ListedSource("adt", "a");
  const tunnel = new TestTunnel(receiver.url, { clock, requireCapabilities }, [source]);
  clock.advance(0);
  return { receiver, clock, tunnel, agent: await receiver.connection() };
}

test("[TP12] a required capability that WELCOME lacks: VERSION, sticky, and no message leaves", async () => {
  const { receiver, clock, tunnel, agent } = await scene(["partial"]);
  await using _all = { [Symbol.asyncDispose]: () => receiver[Symbol.asyncDispose]() };
  await using _tunnel = tunnel;
  await agent.welcome({ capabilities: ["downstream"] });
  await tunnel.reaches("sticky");
  assert.deepEqual(tunnel.lastError?.code, "TUNNEL_CAPABILITY");
  assert.deepEqual(tunnel.lastError?.facts, { missing: "partial" });
  assert.equal(tunnel.conditions.list()[0]?.facts["code"], "TUNNEL_CAPABILITY");
  await agent.closed();
  const sent = agent.history.map(({ type }) => type);
  assert.deepEqual(sent, ["hello"]);

  // A person upgrades the receiver: nothing is to be done here.
  clock.advance(150_000);
  const again = await receiver.connection();
  await again.welcome({ capabilities: ["partial", "downstream"] });
  await again.opened();
  await tunnel.reaches("streaming");
  await until("the message is there", () => again.arrivedSeqs.length === 1);
  assert.deepEqual(tunnel.conditions.list(), []);
});

test("[TP12] what is not required may be missing, and what was not asked for may be there", async () => {
  const { receiver, tunnel, agent } = await scene([]);
  await using _all = { [Symbol.asyncDispose]: () => receiver[Symbol.asyncDispose]() };
  await using _tunnel = tunnel;
  await agent.welcome({ capabilities: ["of-the-future"] });
  await agent.opened();
  await tunnel.reaches("streaming");
});

test("[TP12] what a receiver names and this agent does not speak is not in force", async () => {
  const { receiver, tunnel, agent } = await scene(["zstd"]);
  await using _all = { [Symbol.asyncDispose]: () => receiver[Symbol.asyncDispose]() };
  await using _tunnel = tunnel;
  await agent.welcome({ capabilities: ["zstd"] });
  await tunnel.reaches("sticky");
  assert.deepEqual(tunnel.lastError?.facts, { missing: "zstd" });
});

test("[T-P03, TP11] a receiver without a common minor says so to HELLO: VERSION, and no message leaves", async () => {
  const { receiver, tunnel, agent } = await scene([]);
  await using _all = { [Symbol.asyncDispose]: () => receiver[Symbol.asyncDispose]() };
  await using _tunnel = tunnel;
  await agent.next("hello");
  agent.send({ type: "goaway", stream: 0, code: GOAWAY_CODE.version });
  await tunnel.reaches("sticky");
  assert.equal(tunnel.lastError?.code, "TUNNEL_VERSION");
  assert.match(tunnel.lastError?.remedy ?? "", /Upgrade the older side/);
  await agent.closed();
  assert.deepEqual(
    agent.history.map(({ type }) => type),
    ["hello"],
  );
});
