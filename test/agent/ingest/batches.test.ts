import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { AgentStack, type StackOptions } from "#test/support/agent-stack.ts";
import { HastyClock } from "#test/support/clocks.ts";
import { adt, framed, latin1, message, sha256Of } from "#test/support/messages.ts";
import { until } from "#test/support/processes.ts";

const FHS = "FHS|^~\\&|LAB|NORTH|GATE|CLOUD|20250101||f||F1\r";
const BHS = "BHS|^~\\&|LAB|NORTH|GATE|CLOUD|20250101||b||B1\r";
const THREE = [adt("C1"), adt("C2"), adt("C3")];
const bhsOf = (...messages: readonly string[]): string =>
  `${BHS}${messages.join("")}BTS|${messages.length}\r`;

let sentinels = 0;

/** Sends blocks and a plain message behind them: what comes before its reply is theirs. */
async function repliesTo(agent: AgentStack, ...blocks: readonly string[]): Promise<string[]> {
  await using sender = await agent.connect();
  await sender.send(
    ...blocks.map(framed),
    framed(message({ 10: "SENTINEL", 3: `S${sentinels++}` })),
  );
  sender.finish();
  await sender.closed();
  const replies = sender.received.split("\x1c\r").slice(0, -1);
  return replies.filter((reply) => !reply.includes("SENTINEL")).map((reply) => reply.slice(1));
}

/** BHS-12, MSA-1 and MSA-2 of each acknowledgment, and BTS-1. */
function batchReply(reply: string): string[] {
  return reply.split("\r").flatMap((segment) => {
    const [name, ...fields] = segment.split("|");
    if (name === "BHS") return [`BHS ${fields[10] ?? ""}`];
    if (name === "MSA") return [`${fields[0]} ${fields[1]}`];
    return name === "BTS" ? [`BTS ${fields[0]}`] : [];
  });
}

const idsOf = async (agent: AgentStack): Promise<string[]> =>
  (await agent.messages()).map(({ controlId }) => controlId);

async function withAgent(
  options: StackOptions,
  act: (agent: AgentStack) => Promise<void>,
): Promise<void> {
  await using agent = await AgentStack.open(options);
  await act(agent);
}

test("[F12, P36, P37] row 45: a batch of three gives three rows, their bytes, and one batch reply", async () => {
  await using agent = await AgentStack.open();
  const block = `${FHS}${bhsOf(...THREE)}FTS|1\r`;
  const [reply = "", ...more] = await repliesTo(agent, block);
  assert.deepEqual(more, []);
  assert.deepEqual(batchReply(reply), ["BHS B1", "AA C1", "AA C2", "AA C3", "BTS 3"]);
  assert.match(reply, /^BHS\|\^~\\&\|GATE\|CLOUD\|LAB\|NORTH\|\d{14}\+0000\|\|\|\|[^|]+\|B1\r/);
  const kept = (await agent.messages()).slice(0, 3);
  assert.deepEqual(
    kept.map(({ text }) => text),
    THREE,
  );
  const envelope = [FHS, BHS, "BTS|3\r", "FTS|1\r"].map((line) => line.trimEnd()).join("\r");
  for (const [index, { attributes }] of kept.entries()) {
    assert.deepEqual(attributes, {
      "batch.sha256": sha256Of(latin1(block)),
      "batch.index": String(index),
      "batch.count": "3",
      "batch.envelope": envelope,
    });
  }
  assert.deepEqual(
    [agent.counters.value("batches"), agent.counters.value("batchMessages")],
    [1, 3],
  );
  assert.equal(agent.counters.value("received"), 4);
});

test("[F12] row 46: two MSH in a block without an envelope give two rows, one AA for the first, and a warning", async () => {
  await using agent = await AgentStack.open();
  assert.deepEqual((await repliesTo(agent, adt("C1") + adt("C2"))).map(batchReply), [["AA C1"]]);
  assert.deepEqual(await idsOf(agent), ["C1", "C2", "SENTINEL"]);
  assert.equal(agent.counters.value("multipleMessages"), 1);
  const [one] = await agent.messages();
  assert.deepEqual(Object.keys(one?.attributes ?? {}).sort(), [
    ...["batch.count", "batch.index", "batch.sha256"],
  ]);
  await until("both are answered", async () => (await agent.trace("C2"))[0]?.ack === "delivered");
});

