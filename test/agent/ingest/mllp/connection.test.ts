import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { AgentStack } from "#test/support/agent-stack.ts";
import { ManualClock } from "#test/support/clocks.ts";
import { adt, framed, latin1, message } from "#test/support/messages.ts";
import { until } from "#test/support/processes.ts";

const SECOND = 1_000;

/** Bytes that were written have been read by the listener, which lives in this process. */
async function settled(): Promise<void> {
  for (let i = 0; i < 5; i++) await turn();
}

test("[F6] between blocks there is no timeout, also after an end that was decided by silence", async () => {
  const clock = new ManualClock();
  await using agent = await AgentStack.open({ clock });
  await using sender = await agent.connect();
  await sender.send(`\x0b${adt("M1")}\x1c`);
  await until("the wait for CR has begun", () => clock.armedCount > 0);
  clock.advance(250);
  await sender.acknowledged(1);
  clock.advance(24 * 3_600 * SECOND);
  await sender.send(framed(adt("M2")));
  assert.deepEqual(await sender.acknowledged(2), ["AA M1", "AA M2"]);
  assert.equal(clock.armedCount, 0);
});

test("[F5] each block has its own 600 s, although no chunk ends between two of them", async () => {
  const clock = new ManualClock();
  await using agent = await AgentStack.open({ clock });
  await using sender = await agent.connect();
  const block = framed(adt("M0"));
  const wire = Array.from({ length: 5 }, (_, id) => framed(adt(`M${id}`))).join("");
  const pieceBytes = Math.ceil(block.length / 10) + 1;
  for (let at = 0; at < wire.length; at += pieceBytes) {
    if (at > 0) assert.notEqual(at % block.length, 0, "a chunk ends with a block");
    await sender.send(wire.slice(at, at + pieceBytes));
    await settled();
    // About 500 s a block, 2,500 s in all, and never 60 s without a byte.
    clock.advance(55 * SECOND);
  }
  const expected = ["AA M0", "AA M1", "AA M2", "AA M3", "AA M4"];
  assert.deepEqual(await sender.acknowledged(5), expected);
});

test("[F5] the wait for the next byte begins anew with each chunk", async () => {
  const clock = new ManualClock();
  await using agent = await AgentStack.open({ clock });
  await using sender = await agent.connect();
  await sender.send("\x0bMSH|");
  await until("the block has begun", () => clock.armedCount > 0);
  for (let i = 0; i < 3; i++) {
    clock.advance(59 * SECOND);
    await sender.send("x");
    await settled();
  }
  await sender.send("|\x1c\r");
  assert.deepEqual(await sender.acknowledged(1), ["AR "], "the connection is still there");
});

test("[C5, F5] a connection that is not read from is not timed out for its silence", async () => {
  const clock = new ManualClock();
  await using agent = await AgentStack.open({ clock });
  await using sender = await agent.connect();
  // 100 blocks that wait fill the line: reading pauses inside the one behind them.
  const line = Array.from({ length: 100 }, (_, id) => framed(adt(`M${id}`))).join("");
  const half = `\x0b${adt("HALF")}`;
  await sender.send(`${line}${half}`);
  while (agent.counters.value("received") < 100) await turn();
  // In the turn in which they were read no commit can have returned.
  assert.equal(agent.counters.value("stored"), 0);
  clock.advance(700 * SECOND);
  await sender.send("\x1c\r");
  assert.equal((await sender.acknowledged(101))[100], "AA HALF");
});

test("[A2] each reply leaves in one write, so that a sender that reads once has it whole", async () => {
  await using agent = await AgentStack.open();
  await using sender = await agent.connect();
  const reads: string[] = [];
  sender.socket.on("data", (part) => void reads.push(part.toString("latin1")));
  for (let i = 1; i <= 10; i++) {
    await sender.send(framed(adt(`M${i}`)));
    await sender.acknowledged(i);
  }
  assert.equal(reads.length, 10);
  for (const read of reads) assert.ok(read.startsWith("\x0b") && read.endsWith("\x1c\r"));
});

test("[A2] replies keep the order of arrival, whatever is stored and whatever refused", async () => {
  await using agent = await AgentStack.open();
  await using sender = await agent.connect();
  const ids = Array.from({ length: 300 }, (_, id) => id);
  const blocks = ids.map((id) =>
    framed(id % 7 === 3 ? message({ 9: "", 10: `M${id}` }) : adt(`M${id}`)),
  );
  await sender.send(blocks.join(""));
  const expected = ids.map((id) => `${id % 7 === 3 ? "AR" : "AA"} M${id}`);
  assert.deepEqual(await sender.acknowledged(300), expected);
});

