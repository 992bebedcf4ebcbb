/** Quarantine has a bound for each channel: what goes first, what never goes, what happens at the end (03 E7). @module */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import Sqlite from "better-sqlite3";
import { ChannelRecord } from "#agent/health/channel-record.ts";
import { systemChance, systemClock } from "#agent/host/clock.ts";
import { MllpListener } from "#agent/ingest/mllp/listener.ts";
import { Outbox } from "#agent/outbox/outbox.ts";
import { freePort } from "#scripts/free-port.ts";
import { AgentStack } from "#test/support/agent-stack.ts";
import { ManualClock } from "#test/support/clocks.ts";
import { LISTENER_SETTINGS } from "#test/support/default-channel.ts";
import { adt, framed, largeAdt, latin1, message } from "#test/support/messages.ts";
import { MllpSocket } from "#test/support/mllp-socket.ts";
import { until } from "#test/support/processes.ts";
import { StoreFile } from "#test/support/store-file.ts";
import { TEST_KEK } from "#test/support/test-keys.ts";

/** What a row counts besides its bytes. */
const ROW = 512;
/** A block that is no message, of exactly `bytes` bytes. */
const bad = (id: string, bytes = 1_000): string => {
  const short = message({ 9: "", 10: id });
  return message({ 9: "", 10: id }, "x".repeat(bytes - short.length));
};

/** Leaves a fragment of exactly `bytes` bytes: the connection ends inside the block. */
async function leaveFragment(agent: AgentStack, id: string, bytes = 1_000): Promise<void> {
  const before = agent.counters.value("fragments");
  await using sender = await agent.connect();
  await sender.send(`\x0b${bad(id, bytes)}`);
  sender.finish();
  await sender.closed();
  await until("it is taken", () => agent.counters.value("fragments") === before + 1);
}

/** Numbers and bytes of the channel, as `status` shows them. */
async function totals(agent: AgentStack): Promise<[number, number]> {
  const { channels } = await agent.outbox.standing();
  const own = channels.find(({ name }) => name === "adt");
  return [own?.quarantineCount ?? -1, own?.quarantineBytes ?? -1];
}

/** Control ids of what is set aside, oldest first. */
async function asideIds(agent: AgentStack): Promise<string[]> {
  const rows = await agent.outbox.quarantined(Number.MAX_SAFE_INTEGER, 100);
  return rows.map(({ controlId }) => Buffer.from(controlId).toString("latin1")).reverse();
}

/** The same, counted anew from the rows of a store that is closed. */
function recounted(agent: AgentStack): unknown[] {
  const database = new Sqlite(join(agent.stateDir, "outbox/holdfast.db"));
  const rows = database
    .prepare(
      `SELECT channel, count(*), sum(512 + iif(upload IS NULL, kept_bytes, length))
       FROM quarantine GROUP BY channel`,
    )
    .raw()
    .all();
  database.close();
  return rows;
}

test("[E7] fragments and junk go first, oldest first, and a complete block never", async () => {
  // Room for five of the rows below, and not for six.
  await using agent = await AgentStack.open({ quarantineMaxBytes: 5 * (1_000 + ROW) });
  await using sender = await agent.connect();
  await sender.send(framed(bad("B1")));
  assert.deepEqual(await sender.acknowledged(1), ["AR B1"]);
  for (const id of ["F1", "F2", "F3"]) await leaveFragment(agent, id);
  await sender.send(framed(bad("B2")));
  assert.deepEqual(await sender.acknowledged(2), ["AR B1", "AR B2"]);
  assert.deepEqual(await asideIds(agent), ["B1", "F1", "F2", "F3", "B2"]);
  await sender.send(framed(bad("B3")));
  await sender.acknowledged(3);
  assert.deepEqual(await asideIds(agent), ["B1", "F2", "F3", "B2", "B3"]);
  await leaveFragment(agent, "F4");
  await until("it is kept", async () => (await asideIds(agent)).includes("F4"));
  assert.deepEqual(await asideIds(agent), ["B1", "F3", "B2", "B3", "F4"]);
  // One that needs the room of two.
  await sender.send(framed(bad("B4", 2_000)));
  await sender.acknowledged(4);
  assert.deepEqual(await asideIds(agent), ["B1", "B2", "B3", "B4"]);
  assert.deepEqual(await totals(agent), [4, 5_000 + 4 * ROW]);
  assert.equal(agent.counters.value("quarantined"), 8);
  assert.deepEqual(agent.conditions.list(), []);
});

test("[E7] a junk sample is pruned like a fragment", async () => {
  await using agent = await AgentStack.open({ quarantineMaxBytes: 2 * ROW + 1_100 });
  await using sender = await agent.connect();
  await sender.send("x".repeat(256));
  await until("the sample is kept", async () => (await totals(agent))[0] === 1);
  await sender.send(framed(bad("B1")));
  assert.deepEqual(await sender.acknowledged(1), ["AR B1"]);
  assert.deepEqual(await asideIds(agent), ["B1"]);
});

