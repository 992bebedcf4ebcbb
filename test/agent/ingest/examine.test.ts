import assert from "node:assert/strict";
import { test } from "node:test";
import { AgentStack, type StackOptions } from "#test/support/agent-stack.ts";
import { ManualClock } from "#test/support/clocks.ts";
import {
  adt,
  framed,
  type HeaderFields,
  largeAdt,
  latin1,
  message,
} from "#test/support/messages.ts";
import { until } from "#test/support/processes.ts";
import { StoreFile } from "#test/support/store-file.ts";

const MIB = 1024 * 1024;
const BHS = "BHS|^~\\&|LAB|NORTH|GATE|CLOUD|20250101||b||B1\r";

/** Sends blocks and FIN. @returns the replies, without framing */
async function repliesTo(agent: AgentStack, ...blocks: readonly string[]): Promise<string[]> {
  await using sender = await agent.connect();
  sender.socket.write(latin1(blocks.map(framed).join("")));
  sender.finish();
  await sender.closed(60_000);
  const replies = sender.received.split("\x1c\r");
  assert.equal(replies.pop(), "");
  return replies.map((reply) => reply.slice(1));
}

/** MSA-1 and MSA-2 of every acknowledgment in a reply, and BTS-1. */
const saidIn = (reply: string): string[] =>
  reply.split("\r").flatMap((segment) => {
    const [name, first = "", second = ""] = segment.split("|");
    if (name === "MSA") return [`${first} ${second}`];
    return name === "BTS" ? [`BTS ${first}`] : [];
  });

const said = async (agent: AgentStack, ...blocks: readonly string[]): Promise<string[]> =>
  (await repliesTo(agent, ...blocks)).flatMap(saidIn);

const idsOf = async (agent: AgentStack): Promise<string[]> =>
  (await agent.messages()).map(({ controlId }) => controlId);

/** malformedReply, and what original mode and enhanced mode hear of a message without MSH-9. */
const MALFORMED = [
  ["error", "AE M1", "CE M2"],
  ["accept", "AA M1", "CA M2"],
] as const;
for (const [malformedReply, original, enhanced] of MALFORMED) {
  test(`[E2] malformedReply ${malformedReply} gives ${original.slice(0, 2)} and ${enhanced.slice(0, 2)}, quarantined all the same`, async () => {
    await using agent = await AgentStack.open({ ackPolicy: { malformedReply } });
    const bad = [message({ 9: "" }), message({ 9: "", 10: "M2", 15: "AL" }), "PID|1\r"];
    const replies = await repliesTo(agent, ...bad, adt("M3"));
    const codes = replies.flatMap(saidIn);
    assert.deepEqual(codes, [original, enhanced, original.slice(0, 3), "AA M3"]);
    const reasoned = replies.map((reply) => reply.includes("\rERR|"));
    const negative = malformedReply === "error";
    assert.deepEqual(
      reasoned,
      [negative, negative, negative, false],
      "a reason goes with a refusal",
    );
    assert.deepEqual(await idsOf(agent), ["M3"]);
    assert.deepEqual(
      (await agent.quarantine()).map(({ text }) => text),
      bad,
    );
  });
}

test("[E2, A1] malformedReply close says nothing and closes, once the block is in quarantine", async () => {
  await using agent = await AgentStack.open({ ackPolicy: { malformedReply: "close" } });
  await using sender = await agent.connect();
  await sender.send(framed(adt("M1")), framed("PID|1\r"));
  await sender.closed();
  assert.deepEqual(await sender.acknowledged(1), ["AA M1"], "and nothing more");
  await using again = await agent.connect();
  await again.send(framed("PID|1\r"));
  await again.closed();
  assert.equal(again.received, "");
  assert.ok(agent.listener.isListening);
  const rows = await agent.quarantine();
  assert.deepEqual(
    rows.map(({ reason, text, repeatCount }) => [reason, text, repeatCount]),
    [["noHeader", "PID|1\r", 1]],
  );
});

