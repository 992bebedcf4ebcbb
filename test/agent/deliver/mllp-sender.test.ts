import assert from "node:assert/strict";
import { test } from "node:test";
import { AgentError } from "#agent/errors.ts";
import { ack, alwaysAA, HospitalSystem } from "#test/support/hospital-system.ts";
import { adt, framed, largeAdt, latin1, message, textOf } from "#test/support/messages.ts";
import { SenderBench } from "#test/support/sender-bench.ts";

const SECOND = 1_000;
const LF_BODY = "MSH|^~\\&|A|B|C|D|2025||ADT^A01|M9|P|2.5\r\nPID|1||\xfc\x00\x1b\r\n";

test("[O2, O9] messages leave in outbox order, one at a time, on one connection, in unchanged bytes", async () => {
  let answered = 0;
  await using ris = await HospitalSystem.open(({ controlId, socket }, count) => {
    assert.equal(answered, count - 1, "nothing came before the reply to the one before it");
    setImmediate(() => {
      answered = count;
      socket.write(latin1(ack("AA", controlId)));
    });
    return undefined;
  });
  await using bench = await SenderBench.open(ris.port);
  const bodies = [adt("M1"), LF_BODY, adt("M2"), adt("M3")];
  for (const body of bodies) bench.queue.append(body);
  await bench.stands("accepted", "accepted", "accepted", "accepted");
  assert.deepEqual(
    ris.blocks.map(({ text, connection }) => [text, connection]),
    bodies.map((body) => [body, 0]),
  );
  assert.equal(ris.rests[0], "");
});

test("[O1] each message is claimed before its first byte leaves", async () => {
  const claimed: boolean[] = [];
  await using ris = await HospitalSystem.open(({ controlId }, count) => {
    claimed.push(bench.queue.row(count).claimed);
    return ack("AA", controlId);
  });
  await using bench = await SenderBench.open(ris.port);
  for (const id of ["M1", "M2"]) bench.queue.append(adt(id));
  await bench.stands("accepted", "accepted");
  assert.deepEqual(claimed, [true, true]);
  assert.deepEqual(bench.queue.calls, ["claim 1", "settle 1", "claim 2", "settle 2"]);
});

test("[O2] with keepOpen false each message has its own connection", async () => {
  await using ris = await HospitalSystem.open();
  await using bench = await SenderBench.open(ris.port, { keepOpen: false });
  for (const id of ["M1", "M2"]) bench.queue.append(adt(id));
  await bench.stands("accepted", "accepted");
  assert.deepEqual(
    ris.blocks.map(({ connection }) => connection),
    [0, 1],
  );
});

test("[O10] code, text and bytes of the reply are stored with the row", async () => {
  const reply = ack("AA", "M1", "|all well");
  await using ris = await HospitalSystem.open(() => reply);
  await using bench = await SenderBench.open(ris.port);
  bench.queue.append(adt("M1"));
  await bench.stands("accepted");
  const { outcome } = bench.queue.row(1);
  assert.deepEqual(outcome?.flags, []);
  assert.equal(outcome?.reply?.code, "AA");
  assert.equal(textOf(outcome?.reply?.text), "all well");
  assert.equal(framed(textOf(outcome?.reply?.bytes)), reply);
  assert.equal(bench.sender.status.lastReply?.code, "AA");
});

test("[O10] of a reply of a megabyte the beginning is kept, and the message is accepted", async () => {
  await using ris = await HospitalSystem.open(({ controlId }) =>
    ack("AA", controlId, `\rOBX|1|ED|||${"x".repeat(1_100_000)}`),
  );
  await using bench = await SenderBench.open(ris.port);
  bench.queue.append(adt("M1"));
  await bench.stands("accepted");
  const { outcome } = bench.queue.row(1);
  assert.deepEqual(outcome?.flags, ["replyCut"]);
  assert.equal(outcome?.reply?.bytes.length, 65_536);
});

