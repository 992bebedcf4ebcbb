import assert from "node:assert/strict";
import { mock, test } from "node:test";
import type { AckPolicy } from "#agent/ingest/hl7/ack-policy.ts";
import { AgentStack } from "#test/support/agent-stack.ts";
import { HastyClock, ManualClock } from "#test/support/clocks.ts";
import { adt, framed, largeAdt, latin1, message } from "#test/support/messages.ts";
import { until } from "#test/support/processes.ts";
import { SmallDisk } from "#test/support/small-disk.ts";
import { StoreFile } from "#test/support/store-file.ts";

const MIB = 1024 * 1024;
const RELEASE_2_ACK = "\x0b\x06\x1c\r";
const RELEASE_2_NAK = "\x0b\x15\x1c\r";

const idsOf = async (agent: AgentStack): Promise<string[]> =>
  (await agent.messages()).map(({ controlId }) => controlId);

/** Waits for the outcome of a message's reply: it is written a little later (03 E5). */
async function acked(agent: AgentStack, controlId: string, ack: string): Promise<void> {
  await until(`${controlId} is ${ack}`, async () => (await agent.trace(controlId))[0]?.ack === ack);
}

/** Sends one block on a connection of its own, closed in order behind it. @returns what came back */
async function sentAlone(agent: AgentStack, block: string): Promise<string> {
  await using sender = await agent.connect();
  await sender.send(framed(block));
  sender.finish();
  await sender.closed();
  await agent.connections(0);
  return sender.received;
}

test("[A3] r2 answers 0B 06 1C 0D at commit and 0B 15 1C 0D on rejection, and nothing else", async () => {
  await using agent = await AgentStack.open({ ackPolicy: { ackMode: "r2" } });
  await using sender = await agent.connect();
  const blocks = [adt("M1"), "PID|1\r", message({ 10: "M2", 15: "NE", 16: "NE" })];
  await sender.send(...blocks.map(framed));
  await sender.replies(3);
  const expected = RELEASE_2_ACK + RELEASE_2_NAK + RELEASE_2_ACK;
  assert.equal(sender.received, expected, "whatever MSH-15 and MSH-16 say");
  assert.deepEqual(await idsOf(agent), ["M1", "M2"]);
  await acked(agent, "M2", "delivered");
});

test("[A3, D1] r2 gives a repeat what the first copy was owed", async () => {
  await using agent = await AgentStack.open({ ackPolicy: { ackMode: "r2" } });
  await using sender = await agent.connect();
  await sender.send(framed(adt("M1")), framed("PID|1\r"), framed(adt("M1")), framed("PID|1\r"));
  await sender.replies(4);
  assert.equal(sender.received, (RELEASE_2_ACK + RELEASE_2_NAK).repeat(2));
  assert.deepEqual(await idsOf(agent), ["M1"]);
});

for (const [malformedReply, reply] of [
  ["error", RELEASE_2_NAK],
  ["accept", RELEASE_2_ACK],
] as const) {
  test(`[A3, E2] r2 with malformedReply ${malformedReply} gives one byte, too`, async () => {
    await using agent = await AgentStack.open({ ackPolicy: { ackMode: "r2", malformedReply } });
    await using sender = await agent.connect();
    await sender.send(framed("PID|1\r"));
    await sender.replies(1);
    assert.equal(sender.received, reply);
    assert.equal((await agent.quarantine()).length, 1);
  });
}

test("[A12] answerApplicationAck says CA to an application acknowledgment, and never to an accept one", async () => {
  await using agent = await AgentStack.open({ ackPolicy: { answerApplicationAck: true } });
  await using sender = await agent.connect();
  const acknowledgment = (id: string, accept: string, code: string, between = ""): string =>
    `${message({ 9: "ACK^A01^ACK", 10: id, 15: accept }, "")}${between}MSA|${code}|X1\r`;
  const software = `SFT|${"v".repeat(900)}\r`;
  const blocks = [
    acknowledgment("K1", "AL", "AA"),
    acknowledgment("K2", "SU", "AR", software),
    acknowledgment("K3", "AL", "CA"),
    acknowledgment("K4", "AL", "CE"),
    acknowledgment("K5", "AL", "CR"),
    acknowledgment("K6", "ER", "AA"),
    acknowledgment("K7", "", "AA"),
    adt("M1"),
  ];
  await sender.send(...blocks.map(framed));
  assert.deepEqual(await sender.acknowledged(3), ["CA K1", "CA K2", "AA M1"]);
  assert.deepEqual(await idsOf(agent), ["K1", "K2", "K3", "K4", "K5", "K6", "K7", "M1"]);
  await acked(agent, "K1", "delivered");
  await acked(agent, "K3", "notOwed");
});