test("[E2, F1] malformedReply close stores the blocks before and behind in the same segment, and answers none behind", async () => {
  await using agent = await AgentStack.open({ ackPolicy: { malformedReply: "close" } });
  assert.deepEqual(await said(agent, adt("M1"), "PID|1\r", adt("M2")), ["AA M1"]);
  assert.deepEqual(await idsOf(agent), ["M1", "M2"]);
});

const versioned = (version: string): string => message({ 12: version });
const processed = (id: string): string => message({}).replace("|P|2.5", `|${id}|2.5`);

/** What the channel allows, and whether a message is taken. */
const ALLOWED: readonly (readonly [string, StackOptions["rules"], string, boolean])[] = [
  ["MSH-12 2.5 where 2.5 and 2.3 are", { allowedVersions: ["2.3", "2.5"] }, versioned("2.5"), true],
  ["MSH-12 2.4 where 2.5 is", { allowedVersions: ["2.5"] }, versioned("2.4"), false],
  ["MSH-12 2.5.1 where 2.5 is", { allowedVersions: ["2.5"] }, versioned("2.5.1"), false],
  ["no MSH-12 where 2.5 is", { allowedVersions: ["2.5"] }, versioned(" "), false],
  ["MSH-12 2.5^DEU^1.0 where 2.5 is", { allowedVersions: ["2.5"] }, versioned("2.5^DEU^1.0"), true],
  ["white space around MSH-12", { allowedVersions: ["2.5"] }, versioned(" 2.5 "), true],
  ["MSH-11 P where P is", { allowedProcessingIds: ["P"] }, processed("P"), true],
  ["MSH-11 T where P is", { allowedProcessingIds: ["P"] }, processed("T"), false],
  ["MSH-11 P^A where P is", { allowedProcessingIds: ["P"] }, processed("P^A"), true],
  ["MSH-11 T^P where P is", { allowedProcessingIds: ["P"] }, processed("T^P"), false],
  ["white space around MSH-11", { allowedProcessingIds: ["P"] }, processed(" P "), true],
  ["no MSH-11 where P is", { allowedProcessingIds: ["P"] }, processed(""), false],
  [
    "MSH-11 T where the version is",
    { allowedProcessingIds: ["P"], allowedVersions: ["2.5"] },
    processed("T"),
    false,
  ],
  ["any where nothing is named", {}, processed("X"), true],
];
for (const [what, rules, block, isTaken] of ALLOWED) {
  test(`[E2] ${what} allowed: ${isTaken ? "stored" : "quarantined as notAllowed, AR"}`, async () => {
    await using agent = await AgentStack.open({ ...(rules && { rules }) });
    const [reply = ""] = await repliesTo(agent, block);
    assert.deepEqual(saidIn(reply), [isTaken ? "AA M1" : "AR M1"]);
    if (!isTaken) assert.match(reply, /\|Processing id or version not allowed here\rERR\|.*202/);
    assert.equal((await agent.messages()).length, isTaken ? 1 : 0);
    const reasons = (await agent.quarantine()).map(({ reason, text }) => [reason, text]);
    assert.deepEqual(reasons, isTaken ? [] : [["notAllowed", block]]);
  });
}

test("[E2, A4] what is not allowed is answered by A4", async () => {
  await using agent = await AgentStack.open({ rules: { allowedVersions: ["2.3"] } });
  const fields: HeaderFields[] = [{ 15: "AL" }, { 15: "SU" }, { 15: "NE", 16: "NE" }];
  const blocks = fields.map((more, index) => message({ ...more, 10: `M${index}` }));
  assert.deepEqual(await said(agent, ...blocks), ["CR M0"]);
});

test("[E2, F12] a message of a batch that is not allowed is set aside alone", async () => {
  await using agent = await AgentStack.open({ rules: { allowedVersions: ["2.5"] } });
  const batch = `${BHS}${adt("C1")}${message({ 10: "C2", 12: "2.3" })}BTS|2\r`;
  assert.deepEqual(await said(agent, batch), ["AA C1", "AR C2", "BTS 2"]);
});

