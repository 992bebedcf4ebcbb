/** Who gets a place when all are taken (03 C1, C2). @module */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { AgentStack } from "#test/support/agent-stack.ts";
import { ManualClock } from "#test/support/clocks.ts";
import { adt, framed } from "#test/support/messages.ts";
import type { MllpSocket } from "#test/support/mllp-socket.ts";
import { until } from "#test/support/processes.ts";

const SECOND = 1_000;
const STALE = 120 * SECOND;

/** A sender at another address of this machine. */
class Elsewhere implements AsyncDisposable {
  readonly socket: Socket;
  received = "";

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("error", () => {}).setEncoding("latin1");
    socket.on("data", (text: string) => {
      this.received += text;
    });
  }

  static async open(port: number, localAddress: string): Promise<Elsewhere> {
    const opened = new Elsewhere(connect({ port, host: "127.0.0.1", localAddress }));
    await once(opened.socket, "connect");
    return opened;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
    await until("the socket is gone", () => this.socket.closed);
  }
}

/** The next message of a sender, answered. */
async function delivers(sender: MllpSocket, controlId: string, count = 1): Promise<void> {
  await sender.send(framed(adt(controlId)));
  assert.equal((await sender.acknowledged(count)).at(-1), `AA ${controlId}`);
}

/** Waits until the reply to a message has left: from then on its connection is idle. */
const written = (agent: AgentStack, controlId: string): Promise<void> =>
  until(`the reply to ${controlId} has left`, async () => {
    const [found] = await agent.trace(controlId);
    return found?.ack === "delivered" || found?.ack === "notOwed";
  });

const refusals = (agent: AgentStack): unknown[] =>
  agent.logs("connectionRefused").map(({ reason }) => reason);
const closures = (agent: AgentStack): unknown[] =>
  agent.logs("connectionClosed").map(({ reason }) => reason);

test("[C1, C2] row 41: of 16 connections the one that is idle for 120 s is closed, and the 17th accepted", async () => {
  const clock = new ManualClock();
  await using agent = await AgentStack.open({ clock });
  await using stack = new AsyncDisposableStack();
  const stale = stack.use(await agent.connect());
  await agent.connections(1);
  clock.advance(STALE - 1);
  const fresh: MllpSocket[] = [];
  for (let i = 0; i < 15; i++) fresh.push(stack.use(await agent.connect()));
  await agent.connections(16);
  clock.advance(1);
  const late = stack.use(await agent.connect());
  await stale.closed();
  await delivers(late, "LATE");
  for (const [index, sender] of fresh.entries()) await delivers(sender, `M${index}`);
  assert.equal(agent.listener.connectionCount, 16);
  assert.equal(agent.counters.value("staleClosed"), 1);
  assert.equal(agent.counters.value("refusedConnections"), 0);
  assert.deepEqual([refusals(agent), closures(agent)], [[], ["stale"]]);
  assert.deepEqual(agent.conditions.list(), []);
});

test("[C2] row 41: where none is idle for 120 s the 17th is refused with WARN, counter and alarm", async () => {
  const clock = new ManualClock();
  await using agent = await AgentStack.open({ clock });
  await using stack = new AsyncDisposableStack();
  const senders: MllpSocket[] = [];
  for (let i = 0; i < 16; i++) senders.push(stack.use(await agent.connect()));
  await agent.connections(16);
  clock.advance(STALE - 1);
  const late = stack.use(await agent.connect());
  await late.closed();
  assert.deepEqual([refusals(agent), closures(agent)], [["tooManyConnections"], []]);
  assert.equal(agent.counters.value("refusedConnections"), 1);
  const [alarm, ...more] = agent.conditions.list();
  assert.deepEqual(
    [alarm?.condition, alarm?.subject, alarm?.facts["count"], more],
    ["tooManyConnections", "adt", 16, []],
  );
  assert.match(String(alarm?.facts["peer"]), /^127\.0\.0\.1:\d+$/);
  for (const [index, sender] of senders.entries()) await delivers(sender, `M${index}`);
  // Shown for a while after the last case, then gone by itself.
  clock.advance(599 * SECOND);
  assert.equal(agent.conditions.list().length, 1);
  clock.advance(SECOND);
  assert.deepEqual(agent.conditions.list(), []);
});

test("[C2] of several stale connections the one that is idle longest is closed, by its last reply and not by its age", async () => {
  const clock = new ManualClock();
  await using agent = await AgentStack.open({ clock, settings: { maxConnections: 3 } });
  await using oldest = await agent.connect();
  await agent.connections(1);
  clock.advance(10 * SECOND);
  await using middle = await agent.connect();
  await agent.connections(2);
  clock.advance(10 * SECOND);
  await using youngest = await agent.connect();
  await agent.connections(3);
  clock.advance(10 * SECOND);
  await delivers(oldest, "M1");
  await written(agent, "M1");
  clock.advance(200 * SECOND);
  await using first = await agent.connect();
  await middle.closed();
  await delivers(first, "F1");
  await using second = await agent.connect();
  await youngest.closed();
  await delivers(second, "S1");
  await delivers(oldest, "M2", 2);
  assert.equal(agent.counters.value("staleClosed"), 2);
});