test("[A6] an application acknowledgment that nobody will give is counted each time and logged once an hour", async () => {
  const clock = new ManualClock();
  await using agent = await AgentStack.open({ clock });
  await using sender = await agent.connect();
  const send = async (from: number, to: number): Promise<void> => {
    for (let id = from; id <= to; id++) {
      await sender.send(framed(message({ 10: `M${id}`, 15: "AL", 16: "AL" })));
      assert.equal((await sender.acknowledged(id)).at(-1), `CA M${id}`);
    }
  };
  const lines = (): unknown[] =>
    agent
      .logs("protocolWarning")
      .map(({ code, count, controlId }) => `${code} ${count} ${controlId}`);
  await send(1, 3);
  assert.deepEqual(lines(), ["applicationAckUnserved 1 M1"]);
  clock.advance(3_599_999);
  await send(4, 4);
  assert.equal(lines().length, 1, "not within the hour");
  clock.advance(1);
  await send(5, 6);
  assert.deepEqual(lines().slice(1), ["applicationAckUnserved 5 M5"]);
  assert.equal(agent.counters.value("applicationAckUnserved"), 6);
  const [warning] = agent.record.snapshot().warnings;
  assert.deepEqual(
    [warning?.warning, warning?.count, warning?.controlId, warning?.lastAt],
    ["applicationAckUnserved", 6, "M6", "2025-01-01T13:00:00.000Z"],
  );
  assert.equal((await agent.messages()).length, 6, "stored as usual");
});

test("[A6] no warning where A5 answered at commit, nor for what was not stored", async () => {
  await using agent = await AgentStack.open();
  await using sender = await agent.connect();
  const answered = message({ 10: "M1", 15: "NE", 16: "AL" });
  const refused = message({ 9: "", 10: "M2", 15: "AL", 16: "AL" });
  await sender.send(framed(answered), framed(refused));
  assert.deepEqual(await sender.acknowledged(2), ["AA M1", "CR M2"]);
  assert.equal(agent.counters.value("applicationAckUnserved"), 0);
});

test("[A14] the pairs of MSH-15 and MSH-16 are shown with their counts, without what else a field holds", async () => {
  await using agent = await AgentStack.open();
  await using sender = await agent.connect();
  const pairs = [
    ...(["AL/NE", "al/ ne", "NE/NE", "/", "/AL", "ZZ/", "AL/NE"] as const),
    "Jane Doe/1964-02-29",
  ];
  for (const [index, pair] of pairs.entries()) {
    const [accept = "", application = ""] = pair.split("/");
    await sender.send(framed(message({ 10: `M${index}`, 15: accept, 16: application })));
  }
  await sender.send(framed(adt("LAST")));
  await until("all have come", async () => (await agent.messages()).length === pairs.length + 1);
  const seen = agent.record
    .snapshot()
    .pairs.map(({ accept, application, count }) => `${accept} ${application} ${count}`);
  assert.deepEqual(seen, ["AL NE 3", "NE NE 1", "- - 2", "- AL 1", "ZZ - 1", "other other 1"]);
});

const SILENT = message({ 10: "S1", 15: "NE", 16: "NE" });