/** malformedReply, and what a batch with a bad message gets; `close` closes behind it. */
const BATCH_MALFORMED = [
  ["error", ["AA C1", "AE BAD", "BTS 2"]],
  ["accept", ["AA C1", "AA BAD", "BTS 2"]],
  ["close", ["AA C1", "BTS 1"]],
] as const;
for (const [malformedReply, expected] of BATCH_MALFORMED) {
  test(`[F12, E2] malformedReply ${malformedReply} holds for a message of a batch`, async () => {
    await using agent = await AgentStack.open({ ackPolicy: { malformedReply } });
    await using sender = await agent.connect();
    await sender.send(framed(`${BHS}${adt("C1")}${message({ 9: "", 10: "BAD" })}BTS|2\r`));
    const [reply = ""] = await sender.replies(1);
    assert.deepEqual(saidIn(reply), expected);
    if (malformedReply === "close") await sender.closed();
    else assert.equal(sender.isClosed, false);
    assert.deepEqual(await idsOf(agent), ["C1"]);
    assert.equal((await agent.quarantine()).length, 1);
  });
}

test("[F12, E7] a batch whose bad message finds no room in quarantine gets no reply; with room it gets one, and nothing is twice", async () => {
  await using agent = await AgentStack.open({ quarantineMaxBytes: 20_000 });
  const bad = message({ 9: "", 10: "BAD" }, "x".repeat(15_000));
  const batch = `${BHS}${adt("C1")}${bad}${adt("C3")}BTS|3\r`;
  await said(agent, `PID|1||${"y".repeat(10_000)}\r`);
  assert.deepEqual(await said(agent, adt("M1"), batch), ["AA M1"]);
  assert.ok(agent.listener.isListening, "the healthy channels go on");
  const [row] = await agent.outbox.quarantined(Number.MAX_SAFE_INTEGER, 1);
  await agent.outbox.discard([row?.id ?? 0]);
  assert.deepEqual(await said(agent, batch), ["AA C1", "AR BAD", "AA C3", "BTS 3"]);
  assert.deepEqual(await idsOf(agent), ["M1", "C1", "C3"]);
});

test("[F12, F9] control bytes in the messages of a batch are counted", async () => {
  await using agent = await AgentStack.open();
  await repliesTo(agent, `${BHS}${adt("C1", "\0\x01")}${adt("C2", "\x02")}BTS|2\r`);
  assert.equal(agent.counters.value("controlBytes"), 3);
});

test("[F12, X1] each message of a batch has what its own bytes are", async () => {
  await using agent = await AgentStack.open();
  await repliesTo(
    agent,
    `${BHS}${adt("C1")}${message({ 10: "C2", 18: "8859/1" }, "\xe4")}${adt("C3")}BTS|3\r`,
  );
  const found = (await agent.messages()).slice(0, 3);
  assert.deepEqual(
    found.map(({ attributes }) => attributes["hl7.encoding"]),
    [undefined, found[1]?.attributes["hl7.encoding"], undefined],
  );
  assert.notEqual(found[1]?.attributes["hl7.encoding"], undefined);
  assert.equal(found[1]?.attributes["hl7.charset"], "8859/1");
});

/** ackMode, and MSA-1 and MSA-2 of the reply to an empty block; in r2 all of it. */
const EMPTY_REPLIES = [
  ["auto", ["AR "]],
  ["storeAA", ["AR "]],
  ["commitOnly", ["CR "]],
  ["deferred", ["AR "]],
  ["r2", ["\x0b\x15\x1c\r"]],
  ["none", []],
] as const;
for (const [ackMode, expected] of EMPTY_REPLIES) {
  test(`[E3, A3] emptyBlockReply reject in mode ${ackMode} gives ${expected.length} refusal, and nothing is stored`, async () => {
    const rules = { emptyBlockReply: "reject" } as const;
    await using agent = await AgentStack.open({ rules, ackPolicy: { ackMode } });
    for (const block of ["", " \r\n\t "]) {
      await using sender = await agent.connect();
      await sender.send(framed(block));
      sender.finish();
      await sender.closed();
      const { received } = sender;
      assert.deepEqual(ackMode === "r2" ? [received] : saidIn(received), expected);
    }
    assert.equal(agent.counters.value("emptyBlocks"), 2);
    assert.deepEqual(await agent.messages(), []);
    assert.deepEqual(await agent.quarantine(), []);
  });
}

