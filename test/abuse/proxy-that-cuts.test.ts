/** A proxy that cuts what it has let through (07 section 4, I13); what it may answer is in the tests of dialling. @module */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";
import { openProxy } from "#agent/tunnel/proxy.ts";
import { connectProxy } from "#test/support/connect-proxy.ts";
import { FakeReceiver } from "#test/support/fake-receiver.ts";
import { until } from "#test/support/processes.ts";
import { StubPort } from "#test/support/stub-port.ts";
import { TestTunnel } from "#test/support/test-tunnel.ts";

test("[I13] a proxy that closes what it has let through, again and again: a clean error each time, and back", async () => {
  await using receiver = await FakeReceiver.open();
  const through: Socket[] = [];
  const behave = connectProxy();
  await using port = await StubPort.open((socket, stub) => {
    through.push(socket);
    behave(socket, stub);
  });
  const proxy = openProxy({ url: `http://127.0.0.1:${port.port}` });
  await using tunnel = new TestTunnel(receiver.url, { proxy }, []);
  for (let round = 0; round < 3; round++) {
    const agent = await receiver.connection();
    await agent.welcome();
    await tunnel.reaches("streaming");
    for (const socket of through.splice(0)) socket.destroy();
    await until("it has noticed", () => tunnel.state !== "streaming");
    assert.equal(tunnel.lastError?.code, "TUNNEL_UNREACHABLE");
  }
  assert.deepEqual(tunnel.faults, []);
});
