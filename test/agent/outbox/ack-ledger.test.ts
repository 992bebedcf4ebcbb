import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { AckLedger } from "#agent/outbox/ack-ledger.ts";
import type { AckState } from "#agent/outbox/reader.ts";
import { ManualClock } from "#test/support/clocks.ts";
import { appendTo, entryOf, TestOutbox } from "#test/support/test-outbox.ts";

describe("ack ledger", () => {
  test("[E5] the number moves over rows whose reply left, and stops at the first that is open", () => {
    const ledger = new AckLedger(10);
    for (const id of [11, 12, 13]) ledger.committed(id, true);
    ledger.replied(12, true);
    assert.equal(ledger.take(), undefined);
    ledger.replied(11, true);
    assert.equal(ledger.take()?.throughId, 12);
    assert.equal(ledger.take(), undefined, "nothing new");
  });

  test("[E5] rows without a reply that is owed are passed over", () => {
    const ledger = new AckLedger(0);
    ledger.committed(1, false);
    assert.deepEqual(ledger.take(), { throughId: 1, undeliveredIds: [], recoveredIds: [] });
  });

  test("[E5, E4] a reply that did not leave is named; the reply to the resend takes it back", () => {
    const ledger = new AckLedger(0);
    ledger.committed(1, true);
    ledger.replied(1, false);
    assert.deepEqual(ledger.take()?.undeliveredIds, [1]);
    ledger.replied(1, true);
    assert.deepEqual(ledger.take()?.recoveredIds, [1]);
  });

  test("[E5, E4] the reply to the resend counts also while an older row is still open", () => {
    const ledger = new AckLedger(0);
    ledger.committed(1, true);
    ledger.committed(2, true);
    ledger.replied(2, false);
    ledger.replied(2, true);
    ledger.replied(1, true);
    const outcomes = ledger.take();
    const undelivered = outcomes?.undeliveredIds.filter(
      (id) => !outcomes.recoveredIds.includes(id),
    );
    assert.deepEqual([outcomes?.throughId, undelivered], [2, []]);
  });

  test("[E5] whatever the order of replies, the number reaches the last row and each loss is named", () => {
    const rows = fc.array(
      fc.record({ owed: fc.boolean(), delivered: fc.boolean(), at: fc.nat() }),
      {
        maxLength: 30,
      },
    );
    fc.assert(
      fc.property(rows, (list) => {
        const ledger = new AckLedger(0);
        for (const [index, { owed }] of list.entries()) ledger.committed(index + 1, owed);
        const lost: number[] = [];
        const replies = list
          .map((row, index) => ({ ...row, id: index + 1 }))
          .filter(({ owed }) => owed)
          .sort((a, b) => a.at - b.at);
        const undelivered: number[] = [];
        let throughId = 0;
        for (const { id, delivered } of replies) {
          ledger.replied(id, delivered);
          const taken = ledger.take();
          undelivered.push(...(taken?.undeliveredIds ?? []));
          throughId = taken?.throughId ?? throughId;
          assert.ok(undelivered.every((one) => one <= throughId));
        }
        throughId = ledger.take()?.throughId ?? throughId;
        for (const [index, row] of list.entries())
          if (row.owed && !row.delivered) lost.push(index + 1);
        assert.deepEqual(
          undelivered.sort((a, b) => a - b),
          lost,
        );
        if (replies.length > 0) assert.equal(throughId, list.length);
      }),
    );
  });
});

describe("acknowledgment states over a restart", () => {
  const statesOf = async (store: TestOutbox, ids: readonly string[]): Promise<AckState[]> => {
    const states: AckState[] = [];
    for (const id of ids) {
      const [found] = await store.outbox.trace(Buffer.from(id));
      assert.ok(found !== undefined, id);
      states.push(found.ack);
    }
    return states;
  };

  test("[E5] delivered, undelivered, not owed and pending are told apart, before and after", async () => {
    const clock = new ManualClock();
    await using store = await TestOutbox.open({ clock });
    const names = ["D", "U", "N", "P1", "P2"];
    const rows = new Map<string, number>();
    for (const controlId of names) {
      const outcome = await appendTo(
        store.outbox,
        entryOf({ controlId, ackOwed: controlId !== "N" }),
      );
      assert.equal(outcome.kind, "stored");
      rows.set(controlId, outcome.id);
    }
    store.outbox.replied(rows.get("D") ?? 0, true);
    store.outbox.replied(rows.get("U") ?? 0, false);
    clock.advance(100);
    await store.outbox.probe();
    const before: AckState[] = ["delivered", "undelivered", "notOwed", "pending", "pending"];
    assert.deepEqual(await statesOf(store, names), before);
    await store.kill();
    await store.reopen();
    assert.deepEqual(await statesOf(store, names), before, "after a crash pending can remain");
    await appendTo(store.outbox, entryOf({ controlId: "NEW" }));
    store.outbox.replied(rows.get("U") ?? 0, true);
    store.outbox.replied(6, true);
    clock.advance(100);
    await store.outbox.probe();
    const after: AckState[] = [
      "delivered",
      "delivered",
      "notOwed",
      "pending",
      "pending",
      "delivered",
    ];
    assert.deepEqual(await statesOf(store, [...names, "NEW"]), after);
    await store.reopen();
    assert.deepEqual(await statesOf(store, [...names, "NEW"]), after);
  });

  test("[E5] an orderly stop writes every outcome that is known", async () => {
    await using store = await TestOutbox.open({ clock: new ManualClock() });
    for (const controlId of ["A", "B"]) {
      const outcome = await appendTo(store.outbox, entryOf({ controlId }));
      assert.equal(outcome.kind, "stored");
      store.outbox.replied(outcome.id, controlId === "A");
    }
    await store.reopen();
    assert.deepEqual(await statesOf(store, ["A", "B"]), ["delivered", "undelivered"]);
  });
});

test("[E5, I-8] a reply that is never taken does not keep later outcomes in memory for ever", () => {
  const ledger = new AckLedger(0);
  ledger.committed(1, true);
  for (let id = 2; id <= 100_001; id++) ledger.committed(id, false);
  const outcomes = ledger.take();
  assert.deepEqual([outcomes?.throughId, outcomes?.undeliveredIds], [100_001, [1]]);
  ledger.replied(1, true);
  assert.deepEqual(ledger.take()?.recoveredIds, [1]);
});