test("[A14] waitsDespiteNever is raised by the third resend on another connection, once", async () => {
  await using agent = await AgentStack.open();
  const counts: number[] = [];
  for (let sent = 0; sent < 6; sent++) {
    assert.equal(await sentAlone(agent, SILENT), "");
    counts.push(agent.counters.value("waitsDespiteNever"));
  }
  assert.deepEqual(counts, [0, 0, 0, 1, 1, 1]);
  const [warning] = agent.record.snapshot().warnings;
  assert.equal(warning?.controlId, "S1");
  assert.match(warning?.text ?? "", /storeAA or commitOnly/, "the advice");
  assert.deepEqual(await idsOf(agent), ["S1"]);
});

test("[A14] resends on one connection raise nothing: that sender does not wait", async () => {
  await using agent = await AgentStack.open();
  await using sender = await agent.connect();
  for (let sent = 0; sent < 8; sent++) await sender.send(framed(SILENT));
  await until("all are counted", () => agent.counters.value("duplicates") === 7);
  assert.equal(agent.counters.value("waitsDespiteNever"), 0);
});

test("[A14] a resend on the connection of the first copy is none of the three", async () => {
  await using agent = await AgentStack.open();
  {
    await using sender = await agent.connect();
    await sender.send(framed(SILENT), framed(SILENT), framed(SILENT));
    await until("both are counted", () => agent.counters.value("duplicates") === 2);
  }
  await agent.connections(0);
  for (let resend = 0; resend < 2; resend++) await sentAlone(agent, SILENT);
  assert.equal(agent.counters.value("waitsDespiteNever"), 0, "two on other connections");
  await sentAlone(agent, SILENT);
  assert.equal(agent.counters.value("waitsDespiteNever"), 1);
});

test("[A14] resends of different messages do not add up", async () => {
  await using agent = await AgentStack.open();
  const blocks = ["S1", "S2"].map((id) => message({ 10: id, 15: "NE", 16: "NE" }));
  for (const block of [...blocks, ...blocks, ...blocks]) await sentAlone(agent, block);
  assert.equal(agent.counters.value("duplicates"), 4);
  assert.equal(agent.counters.value("waitsDespiteNever"), 0);
});

test("[A14] resends of what was answered raise nothing, nor does our own silence", async () => {
  for (const ackMode of ["auto", "none"] as const) {
    await using agent = await AgentStack.open({ ackPolicy: { ackMode } });
    for (let sent = 0; sent < 5; sent++) await sentAlone(agent, adt("M1"));
    assert.equal(agent.counters.value("duplicates"), 4);
    assert.equal(agent.counters.value("waitsDespiteNever"), 0, ackMode);
  }
});

test("[A14] a repeated acknowledgment is no sender that waits: it is never answered", async () => {
  await using agent = await AgentStack.open();
  const block = `${message({ 9: "ACK", 15: "NE", 16: "NE" })}MSA|AA|X1\r`;
  for (let sent = 0; sent < 5; sent++) await sentAlone(agent, block);
  assert.equal(agent.counters.value("duplicates"), 4);
  assert.equal(agent.counters.value("waitsDespiteNever"), 0);
});

