import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { AgentStack } from "#test/support/agent-stack.ts";
import { ManualClock } from "#test/support/clocks.ts";
import { adt, framed, message, msaOf } from "#test/support/messages.ts";
import { until } from "#test/support/processes.ts";

/** What is sent, the acknowledgment, the reason, and the control id that was readable. */
const REFUSED: readonly (readonly [string, string, string, string])[] = [
  ["row 15: no MSH", "PID|1||TEST-0001\r", "AR ", "noHeader"],
  ["row 16: MSH of 6 bytes", "MSH|^~\rPID|1\r", "AR ", "headerTooShort"],
  ["row 16: no MSH-9", message({ 9: "" }), "AR M1", "noMessageType"],
  ["row 17: MSH-10 empty", message({ 10: "" }), "AR ", "noControlId"],
  ["row 20: VT inside a field", adt("M1", "\x0bx"), "AR M1", "embeddedFraming"],
  ["row 26: a UTF-16 block", [...adt("M1")].map((c) => `${c}\0`).join(""), "AR ", "wideCharacters"],
  ["a batch without a message", "FHS|^~\\&|LAB\rBHS|^~\\&|LAB\rBTS|0\r", "AR ", "noHeader"],
];
for (const [what, block, acknowledgment, reason] of REFUSED) {
  test(`[E2] ${what} gives quarantine, ${acknowledgment.trim()}, and the connection stays open`, async () => {
    await using agent = await AgentStack.open();
    await using sender = await agent.connect();
    await sender.send(framed(block), framed(adt("M2")));
    assert.deepEqual(await sender.acknowledged(2), [acknowledgment, "AA M2"]);
    assert.deepEqual(
      (await agent.messages()).map(({ text }) => text),
      [adt("M2")],
    );
    assert.equal(agent.logs("blockQuarantined").length, 1);
    const aside = await agent.quarantine();
    assert.deepEqual(
      aside.map((row) => [row.reason, row.text, row.length]),
      [[reason, block, block.length]],
    );
  });
}

test("[E2, A10] a negative reply names its reason in MSA-3 and in ERR", async () => {
  await using agent = await AgentStack.open();
  await using sender = await agent.connect();
  await sender.send(framed("PID|1\r"));
  const [reply = ""] = await sender.replies(1);
  assert.match(reply, /\rMSA\|AR\|\|No MSH segment found\rERR\|/);
});

test("[E2] row 17: MSH-10 empty gives AA when the channel allows it", async () => {
  await using agent = await AgentStack.open({ rules: { allowEmptyControlId: true } });
  await using sender = await agent.connect();
  await sender.send(framed(message({ 10: "" })));
  assert.deepEqual(await sender.acknowledged(1), ["AA "]);
  assert.equal((await agent.messages())[0]?.text, message({ 10: "" }));
});

test("[F4] row 19: VT and MSH inside a block leave a fragment, and AA for the second part alone", async () => {
  await using agent = await AgentStack.open();
  await using sender = await agent.connect();
  await sender.send(`\x0b${adt("M1")}${framed(adt("M2"))}`);
  assert.deepEqual(await sender.acknowledged(1), ["AA M2"]);
  assert.deepEqual(
    (await agent.messages()).map(({ text }) => text),
    [adt("M2")],
  );
  const [aside] = await agent.quarantine();
  assert.deepEqual([aside?.reason, aside?.text], ["abandoned", adt("M1")]);
});

/** Where the framing byte is, so that an echo of the field would break our own reply's framing. */
const ECHOED: readonly (readonly [string, string])[] = [
  ["MSH-10", adt("M\x0b1")],
  ["MSH-3", message({ 3: "L\x1cAB" })],
  ["MSH-1", adt("M1").replaceAll("|", "\x0b")],
];
for (const [field, block] of ECHOED) {
  test(`[E2, A2] row 20: the refusal is one well-formed block when the framing byte is in ${field}`, async () => {
    await using agent = await AgentStack.open();
    await using sender = await agent.connect();
    await sender.send(framed(block), framed(adt("M2")));
    const [refusal = "", reply = ""] = await sender.replies(2);
    assert.equal(msaOf(refusal).slice(0, 2), "AR");
    assert.equal(refusal.includes("\x0b") || refusal.includes("\x1c"), false);
    assert.equal(msaOf(reply), "AA M2");
  });
}

for (const how of ["finish", "reset"] as const) {
  test(`[F5, T-I01] row 21: ${how} inside a block leaves a fragment and no reply`, async () => {
    await using agent = await AgentStack.open();
    await using sender = await agent.connect();
    await sender.send(`${framed(adt("M1"))}\x0b${adt("M2")}`);
    await sender.acknowledged(1);
    sender[how]();
    await sender.closed();
    assert.deepEqual(
      (await agent.messages()).map(({ controlId }) => controlId),
      ["M1"],
    );
    assert.equal(agent.counters.value("fragments"), 1);
    const [aside] = await agent.quarantine();
    assert.deepEqual([aside?.reason, aside?.text], ["partial", adt("M2")]);
    assert.equal(sender.received.split("\x1c\r").length, 2, "one reply and no more");
  });
}

/** Seconds between the bytes of a block, and after how long the connection is closed. */
const STALLS: readonly (readonly [string, number, number])[] = [
  ["row 21: a 60 s stall", 60, 60],
  ["row 22: one byte every 30 s", 30, 600],
];
for (const [what, everySeconds, closedAfterSeconds] of STALLS) {
  test(`[F5] ${what} inside a block leaves a fragment, and the connection is closed at ${closedAfterSeconds} s`, async () => {
    const clock = new ManualClock();
    await using agent = await AgentStack.open({ clock });
    await using sender = await agent.connect();
    await sender.send("\x0bMSH|");
    await until("the block has begun", () => clock.armedCount > 0);
    let sent = "MSH|";
    for (let passed = everySeconds; passed < closedAfterSeconds; passed += everySeconds) {
      clock.advance(everySeconds * 1000);
      await sender.send("x");
      await turn();
      sent += "x";
    }
    clock.advance(everySeconds * 1000 - 1);
    assert.equal(agent.listener.connectionCount, 1, "not a moment earlier");
    clock.advance(1);
    await sender.closed();
    assert.equal(sender.received, "");
    await agent.connections(0);
    assert.equal(clock.armedCount, 0, "no timer outlives its connection");
    const [aside] = await agent.quarantine();
    assert.deepEqual([aside?.reason, aside?.text], ["partial", sent]);
  });
}
