import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { systemChance, systemClock } from "#agent/host/clock.ts";
import type { ChannelRules } from "#agent/ingest/channel.ts";
import { openRelay } from "#agent/relay/relay.ts";
import { REJECT_CODE } from "#protocol/frame.ts";
import { AgentStack, type StackOptions } from "#test/support/agent-stack.ts";
import { ManualClock } from "#test/support/clocks.ts";
import { FakeReceiver } from "#test/support/fake-receiver.ts";
import { adt, framed, latin1, message } from "#test/support/messages.ts";
import { until } from "#test/support/processes.ts";
import { TestTunnel } from "#test/support/test-tunnel.ts";

const BATCH = `BHS|^~\\&|LAB|NORTH\r${["C1", "C2", "C3"].map((id) => adt(id)).join("")}BTS|3\r`;

const deferred = (more: StackOptions = {}): Promise<AgentStack> =>
  AgentStack.open({ ...more, ackPolicy: { ackMode: "deferred", ...more.ackPolicy } });

/** Waits until so many messages are committed: each is then in the hands of the relay. */
async function stored(agent: AgentStack, count: number): Promise<void> {
  await until(`${count} are stored`, () => agent.counters.value("stored") === count);
}

/** Waits for the outcome of a message's reply: it is written a little later (03 E5). */
async function acked(agent: AgentStack, controlId: string, ack: string): Promise<void> {
  await until(`${controlId} is ${ack}`, async () => (await agent.trace(controlId))[0]?.ack === ack);
}

const idsOf = async (agent: AgentStack): Promise<string[]> =>
  (await agent.messages()).map(({ controlId }) => controlId);

/** Lets everything that could have been said be said. */
async function settledDown(agent: AgentStack): Promise<void> {
  await agent.outbox.standing();
  for (let i = 0; i < 20; i++) await turn();
}

test("[A3, A1] deferred commits first and says AA only once the receiver has acknowledged", async () => {
  await using agent = await deferred();
  await using sender = await agent.connect();
  await sender.send(framed(message({ 15: "NE", 16: "NE" })));
  await stored(agent, 1);
  await settledDown(agent);
  assert.equal(sender.received, "", "not on commit");
  assert.equal((await agent.trace("M1"))[0]?.ack, "pending");
  agent.outbox.settle(agent.channel.id, 1n, 1n);
  assert.deepEqual(await sender.acknowledged(1), ["AA M1"]);
  await acked(agent, "M1", "delivered");
});

test("[A3] deferred says AR, and why, when the receiver refuses for good", async () => {
  await using agent = await deferred();
  await using sender = await agent.connect();
  await sender.send(framed(adt("M1")));
  await stored(agent, 1);
  agent.outbox.refused(agent.channel.id, 1n, 1n);
  const [reply = ""] = await sender.replies(1);
  assert.match(reply, /\rMSA\|AR\|M1\|The receiving system refused the message\rERR\|/);
  assert.equal(sender.isClosed, false);
  assert.deepEqual(await idsOf(agent), ["M1"], "it stays for a person to decide");
  await sender.send(framed(adt("M1")));
  assert.deepEqual(await sender.acknowledged(2), ["AR M1", "AR M1"], "the resend at once");
  assert.equal(agent.counters.value("repliesNegative"), 2);
});

test("[A3] deferred: a refusal is about its own message; what is held behind it has had no answer", async () => {
  const clock = new ManualClock();
  await using agent = await deferred({ clock, rules: { deferredFallback: "error" } });
  await using sender = await agent.connect();
  await using other = await agent.connect();
  await sender.send(framed(adt("M1")));
  await stored(agent, 1);
  await other.send(framed(adt("M2")));
  await stored(agent, 2);
  agent.outbox.refused(agent.channel.id, 1n, 1n);
  assert.deepEqual(await sender.acknowledged(1), ["AR M1"]);
  await settledDown(agent);
  assert.equal(other.received, "");
  clock.advance(20_000);
  assert.deepEqual(await other.acknowledged(1), ["AE M2"]);
});

test("[A3, E2] deferred refuses what is no message at once: nothing of it goes to the receiver", async () => {
  await using agent = await deferred();
  await using sender = await agent.connect();
  await sender.send(framed("PID|1\r"), framed(message({ 9: "" })));
  assert.deepEqual(await sender.acknowledged(2), ["AR ", "AR M1"]);
});