/** cannotStoreReply, and what original mode and enhanced mode hear then. */
const OPEN_REPLIES = [
  ["error", "AE", "CE"],
  ["reject", "AR", "CR"],
] as const;
for (const [cannotStoreReply, original, enhanced] of OPEN_REPLIES) {
  test(`[E1] cannotStoreReply ${cannotStoreReply}: a full disk gives ${original} and ${enhanced}, nothing is closed, and the resend is stored`, async (t) => {
    const disk = SmallDisk.make(8 * MIB);
    if (typeof disk === "string") return t.skip(disk);
    using full = disk;
    await using agent = await AgentStack.open({
      stateDir: full.stateDir,
      probeIntervalMs: 50,
      ackPolicy: { cannotStoreReply },
    });
    await using idle = await agent.connect();
    await using sender = await agent.connect();
    await sender.send(framed(adt("M1")));
    assert.deepEqual(await sender.acknowledged(1), ["AA M1"]);
    full.fill();
    const large = largeAdt("M2", 500_000).toString("latin1");
    await sender.send(framed(large));
    assert.deepEqual(await sender.acknowledged(2), ["AA M1", `${original} M2`]);
    assert.deepEqual(
      agent.conditions.list().map(({ condition }) => condition),
      ["storeFailing"],
    );
    await sender.send(framed(message({ 10: "M3", 15: "AL" }, "x".repeat(200_000))));
    assert.equal((await sender.acknowledged(3)).at(-1), `${enhanced} M3`);
    await using late = await agent.connect();
    await late.send(framed(adt("M4")));
    const [reply] = await late.acknowledged(1);
    assert.ok(reply === `${original} M4` || reply === "AA M4", "refused, or small enough to fit");
    assert.ok(agent.listener.isListening, "the listener stays open");
    assert.deepEqual([idle.isClosed, sender.isClosed, late.isClosed], [false, false, false]);
    assert.equal(agent.logs("listenerClosed").length, 0);
    full.free();
    await until("the store is healthy", () => agent.conditions.list().length === 0);
    await sender.send(framed(large));
    await idle.send(framed(adt("M5")));
    assert.equal((await sender.acknowledged(4)).at(-1), "AA M2");
    assert.deepEqual(await idle.acknowledged(1), ["AA M5"]);
    const ids = await idsOf(agent);
    assert.ok(["M1", "M2", "M5"].every((id) => ids.includes(id)) && !ids.includes("M3"));
    assert.equal(new Set(ids).size, ids.length);
  });
}

/** An agent whose store is closed by a commit that came late, and stays closed until `clock` moves. */
async function openButClosed(ackPolicy: Partial<AckPolicy>) {
  const [clock, storeClock] = [new ManualClock(), new HastyClock()];
  const agent = await AgentStack.open({
    ...{ clock, storeClock, ackPolicy, probeIntervalMs: 5_000 },
  });
  const sender = await agent.connect();
  storeClock.hasty = true;
  await sender.send(framed(adt("LATE")));
  await until("the gate is closed", () => !agent.doorway.isOpen);
  storeClock.hasty = false;
  const recovers = async (): Promise<void> => {
    await until("the probe is back", () => {
      clock.advance(5_000);
      return agent.doorway.isOpen;
    });
  };
  return { agent, sender, recovers };
}

test("[E1, A9] what comes while the store is closed is refused without being stored, in its place", async () => {
  const { agent, sender, recovers } = await openButClosed({ cannotStoreReply: "error" });
  await using stack = new AsyncDisposableStack();
  stack.use(agent);
  stack.use(sender);
  assert.deepEqual(await sender.acknowledged(1), ["AE LATE"]);
  const appended = mock.method(agent.outbox, "append");
  const large = framed(largeAdt("BIG", 2 * MIB).toString("latin1"));
  await sender.send(framed(adt("M2")), framed("PID|1\r"), large, framed(adt("M3")));
  const expected = ["AE LATE", "AE M2", "AE ", "AE BIG", "AE M3"];
  assert.deepEqual(await sender.acknowledged(5), expected);
  assert.equal(appended.mock.callCount(), 0, "nothing went to the store");
  assert.equal(agent.counters.value("cannotStore"), 5);
  await recovers();
  // In their order, as a sender that waits sends again.
  for (const [index, block] of [framed(adt("LATE")), framed(adt("M2")), large].entries()) {
    await sender.send(block);
    assert.match((await sender.acknowledged(6 + index)).at(-1) ?? "", /^AA /);
  }
  assert.deepEqual(await idsOf(agent), ["LATE", "M2", "BIG"]);
  assert.equal(agent.counters.value("duplicates"), 1, "the late commit had succeeded");
  assert.deepEqual(await agent.quarantine(), []);
  using file = new StoreFile(agent.stateDir);
  assert.equal(file.uploadCount(), 1, "what had gone ahead of a refused block is taken back");
});