test("[O9] a message of 3 MiB leaves in slices, whole and unchanged, also on the second try", async () => {
  await using ris = await HospitalSystem.open(({ controlId }, count) =>
    ack(count === 1 ? "AE" : "AA", controlId),
  );
  await using bench = await SenderBench.open(ris.port);
  const body = largeAdt("BIG", 3 * 1024 * 1024);
  bench.queue.sliceBytes = 100_000;
  bench.queue.append(body);
  await bench.stands("accepted");
  assert.equal(ris.blocks.length, 2);
  for (const { text } of ris.blocks) assert.ok(latin1(text).equals(body));
});

test("[S16] a body that is damaged never arrives as a block; the channel is held", async () => {
  await using ris = await HospitalSystem.open();
  await using bench = await SenderBench.open(ris.port);
  // While it is read for the first time; a large one also between the two times.
  bench.queue.damaged.add(1);
  bench.queue.append(adt("M1"));
  await bench.until("held", () => bench.state === "held");
  assert.deepEqual(bench.queue.standing, ["held damaged"]);
  assert.equal(ris.connections.length, 0);
  assert.deepEqual(bench.alarms, ["deliveryHeld"]);
});

test("[S16] a large body that is damaged after it was looked at is cut off before its last byte", async () => {
  await using ris = await HospitalSystem.open();
  await using bench = await SenderBench.open(ris.port);
  const claim = bench.queue.claim.bind(bench.queue);
  bench.queue.claim = (id) => {
    bench.queue.damaged.add(id);
    return claim(id);
  };
  bench.queue.append(largeAdt("BIG", 2 * 1024 * 1024));
  bench.queue.append(adt("M2"));
  await bench.until("held", () => bench.state === "held");
  await bench.until("the far end saw it close", () => ris.connections[0]?.readableEnded === true);
  assert.deepEqual(bench.queue.standing, ["held damaged", "open"]);
  assert.deepEqual(ris.blocks, []);
});

test("[O5] AE: sent again three times, then held; the channel waits, and a restart does not change that", async () => {
  await using ris = await HospitalSystem.open(({ controlId }) => ack("AE", controlId, "|no"));
  await using bench = await SenderBench.open(ris.port);
  bench.queue.append(adt("M1"));
  bench.queue.append(adt("M2"));
  await bench.until("held", () => bench.state === "held");
  assert.deepEqual(ris.controlIds, ["M1", "M1", "M1", "M1"]);
  assert.deepEqual(bench.queue.standing, ["held error", "open"]);
  assert.deepEqual(bench.alarms, ["deliveryHeld"]);
  assert.equal(textOf(bench.queue.row(1).reply?.text), "no");
  await bench.crashAndRestart();
  await bench.until("held again", () => bench.state === "held");
  await bench.quiet();
  assert.equal(ris.blocks.length, 4);
});

test("[O5] a hold ends by a person's decision: sent again", async () => {
  await using ris = await HospitalSystem.open(({ controlId }) => ack("AR", controlId));
  await using bench = await SenderBench.open(ris.port);
  assert.equal(bench.sender.release("retry"), false, "nothing is held");
  for (const id of ["M1", "M2"]) bench.queue.append(adt(id));
  await bench.until("held", () => bench.state === "held");
  ris.answer = alwaysAA;
  assert.equal(bench.sender.release("retry"), true);
  await bench.stands("accepted", "accepted");
  assert.deepEqual(ris.controlIds, ["M1", "M1", "M2"]);
  assert.deepEqual(bench.queue.row(1).outcome?.flags, ["possibleRepeat"]);
  await bench.until("no alarm", () => bench.alarms.length === 0);
});

test("[O5] a hold ends by a person's decision: set aside, with what was heard, and the next one goes", async () => {
  await using ris = await HospitalSystem.open(({ controlId }) =>
    controlId === "M1" ? ack("AR", controlId, "|unknown patient") : ack("AA", controlId),
  );
  await using bench = await SenderBench.open(ris.port);
  for (const id of ["M1", "M2"]) bench.queue.append(adt(id));
  await bench.until("held", () => bench.state === "held");
  assert.deepEqual(ris.controlIds, ["M1"]);
  bench.sender.release("quarantine");
  await bench.stands("quarantined rejected", "accepted");
  const { outcome } = bench.queue.row(1);
  assert.deepEqual(outcome?.flags, ["byOperator"]);
  assert.equal(textOf(outcome?.reply?.text), "unknown patient");
  assert.deepEqual(bench.alarms, ["deliveryQuarantined"]);
});