test("[A3, A12] deferred never answers an acknowledgment, and does not wait for one", async () => {
  await using agent = await deferred();
  await using sender = await agent.connect();
  await sender.send(framed(`${message({ 9: "ACK", 10: "K1" })}MSA|AA|X\r`), framed(adt("M1")));
  await stored(agent, 2);
  assert.equal((await agent.trace("K1"))[0]?.ack, "notOwed");
  agent.outbox.settle(agent.channel.id, 1n, 2n);
  assert.deepEqual(await sender.acknowledged(1), ["AA M1"]);
});

/** What is said after the time is over, and what the trace shows of it. */
const FALLBACKS: readonly (readonly [ChannelRules["deferredFallback"], string[], string])[] = [
  ["close", [], "undelivered"],
  ["storeAA", ["AA M1"], "delivered"],
  ["error", ["AE M1"], "delivered"],
];
for (const [deferredFallback, said, ack] of FALLBACKS) {
  test(`[A3] deferred with fallback ${deferredFallback} says ${said[0] ?? "nothing and closes"} at the end of its time, and the message is stored once`, async () => {
    const clock = new ManualClock();
    await using agent = await deferred({ clock, rules: { deferredFallback } });
    await using sender = await agent.connect();
    await sender.send(framed(adt("M1")));
    await stored(agent, 1);
    clock.advance(19_999);
    await settledDown(agent);
    assert.equal(sender.received, "", "not a moment earlier");
    assert.equal(sender.isClosed, false);
    clock.advance(1);
    if (deferredFallback === "close") await sender.closed();
    else assert.deepEqual(await sender.acknowledged(1), said);
    await acked(agent, "M1", ack);
    const [line, ...more] = agent.logs("deferredUnanswered");
    assert.deepEqual([line?.["channel"], line?.["seq"], more], ["adt", 1n, []]);
    await using again = await agent.connect();
    await again.send(framed(adt("M1")));
    await until("the repeat is here", () => agent.counters.value("duplicates") === 1);
    agent.outbox.settle(agent.channel.id, 1n, 1n);
    assert.deepEqual(await again.acknowledged(1), ["AA M1"]);
    await acked(agent, "M1", "delivered");
    assert.deepEqual(await idsOf(agent), ["M1"]);
  });
}

test("[A3] deferred waits as long as the channel says", async () => {
  const clock = new ManualClock();
  const rules = { deferredTimeoutMs: 5_000, deferredFallback: "error" } as const;
  await using agent = await deferred({ clock, rules });
  await using sender = await agent.connect();
  await sender.send(framed(adt("M1")));
  await stored(agent, 1);
  clock.advance(5_000);
  const [reply = ""] = await sender.replies(1);
  assert.match(reply, /\rMSA\|AE\|M1\|The receiving system has not answered yet\rERR\|/);
});

test("[A3, D1] deferred answers a repeat of what the receiver has at once, also after a restart", async () => {
  await using agent = await deferred();
  {
    await using sender = await agent.connect();
    await sender.send(framed(adt("M1")));
    await stored(agent, 1);
    agent.outbox.settle(agent.channel.id, 1n, 1n);
    await sender.send(framed(adt("M1")));
    assert.deepEqual(await sender.acknowledged(2), ["AA M1", "AA M1"]);
  }
  await agent.close();
  await agent.reopen();
  await using sender = await agent.connect();
  await sender.send(framed(adt("M1")), framed(adt("M2")));
  assert.deepEqual(await sender.acknowledged(1), ["AA M1"]);
  await stored(agent, 2);
  await settledDown(agent);
  assert.deepEqual(await sender.acknowledged(1), ["AA M1"], "the new one waits");
  assert.deepEqual(await idsOf(agent), ["M1", "M2"]);
});

test("[A3, D1] deferred: a repeat of what is on its way waits for the same word", async () => {
  await using agent = await deferred();
  await using sender = await agent.connect();
  await using again = await agent.connect();
  await sender.send(framed(adt("M1")));
  await stored(agent, 1);
  await again.send(framed(adt("M1")));
  await until("the repeat is here", () => agent.counters.value("duplicates") === 1);
  await settledDown(agent);
  assert.equal(again.received, "");
  agent.outbox.settle(agent.channel.id, 1n, 1n);
  assert.deepEqual(await sender.acknowledged(1), ["AA M1"]);
  assert.deepEqual(await again.acknowledged(1), ["AA M1"]);
  assert.deepEqual(await idsOf(agent), ["M1"]);
});