test("[E7] without room: no reply, that connection alone is closed, an alarm, and healthy traffic goes on", async () => {
  const clock = new ManualClock();
  await using agent = await AgentStack.open({ clock, quarantineMaxBytes: 2 * (1_000 + ROW) });
  await using healthy = await agent.connect();
  await using rubbish = await agent.connect();
  await rubbish.send(framed(bad("B1")), framed(bad("B2")));
  await rubbish.acknowledged(2);
  await rubbish.send(framed(bad("B3")));
  await rubbish.closed();
  assert.deepEqual(await rubbish.acknowledged(2), ["AR B1", "AR B2"], "and nothing more");
  assert.deepEqual(await asideIds(agent), ["B1", "B2"]);
  const open = agent.conditions.list().map(({ condition, subject }) => [condition, subject]);
  assert.deepEqual(open, [["quarantineFull", "adt"]]);
  assert.equal(agent.listener.isListening, true);
  assert.equal(agent.doorway.isOpen, true);
  await healthy.send(framed(adt("M1")));
  assert.deepEqual(await healthy.acknowledged(1), ["AA M1"]);
  await using again = await agent.connect();
  await again.send(framed(adt("M2")));
  assert.deepEqual(await again.acknowledged(1), ["AA M2"]);
  assert.deepEqual(agent.logs("listenerClosed"), []);
  clock.advance(3_600_000);
  assert.deepEqual(agent.conditions.list(), [], "an hour after the last case it closes");
});

test("[E7, D1] without room a block that is there already is counted, and answered as before", async () => {
  await using agent = await AgentStack.open({ quarantineMaxBytes: 1_000 + ROW });
  await using sender = await agent.connect();
  await sender.send(framed(bad("B1")).repeat(3));
  assert.deepEqual(await sender.acknowledged(3), ["AR B1", "AR B1", "AR B1"]);
  assert.deepEqual(await totals(agent), [1, 1_000 + ROW]);
});

test("[E7, F5] without room a fragment is let go, and nobody is hung up on for it", async () => {
  await using agent = await AgentStack.open({ quarantineMaxBytes: 1_000 + ROW });
  await using sender = await agent.connect();
  await sender.send(framed(bad("B1")));
  await sender.acknowledged(1);
  // An abandoned block, and the message behind it, in one chunk and on one connection.
  await sender.send(`\x0b${adt("HALF")}${framed(adt("M1"))}`);
  assert.deepEqual(await sender.acknowledged(2), ["AR B1", "AA M1"]);
  assert.equal(agent.counters.value("fragments"), 1);
  assert.deepEqual(await asideIds(agent), ["B1"]);
});

test("[E7, F7] the slices of what is refused for want of room, or pruned, go with it", async () => {
  await using agent = await AgentStack.open({ quarantineMaxBytes: 4_000_000 });
  for (const id of ["F1", "F2"]) {
    const before = agent.counters.value("fragments");
    await using sender = await agent.connect();
    await sender.send("\x0b", largeAdt(id, 1_800_000));
    sender.finish();
    await sender.closed();
    await until("it is taken", () => agent.counters.value("fragments") === before + 1);
  }
  await until("both are kept", async () => (await totals(agent))[0] === 2);
  await using sender = await agent.connect();
  const large = latin1(bad("B1", 3_000_000));
  await sender.send("\x0b", large, "\x1c\r");
  assert.deepEqual(await sender.acknowledged(1), ["AR B1"]);
  assert.deepEqual(await asideIds(agent), ["B1"]);
  await sender.send("\x0b", latin1(bad("B2", 3_000_000)), "\x1c\r");
  await sender.closed();
  assert.deepEqual(await sender.acknowledged(1), ["AR B1"]);
  await agent.close();
  using file = new StoreFile(agent.stateDir);
  assert.deepEqual([file.uploadCount(), file.sliceCount()], [1, Math.ceil(3_000_000 / 131_072)]);
});

test("[E7] another channel's quarantine has its own room", async () => {
  const stateDir = mkdtempSync(join(tmpdir(), "holdfast-aside-"));
  const store = { stateDir, allowVolatileState: true, clock: systemClock, chance: systemChance };
  const channels = [{ name: "adt" }, { name: "oru" }];
  // A channel once known stays known; its own limit comes with its own configuration.
  await (await Outbox.open({ ...store, channels, kek: TEST_KEK, onFatal: () => {} }))[
    Symbol.asyncDispose
  ]();
  {
    await using agent = await AgentStack.open({ stateDir, quarantineMaxBytes: 1_000 + ROW });
    const { doorway, conditions, log } = agent;
    const id = agent.outbox.channels.find(({ name }) => name === "oru")?.channel ?? 0;
    const record = new ChannelRecord({ channel: "oru", clock: systemClock, log });
    const channel = { ...agent.channel, name: "oru", id, record };
    const settings = { ...LISTENER_SETTINGS, port: await freePort() };
    const parts = { channel, settings, doorway, conditions, clock: systemClock, log };
    await using other = await MllpListener.open(parts);
    await using full = await agent.connect();
    await full.send(framed(bad("B1")), framed(bad("B2")));
    await full.closed();
    const sender = await MllpSocket.open(other.port);
    await sender.send(framed(bad("B1")), framed(bad("B2")), framed(bad("B3")));
    assert.deepEqual(await sender.acknowledged(3), ["AR B1", "AR B2", "AR B3"]);
    const open = agent.conditions.list().map(({ subject }) => subject);
    assert.deepEqual(open, ["adt"]);
    assert.deepEqual(await totals(agent), [1, 1_000 + ROW]);
    await sender[Symbol.asyncDispose]();
  }
  rmSync(stateDir, { recursive: true, force: true });
});