/** The batch, and the rows it gives. */
const SHAPES: readonly (readonly [string, string, string[]])[] = [
  ["FHS without BHS", `${FHS}${adt("C1")}${adt("C2")}FTS|1\r`, [adt("C1"), adt("C2")]],
  ["one message", bhsOf(adt("C1")), [adt("C1")]],
  [
    "two batches of a file",
    `${FHS}${bhsOf(adt("C1"))}${bhsOf(adt("C2"))}FTS|2\r`,
    [adt("C1"), adt("C2")],
  ],
  ["a byte order mark in front", `\xef\xbb\xbf${bhsOf(...THREE)}`, THREE],
  [
    "LF line ends",
    bhsOf(...THREE).replaceAll("\r", "\n"),
    THREE.map((m) => m.replaceAll("\r", "\n")),
  ],
  [
    "CRLF line ends",
    bhsOf(...THREE).replaceAll("\r", "\r\n"),
    THREE.map((m) => m.replaceAll("\r", "\r\n")),
  ],
  [
    "blank lines between",
    `${BHS}\r\r${adt("C1")}\r\r${adt("C2")}BTS|2\r\r`,
    [`${adt("C1")}\r\r`, adt("C2")],
  ],
  [
    "the name of a header inside a field",
    bhsOf(adt("C1", "|MSH|^~\\&|x"), adt("C2")),
    [adt("C1", "|MSH|^~\\&|x"), adt("C2")],
  ],
];
for (const [what, block, expected] of SHAPES) {
  test(`[F12, P35, P37] a batch with ${what} is split, and every message keeps its bytes`, async () => {
    await using agent = await AgentStack.open();
    const [reply = ""] = await repliesTo(agent, block);
    const said = batchReply(reply);
    assert.equal(said.at(-1), `BTS ${expected.length}`);
    assert.deepEqual(
      said.slice(1, -1),
      expected.map((_, index) => `AA C${index + 1}`),
    );
    const texts = (await agent.messages()).slice(0, -1).map(({ text }) => text);
    assert.deepEqual(texts, expected);
    assert.equal(agent.counters.value("batchCountMismatch"), 0);
  });
}

/** A batch whose trailers do not fit. */
const MISMATCHES: readonly (readonly [string, string])[] = [
  ["BTS-1 too high", `${BHS}${THREE.join("")}BTS|4\r`],
  ["FTS-1 too high", `${FHS}${bhsOf(...THREE)}FTS|2\r`],
  ["BTS missing", `${BHS}${THREE.join("")}`],
  ["FTS missing", `${FHS}${bhsOf(...THREE)}`],
];
for (const [what, block] of MISMATCHES) {
  test(`[F12, P36] ${what}: a warning, a flag on every message, and no loss`, async () => {
    await using agent = await AgentStack.open();
    const [reply = ""] = await repliesTo(agent, block);
    assert.deepEqual(batchReply(reply).slice(1), ["AA C1", "AA C2", "AA C3", "BTS 3"]);
    const kept = (await agent.messages()).slice(0, 3);
    assert.ok(kept.every(({ attributes }) => attributes["batch.countMismatch"] === "1"));
    assert.equal(agent.counters.value("batchCountMismatch"), 1);
  });
}