test("[A3, A11] deferred: a reply names its own message, although the memory of its block was used again", async () => {
  await using agent = await deferred();
  await using sender = await agent.connect();
  const ids = ["A".repeat(20), "B".repeat(20), "C".repeat(20)];
  for (const [index, id] of ids.entries()) {
    const block = framed(adt(id));
    await sender.send(block.slice(0, 40), block.slice(40, 90), block.slice(90));
    await stored(agent, index + 1);
  }
  agent.outbox.settle(agent.channel.id, 1n, 3n);
  assert.deepEqual(
    await sender.acknowledged(3),
    ids.map((id) => `AA ${id}`),
  );
});

test("[A2, A3] deferred keeps the order of replies on a connection, whoever is answered first", async () => {
  await using agent = await deferred();
  await using sender = await agent.connect();
  await using other = await agent.connect();
  await sender.send(framed(adt("A1")));
  await stored(agent, 1);
  await other.send(framed(adt("B1")), framed("PID|1\r"));
  await stored(agent, 2);
  await sender.send(framed("PID|2\r"), framed(adt("A2")), framed(adt("A3")));
  await stored(agent, 4);
  await settledDown(agent);
  assert.deepEqual([sender.received, other.received], ["", ""], "the refusal waits its turn, too");
  agent.outbox.settle(agent.channel.id, 1n, 1n);
  assert.deepEqual(await sender.acknowledged(2), ["AA A1", "AR "]);
  assert.equal(other.received, "", "another's word is not theirs");
  agent.outbox.settle(agent.channel.id, 1n, 3n);
  assert.deepEqual(await sender.acknowledged(3), ["AA A1", "AR ", "AA A2"]);
  assert.deepEqual(await other.acknowledged(2), ["AA B1", "AR "]);
  agent.outbox.refused(agent.channel.id, 1n, 4n);
  assert.deepEqual((await sender.acknowledged(4)).at(-1), "AR A3");
});

test("[A3, A2] deferred with fallback close says nothing more on that connection: no later reply takes the place", async () => {
  const clock = new ManualClock();
  await using agent = await deferred({ clock });
  await using sender = await agent.connect();
  await sender.send(framed(adt("M1")));
  await stored(agent, 1);
  clock.advance(10_000);
  await sender.send(framed(adt("M2")));
  await stored(agent, 2);
  clock.advance(10_000);
  await settledDown(agent);
  agent.outbox.settle(agent.channel.id, 1n, 2n);
  await sender.closed();
  assert.equal(sender.received, "");
  await acked(agent, "M1", "undelivered");
  await acked(agent, "M2", "undelivered");
  assert.deepEqual(await idsOf(agent), ["M1", "M2"]);
});

test("[A3, E4] deferred: who has gone before the receiver answers is told on the resend", async () => {
  await using agent = await deferred();
  {
    await using sender = await agent.connect();
    await sender.send(framed(adt("M1")));
    await stored(agent, 1);
    sender.reset();
    await sender.closed();
  }
  await agent.connections(0);
  agent.outbox.settle(agent.channel.id, 1n, 1n);
  await acked(agent, "M1", "undelivered");
  await using again = await agent.connect();
  await again.send(framed(adt("M1")));
  assert.deepEqual(await again.acknowledged(1), ["AA M1"]);
  await acked(agent, "M1", "delivered");
});

test("[A3, E8] deferred: an answer before the end of its time disarms the timer", async () => {
  const clock = new ManualClock();
  await using agent = await deferred({ clock, rules: { deferredFallback: "error" } });
  await using sender = await agent.connect();
  const before = clock.armedCount;
  await sender.send(framed(adt("M1")));
  await stored(agent, 1);
  assert.equal(clock.armedCount, before + 1);
  agent.outbox.settle(agent.channel.id, 1n, 1n);
  await sender.replies(1);
  await until("nothing is armed", () => clock.armedCount === before);
  clock.advance(60_000);
  await settledDown(agent);
  assert.deepEqual(await sender.acknowledged(1), ["AA M1"]);
});

test("[A3, F12] deferred: messages of one block are answered once the receiver has the last of them", async () => {
  await using agent = await deferred();
  await using sender = await agent.connect();
  await sender.send(framed(adt("C1") + adt("C2") + adt("C3")));
  await stored(agent, 3);
  agent.outbox.settle(agent.channel.id, 1n, 2n);
  await settledDown(agent);
  assert.equal(sender.received, "");
  agent.outbox.settle(agent.channel.id, 1n, 3n);
  assert.deepEqual(await sender.acknowledged(1), ["AA C1"]);
  for (const id of ["C1", "C2", "C3"]) await acked(agent, id, "delivered");
});

