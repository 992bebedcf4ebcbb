/** What delivery asks of the store: everything survives a kill (03 O1, O3 to O6, O10). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { DeliveryQueue, Outcome, Reply } from "#agent/deliver/queue.ts";
import { latin1 } from "#test/support/messages.ts";
import { AT_MS, bodyOf, openInbox, reportsOf, Source } from "#test/support/test-inbox.ts";
import type { TestOutbox } from "#test/support/test-outbox.ts";

const ACCEPTED: Outcome = { kind: "accepted", flags: [], reply: undefined };
const replyOf = (code: Reply["code"], text = ""): Reply => ({
  ...{ code, text: latin1(text), bytes: latin1(`MSH|^~\\&|\rMSA|${code}|M1|${text}\r`) },
});

/** A queue of `orders` with these messages. */
async function filled(made: TestOutbox, ...bodies: readonly string[]): Promise<Source> {
  const source = new Source(() => made.outbox.inbox);
  await source.opened();
  await source.sent(1n, ...bodies);
  return source;
}

const queueOf = (made: TestOutbox): DeliveryQueue => made.outbox.inbox.queueOf("orders");

async function nextOf(
  made: TestOutbox,
): Promise<NonNullable<Awaited<ReturnType<DeliveryQueue["next"]>>>> {
  const next = await queueOf(made).next();
  assert.ok(next !== undefined, "nothing waits");
  return next;
}

async function crash(made: TestOutbox): Promise<void> {
  await made.kill();
  await made.reopen();
}

