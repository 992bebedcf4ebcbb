/** How a channel that holds too much for the receiver stops its senders: by not reading, and by nothing else. @module */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { ChannelRecord } from "#agent/health/channel-record.ts";
import { systemChance, systemClock } from "#agent/host/clock.ts";
import { MllpListener } from "#agent/ingest/mllp/listener.ts";
import { Outbox } from "#agent/outbox/outbox.ts";
import { freePort } from "#scripts/free-port.ts";
import { AgentFolder } from "#test/support/agent-folder.ts";
import { AgentStack } from "#test/support/agent-stack.ts";
import { ManualClock } from "#test/support/clocks.ts";
import { LISTENER_SETTINGS } from "#test/support/default-channel.ts";
import { adt, framed, msaOf } from "#test/support/messages.ts";
import { MllpSocket } from "#test/support/mllp-socket.ts";
import { until } from "#test/support/processes.ts";
import { StoreFile } from "#test/support/store-file.ts";
import { TEST_KEK } from "#test/support/test-keys.ts";

const SECOND = 1_000;
/** With what a row costs, a message of 1,000 bytes counts as 1,256: 80 of them fill the channel. */
const WATER = { highWaterBytes: 100_000, lowWaterBytes: 50_000 };
const FULL = 80;
const thousandBytes = (id: string): string => {
  const short = adt(id);
  return adt(id, "x".repeat(1_000 - short.length));
};
const line = (from: number, count: number): string =>
  Array.from({ length: count }, (_, index) => framed(thousandBytes(`M${from + index}`))).join("");
const acknowledgments = (from: number, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `AA M${from + index}`);

/** Waits until a number has not moved for half a second. */
async function stands(what: string, value: () => number): Promise<number> {
  let before = -1;
  let quiet = 0;
  await until(
    `${what} does not move any more`,
    () => {
      quiet = value() === before ? quiet + 1 : 0;
      before = value();
      return quiet > 25;
    },
    30_000,
  );
  return before;
}

const conditionsOf = (agent: AgentStack): string[] =>
  agent.conditions.list().map(({ condition, subject }) => `${condition} ${subject}`);

/** A channel that holds a little more than its share, and the sender that filled it. */
async function fill(agent: AgentStack): Promise<MllpSocket> {
  const sender = await agent.connect();
  for (let sent = 0; sent < FULL; sent += 20) {
    await sender.send(line(sent, 20));
    await sender.acknowledged(sent + 20);
  }
  return sender;
}

test("[C5] row 44: past the high-water mark a sender that goes on is not read from, gets no negative code, and is served when the receiver settles", async () => {
  await using agent = await AgentStack.open({ rules: WATER });
  await using sender = await agent.connect();
  const count = 2_000;
  sender.socket.write(line(0, count), "latin1");
  const stored = await stands("what is stored", () => agent.counters.value("stored"));
  // The share, and what a few chunks of 64 KiB that were read before the commits hold.
  assert.ok(stored < 600, `${stored} of ${count} were read and stored`);
  assert.deepEqual(conditionsOf(agent), ["channelFull adt"]);
  assert.equal(agent.counters.value("received"), stored, "all that was read whole is stored");
  assert.deepEqual(await sender.acknowledged(stored), acknowledgments(0, stored));
  assert.equal(agent.listener.isListening, true);
  assert.equal(agent.listener.connectionCount, 1);
  assert.equal(agent.counters.value("repliesNegative"), 0);
  await until(
    "everything is answered",
    async () => {
      agent.outbox.settle(agent.channel.id, 1n, BigInt(agent.counters.value("stored")));
      return agent.counters.value("repliesPositive") === count;
    },
    60_000,
  );
  assert.deepEqual(await sender.acknowledged(count), acknowledgments(0, count));
  assert.deepEqual(agent.logs("connectionClosed"), []);
});

test("[C5] row 44: the alarm opens once and closes once, at the low-water mark and not before", async () => {
  await using agent = await AgentStack.open({ rules: WATER });
  await using sender = await fill(agent);
  await sender.send(line(FULL, 1));
  await sender.acknowledged(FULL + 1);
  assert.deepEqual(conditionsOf(agent), ["channelFull adt"]);
  const { channel, outbox } = agent;
  // 81 of them, less 30: 51 · 1,256 is between the marks.
  outbox.settle(channel.id, 1n, 30n);
  await until("it is settled", () => outbox.backlogBytes(channel.id) === 51 * 1_256);
  assert.deepEqual(conditionsOf(agent), ["channelFull adt"]);
  await sender.send(line(FULL + 1, 1));
  const received = await stands("what is received", () => agent.counters.value("received"));
  assert.equal(received, FULL + 1, "it is still not read from");
  outbox.settle(channel.id, 1n, 60n);
  assert.deepEqual(await sender.acknowledged(FULL + 2), acknowledgments(0, FULL + 2));
  assert.deepEqual(conditionsOf(agent), []);
  assert.equal(agent.logs("channelFull").length, 1);
  assert.equal(agent.logs("channelRoom").length, 1);
});

