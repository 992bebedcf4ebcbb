import assert from "node:assert/strict";
import { test } from "node:test";
import { AgentStack, type StackOptions } from "#test/support/agent-stack.ts";
import {
  adt,
  framed,
  type HeaderFields,
  latin1,
  message,
  sha256Of,
} from "#test/support/messages.ts";

/** Sends one block and a plain message behind it: what comes before the latter's AA is the reply. */
async function replyTo(block: string, options: StackOptions = {}) {
  const agent = await AgentStack.open(options);
  await using stack = new AsyncDisposableStack();
  stack.use(agent);
  await using sender = await agent.connect();
  const sentinel = message({ 10: "SENTINEL", 15: "AL" });
  await sender.send(framed(block), framed(sentinel));
  for (let count = 1; ; count++) {
    const acknowledged = await sender.acknowledged(count);
    if (!acknowledged.some((msa) => msa.endsWith(" SENTINEL"))) continue;
    const kept = await agent.messages();
    const warnings = agent.counters.value("unknownAckCondition");
    const ack = (await agent.trace("M1"))[0]?.ack;
    return { replies: acknowledged.slice(0, -1), kept, warnings, ack, sender: sender.received };
  }
}

const KEPT: readonly (readonly [string, string, string])[] = [
  ["[F8] row 18: LF separators", adt("M1").replaceAll("\r", "\n"), "AA M1"],
  ["[F8] row 18: CRLF separators", adt("M1").replaceAll("\r", "\r\n"), "AA M1"],
  ["[F8] row 18: a byte order mark before MSH", `\xef\xbb\xbf${adt("M1")}`, "AA M1"],
  ["[F8] white space before MSH", `\r\n  ${adt("M1")}`, "AA M1"],
  ["[F9] NUL and control bytes", adt("M1", "\0\x01\x7f\x1b"), "AA M1"],
  [
    "row 27: invalid UTF-8 declared as UTF-8",
    message({ 18: "UNICODE UTF-8" }, "\xff\xfe\xc3"),
    "AA M1",
  ],
  ["row 28: delimiters #*!?%", adt("M1").replaceAll("|", "#").replace("^~\\&", "*!?%"), "AA M1"],
  ["[A11] row 29: spaces around MSH-10", adt("  M1 "), "AA   M1 "],
  ["[A11] row 29: escapes in MSH-10", adt("M\\F\\1\\X0D\\"), "AA M\\F\\1\\X0D\\"],
  ["[A11] row 29: bytes above 0x7F in MSH-10", adt("\xe4\xc3\xa4\xff"), "AA \xe4\xc3\xa4\xff"],
];
for (const [what, block, acknowledgment] of KEPT) {
  const title = what.startsWith("[") ? what : `[F1] ${what}`;
  test(`${title} give AA, and the bytes are kept`, async () => {
    const { replies, kept } = await replyTo(block);
    assert.deepEqual(replies, [acknowledgment]);
    assert.equal(kept[0]?.text, block);
    assert.equal(kept[0]?.sha256, sha256Of(latin1(block)));
  });
}

test("[A10] row 28: the reply speaks the sender's delimiters", async () => {
  const { sender } = await replyTo(adt("M1").replaceAll("|", "#").replace("^~\\&", "*!?%"));
  assert.match(sender, /^.MSH#\*!\?%#GATE#CLOUD#LAB#NORTH#\d{14}\+0000##ACK#/);
});

/** MSH-15, MSH-16; row 30: stored; row 31: the same without MSH-9; warnings. */
const PAIRS: readonly (readonly [string, string, string, string, number])[] = [
  ["AL", "", "CA", "CR", 0],
  ["SU", "", "CA", "", 0],
  ["ER", "", "", "CR", 0],
  ["NE", "NE", "", "", 0],
  ["NE", "AL", "AA", "AR", 0],
  ["ZZ", "", "CA", "CR", 1],
];
for (const [accept, application, stored, rejected, warnings] of PAIRS) {
  const pair = `MSH-15/16 ${accept}/${application || "empty"}`;
  const fields: HeaderFields = { 15: accept, 16: application };

  test(`[A4, A5] row 30: ${pair} gives ${stored || "nothing"} when stored`, async () => {
    const found = await replyTo(message(fields));
    assert.deepEqual(found.replies, stored === "" ? [] : [`${stored} M1`]);
    assert.equal(found.kept.length, 2);
    assert.equal(found.warnings, warnings);
    assert.equal(found.ack === "notOwed", stored === "", "03 E5: whether a reply was owed");
  });

  test(`[A4, E2] row 31: ${pair} gives ${rejected || "nothing"} without MSH-9`, async () => {
    const found = await replyTo(message({ ...fields, 9: "" }));
    assert.deepEqual(found.replies, rejected === "" ? [] : [`${rejected} M1`]);
    assert.deepEqual(
      found.kept.map(({ controlId }) => controlId),
      ["SENTINEL"],
    );
  });
}

test("[A12] row 32: an acknowledgment on a listener is stored and gets no reply", async () => {
  const block = `${message({ 9: "ACK^A01^ACK", 15: "AL", 16: "AL" })}MSA|AA|X1\r`;
  const { replies, kept, ack } = await replyTo(block);
  assert.deepEqual(replies, []);
  assert.equal(kept[0]?.text, block);
  assert.equal(ack, "notOwed");
});

test("[A3] mode none sends nothing and commits all the same", async () => {
  await using agent = await AgentStack.open({ ackPolicy: { ackMode: "none" } });
  await using sender = await agent.connect();
  await sender.send(framed(adt("M1")), framed("no header"), framed(adt("M2")));
  sender.finish();
  await sender.closed();
  assert.equal(sender.received, "");
  assert.deepEqual(
    (await agent.messages()).map(({ controlId }) => controlId),
    ["M1", "M2"],
  );
  assert.equal((await agent.quarantine()).length, 1);
});

const MODES = [
  ["storeAA", "AA", "AR"],
  ["commitOnly", "CA", "CR"],
] as const;
for (const [ackMode, stored, rejected] of MODES) {
  test(`[A3] mode ${ackMode} gives ${stored} and ${rejected} whatever MSH-15 and MSH-16 say`, async () => {
    await using agent = await AgentStack.open({ ackPolicy: { ackMode } });
    await using sender = await agent.connect();
    await sender.send(framed(message({ 15: "NE", 16: "NE" })), framed("no header"));
    assert.deepEqual(await sender.acknowledged(2), [`${stored} M1`, `${rejected} `]);
  });
}

test("[A13] replies go to the connection that brought the block and to no other", async () => {
  await using agent = await AgentStack.open();
  await using one = await agent.connect();
  await using other = await agent.connect();
  const ids = Array.from({ length: 50 }, (_, index) => index);
  for (const id of ids) {
    await one.send(framed(adt(`A${id}`)));
    await other.send(framed(adt(`B${id}`)));
  }
  assert.deepEqual(
    await one.acknowledged(50),
    ids.map((id) => `AA A${id}`),
  );
  assert.deepEqual(
    await other.acknowledged(50),
    ids.map((id) => `AA B${id}`),
  );
});