test("[E1, A4] each sender hears of a store that is closed in its own family, also who asked for silence", async () => {
  const { agent, sender } = await openButClosed({ cannotStoreReply: "reject" });
  await using stack = new AsyncDisposableStack();
  stack.use(agent);
  stack.use(sender);
  assert.deepEqual(await sender.acknowledged(1), ["AR LATE"]);
  const pairs = ["AL/", "SU/", "ER/", "NE/NE", "NE/AL", "/ER", "ZZ/"];
  for (const pair of pairs) {
    const [accept = "", application = ""] = pair.split("/");
    await sender.send(framed(message({ 10: pair.replace("/", "-"), 15: accept, 16: application })));
  }
  const said = (await sender.acknowledged(1 + pairs.length)).slice(1);
  const codes = ["CR AL-", "CR SU-", "CR ER-", "AR NE-NE", "AR NE-AL", "AR -ER", "CR ZZ-"];
  assert.deepEqual(said, codes);
  const [reply = ""] = (await sender.replies(2)).slice(1);
  assert.match(reply, /\|Message cannot be stored at the moment\rERR\|/);
});

test("[E1, A14] the record names the code that was really sent", async () => {
  const { agent, sender } = await openButClosed({ cannotStoreReply: "reject" });
  await using stack = new AsyncDisposableStack();
  stack.use(agent);
  stack.use(sender);
  await sender.send(framed(message({ 10: "M2", 15: "AL" })));
  assert.deepEqual(await sender.acknowledged(2), ["AR LATE", "CR M2"]);
  assert.equal(agent.record.snapshot().lastReply?.code, "CR");
});

test("[E1, F2] junk while the store is closed does not close a connection that stays open", async () => {
  const { agent, sender } = await openButClosed({ cannotStoreReply: "error" });
  await using stack = new AsyncDisposableStack();
  stack.use(agent);
  stack.use(sender);
  await sender.acknowledged(1);
  await sender.send("junk", framed(adt("M2")));
  assert.deepEqual(await sender.acknowledged(2), ["AE LATE", "AE M2"]);
});

test("[E1] a message that can have no code is hung up on while the store is closed", async () => {
  const { agent, sender } = await openButClosed({ cannotStoreReply: "error" });
  await using stack = new AsyncDisposableStack();
  stack.use(agent);
  stack.use(sender);
  await sender.acknowledged(1);
  await using other = await agent.connect();
  await other.send(framed(`${message({ 9: "ACK" })}MSA|AA|X1\r`));
  await other.closed();
  assert.equal(other.received, "");
  assert.deepEqual([agent.listener.isListening, sender.isClosed], [true, false]);
});

test("[E1] r2 says 0B 15 1C 0D for what cannot be stored", async () => {
  const { agent, sender } = await openButClosed({ ackMode: "r2", cannotStoreReply: "error" });
  await using stack = new AsyncDisposableStack();
  stack.use(agent);
  stack.use(sender);
  await sender.send(framed(adt("M2")));
  await sender.replies(2);
  assert.equal(sender.received, RELEASE_2_NAK.repeat(2));
});

test("[E1, I-3] a refused group takes with it what one connection sent behind it: the order is never inverted", async () => {
  await using agent = await AgentStack.open({
    probeIntervalMs: 20,
    ackPolicy: { cannotStoreReply: "error" },
  });
  await using sender = await agent.connect();
  // One slice of the large message never reaches the store: as when the disk was full for a moment.
  const { outbox } = agent;
  const stage = outbox.stage.bind(outbox);
  const lost = mock.method(outbox, "stage", (...args: Parameters<typeof stage>) => {
    if (args[1] !== 3) stage(...args);
  });
  const large = framed(largeAdt("BIG", 2 * MIB).toString("latin1"));
  await sender.send(large, framed(adt("B1")), framed(adt("B2")));
  const said = await sender.acknowledged(3);
  assert.deepEqual(
    said,
    ["AE BIG", "AE B1", "AE B2"],
    "none behind it is stored before its resend",
  );
  assert.deepEqual(await idsOf(agent), []);
  lost.mock.restore();
  await until("the store is healthy", () => agent.doorway.isOpen);
  for (const block of [large, framed(adt("B1")), framed(adt("B2"))])
    sender.socket.write(latin1(block));
  assert.deepEqual((await sender.acknowledged(6)).slice(3), ["AA BIG", "AA B1", "AA B2"]);
  assert.deepEqual(await idsOf(agent), ["BIG", "B1", "B2"]);
});