test("[C2] a connection inside a block is not stale, however long nothing came", async () => {
  const clock = new ManualClock();
  const hour = 3_600 * SECOND;
  const settings = { maxConnections: 1, blockIdleTimeoutMs: hour, blockMaxMs: hour };
  await using agent = await AgentStack.open({ clock, settings });
  await using slow = await agent.connect();
  const block = framed(adt("SLOW"));
  await slow.send(block.slice(0, 30));
  await until("the block has begun", () => clock.armedCount === 2);
  clock.advance(10 * STALE);
  await using late = await agent.connect();
  await late.closed();
  assert.deepEqual(refusals(agent), ["tooManyConnections"]);
  await slow.send(block.slice(30));
  assert.deepEqual(await slow.acknowledged(1), ["AA SLOW"]);
});

test("[C2] a connection that is owed a reply is not stale; once it has it, the silence begins anew", async () => {
  const clock = new ManualClock();
  await using agent = await AgentStack.open({
    clock,
    settings: { maxConnections: 1 },
    ackPolicy: { ackMode: "deferred" },
    rules: { deferredTimeoutMs: 24 * 3_600 * SECOND },
  });
  await using waiting = await agent.connect();
  await waiting.send(framed(adt("M1")));
  await until("it is stored", () => agent.counters.value("stored") === 1);
  clock.advance(10 * STALE);
  await using late = await agent.connect();
  await late.closed();
  agent.outbox.settle(agent.channel.id, 1n, 1n);
  assert.deepEqual(await waiting.acknowledged(1), ["AA M1"]);
  await written(agent, "M1");
  clock.advance(STALE - 1);
  await using later = await agent.connect();
  await later.closed();
  clock.advance(1);
  await using last = await agent.connect();
  await waiting.closed();
  assert.deepEqual(refusals(agent), ["tooManyConnections", "tooManyConnections"]);
  assert.equal(agent.counters.value("staleClosed"), 1);
  await last.send(framed(adt("M2")));
  await until("the new one is served", () => agent.counters.value("stored") === 2);
  agent.outbox.settle(agent.channel.id, 1n, 2n);
  assert.deepEqual(await last.acknowledged(1), ["AA M2"]);
});

test("[C1, C2] a stale connection never gives its place to another address, and both count against one limit", async () => {
  const clock = new ManualClock();
  await using agent = await AgentStack.open({ clock, settings: { maxConnections: 2 } });
  await using one = await agent.connect();
  await using other = await Elsewhere.open(agent.port, "127.0.0.2");
  await agent.connections(2);
  clock.advance(10 * STALE);
  await using stranger = await Elsewhere.open(agent.port, "127.0.0.3");
  await until("the stranger is refused", () => stranger.socket.closed);
  assert.deepEqual(refusals(agent), ["tooManyConnections"]);
  assert.match(String(agent.logs("connectionRefused")[0]?.["peer"]), /^127\.0\.0\.3:\d+$/);
  assert.equal(agent.listener.connectionCount, 2);
  await using again = await Elsewhere.open(agent.port, "127.0.0.2");
  await until("its own old one is closed", () => other.socket.closed);
  again.socket.write(framed(adt("AGAIN")), "latin1");
  await until("the new one is answered", () => again.received.includes("MSA|AA|AGAIN"));
  await delivers(one, "ONE");
  assert.deepEqual(closures(agent), ["stale"]);
  const peers = agent.record.snapshot().peers.map((peer) => [peer.address, peer.connections]);
  assert.deepEqual(peers, [
    ["127.0.0.1", 1],
    ["127.0.0.2", 1],
  ]);
});

test("[C2] a sender that comes back again and again behind a dead link keeps being served on two places", async () => {
  const clock = new ManualClock();
  await using agent = await AgentStack.open({ clock, settings: { maxConnections: 2 } });
  await using stack = new AsyncDisposableStack();
  const dead: MllpSocket[] = [];
  for (let round = 0; round < 6; round++) {
    const sender = stack.use(await agent.connect());
    await delivers(sender, `M${round}`);
    await written(agent, `M${round}`);
    dead.push(sender);
    clock.advance(STALE);
  }
  assert.equal(agent.counters.value("staleClosed"), 4);
  assert.equal(agent.listener.connectionCount, 2);
  for (const gone of dead.slice(0, 4)) await gone.closed();
  assert.equal(agent.counters.value("refusedConnections"), 0);
});