const BAD = message({ 9: "", 10: "BAD" });
test("[F12, P38] a bad message is quarantined alone, named in the batch reply, and blocks no other", async () => {
  await using agent = await AgentStack.open();
  const [reply = ""] = await repliesTo(agent, bhsOf(adt("C1"), BAD, adt("C3")));
  assert.deepEqual(batchReply(reply).slice(1), ["AA C1", "AR BAD", "AA C3", "BTS 3"]);
  const kept = (await agent.messages()).slice(0, 2);
  assert.deepEqual(
    kept.map(({ controlId, attributes }) => [controlId, attributes["batch.index"]]),
    [
      ["C1", "0"],
      ["C3", "2"],
    ],
  );
  const [aside] = await agent.outbox.quarantined(Number.MAX_SAFE_INTEGER, 10);
  assert.equal(JSON.parse(aside?.attributes ?? "{}")["batch.index"], "1", "P38: with its index");
  const rows = await agent.quarantine();
  assert.deepEqual(
    rows.map(({ reason, text, length, controlId }) => [reason, text, length, controlId]),
    [["noMessageType", BAD, BAD.length, "BAD"]],
  );
});

test("[F12] without an envelope a bad message makes the one acknowledgment negative, and the others are stored", async () => {
  await using agent = await AgentStack.open();
  const replies = await repliesTo(agent, adt("C1") + BAD + adt("C3"));
  assert.deepEqual(replies.map(batchReply), [["AR C1"]]);
  assert.deepEqual(await idsOf(agent), ["C1", "C3", "SENTINEL"]);
  assert.equal((await agent.quarantine()).length, 1);
});

test("[F12, P39] what is left over is set aside, and changes no reply", async () => {
  await using agent = await AgentStack.open();
  const block = `${BHS}ZZZ|left\rover\r${adt("C1")}${adt("C2")}BTS|2\rbehind`;
  const [reply = ""] = await repliesTo(agent, block);
  assert.deepEqual(batchReply(reply).slice(1), ["AA C1", "AA C2", "BTS 2"]);
  const rows = await agent.quarantine();
  assert.deepEqual(
    rows.map(({ reason, text }) => [reason, text]),
    [
      ["leftover", "ZZZ|left\rover\r"],
      ["leftover", "behind"],
    ],
  );
});

test("[P36] batch.index counts messages, whatever is left over between them", async () => {
  await using agent = await AgentStack.open();
  await repliesTo(agent, `${BHS}ZZZ|left\r${adt("C1")}${adt("C2")}BTS|2\r`);
  const indexes = (await agent.messages())
    .slice(0, 2)
    .map((kept) => kept.attributes["batch.index"]);
  assert.deepEqual(indexes, ["0", "1"]);
});

/** batchReply, and what a batch with a bad message in the middle gets. */
const REPLIES: readonly (readonly ["batch" | "first" | "none", string[][], string[][]])[] = [
  ["batch", [["BHS B1", "AA C1", "AA C2", "BTS 2"]], [["BHS B1", "AA C1", "AR BAD", "BTS 2"]]],
  ["first", [["AA C1"]], [["AR C1"]]],
  ["none", [], []],
];
for (const [rule, good, withBad] of REPLIES) {
  test(`[F12] batchReply ${rule}: ${good.flat().join(", ") || "nothing"}`, async () => {
    await using agent = await AgentStack.open({ rules: { batchReply: rule } });
    const said = await repliesTo(agent, bhsOf(adt("C1"), adt("C2")));
    assert.deepEqual(said.map(batchReply), good);
    const bad = await repliesTo(agent, bhsOf(adt("C1"), BAD));
    assert.deepEqual(bad.map(batchReply), withBad);
    assert.equal((await agent.trace("C2"))[0]?.ack === "notOwed", rule === "none");
    const plain = await repliesTo(agent, adt("P1") + adt("P2"));
    assert.deepEqual(plain.map(batchReply), [["AA P1"]], "a block without an envelope is no batch");
    assert.deepEqual(
      (await idsOf(agent)).filter((id) => id !== "SENTINEL"),
      ["C1", "C2", "P1", "P2"],
    );
  });
}

