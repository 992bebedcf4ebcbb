/** The sender over the real store: what it decides is what the store keeps, across kills (03 O1, O10; 06 TP34). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { MllpSender } from "#agent/deliver/mllp-sender.ts";
import type { SenderSettings } from "#agent/deliver/sender-settings.ts";
import { Conditions } from "#agent/health/conditions.ts";
import { systemClock } from "#agent/host/clock.ts";
import { silentLog } from "#agent/host/silent-log.ts";
import { Tasks } from "#agent/host/tasks.ts";
import { ack, alwaysAA, HospitalSystem } from "#test/support/hospital-system.ts";
import { adt, message } from "#test/support/messages.ts";
import { until } from "#test/support/processes.ts";
import { SENDER_SETTINGS } from "#test/support/sender-bench.ts";
import { openInbox, reportsOf, Source } from "#test/support/test-inbox.ts";
import type { TestOutbox } from "#test/support/test-outbox.ts";

function deliver(
  made: TestOutbox,
  port: number,
  changed: Partial<SenderSettings> = {},
): Promise<MllpSender> {
  return MllpSender.open({
    channel: "orders",
    settings: { ...SENDER_SETTINGS, port, ...changed },
    queue: made.outbox.inbox.queueOf("orders"),
    ...{ clock: systemClock, log: silentLog, conditions: new Conditions() },
    chance: { unit: () => 0, bytes: (count) => new Uint8Array(count) },
    // A store that is killed answers nothing more: that ends the sender's work, not the test.
    tasks: new Tasks(() => {}),
  });
}

/** `kind`, code and flags of each report, oldest first. */
async function reported(made: TestOutbox): Promise<string[]> {
  return (await reportsOf(made)).map(({ outcome, reason, code, flags }) =>
    [outcome, reason, code, flags].flat().filter(Boolean).join(" "),
  );
}

test("[O1, O2, O10] messages of the receiver reach the hospital system in order, and their outcomes are reported", async () => {
  await using made = await openInbox();
  const source = new Source(() => made.outbox.inbox);
  await source.opened();
  await source.sent(1n, adt("M1"), adt("M2"), adt("M3", "|\x1c"));
  await using ris = await HospitalSystem.open(({ controlId }) =>
    ack(controlId === "M2" ? "AR" : "AA", controlId),
  );
  await using sender = await deliver(made, ris.port, { onReject: "quarantine" });
  // One more comes while it runs.
  await source.sent(4n, adt("M4"));
  await until("four reports", async () => (await reportsOf(made)).length === 4);
  assert.deepEqual(await reported(made), [
    "accepted AA",
    "quarantined rejected AR",
    "quarantined framingBytes",
    "accepted AA",
  ]);
  assert.deepEqual(ris.controlIds, ["M1", "M2", "M4"]);
  assert.equal(sender.status.counters.accepted, 2);
});

test("[O1] row 50: no reply, then the store and the sender are killed: sent again, same bytes, same control id", async () => {
  await using made = await openInbox();
  const source = new Source(() => made.outbox.inbox);
  await source.opened();
  await source.sent(1n, adt("M1"), adt("M2"));
  await using ris = await HospitalSystem.open(() => undefined);
  const first = await deliver(made, ris.port);
  await until("it is out", () => ris.blocks.length === 1);
  await made.kill();
  first.abort();
  await made.reopen();
  ris.answer = alwaysAA;
  await using _second = await deliver(made, ris.port);
  await until("two reports", async () => (await reportsOf(made)).length === 2);
  assert.deepEqual(ris.controlIds, ["M1", "M1", "M2"]);
  assert.equal(ris.blocks[0]?.text, ris.blocks[1]?.text);
  assert.deepEqual(await reported(made), ["accepted AA possibleRepeat", "accepted AA"]);
});

test("[O5, O6] a hold and a message that waits for its application acknowledgment survive a kill", async () => {
  await using made = await openInbox();
  const source = new Source(() => made.outbox.inbox);
  await source.opened();
  await source.sent(1n, message({ 10: "M1", 15: "AL", 16: "AL" }), adt("M2"), adt("M3"));
  await using ris = await HospitalSystem.open(({ controlId }) =>
    ack(controlId === "M1" ? "CA" : "AR", controlId, "|unknown"),
  );
  const first = await deliver(made, ris.port);
  await until("held", () => first.status.state === "held");
  await made.kill();
  first.abort();
  await made.reopen();
  await using second = await deliver(made, ris.port);
  await until("held again", () => second.status.state === "held");
  assert.equal(second.status.awaitingCount, 1);
  assert.deepEqual(ris.controlIds, ["M1", "M2"]);
  ris.answer = alwaysAA;
  assert.equal(second.release("quarantine"), true);
  await until("both are reported", async () => (await reportsOf(made)).length === 2);
  assert.equal(second.status.awaitingCount, 1, "M1 waits on");
  assert.deepEqual(await reported(made), ["quarantined rejected AR byOperator", "accepted AA"]);
  assert.deepEqual(ris.controlIds, ["M1", "M2", "M3"]);
});
