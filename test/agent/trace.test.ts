/** What has a control id is found wherever it lies: gone up, set aside, come down. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { traceAll } from "#agent/trace.ts";
import { controlIdOf } from "#reconcile/control-id.ts";
import { adt } from "#test/support/messages.ts";
import { Source } from "#test/support/test-inbox.ts";
import { appendTo, entryOf, TestOutbox } from "#test/support/test-outbox.ts";

test("[E5] trace finds a message with both axes, what its sender was told, and when it was confirmed", async () => {
  await using made = await TestOutbox.open();
  const { outbox } = made;
  const first = await appendTo(outbox, entryOf({ controlId: "M1" }));
  assert.ok(first.kind === "stored");
  outbox.replied(first.id, true);
  outbox.settle(1, 1n, 1n);
  await outbox.flushProgress();
  await appendTo(outbox, entryOf({ controlId: "M1", body: "other", ackOwed: false }));
  const { messages, quarantined, down } = await traceAll(outbox, "M1");
  const [second, one] = messages;
  assert.deepEqual([one?.delivery, one?.ack], ["accepted", "delivered"]);
  assert.match(one?.answered ?? "", /^AA or CA/);
  assert.match(one?.confirmedBy ?? "", /^20\d\d-/);
  assert.deepEqual(
    [second?.delivery, second?.ack, second?.confirmedBy],
    ["stored", "notOwed", undefined],
  );
  assert.match(second?.answered ?? "", /^nothing/);
  assert.deepEqual([quarantined, down], [[], []]);
});

test("[E5] trace finds blocks in quarantine, with how often they came", async () => {
  await using made = await TestOutbox.open();
  const { outbox } = made;
  const block = { controlId: "Q1", quarantine: "noMessageType" } as const;
  await appendTo(outbox, entryOf(block));
  await appendTo(outbox, entryOf({ ...block, receivedAtMs: 1_700_000_001_000 }));
  await appendTo(outbox, entryOf({ ...block, controlId: "Q2" }));
  const { messages, quarantined } = await traceAll(outbox, "Q1");
  const [one, ...others] = quarantined;
  assert.deepEqual([messages, others], [[], []]);
  assert.deepEqual([one?.delivery, one?.channel, one?.count], ["quarantined", "adt", 2]);
  assert.equal(one?.reason, "noMessageType");
  assert.equal(one?.lastAt, new Date(1_700_000_001_000).toISOString());
});

test("[E5, O10] trace finds what came down, with what became of it", async () => {
  await using made = await TestOutbox.open({
    downstream: ["orders"],
    channels: [{ name: "adt" }, { name: "$outcomes" }],
  });
  const source = new Source(() => made.outbox.inbox);
  await source.opened();
  await source.sent(1n, adt("D1"), adt("D2"));
  const queue = made.outbox.inbox.queueOf("orders");
  const next = await queue.next();
  assert.ok(next !== undefined);
  await queue.settle(next.id, { kind: "accepted", flags: ["unconfirmed"], reply: undefined });
  const [one] = (await traceAll(made.outbox, "D1")).down;
  assert.deepEqual(
    [one?.delivery, one?.channel, one?.epoch, one?.seq],
    ["delivered", "orders", "1", "1"],
  );
  assert.deepEqual(one?.flags, ["unconfirmed"]);
  assert.match(one?.settledAt ?? "", /^20\d\d-/);
  const [two] = (await traceAll(made.outbox, "D2")).down;
  assert.deepEqual([two?.delivery, two?.settledAt], ["waiting", undefined]);
});

test("[X4] a control id is read out of the first bytes, whatever the delimiters", () => {
  const of = (text: string): string | null => controlIdOf(Buffer.from(text, "latin1"));
  assert.equal(of(adt("C1")), "C1");
  assert.equal(of("\r\nMSH#*!?%#A#B#C#D#E##ADT#ID\xe9#P\rPID#1"), "ID\xe9");
  assert.equal(of("MSH|^~\\&|A|B\rPID|1|2|3|4|5|6|7|8|9|10"), null);
  assert.equal(of("MSH"), null);
  assert.equal(of(""), null);
});