test("[F12, A4] each message of a batch is answered by its own MSH-15 and MSH-16", async () => {
  await using agent = await AgentStack.open();
  const pairs = ["AL/", "SU/", "ER/", "NE/AL", "NE/SU", "NE/ER", "NE/NE", "/", "ZZ/", "NE/ZZ"];
  const messages = (nine: string, prefix: string): string[] =>
    pairs.map((pair, index) => {
      const [accept = "", application = ""] = pair.split("/");
      return message({ 9: nine, 10: `${prefix}${index}`, 15: accept, 16: application });
    });
  const replies = await repliesTo(
    agent,
    bhsOf(...messages("ADT^A01", "G")),
    bhsOf(...messages("", "R")),
  );
  assert.deepEqual(replies.map(batchReply), [
    ["BHS B1", "CA G0", "CA G1", "AA G3", "AA G4", "AA G7", "CA G8", "AA G9", "BTS 7"],
    ["BHS B1", "CR R0", "CR R2", "AR R3", "AR R5", "AR R7", "CR R8", "AR R9", "BTS 7"],
  ]);
});

test("[F12, A2] a batch of which no message is owed a word gets no reply", async () => {
  await using agent = await AgentStack.open();
  const silent = ["S1", "S2"].map((id) => message({ 10: id, 15: "NE", 16: "NE" }));
  assert.deepEqual(await repliesTo(agent, bhsOf(...silent)), []);
  assert.deepEqual((await agent.trace("S1"))[0]?.ack, "notOwed");
});

test("[F12, E5] a message that asked for silence is not owed a reply because its neighbours are", async () => {
  await using agent = await AgentStack.open();
  await repliesTo(agent, bhsOf(adt("C1"), message({ 10: "S1", 15: "NE", 16: "NE" })));
  await until("the reply is noted", async () => (await agent.trace("C1"))[0]?.ack === "delivered");
  assert.equal((await agent.trace("S1"))[0]?.ack, "notOwed");
});

test("[F12, A4, A6] warnings about MSH-15 and MSH-16 are raised for every message of a batch, not for the first alone", async () => {
  await using agent = await AgentStack.open();
  const unknown = message({ 10: "C2", 15: "ZZ" });
  const unserved = message({ 10: "C3", 15: "AL", 16: "AL" });
  const [reply = ""] = await repliesTo(agent, bhsOf(adt("C1"), unknown, unserved));
  assert.deepEqual(batchReply(reply).slice(1), ["AA C1", "CA C2", "CA C3", "BTS 3"]);
  assert.deepEqual(
    [agent.counters.value("unknownAckCondition"), agent.counters.value("applicationAckUnserved")],
    [1, 1],
  );
});

test("[F12, A12] an acknowledgment in a batch is stored and has no part in the reply", async () => {
  const block = bhsOf(adt("C1"), `${message({ 9: "ACK", 10: "K1", 15: "AL" })}MSA|AA|X\r`);
  await withAgent({}, async (agent) => {
    const [reply = ""] = await repliesTo(agent, block);
    assert.deepEqual(batchReply(reply).slice(1), ["AA C1", "BTS 1"]);
    assert.deepEqual(await idsOf(agent), ["C1", "K1", "SENTINEL"]);
  });
  await withAgent({ ackPolicy: { answerApplicationAck: true } }, async (agent) => {
    const [reply = ""] = await repliesTo(agent, block);
    assert.deepEqual(batchReply(reply).slice(1), ["AA C1", "CA K1", "BTS 2"]);
  });
});

/** ackMode, a good batch, one with a bad message. */
const MODES = [
  ["storeAA", ["BHS B1", "AA S1", "BTS 1"], ["BHS B1", "AA S1", "AR BAD", "BTS 2"]],
  ["commitOnly", ["BHS B1", "CA S1", "BTS 1"], ["BHS B1", "CA S1", "CR BAD", "BTS 2"]],
  ["none", [], []],
] as const;
for (const [ackMode, good, withBad] of MODES) {
  test(`[F12, A3] mode ${ackMode} answers each message of a batch its own way`, async () => {
    const silent = message({ 10: "S1", 15: "NE", 16: "NE" });
    await using agent = await AgentStack.open({ ackPolicy: { ackMode } });
    const replies = await repliesTo(agent, bhsOf(silent), bhsOf(silent, BAD));
    const expected = [good, withBad].filter(({ length }) => length > 0);
    assert.deepEqual(replies.map(batchReply), expected);
    assert.deepEqual(await idsOf(agent), ["S1", "SENTINEL"]);
  });
}