test("[C5] a channel that was left full is full after a restart, and its alarm closes although nobody is connected", async () => {
  await using agent = await AgentStack.open({ rules: WATER });
  const before = await fill(agent);
  await before[Symbol.asyncDispose]();
  await agent.close();
  await agent.reopen();
  const sender = await agent.connect();
  await sender.send(line(FULL, 1));
  await agent.connections(1);
  assert.equal(await stands("what is received", () => agent.counters.value("received")), FULL);
  assert.deepEqual(conditionsOf(agent), ["channelFull adt"]);
  // A peer that leaves while it is not read from is noticed only afterwards: here it is hung up on.
  agent.listener.abort("nobody");
  await agent.connections(0);
  agent.outbox.settle(agent.channel.id, 1n, BigInt(FULL));
  await until("the alarm closes", () => agent.conditions.list().length === 0);
  await sender[Symbol.asyncDispose]();
});

test("[C5] a new connection while the channel is full is accepted, not read from, and served once there is room", async () => {
  await using agent = await AgentStack.open({ rules: WATER });
  await using _ = await fill(agent);
  await using late = await agent.connect();
  await agent.connections(2);
  await late.send(framed(adt("LATE")));
  assert.equal(await stands("what is received", () => agent.counters.value("received")), FULL);
  assert.deepEqual([late.received, late.isClosed], ["", false]);
  agent.outbox.settle(agent.channel.id, 1n, BigInt(FULL));
  assert.deepEqual(await late.acknowledged(1), ["AA LATE"]);
  assert.equal(agent.counters.value("refusedConnections"), 0);
});

test("[C5] a full channel does not stop another one", async () => {
  const stateDir = mkdtempSync(join(tmpdir(), "holdfast-room-"));
  const store = { stateDir, allowVolatileState: true, clock: systemClock, chance: systemChance };
  const channels = [{ name: "adt" }, { name: "oru" }];
  // A channel once known stays known.
  await (await Outbox.open({ ...store, channels, kek: TEST_KEK, onFatal: () => {} }))[
    Symbol.asyncDispose
  ]();
  {
    await using agent = await AgentStack.open({ rules: WATER, stateDir });
    const { doorway, conditions, log } = agent;
    const id = agent.outbox.channels.find(({ name }) => name === "oru")?.channel ?? 0;
    const record = new ChannelRecord({ channel: "oru", clock: systemClock, log });
    const channel = { ...agent.channel, name: "oru", id, record };
    const settings = { ...LISTENER_SETTINGS, port: await freePort() };
    const parts = { channel, settings, doorway, conditions, clock: systemClock, log };
    await using other = await MllpListener.open(parts);
    await using full = await fill(agent);
    await full.send(line(FULL, 5));
    await using sender = await MllpSocket.open(other.port);
    for (let i = 1; i <= 20; i++) {
      await sender.send(framed(adt(`O${i}`)));
      assert.equal((await sender.acknowledged(i)).at(-1), `AA O${i}`);
    }
    assert.deepEqual(conditionsOf(agent), ["channelFull adt"]);
    await sender[Symbol.asyncDispose]();
  }
  rmSync(stateDir, { recursive: true, force: true });
});

/** Replies that nobody gives before the receiver speaks: blocks stay pending for as long as a test wants. */
const DEFERRED = { ackPolicy: { ackMode: "deferred" } } as const;

test("[C5] maxPendingBlocks blocks wait at most; the next chunk is read when half of them are answered", async () => {
  const rules = { deferredTimeoutMs: 3_600 * SECOND };
  await using agent = await AgentStack.open({
    ...DEFERRED,
    rules,
    settings: { maxPendingBlocks: 4 },
  });
  await using sender = await agent.connect();
  for (let i = 1; i <= 4; i++) {
    await sender.send(framed(adt(`M${i}`)));
    await until(`${i} blocks are taken`, () => agent.counters.value("received") === i);
  }
  for (let i = 5; i <= 9; i++) await sender.send(framed(adt(`M${i}`)));
  assert.equal(await stands("what is received", () => agent.counters.value("received")), 4);
  assert.deepEqual(conditionsOf(agent), [], "that is the sender's affair, and no alarm");
  agent.outbox.settle(agent.channel.id, 1n, 1n);
  assert.deepEqual(await sender.acknowledged(1), ["AA M1"]);
  assert.equal(await stands("what is received", () => agent.counters.value("received")), 4);
  await until("everything is answered", () => {
    agent.outbox.settle(agent.channel.id, 1n, BigInt(agent.counters.value("stored")));
    return agent.counters.value("repliesPositive") === 9;
  });
  assert.deepEqual(await sender.acknowledged(9), acknowledgments(1, 9));
});