test("[O5] onError and onReject quarantine: set aside at once or after the retries, alarm, and on", async () => {
  const codes = new Map([
    ["M1", "AE"],
    ["M2", "CR"],
    ["M3", "CE"],
  ]);
  await using ris = await HospitalSystem.open(({ controlId }) =>
    ack(codes.get(controlId) ?? "AA", controlId),
  );
  const policies = { onError: "quarantine", onReject: "quarantine", errorRetries: 1 } as const;
  await using bench = await SenderBench.open(ris.port, policies);
  for (const id of ["M1", "M2", "M3", "M4"]) bench.queue.append(adt(id));
  await bench.stands("quarantined error", "quarantined rejected", "quarantined error", "accepted");
  assert.deepEqual(ris.controlIds, ["M1", "M1", "M2", "M3", "M3", "M4"]);
  assert.deepEqual(bench.alarms, ["deliveryQuarantined"]);
  assert.equal(bench.queue.row(2).outcome?.reply?.code, "CR");
});

test("[O5] retryForever: again and again, alarm from the fifth refusal, and no end but acceptance", async () => {
  await using ris = await HospitalSystem.open(({ controlId }, count) =>
    ack(count <= 8 ? "AR" : "AA", controlId),
  );
  await using bench = await SenderBench.open(ris.port, { onReject: "retryForever" });
  const alarmsAt: string[][] = [];
  const noteTries = bench.queue.noteTries.bind(bench.queue);
  bench.queue.noteTries = (id, tries) => {
    alarmsAt[tries.negativeCount] = bench.alarms;
    return noteTries(id, tries);
  };
  bench.queue.append(adt("M1"));
  await bench.stands("accepted");
  assert.equal(ris.blocks.length, 9);
  assert.deepEqual(alarmsAt[4], []);
  assert.deepEqual(alarmsAt[5], ["endpointRefuses"]);
  assert.deepEqual(alarmsAt[8], ["endpointRefuses"], "one alarm");
  await bench.until("no alarm", () => bench.alarms.length === 0);
});

test("[O7] expectReply none: settled once TCP has all bytes, flagged, and nothing is waited for", async () => {
  await using ris = await HospitalSystem.open(() => undefined);
  await using bench = await SenderBench.open(ris.port, { expectReply: "none" });
  for (const id of ["M1", "M2"]) bench.queue.append(adt(id));
  await bench.stands("accepted", "accepted");
  await bench.until("both came", () => ris.blocks.length === 2);
  assert.deepEqual(bench.queue.row(1).outcome, {
    kind: "accepted",
    flags: ["unconfirmed"],
    reply: undefined,
  });
  await bench.until("both are counted", () => bench.sender.status.counters.unconfirmed === 2);
});

test("[O7] replies that nobody waits for are dropped: no message is sent again, no connection closed", async () => {
  const silent = { 15: "NE", 16: "NE" };
  for (const [expectReply, fields] of [
    ["none", {}],
    ["auto", silent],
  ] as const) {
    await using ris = await HospitalSystem.open(
      ({ controlId }) => ack("AA", controlId) + ack("AR", "ELSE") + framed("rubbish"),
    );
    await using bench = await SenderBench.open(ris.port, { expectReply });
    const ids = Array.from({ length: 20 }, (_, index) => `M${index}`);
    for (const id of ids) bench.queue.append(message({ ...fields, 10: id }));
    await bench.stands(...ids.map(() => "accepted"));
    await bench.until("all came", () => ris.blocks.length >= ids.length);
    await bench.quiet();
    assert.deepEqual(ris.controlIds, ids);
    if (expectReply === "none") assert.equal(ris.connections.length, 1);
  }
});