test("[E7, S20] the counts equal a recount, also after pruning and after a restart", async () => {
  await using agent = await AgentStack.open({ quarantineMaxBytes: 6_000 });
  await using sender = await agent.connect();
  let answered = 0;
  for (let round = 0; round < 5; round++) {
    await leaveFragment(agent, `F${round}`, 700 + round);
    if (round % 2 === 0) continue;
    await sender.send(framed(bad(`B${round}`, 900 + round)).repeat(2));
    answered += 2;
    await sender.acknowledged(answered);
  }
  await sender[Symbol.asyncDispose]();
  const before = await totals(agent);
  assert.ok(before[1] <= 6_000);
  await agent.close();
  assert.deepEqual(recounted(agent), [[1, ...before]]);
  await agent.reopen();
  assert.deepEqual(await totals(agent), before);
  await using again = await agent.connect();
  await again.send(framed(bad("B9", 900)));
  assert.deepEqual(await again.acknowledged(1), ["AR B9"]);
  const afterwards = await totals(agent);
  assert.ok(afterwards[1] <= 6_000, "the limit holds over the restart");
  await again[Symbol.asyncDispose]();
  await agent.close();
  assert.deepEqual(recounted(agent), [[1, ...afterwards]]);
});

test("[E7] a block that finds no room does not push out fragments in vain", async () => {
  await using agent = await AgentStack.open({ quarantineMaxBytes: 3 * (1_000 + ROW) });
  await leaveFragment(agent, "F1");
  await leaveFragment(agent, "F2");
  await until("both are kept", async () => (await totals(agent))[0] === 2);
  await using sender = await agent.connect();
  await sender.send(framed(bad("B1", 5_000)));
  await sender.closed();
  assert.equal(sender.received, "");
  assert.deepEqual(await asideIds(agent), ["F1", "F2"]);
});

test("[F2] maxJunkBytes: so much junk is discarded and counted, one byte more closes the connection", async () => {
  await using agent = await AgentStack.open({ settings: { maxJunkBytes: 100 } });
  await using sender = await agent.connect();
  await sender.send("x".repeat(100), framed(adt("M1")));
  assert.deepEqual(await sender.acknowledged(1), ["AA M1"]);
  // Since the last block: what came before it does not count any more.
  await sender.send("x".repeat(100), framed(adt("M2")));
  assert.deepEqual(await sender.acknowledged(2), ["AA M1", "AA M2"]);
  await sender.send("x".repeat(101));
  await sender.closed();
  assert.equal(agent.logs("peerNotMllp").length, 1);
  assert.deepEqual([agent.counters.value("junkBytes"), agent.counters.value("notMllp")], [301, 1]);
});

for (const [bytes, kept] of [
  [16, ["0123456789abcdef"]],
  [0, []],
] as const) {
  test(`[F2] junkSampleBytes ${bytes}: so many of the first junk bytes are kept, all are counted`, async () => {
    await using agent = await AgentStack.open({ settings: { junkSampleBytes: bytes } });
    await using sender = await agent.connect();
    await sender.send("0123456789abcdefghijklmnop", "qrst", framed(adt("M1")));
    assert.deepEqual(await sender.acknowledged(1), ["AA M1"]);
    await sender[Symbol.asyncDispose]();
    const rows = await agent.quarantine();
    assert.deepEqual(
      rows.map(({ reason, text }) => [reason, text]),
      kept.map((text) => ["junk", text]),
    );
    assert.equal(agent.counters.value("junkBytes"), 30);
  });
}

test("[F3] bytes after an end that silence decided are shown with the control id of the message they may belong to", async () => {
  await using agent = await AgentStack.open();
  await using sender = await agent.connect();
  await sender.send(`\x0b${adt("CUT-1")}\x1c`);
  assert.deepEqual(await sender.acknowledged(1), ["AA CUT-1"]);
  await sender.send("more of it");
  await until("it is seen", () => agent.counters.value("bytesAfterLenientEnd") === 1);
  const shown = agent.record.snapshot().warnings;
  assert.deepEqual(
    shown.map(({ warning, count, controlId }) => [warning, count, controlId]),
    [
      ["lenientEnd", 1, undefined],
      ["bytesAfterLenientEnd", 1, "CUT-1"],
    ],
  );
  const lines = agent.logs("protocolWarning").map(({ code, controlId }) => [code, controlId]);
  assert.deepEqual(lines.at(-1), ["bytesAfterLenientEnd", "CUT-1"]);
});