describe("a delivery queue", () => {
  test("[O1, O2] gives the oldest message again until it is settled, with what is known of it", async () => {
    await using made = await openInbox();
    await filled(made, "one", "two");
    const next = await nextOf(made);
    assert.deepEqual(next, {
      ...{ id: next.id, epoch: 1n, seq: 1n, receivedAtMs: AT_MS, bytes: 3, claimed: false },
      ...{ negativeCount: 0, replyErrorCount: 0, timeoutCount: 0 },
    });
    assert.deepEqual(await nextOf(made), next);
    await queueOf(made).settle(next.id, ACCEPTED);
    assert.equal((await nextOf(made)).seq, 2n);
  });

  test("[O1] a claim is there after a kill", async () => {
    await using made = await openInbox();
    await filled(made, "one");
    const { id } = await nextOf(made);
    await queueOf(made).claim(id);
    await queueOf(made).claim(id);
    await crash(made);
    assert.equal((await nextOf(made)).claimed, true);
  });

  test("[O3, O4, O5] counts are replaced, and are there after a kill", async () => {
    await using made = await openInbox();
    await filled(made, "one");
    const { id } = await nextOf(made);
    await queueOf(made).noteTries(id, { negativeCount: 1, replyErrorCount: 9, timeoutCount: 9 });
    await queueOf(made).noteTries(id, { negativeCount: 1, replyErrorCount: 2, timeoutCount: 3 });
    await crash(made);
    const { negativeCount, replyErrorCount, timeoutCount } = await nextOf(made);
    assert.deepEqual([negativeCount, replyErrorCount, timeoutCount], [1, 2, 3]);
  });

  test("[O6] a message that awaits its acknowledgment stays open over a kill, and the next one may go", async () => {
    await using made = await openInbox();
    await filled(made, "one", "two");
    const { id } = await nextOf(made);
    const awaiting = { id, controlId: latin1("M1"), untilMs: AT_MS + 5, flags: [] as const };
    await queueOf(made).awaitAcknowledgment(awaiting, replyOf("CA"));
    await crash(made);
    assert.equal((await nextOf(made)).seq, 2n);
    assert.deepEqual(await queueOf(made).awaiting(), [
      { ...awaiting, controlId: new Uint8Array(latin1("M1")) },
    ]);
    const outcome = {
      kind: "accepted",
      flags: ["applicationAckMissing"],
      reply: undefined,
    } as const;
    await queueOf(made).settle(id, outcome);
    assert.deepEqual(await queueOf(made).awaiting(), []);
    const [report] = await reportsOf(made);
    assert.deepEqual([report?.["code"], report?.["flags"]], ["CA", ["applicationAckMissing"]]);
    assert.equal(report?.["reply"], Buffer.from(replyOf("CA").bytes).toString("base64"));
  });

  test("[O5] a hold and what was heard survive a kill; a release begins anew", async () => {
    await using made = await openInbox();
    await filled(made, "one");
    const { id } = await nextOf(made);
    assert.equal(await queueOf(made).held(), undefined);
    await queueOf(made).noteTries(id, { negativeCount: 4, replyErrorCount: 0, timeoutCount: 0 });
    const hold = { id, why: "error", flags: ["possibleRepeat"] } as const;
    await queueOf(made).hold(hold, replyOf("AE", "no such ward"));
    await crash(made);
    assert.deepEqual(await queueOf(made).held(), hold);
    assert.equal((await nextOf(made)).id, id);
    await queueOf(made).release(id);
    assert.equal(await queueOf(made).held(), undefined);
    assert.equal((await nextOf(made)).negativeCount, 0);
  });

  test("[O5, O10] a person who lets a held message be set aside ends the hold, with the reply that was heard", async () => {
    await using made = await openInbox();
    await filled(made, "one", "two");
    const { id } = await nextOf(made);
    await queueOf(made).hold({ id, why: "rejected", flags: [] }, replyOf("AR", "no"));
    const outcome = { kind: "quarantined", reason: "rejected", flags: ["byOperator"] } as const;
    await queueOf(made).settle(id, { ...outcome, reply: undefined });
    assert.equal(await queueOf(made).held(), undefined);
    assert.equal((await nextOf(made)).seq, 2n);
    const [report] = await reportsOf(made);
    assert.deepEqual(
      [report?.["outcome"], report?.["reason"], report?.["code"], report?.["flags"]],
      ["quarantined", "rejected", "AR", ["byOperator"]],
    );
    const [aside] = await made.outbox.inbox.aside(Number.MAX_SAFE_INTEGER, 10);
    assert.deepEqual(
      [aside?.id, aside?.channel, aside?.seq, aside?.reason, aside?.code, aside?.bytes],
      [id, "orders", 1n, "rejected", "AR", 3],
    );
  });

  test("[O6, O5] a message that awaits can be held, and is the next one again", async () => {
    await using made = await openInbox();
    await filled(made, "one", "two");
    const { id } = await nextOf(made);
    const awaiting = { id, controlId: latin1("M1"), untilMs: AT_MS, flags: [] };
    await queueOf(made).awaitAcknowledgment(awaiting, replyOf("CA"));
    await queueOf(made).hold({ id, why: "error", flags: [] }, replyOf("AE"));
    assert.deepEqual(await queueOf(made).awaiting(), []);
    assert.equal((await nextOf(made)).id, id);
  });

  test("[O10, TP35] an outcome is reported on $outcomes in the commit that settles, once", async () => {
    await using made = await openInbox();
    await filled(made, "one");
    const { id } = await nextOf(made);
    const outcome = {
      kind: "accepted",
      flags: ["replyCut"],
      reply: replyOf("AA", "taken"),
    } as const;
    await queueOf(made).settle(id, outcome);
    await crash(made);
    await queueOf(made).settle(id, ACCEPTED);
    const reports = await reportsOf(made);
    const settledAtMs = reports[0]?.["settledAtMs"];
    assert.ok(typeof settledAtMs === "number" && settledAtMs > AT_MS);
    assert.deepEqual(reports, [
      {
        ...{ schema: "holdfast.outcome/1", channel: "orders", epoch: "1", seq: "1" },
        ...{ outcome: "accepted", code: "AA", flags: ["replyCut"], settledAtMs },
        text: latin1("taken").toString("base64"),
        reply: Buffer.from(outcome.reply.bytes).toString("base64"),
      },
    ]);
    assert.equal(await queueOf(made).next(), undefined);
  });

  test("[TP35, I-3] reports leave in the order of settling, numbered and chained like any message", async () => {
    await using made = await openInbox();
    const heard: [number, bigint][] = [];
    const source = await filled(made, "one", "two", "three");
    made.outbox.onAppended((channel, lastSeq) => heard.push([channel, lastSeq]));
    assert.deepEqual(await source.delivered(), ["one", "two", "three"]);
    const reports = await reportsOf(made);
    assert.deepEqual(
      reports.map(({ seq }) => seq),
      ["1", "2", "3"],
    );
    const channel = made.outbox.channels.find(({ name }) => name === "$outcomes")?.channel ?? 0;
    assert.deepEqual(heard, [
      [channel, 1n],
      [channel, 2n],
      [channel, 3n],
    ]);
    const tail = await made.tail(channel);
    assert.deepEqual([tail.lastSeq, tail.waiting.count], [3n, 3n]);
    assert.ok(made.outbox.backlogBytes(channel) > 0);
  });

  test("[O10] what is settled stays as it is", async () => {
    await using made = await openInbox();
    await filled(made, "one");
    const { id } = await nextOf(made);
    await queueOf(made).settle(id, ACCEPTED);
    await queueOf(made).claim(id);
    await queueOf(made).hold({ id, why: "error", flags: [] }, undefined);
    await queueOf(made).release(id);
    await queueOf(made).noteTries(id, { negativeCount: 1, replyErrorCount: 1, timeoutCount: 1 });
    await queueOf(made).awaitAcknowledgment(
      { id, controlId: latin1("M1"), untilMs: AT_MS, flags: [] },
      replyOf("CA"),
    );
    assert.equal(await queueOf(made).next(), undefined);
    assert.equal(await queueOf(made).held(), undefined);
    assert.deepEqual(await queueOf(made).awaiting(), []);
    const [standing] = await made.outbox.inbox.standing();
    assert.deepEqual([standing?.openCount, standing?.openBytes], [0, 0]);
  });

  test("[O1] bodies come in parts, in order or from the start again", async () => {
    await using made = await openInbox();
    const body = Buffer.alloc(300_000, "x y z");
    const source = new Source(() => made.outbox.inbox);
    await source.opened();
    await source.send(1n, body);
    const { id, bytes } = await nextOf(made);
    const { inbox } = made.outbox;
    assert.equal(bytes, body.length);
    for (const most of [1_000_000, 100_000, 70_001]) {
      assert.ok(body.equals(await bodyOf(inbox, "orders", id, bytes, most)), `at ${most}`);
    }
    await queueOf(made).body(id, 0, 10);
    assert.ok(body.equals(await bodyOf(inbox, "orders", id, bytes)));
  });

  test("[S20] what is open and what is set aside is counted along", async () => {
    await using made = await openInbox();
    await filled(made, "one", "three");
    const { id } = await nextOf(made);
    const standing = async (): Promise<unknown> => (await made.outbox.inbox.standing())[0];
    const common = { name: "orders", epoch: 1n, lastSeq: 2n };
    assert.deepEqual(await standing(), {
      ...{ ...common, openCount: 2, openBytes: 8, asideCount: 0, asideBytes: 0 },
      oldestWaitingAtMs: AT_MS,
    });
    await queueOf(made).settle(id, {
      ...{ kind: "quarantined", reason: "expired", flags: [], reply: undefined },
    });
    await crash(made);
    assert.deepEqual(await standing(), {
      ...{ ...common, openCount: 1, openBytes: 5, asideCount: 1, asideBytes: 3 },
      oldestWaitingAtMs: AT_MS,
    });
    assert.equal(await made.outbox.inbox.discard([id, id + 1, 77]), 1, "only what is set aside");
    assert.deepEqual(await made.outbox.inbox.aside(Number.MAX_SAFE_INTEGER, 10), []);
    assert.deepEqual((await made.outbox.inbox.standing())[0]?.asideCount, 0);
  });
});
