import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { networkInterfaces } from "node:os";
import { test } from "node:test";
import { AgentStack } from "#test/support/agent-stack.ts";
import { adt, framed } from "#test/support/messages.ts";
import { MllpSocket } from "#test/support/mllp-socket.ts";

test("[C1] a connection beyond maxConnections is refused with a warning and a count; the others go on", async () => {
  await using agent = await AgentStack.open({ settings: { maxConnections: 2 } });
  await using one = await agent.connect();
  await using two = await agent.connect();
  await agent.connections(2);
  await using three = await agent.connect();
  await three.closed();
  assert.deepEqual(
    agent.logs("connectionRefused").map(({ reason }) => reason),
    ["tooManyConnections"],
  );
  assert.equal(agent.counters.value("refusedConnections"), 1);
  await one.send(framed(adt("M1")));
  await two.send(framed(adt("M2")));
  assert.deepEqual(await one.acknowledged(1), ["AA M1"]);
  assert.deepEqual(await two.acknowledged(1), ["AA M2"]);
  two.finish();
  await two.closed();
  await agent.connections(1);
  await using four = await agent.connect();
  await four.send(framed(adt("M4")));
  assert.deepEqual(await four.acknowledged(1), ["AA M4"]);
});

test("[C1] order is kept per connection, and messages of many connections all have a row", async () => {
  await using agent = await AgentStack.open();
  const senders = await Promise.all(Array.from({ length: 16 }, () => agent.connect()));
  await using stack = new AsyncDisposableStack();
  for (const sender of senders) stack.use(sender);
  for (const [index, sender] of senders.entries()) {
    const wire = Array.from({ length: 50 }, (_, id) => framed(adt(`C${index}-${id}`))).join("");
    sender.socket.write(wire, "latin1");
  }
  await Promise.all(senders.map((sender) => sender.acknowledged(50)));
  const kept = (await agent.messages()).map(({ controlId }) => controlId);
  assert.equal(kept.length, 800);
  for (const index of senders.keys()) {
    const own = kept.filter((id) => id.startsWith(`C${index}-`));
    assert.deepEqual(
      own,
      Array.from({ length: 50 }, (_, id) => `C${index}-${id}`),
    );
  }
});

test("[C3] a source that is not allowed is refused with a warning and a count, before a byte is read", async () => {
  await using agent = await AgentStack.open({ settings: { allow: ["192.0.2.0/24"] } });
  await using stranger = await agent.connect();
  stranger.socket.write(framed(adt("M1")), "latin1");
  await stranger.closed();
  assert.equal(stranger.received, "");
  const [refused] = agent.logs("connectionRefused");
  assert.equal(refused?.["reason"], "notAllowed");
  assert.match(String(refused?.["peer"]), /^127\.0\.0\.1:\d+$/);
  assert.deepEqual(agent.counters.snapshot(), { refusedConnections: 1 });
});

test("[C3] an allowed source connects, also over a dual-stack socket", async () => {
  await using agent = await AgentStack.open({
    settings: { host: "::", allow: ["127.0.0.0/8", "::1"] },
  });
  for (const [index, host] of ["127.0.0.1", "::1"].entries()) {
    await using sender = await MllpSocket.open(agent.port, host);
    await sender.send(framed(adt(`M${index}`)));
    assert.deepEqual(await sender.acknowledged(1), [`AA M${index}`]);
  }
  const peers = agent.logs("connectionOpened").map(({ peer }) => String(peer));
  assert.match(peers.join(), /^127\.0\.0\.1:\d+,::1:\d+$/);
});

/** `fe80::1%eth0` of this machine, if it has one. */
function linkLocal(): string | undefined {
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    const found = addresses?.find(({ address }) => address.startsWith("fe80::"));
    if (found !== undefined) return `${found.address}%${name}`;
  }
  return undefined;
}

const local = linkLocal();
const skip =
  local === undefined && "not tested: an IPv6 link-local peer; this machine has no such address";
test("[E6, C3] a peer with a link-local IPv6 address is served like any other", {
  skip,
}, async () => {
  await using agent = await AgentStack.open({ settings: { host: "::", allow: ["fe80::/10"] } });
  await using sender = await MllpSocket.open(agent.port, local);
  await sender.send(framed(adt("M1")));
  assert.deepEqual(await sender.acknowledged(1), ["AA M1"]);
});

test("[C3] connect, disconnect and reason are logged", async () => {
  await using agent = await AgentStack.open();
  await using sender = await agent.connect();
  await sender.send(framed(adt("M1")));
  await sender.acknowledged(1);
  sender.finish();
  await sender.closed();
  await agent.connections(0);
  assert.equal(agent.logs("connectionOpened").length, 1);
  assert.deepEqual(
    agent.logs("connectionClosed").map(({ reason }) => reason),
    ["peerClosed"],
  );
});

test("[C3] a port that is taken is an error that names channel and port", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  await assert.rejects(AgentStack.open({ settings: { port } }), (error: Error) => {
    assert.deepEqual(
      { ...error, name: error.name },
      { ...error, name: "AgentError", code: "LISTEN_PORT_IN_USE" },
    );
    return true;
  });
  server.close();
});