test("[E3, A2] a refused empty block is answered in its place, and the connection stays open", async () => {
  await using agent = await AgentStack.open({ rules: { emptyBlockReply: "reject" } });
  assert.deepEqual(await said(agent, adt("M1"), "", adt("M2")), ["AA M1", "AR ", "AA M2"]);
});

test("[E3, F7] a blank block above the spool threshold is an empty one, and leaves no slices", async () => {
  await using agent = await AgentStack.open({ rules: { emptyBlockReply: "reject" } });
  assert.deepEqual(await said(agent, " \r".repeat(MIB), adt("M1")), ["AR ", "AA M1"]);
  assert.deepEqual(await idsOf(agent), ["M1"]);
  await agent.close();
  using file = new StoreFile(agent.stateDir);
  assert.deepEqual([file.sliceCount(), file.quarantine()], [0, []]);
});

test("[F7] oversizeReply close says nothing and closes, with fragment and alarm", async () => {
  const rules = { oversizeReply: "close" } as const;
  await using agent = await AgentStack.open({ rules, settings: { blockMaxBytes: 100_000 } });
  const over = largeAdt("OVER", 150_000).toString("latin1");
  assert.deepEqual(await said(agent, adt("M1"), over, adt("M2")), ["AA M1"]);
  assert.deepEqual(
    agent.conditions.list().map(({ condition }) => condition),
    ["messageTooLarge"],
  );
  assert.deepEqual(await idsOf(agent), ["M1"]);
  const rows = await agent.quarantine();
  assert.deepEqual(
    rows.map(({ reason, length, controlId, text }) => [reason, length, controlId, text.length]),
    [["tooLarge", 150_000, "OVER", 65_536]],
  );
});

/** malformedReply speaks of something else: what is too large is refused whatever it says. */
for (const malformedReply of ["error", "accept", "close"] as const) {
  test(`[F7, E2] malformedReply ${malformedReply} does not change the AR or CR for what is too large`, async () => {
    await using agent = await AgentStack.open({
      ackPolicy: { malformedReply },
      settings: { blockMaxBytes: 100_000 },
    });
    const over = message({ 15: "AL" }, "x".repeat(150_000));
    assert.deepEqual(await said(agent, over), ["CR M1"]);
    assert.deepEqual(await said(agent, message({ 10: "M2" }, "x".repeat(150_000))), ["AR M2"]);
  });
}

test("[F7] the alarm about what is too large names peer, bytes and control id, and closes after an hour without a case", async () => {
  const clock = new ManualClock();
  await using agent = await AgentStack.open({ clock, settings: { blockMaxBytes: 100_000 } });
  const open = (): unknown[] =>
    agent.conditions.list().map(({ condition, subject, facts }) => {
      const { peer, ...more } = facts;
      assert.match(String(peer), /^127\.0\.0\.1:\d+$/);
      return { condition, subject, ...more };
    });
  const over = async (controlId: string, bytes: number): Promise<void> => {
    await said(agent, largeAdt(controlId, bytes).toString("latin1"));
    await until("it is alarmed", () => JSON.stringify(open()).includes(controlId));
  };
  const alarm = { condition: "messageTooLarge", subject: "adt", channel: "adt" };
  await over("OVER1", 150_000);
  assert.deepEqual(open(), [{ ...alarm, bytes: 150_000, controlId: "OVER1" }]);
  clock.advance(3_599_999);
  assert.equal(open().length, 1);
  await over("OVER2", 160_000);
  clock.advance(3_599_999);
  assert.deepEqual(
    open(),
    [{ ...alarm, bytes: 160_000, controlId: "OVER2" }],
    "the hour begins anew",
  );
  clock.advance(1);
  assert.deepEqual(open(), []);
  const logged = agent.logs("blockTooLarge").map(({ bytes, controlId }) => [bytes, controlId]);
  assert.deepEqual(logged, [
    [150_000, "OVER1"],
    [160_000, "OVER2"],
  ]);
});

