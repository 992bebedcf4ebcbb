/** A tunnel that an outage drill holds down. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "#test/support/clocks.ts";
import { FakeReceiver } from "#test/support/fake-receiver.ts";
import { ListedSource } from "#test/support/listed-source.ts";
import { TestTunnel } from "#test/support/test-tunnel.ts";

test("[Operate] held down for a drill it is cut, stays so whatever time passes, and is dialled at once when it is let up", async () => {
  await using receiver = await FakeReceiver.open();
  const clock = new ManualClock();
  await using made = new TestTunnel(receiver.url, { clock }, [new ListedSource("adt", "one")]);
  const { tunnel } = made;
  const streams = async () => {
    const agent = await receiver.connection();
    await agent.welcome();
    await agent.opened();
    await made.reaches("streaming");
    return agent;
  };
  clock.advance(0);
  const agent = await streams();
  tunnel.holdDown();
  await agent.closed();
  assert.equal(agent.closeCode, 1006, "as a line is cut");
  const [found] = made.conditions.list();
  assert.deepEqual([found?.condition, found?.facts], ["tunnelDown", { code: "TUNNEL_HELD_DOWN" }]);
  for (let hour = 0; hour < 4; hour++) clock.advance(3_600_000);
  assert.deepEqual(tunnel.dialNow(), { was: "heldDown", dials: false });
  tunnel.renewConnection();
  tunnel.distrust();
  assert.equal(made.state, "heldDown");
  assert.equal(receiver.connections.length, 1);
  tunnel.letUp();
  await streams();
  assert.deepEqual(made.conditions.list(), []);
});

test("[Operate] a dial under way is given up when the tunnel is held down, and says nothing of the receiver", async () => {
  await using receiver = await FakeReceiver.open();
  const clock = new ManualClock();
  await using made = new TestTunnel(receiver.url, { clock }, []);
  clock.advance(0);
  made.tunnel.holdDown();
  assert.equal(made.state, "heldDown");
  made.tunnel.letUp();
  const agent = await receiver.connection();
  await agent.welcome();
  await made.reaches("streaming");
  assert.ok(!made.logged.some((line) => line.startsWith("tunnelLost")));
});