test("[C5] a sender that does not read its replies is not read from, and loses none of them", async () => {
  await using agent = await AgentStack.open();
  await using sender = await agent.connect();
  // MSH-3 comes back as MSH-5: each reply is as large as its message.
  const block = latin1(framed(message({ 3: "L".repeat(60_000) })));
  const count = 1_000;
  sender.socket.pause();
  for (let i = 0; i < count; i++) sender.socket.write(block);
  let before = -1;
  let quietTurns = 0;
  await until(
    "reading has stopped",
    () => {
      const received = agent.counters.value("received");
      quietTurns = received === before ? quietTurns + 1 : 0;
      before = received;
      return quietTurns > 25 || received === count;
    },
    30_000,
  );
  assert.ok(before < count, "every reply lies in the agent's memory");
  sender.socket.resume();
  assert.equal((await sender.acknowledged(count, 30_000)).length, count);
});

test("[C5, I-8] a sender that never reads its replies is hung up on after a minute, and what it sent is kept", async () => {
  const clock = new ManualClock();
  await using agent = await AgentStack.open({ clock });
  await using sender = await agent.connect();
  const block = latin1(framed(message({ 3: "L".repeat(60_000) })));
  sender.socket.pause();
  for (let i = 0; i < 400; i++) sender.socket.write(block);
  let before = -1;
  let quietTurns = 0;
  await until("replies pile up at TCP", () => {
    const stored = agent.counters.value("stored") + agent.counters.value("duplicates");
    quietTurns = stored === before ? quietTurns + 1 : 0;
    before = stored;
    return stored > 0 && quietTurns > 25;
  });
  assert.equal(agent.listener.connectionCount, 1);
  clock.advance(61 * SECOND);
  await until("it is hung up on", () => agent.listener.connectionCount === 0);
  assert.ok(agent.counters.value("repliesUndelivered") > 0);
});

test("[C5, E2, E8] a connection that was dropped over replies that nobody reads does not linger", async () => {
  for (const end of ["time", "abort"] as const) {
    const clock = new ManualClock();
    const ackPolicy = { malformedReply: "close" } as const;
    await using agent = await AgentStack.open({ clock, ackPolicy });
    await using sender = await agent.connect();
    const block = latin1(framed(message({ 10: "L".repeat(60_000) })));
    sender.socket.pause();
    for (let i = 0; i < 100; i++) sender.socket.write(block);
    await until("replies pile up", () => agent.counters.value("duplicates") > 90);
    sender.socket.write(latin1(framed("no header")));
    await until("it was set aside", () => agent.counters.value("quarantined") === 1);
    if (end === "time") clock.advance(61 * SECOND);
    else agent.listener.abort("stopping");
    await until(`it is gone by ${end}`, () => agent.listener.connectionCount === 0);
  }
});

test("[E8] hanging up leaves a partial block to the sender: no fragment, and no alarm about the store", async () => {
  await using agent = await AgentStack.open();
  await using sender = await agent.connect();
  // In one chunk: with the first reply the half block has been read, too.
  await sender.send(`${framed(adt("WHOLE"))}\x0b${adt("HALF")}`);
  await sender.acknowledged(1);
  agent.listener.abort("hangUp");
  await until("it is gone", () => agent.listener.connectionCount === 0);
  await turn();
  assert.equal(agent.counters.value("fragments"), 0);
  assert.equal(agent.counters.value("cannotStore"), 0);
});

test("[E8, F5] an orderly stop answers what was read whole and leaves the rest to the sender", async () => {
  await using agent = await AgentStack.open();
  await using sender = await agent.connect();
  const ids = Array.from({ length: 10 }, (_, id) => `M${id}`);
  await sender.send(`${ids.map((id) => framed(adt(id))).join("")}\x0b${adt("HALF")}`);
  // In the turn in which they were read none can be committed yet.
  while (agent.counters.value("received") < 10) await turn();
  assert.equal(agent.counters.value("stored"), 0);
  const stopped = agent.close();
  assert.deepEqual(
    await sender.acknowledged(10),
    ids.map((id) => `AA ${id}`),
  );
  await sender.closed();
  await stopped;
  await agent.reopen();
  assert.deepEqual(
    (await agent.messages()).map(({ controlId }) => controlId),
    ids,
  );
});
