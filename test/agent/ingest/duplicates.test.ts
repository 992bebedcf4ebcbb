import assert from "node:assert/strict";
import { test } from "node:test";
import { AgentStack } from "#test/support/agent-stack.ts";
import { adt, framed, message } from "#test/support/messages.ts";
import { until } from "#test/support/processes.ts";

const count = async (agent: AgentStack): Promise<number> => (await agent.messages()).length;

test("[D1] the same message again gives the same reply and no second row", async () => {
  await using agent = await AgentStack.open();
  await using sender = await agent.connect();
  await sender.send(framed(adt("M1")), framed(adt("M2")), framed(adt("M1")));
  assert.deepEqual(await sender.acknowledged(3), ["AA M1", "AA M2", "AA M1"]);
  assert.equal(await count(agent), 2);
  assert.equal(agent.counters.value("duplicates"), 1);
});

test("[D1] the same message again is recognised after a restart", async () => {
  await using agent = await AgentStack.open();
  for (let run = 0; run < 3; run++) {
    await using sender = await agent.connect();
    await sender.send(framed(adt("M1")), framed("no header"));
    assert.deepEqual(await sender.acknowledged(2), ["AA M1", "AR "]);
    assert.equal(await count(agent), 1);
    await agent.close();
    await agent.reopen();
  }
  const aside = await agent.quarantine();
  assert.deepEqual(
    aside.map(({ repeatCount }) => repeatCount),
    [2],
  );
});

test("[D1] a repeat is owed what the first copy was owed: CA, or nothing", async () => {
  await using agent = await AgentStack.open();
  await using sender = await agent.connect();
  const silent = framed(message({ 10: "N1", 15: "NE", 16: "NE" }));
  const accepted = framed(message({ 10: "A1", 15: "AL" }));
  await sender.send(silent, accepted, silent, accepted);
  assert.deepEqual(await sender.acknowledged(2), ["CA A1", "CA A1"]);
  assert.equal(await count(agent), 2);
});

test("[D1] row 39: an identical block on two connections at once gives both AA and one row", async () => {
  await using agent = await AgentStack.open();
  for (let round = 0; round < 20; round++) {
    await using one = await agent.connect();
    await using other = await agent.connect();
    const block = framed(adt(`M${round}`));
    one.socket.write(block, "latin1");
    other.socket.write(block, "latin1");
    assert.deepEqual(await one.acknowledged(1), [`AA M${round}`]);
    assert.deepEqual(await other.acknowledged(1), [`AA M${round}`]);
  }
  assert.equal(await count(agent), 20);
});

test("[D1] ten copies in one segment, and so in one commit, give ten AA and one row", async () => {
  await using agent = await AgentStack.open();
  await using sender = await agent.connect();
  await sender.send(framed(adt("M1")).repeat(10));
  assert.deepEqual(await sender.acknowledged(10), new Array(10).fill("AA M1"));
  assert.equal(await count(agent), 1);
  assert.equal(agent.counters.value("duplicates"), 9);
});

test("[D1, E2] row 40: a malformed block 1,000 times gives AR each and one entry that counts them", async () => {
  await using agent = await AgentStack.open();
  await using sender = await agent.connect();
  const block = message({ 9: "" });
  await sender.send(framed(block).repeat(1_000));
  assert.deepEqual(await sender.acknowledged(1_000), new Array(1_000).fill("AR M1"));
  const aside = await agent.quarantine();
  assert.deepEqual(
    aside.map((row) => [row.text, row.repeatCount + 1]),
    [[block, 1_000]],
  );
});

test("[D2, T-I03] row 38: the same control id with other content gives a second AA, a second row, a flag", async () => {
  await using agent = await AgentStack.open();
  await using sender = await agent.connect();
  await sender.send(framed(adt("M1")), framed(adt("M1", "^OTHER")), framed(adt("M2")));
  assert.deepEqual(await sender.acknowledged(3), ["AA M1", "AA M1", "AA M2"]);
  const traced = await agent.trace("M1");
  assert.deepEqual(
    traced.map(({ controlIdReused }) => controlIdReused),
    [true, false],
  );
  assert.equal(agent.counters.value("controlIdReused"), 1);
  assert.deepEqual(
    (await agent.messages()).map(({ text }) => text),
    [adt("M1"), adt("M1", "^OTHER"), adt("M2")],
  );
});

/** What is not the same message although MSH-10 is: each is a row of its own. */
test("[D1, D2] another sending application, facility or byte is another message", async () => {
  await using agent = await AgentStack.open();
  await using sender = await agent.connect();
  const blocks = [
    message(),
    message({ 3: "ICU" }),
    message().replace("NORTH", "SOUTH"),
    message().replaceAll("\r", "\n"),
    `${message()}\r`,
  ];
  await sender.send(blocks.map(framed).join(""));
  await sender.acknowledged(5);
  assert.deepEqual(
    (await agent.messages()).map(({ text }) => text),
    blocks,
  );
});

test("[D1, E4, E5] row 35: RST before the reply is read, then resend, gives the same reply and one row", async () => {
  await using agent = await AgentStack.open();
  const rude = await agent.connect();
  await rude.send(framed(adt("M1")));
  rude.reset();
  await until("the message is stored", async () => (await count(agent)) === 1);
  await agent.connections(0);
  await using sender = await agent.connect();
  await sender.send(framed(adt("M1")));
  assert.deepEqual(await sender.acknowledged(1), ["AA M1"]);
  assert.equal(await count(agent), 1);
  const delivered = async (): Promise<boolean> => (await agent.trace("M1"))[0]?.ack === "delivered";
  await until("the resend's reply counts as delivered", delivered);
});