test("[A3, F12] deferred: a block of which the receiver refuses one message gets AR, not the fallback", async () => {
  const clock = new ManualClock();
  await using agent = await deferred({ clock, rules: { deferredFallback: "storeAA" } });
  await using sender = await agent.connect();
  await sender.send(framed(adt("C1") + adt("C2") + adt("C3")));
  await stored(agent, 3);
  agent.outbox.settle(agent.channel.id, 1n, 1n);
  agent.outbox.refused(agent.channel.id, 1n, 2n);
  await settledDown(agent);
  clock.advance(20_000);
  assert.deepEqual(await sender.acknowledged(1), ["AR C1"]);
});

test("[A3, F12] deferred: a batch gets its batch reply when the receiver has it", async () => {
  await using agent = await deferred();
  await using sender = await agent.connect();
  await sender.send(framed(BATCH));
  await stored(agent, 3);
  agent.outbox.settle(agent.channel.id, 1n, 3n);
  const [reply = ""] = await sender.replies(1);
  const said = reply.split("\r").filter((segment) => /^(BHS|MSA|BTS)/.test(segment));
  assert.deepEqual(
    said.map((segment) => segment.slice(0, 9).replace("BHS|^~\\&|", "BHS")),
    ["BHS", "MSA|AA|C1", "MSA|AA|C2", "MSA|AA|C3", "BTS|3"],
  );
});

test("[A3, F12] deferred: batchReply none says nothing of a batch", async () => {
  await using agent = await deferred({ rules: { batchReply: "none" } });
  await using sender = await agent.connect();
  await sender.send(framed(BATCH));
  await stored(agent, 3);
  agent.outbox.settle(agent.channel.id, 1n, 3n);
  await sender.send(framed(adt("M1")));
  await stored(agent, 4);
  agent.outbox.settle(agent.channel.id, 1n, 4n);
  assert.deepEqual(await sender.acknowledged(1), ["AA M1"]);
});

test("[A3, F12] deferred: a bad message in a block brings no AA for the good ones before the receiver has them", async () => {
  await using agent = await deferred();
  await using sender = await agent.connect();
  await sender.send(framed(`BHS|^~\\&|LAB\r${adt("C1")}${message({ 9: "", 10: "C2" })}BTS|2\r`));
  await stored(agent, 1);
  await settledDown(agent);
  assert.ok(!sender.received.includes("MSA|AA|C1"), "the receiver has not acknowledged it");
});

test("[A3, TP24] deferred, with the relay and a receiver: AA follows its ACK, AR its refusal for good", async () => {
  await using agent = await deferred();
  await using receiver = await FakeReceiver.open();
  const options = { chance: systemChance, storeId: agent.outbox.storeId };
  await using line = new TestTunnel(receiver.url, options, []);
  const { tunnel, log, conditions, tasks } = line;
  openRelay({
    outbox: agent.outbox,
    tunnel,
    clock: systemClock,
    log,
    conditions,
    tasks,
    delivered: [],
  });
  const far = await receiver.connection();
  await far.welcome();
  const { stream } = await far.opened();
  await using sender = await agent.connect();
  sender.socket.write(latin1(framed(adt("M1")) + framed(adt("M2")) + framed(adt("M3"))));
  await until("all have arrived", () => far.arrivedSeqs.length === 3);
  await settledDown(agent);
  assert.equal(sender.received, "", "sent is not acknowledged");
  far.ack(1n, stream);
  assert.deepEqual(await sender.acknowledged(1), ["AA M1"]);
  far.ack(2n, stream);
  const code = REJECT_CODE.refused;
  far.send({ type: "reject", stream, seq: 3n, code, permanent: true });
  assert.deepEqual(await sender.acknowledged(3), ["AA M1", "AA M2", "AR M3"]);
  await until("the channel is held", () => conditions.list().length > 0);
  assert.deepEqual(
    conditions.list().map(({ condition }) => condition),
    ["channelHeld"],
  );
});

test("[A12, F12] deferred: an acknowledgment in a batch is not acknowledged", async () => {
  await using agent = await deferred();
  await using sender = await agent.connect();
  const ack = `${message({ 9: "ACK^A01", 10: "K1" })}MSA|AA|X\r`;
  await sender.send(framed(`BHS|^~\\&|LAB|NORTH\r${adt("C1")}${ack}BTS|2\r`));
  await stored(agent, 2);
  agent.outbox.settle(agent.channel.id, 1n, 2n);
  const [reply = ""] = await sender.replies(1);
  const said = reply.split("\r").filter((segment) => /^(?:MSA|BTS)/.test(segment));
  assert.deepEqual(said, ["MSA|AA|C1", "BTS|1"]);
});