test("[F6, C7] idleTimeoutSeconds closes a connection that is silent between blocks, and counts it", async () => {
  const clock = new ManualClock();
  await using agent = await AgentStack.open({ clock, settings: { idleTimeoutMs: 5 * SECOND } });
  await using sender = await agent.connect();
  await sender.send(framed(adt("M1")));
  await sender.acknowledged(1);
  await until("the reply is written", () => clock.armedCount === 1);
  clock.advance(5 * SECOND - 1);
  await sender.send(framed(adt("M2")));
  assert.deepEqual(await sender.acknowledged(2), ["AA M1", "AA M2"]);
  clock.advance(5 * SECOND - 1);
  await pause(50);
  assert.equal(sender.socket.readableEnded, false);
  clock.advance(1);
  await sender.closed();
  await agent.connections(0);
  assert.equal(agent.counters.value("idleClosed"), 1);
  assert.deepEqual(
    agent.logs("connectionClosed").map(({ reason }) => reason),
    ["idle"],
  );
  assert.equal(clock.armedCount, 0, "no timer outlives its connection");
});

test("[F6] a connection that never sent a byte is idle, too", async () => {
  const clock = new ManualClock();
  await using agent = await AgentStack.open({ clock, settings: { idleTimeoutMs: 5 * SECOND } });
  await using sender = await agent.connect();
  await agent.connections(1);
  clock.advance(5 * SECOND);
  await sender.closed();
  assert.equal(agent.counters.value("idleClosed"), 1);
  assert.equal(agent.counters.value("probes"), 0, "we closed, not the peer");
});

test("[F6] idleTimeoutSeconds never closes inside a block: that has its own limits", async () => {
  const clock = new ManualClock();
  await using agent = await AgentStack.open({ clock, settings: { idleTimeoutMs: 5 * SECOND } });
  await using sender = await agent.connect();
  const block = framed(adt("M1"));
  await sender.send(block.slice(0, 20));
  await until("the block has begun", () => clock.armedCount === 2);
  clock.advance(59 * SECOND);
  await sender.send(block.slice(20));
  assert.deepEqual(await sender.acknowledged(1), ["AA M1"]);
  assert.equal(agent.counters.value("idleClosed"), 0);
});

test("[F6] idleTimeoutSeconds never closes while a reply is owed", async () => {
  const clock = new ManualClock();
  const rules = { deferredTimeoutMs: 3_600 * SECOND };
  const settings = { idleTimeoutMs: 5 * SECOND };
  await using agent = await AgentStack.open({ ...DEFERRED, clock, rules, settings });
  await using sender = await agent.connect();
  await sender.send(framed(adt("M1")));
  await until("it is stored", () => agent.counters.value("stored") === 1);
  clock.advance(600 * SECOND);
  assert.equal(agent.counters.value("idleClosed"), 0);
  agent.outbox.settle(agent.channel.id, 1n, 1n);
  assert.deepEqual(await sender.acknowledged(1), ["AA M1"]);
  clock.advance(10 * SECOND);
  await sender.closed();
  assert.equal(agent.counters.value("idleClosed"), 1);
});

test("[F6] the silence is counted from the reply, where that left later than the last byte", async () => {
  const clock = new ManualClock();
  const rules = { deferredTimeoutMs: 3_600 * SECOND };
  const settings = { idleTimeoutMs: 5 * SECOND };
  await using agent = await AgentStack.open({ ...DEFERRED, clock, rules, settings });
  await using sender = await agent.connect();
  await sender.send(framed(adt("M1")));
  await until("it is stored", () => agent.counters.value("stored") === 1);
  clock.advance(4 * SECOND);
  agent.outbox.settle(agent.channel.id, 1n, 1n);
  await sender.acknowledged(1);
  await until(
    "the reply is written",
    async () => (await agent.trace("M1"))[0]?.ack === "delivered",
  );
  clock.advance(SECOND);
  assert.equal(agent.counters.value("idleClosed"), 0, "one second after the reply");
});

test("[E8] row 47: SIGTERM with ten complete blocks sent gives ten AA, ten rows, then close and exit 0", async () => {
  using folder = await AgentFolder.make();
  await using agent = await folder.start();
  await using sender = await MllpSocket.open(folder.port);
  const ids = Array.from({ length: 10 }, (_, index) => `M${index}`);
  await sender.send(`${ids.map((id) => framed(adt(id))).join("")}\x0b${adt("HALF")}`);
  // One write is one chunk: with the first reply all ten were read.
  await sender.replies(1);
  const ended = agent.end("SIGTERM");
  assert.deepEqual(
    (await sender.replies(10)).map(msaOf),
    ids.map((id) => `AA ${id}`),
  );
  await sender.closed();
  assert.deepEqual(await ended, { code: 0, signal: null });
  using file = new StoreFile(folder.stateDir);
  assert.deepEqual([file.messageCount(), file.quarantine()], [10, []]);
});