test("[F12, A3] r2 says one byte for a whole batch: 06 if all is stored, 15 if one is rejected", async () => {
  for (const batchReplyRule of ["batch", "first"] as const) {
    await using agent = await AgentStack.open({
      ackPolicy: { ackMode: "r2" },
      rules: { batchReply: batchReplyRule },
    });
    await using sender = await agent.connect();
    const blocks = [bhsOf(...THREE), bhsOf(adt("C4"), BAD), adt("P1") + adt("P2")];
    await sender.send(...blocks.map(framed));
    await sender.replies(3);
    assert.equal(sender.received, "\x0b\x06\x1c\r\x0b\x15\x1c\r\x0b\x06\x1c\r");
    assert.deepEqual(await idsOf(agent), ["C1", "C2", "C3", "C4", "P1", "P2"]);
  }
});

test("[F12, D1] the same batch again gives the same reply and no row; half of it first, only the rest is new", async () => {
  await using agent = await AgentStack.open();
  const half = bhsOf(adt("C1"), adt("C2"));
  const whole = bhsOf(adt("C1"), BAD, adt("C2"), adt("C3"));
  const said = await repliesTo(agent, half, whole, whole);
  const expected = ["BHS B1", "AA C1", "AR BAD", "AA C2", "AA C3", "BTS 4"];
  assert.deepEqual(said.slice(1).map(batchReply), [expected, expected]);
  assert.deepEqual(await idsOf(agent), ["C1", "C2", "C3", "SENTINEL"]);
  assert.equal(agent.counters.value("duplicates"), 5);
  assert.deepEqual(
    (await agent.quarantine()).map(({ repeatCount }) => repeatCount),
    [1],
  );
});

test("[F12, D1] the same message twice in one batch is one row, and answered twice", async () => {
  await using agent = await AgentStack.open();
  const [reply = ""] = await repliesTo(agent, bhsOf(adt("C1"), adt("C1")));
  assert.deepEqual(batchReply(reply).slice(1), ["AA C1", "AA C1", "BTS 2"]);
  assert.deepEqual(await idsOf(agent), ["C1", "SENTINEL"]);
});

test("[F12, A1] a batch is one append: its messages are committed together or not at all", async () => {
  await using agent = await AgentStack.open();
  const appended = mock.method(agent.outbox, "append");
  await repliesTo(agent, bhsOf(adt("C1"), BAD, adt("C3")), bhsOf(adt("C4"), adt("C5")));
  const counts = appended.mock.calls.map(({ arguments: [entries] }) => entries.length);
  assert.deepEqual(counts, [3, 2, 1]);
});

test("[F12, A9, E1] a batch whose commit comes late is not answered; the resend is, and nothing is twice", async () => {
  const storeClock = new HastyClock();
  await using agent = await AgentStack.open({ storeClock, probeIntervalMs: 20 });
  await using sender = await agent.connect();
  storeClock.hasty = true;
  await sender.send(framed(bhsOf(...THREE)));
  await sender.closed();
  storeClock.hasty = false;
  assert.equal(sender.received, "");
  await until("the listener opens by itself", () => agent.listener.isListening);
  const [reply = ""] = await repliesTo(agent, bhsOf(...THREE));
  assert.deepEqual(batchReply(reply).slice(1), ["AA C1", "AA C2", "AA C3", "BTS 3"]);
  assert.deepEqual(await idsOf(agent), ["C1", "C2", "C3", "SENTINEL"]);
});

test("[F12, A13, A2] blocks around a batch are answered in order on their connection", async () => {
  await using agent = await AgentStack.open();
  const replies = await repliesTo(
    agent,
    adt("M1"),
    bhsOf(...THREE),
    adt("M2"),
    adt("P1") + adt("P2"),
  );
  assert.deepEqual(
    replies.map((reply) => batchReply(reply).slice(0, 2).join(" ")),
    ["AA M1", "BHS B1 AA C1", "AA M2", "AA P1"],
  );
});
