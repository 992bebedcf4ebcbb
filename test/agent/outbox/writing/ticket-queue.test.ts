import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AgentError } from "#agent/errors.ts";
import { type AppendOutcome, TicketQueue } from "#agent/outbox/writing/ticket-queue.ts";
import { ManualClock } from "#test/support/clocks.ts";
import { appendTo, entryOf, TestOutbox } from "#test/support/test-outbox.ts";

class Desk {
  readonly clock = new ManualClock();
  readonly queue = new TicketQueue(this.clock);
  readonly settled: string[] = [];

  add(name: string, bytes = 10, deadlineMs = 3_000): number {
    const settle = (outcome: AppendOutcome): void => {
      this.settled.push(
        `${name} ${outcome.kind === "refused" ? outcome.error.code : outcome.kind}`,
      );
    };
    return this.queue.add({ channel: 1, bytes, ackOwed: true, deadlineMs, settle });
  }
}

describe("ticket queue", () => {
  test("[A9] each ticket is refused when its own three seconds are over, in order", () => {
    const desk = new Desk();
    desk.add("A");
    desk.clock.advance(1_000);
    desk.add("B");
    desk.clock.advance(1_999);
    assert.deepEqual(desk.settled, []);
    desk.clock.advance(1);
    assert.deepEqual(desk.settled, ["A STORE_BUSY"]);
    desk.clock.advance(999);
    assert.deepEqual(desk.settled, ["A STORE_BUSY"]);
    desk.clock.advance(1);
    assert.deepEqual(desk.settled, ["A STORE_BUSY", "B STORE_BUSY"]);
    assert.equal(desk.clock.armedCount, 0);
  });

  test("[A9] a commit that came in time leaves nothing to expire", () => {
    const desk = new Desk();
    const ticket = desk.add("A");
    assert.equal(desk.queue.take(ticket)?.late, false);
    desk.clock.advance(10_000);
    assert.deepEqual(desk.settled, []);
    assert.equal(desk.queue.take(ticket), undefined);
  });

  test("[A9] a commit that comes too late is told so, and settles nobody twice", () => {
    const desk = new Desk();
    const ticket = desk.add("A");
    desk.clock.advance(3_000);
    assert.equal(desk.queue.take(ticket)?.late, true);
    assert.deepEqual(desk.settled, ["A STORE_BUSY"]);
  });

  test("[S8] late bytes still count: they are still in memory", () => {
    const desk = new Desk();
    const [a, b] = [desk.add("A", 100), desk.add("B", 50)];
    desk.clock.advance(3_000);
    assert.equal(desk.queue.bytes, 150);
    desk.queue.take(a);
    desk.queue.take(b);
    assert.equal(desk.queue.bytes, 0);
  });

  test("[S9] refuseAll settles everybody who waits with the reason, once", () => {
    const desk = new Desk();
    desk.add("A");
    desk.clock.advance(3_000);
    const ticket = desk.add("B");
    desk.queue.refuseAll(new AgentError("WRITER_DIED", {}));
    assert.deepEqual(desk.settled, ["A STORE_BUSY", "B WRITER_DIED"]);
    assert.equal(desk.queue.take(ticket), undefined);
    assert.equal(desk.queue.bytes, 0);
    desk.clock.advance(10_000);
    assert.equal(desk.settled.length, 2);
  });
});

describe("outbox whose commit is late", () => {
  test("[A9, E5] the sender is refused, the message stays, undelivered, and its resend is a repeat", async () => {
    const clock = new ManualClock();
    await using store = await TestOutbox.open({ clock });
    const appended = Promise.withResolvers<bigint>();
    store.outbox.onAppended((_channel, lastSeq) => appended.resolve(lastSeq));
    const late = appendTo(store.outbox, entryOf({ controlId: "A" }));
    clock.advance(3_000);
    const outcome = await late;
    assert.ok(outcome.kind === "refused" && outcome.error.code === "STORE_BUSY");
    assert.equal(await appended.promise, 1n, "the relay learns of it all the same");
    clock.advance(100);
    await store.outbox.probe();
    assert.equal((await store.outbox.trace(Buffer.from("A")))[0]?.ack, "undelivered");
    const again = await appendTo(store.outbox, entryOf({ controlId: "A" }));
    assert.deepEqual(again, { kind: "repeat", id: 1, seq: 1n });
    store.outbox.replied(1, true);
    clock.advance(100);
    await store.outbox.probe();
    assert.equal((await store.outbox.trace(Buffer.from("A")))[0]?.ack, "delivered");
    assert.deepEqual(await store.bodies(), ["A"]);
  });
});