const LONG_LINE = (name: string, bytes: number): string =>
  `${name}|^~\\&|${"x".repeat(bytes - name.length - 7)}\r`;

/** FHS, BHS and a BTS of 1 + bytes, all below a line's limit. */
const envelopeOf = (bytes: number): string => {
  const [first, second] = [LONG_LINE("FHS", 1_000), LONG_LINE("BHS", 1_000)];
  return `${first}${second}${adt("C1")}${adt("C2")}BTS|2|${"y".repeat(bytes - 2_007)}\r`;
};

test("[F12, P36] an envelope of 3,000 bytes travels with each message; one byte more, and the block is set aside whole", async () => {
  await using agent = await AgentStack.open();
  const [fits, over] = [envelopeOf(3_000), envelopeOf(3_001)];
  const replies = await repliesTo(agent, fits, over);
  assert.deepEqual(saidIn(replies[0] ?? ""), ["AA C1", "AA C2", "BTS 2"]);
  assert.match(replies[1] ?? "", /\rMSA\|AR\|/);
  const [kept] = await agent.messages();
  assert.equal(kept?.attributes["batch.envelope"]?.length, 3_000 - 1);
  assert.deepEqual(await idsOf(agent), ["C1", "C2"]);
  const rows = await agent.quarantine();
  assert.deepEqual(
    rows.map(({ reason, text }) => [reason, text === over]),
    [["batchTooLarge", true]],
  );
});

test("[F12, P36] one long line of an envelope below 3,000 bytes is no reason to refuse a batch", async () => {
  await using agent = await AgentStack.open();
  const block = `${LONG_LINE("BHS", 1_500)}${adt("C1")}BTS|1\r`;
  assert.deepEqual(await said(agent, block), ["AA C1", "BTS 1"]);
});

const tiny = (id: number): string => `MSH|^~\\&|||||||A|${id}\r`;
const tinies = (count: number): string =>
  Array.from({ length: count }, (_, id) => tiny(id)).join("");

test("[F12, P40] 10,000 messages in a block are stored; 10,001 are set aside whole, and one reply says why", async () => {
  await using agent = await AgentStack.open();
  await using sender = await agent.connect();
  const over = `${BHS}${tinies(10_001)}BTS|10001\r`;
  sender.socket.write(latin1(framed(over) + framed(`${BHS}${tinies(10_000)}BTS|10000\r`)));
  const [refusal = "", reply = ""] = await sender.replies(2, 60_000);
  assert.match(refusal, /\rMSA\|AR\|0\|Batch larger than the limit\r/);
  assert.equal(saidIn(reply).length, 10_001);
  assert.equal((await agent.outbox.standing()).channels[0]?.lastSeq, 10_000n);
  await agent.close();
  using file = new StoreFile(agent.stateDir);
  assert.equal(file.messageCount(), 10_000);
  assert.deepEqual(
    file.quarantine().map(({ reason, text }) => [reason, text === over]),
    [["batchTooLarge", true]],
  );
});

test("[F12] 10,001 messages without an envelope are refused under the first control id", async () => {
  await using agent = await AgentStack.open();
  const block = adt("C1") + tinies(10_000);
  assert.deepEqual(await said(agent, block), ["AR C1"]);
  const [row] = await agent.quarantine();
  assert.deepEqual(
    [row?.reason, row?.controlId, row?.text === block],
    ["batchTooLarge", "C1", true],
  );
});

test("[F11, F12] a block of nothing but headers, or trailers, is set aside whole", async () => {
  await using agent = await AgentStack.open();
  const headers = "MSH|^\r".repeat(160_000);
  const trailers = `${BHS}${"BTS|\rx\r".repeat(100_000)}`;
  const other = adt("M1");
  assert.deepEqual((await said(agent, headers, trailers, other)).at(-1), "AA M1");
  const kept = await agent.quarantine();
  assert.deepEqual(
    kept.map(({ reason, text }) => [reason, text === headers || text === trailers]),
    [
      ["batchTooLarge", true],
      ["batchTooLarge", true],
    ],
  );
});