test("[O7] MSH-15 ER: silence for replyTimeoutSeconds means yes, a refusal in that time counts", async () => {
  await using ris = await HospitalSystem.open(({ controlId }) =>
    controlId === "M2" ? ack("CR", controlId) : undefined,
  );
  await using bench = await SenderBench.open(ris.port, { onReject: "quarantine" });
  for (const id of ["M1", "M2"]) bench.queue.append(message({ 10: id, 15: "ER" }));
  await bench.until("the first waits", () => bench.state === "awaitingReply");
  bench.clock.advance(30 * SECOND - 1);
  assert.deepEqual(bench.queue.standing, ["open", "open"]);
  bench.clock.advance(1);
  await bench.stands("accepted", "quarantined rejected");
  assert.deepEqual(bench.queue.row(1).outcome?.flags, ["unconfirmed"]);
});

test("[O10, E1] what was heard is not forgotten because the store cannot store: it is tried again", async () => {
  await using ris = await HospitalSystem.open(({ controlId }) => {
    const full = new AgentError("STORE_FULL", {});
    bench.queue.faults.push(full, full);
    return ack("AA", controlId);
  });
  await using bench = await SenderBench.open(ris.port);
  bench.queue.append(adt("M1"));
  bench.queue.append(adt("M2"));
  await bench.until("it was tried", () => bench.queue.faults.length === 1);
  await bench.quiet();
  assert.equal(bench.queue.faults.length, 1, "not before the next probe");
  ris.answer = alwaysAA;
  bench.clock.advance(5 * SECOND);
  await bench.until("it was tried again", () => bench.queue.faults.length === 0);
  assert.deepEqual(bench.queue.standing, ["open", "open"]);
  await bench.quiet();
  bench.clock.advance(5 * SECOND);
  await bench.stands("accepted", "accepted");
  assert.deepEqual(ris.controlIds, ["M1", "M2"]);
});

test("[01] stopping finishes the exchange in hand and begins no other", async () => {
  let release = (): void => {};
  await using ris = await HospitalSystem.open(({ controlId, socket }) => {
    release = () => void socket.write(latin1(ack("AA", controlId)));
    return undefined;
  });
  await using bench = await SenderBench.open(ris.port);
  for (const id of ["M1", "M2"]) bench.queue.append(adt(id));
  await bench.until("the first is out", () => bench.state === "awaitingReply");
  const stopped = bench.sender[Symbol.asyncDispose]();
  await bench.quiet();
  assert.deepEqual(bench.queue.standing, ["open", "open"]);
  release();
  await stopped;
  assert.deepEqual(bench.queue.standing, ["accepted", "open"]);
  assert.equal(ris.blocks.length, 1);
  await bench.until("it hung up", () => ris.connections[0]?.closed === true);
  await bench.until("no timer is left", () => bench.clock.armedCount === 0);
});

test("[I-6] no line of the log holds anything of a message or a reply but its control id", async () => {
  const name = "SECRETNAME";
  await using ris = await HospitalSystem.open(({ controlId }, count) => {
    if (count === 1) return ack("AE", controlId, `|${name}`);
    if (count === 2) return ack("AA", name);
    return count === 3 ? framed(`${name}|`) : ack("AR", controlId, `|${name}`);
  });
  await using bench = await SenderBench.open(ris.port, { onReject: "quarantine" });
  bench.queue.append(adt("M1", `|${name}`));
  await bench.stands("quarantined rejected");
  await bench.until("it was said", () => bench.lines.some((line) => /Quarantined/.test(line)));
  const said = `${bench.lines.join("\n")} ${JSON.stringify(bench.conditions.list())}`;
  assert.doesNotMatch(said, new RegExp(name));
  assert.match(said, /deliveryRefused channel=ris code=AE controlId=M1/);
  assert.match(said, /replyUnusable channel=ris reason=otherControlId/);
  assert.match(said, /replyUnusable channel=ris reason=noAcknowledgment/);
  assert.match(said, /deliveryQuarantined channel=ris reason=rejected controlId=M1/);
});
