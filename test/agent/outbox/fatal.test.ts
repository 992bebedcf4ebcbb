import assert from "node:assert/strict";
import { chmodSync } from "node:fs";
import { describe, test } from "node:test";
import { ManualClock } from "#test/support/clocks.ts";
import { until } from "#test/support/processes.ts";
import { appendTo, entryOf, TestOutbox } from "#test/support/test-outbox.ts";

describe("outbox that cannot go on", () => {
  test("[S9, T-S03] the death of the writer is fatal once; what waited is refused, the rest was stored", async () => {
    await using store = await TestOutbox.open();
    await appendTo(store.outbox, entryOf({ controlId: "A" }));
    await store.worker.terminate();
    const waiting = appendTo(store.outbox, entryOf({ controlId: "B" }));
    await until("it is fatal", () => store.fatals.length > 0);
    await assert.rejects(store.outbox.standing(), { code: "WRITER_DIED", disposition: "halt" });
    assert.equal((await waiting).kind, "refused");
    assert.deepEqual(
      store.fatals.map(({ code }) => code),
      ["WRITER_DIED"],
    );
    await store.close();
    await store.reopen();
    assert.deepEqual(await store.bodies(), ["A"]);
    const again = await appendTo(store.outbox, entryOf({ controlId: "A" }));
    assert.equal(again.kind, "repeat");
  });

  for (const [what, poison] of [
    ["an uncaught error in the writer", { order: "append", batch: { table: [1] } }],
    ["an order that cannot be carried out", { order: "settle", channel: 1, epoch: 1n, seq: 99n }],
  ] as const) {
    test(`[S9, T-S03] ${what} halts: nothing settles positively afterwards`, async () => {
      const clock = new ManualClock();
      await using store = await TestOutbox.open({ clock });
      await appendTo(store.outbox, entryOf({ controlId: "A" }));
      store.worker.postMessage(poison);
      // Progress is written a little later than messages: let it be found first.
      if (poison.order === "settle") await until("it is fatal", () => store.fatals.length > 0);
      const same = appendTo(store.outbox, entryOf({ controlId: "B" }));
      await until("it is fatal", () => store.fatals.length > 0);
      assert.equal(store.fatals[0]?.disposition, "halt");
      const late = appendTo(store.outbox, entryOf({ controlId: "C" }));
      clock.advance(3_000);
      for (const outcome of await Promise.all([same, late])) assert.equal(outcome.kind, "refused");
      assert.equal(store.fatals.length, 1);
      await store.close();
      await store.reopen();
      const bodies = await store.bodies();
      assert.ok(!bodies.includes("C"));
      for (const controlId of ["A", "B", "C"]) {
        const { kind } = await appendTo(store.outbox, entryOf({ controlId }));
        assert.equal(kind, bodies.includes(controlId) ? "repeat" : "stored");
      }
    });
  }

  test("[S9] an append to a channel that does not exist is a defect that halts", async () => {
    await using store = await TestOutbox.open();
    const both = ["A", "B"].map((controlId, index) =>
      appendTo(store.outbox, entryOf({ controlId, channel: index === 0 ? 1 : 99 })),
    );
    for (const outcome of await Promise.all(both)) {
      assert.equal(outcome.kind, "refused");
      assert.equal(outcome.error.code, "AGENT_DEFECT");
    }
    assert.equal(store.fatals.length, 1);
    await store.close();
    await store.reopen();
    assert.deepEqual(await store.bodies(), []);
  });

  test("[S1, T-S18] a second outbox on the same folder is refused as locked; the first goes on", async () => {
    await using store = await TestOutbox.open();
    await using other = await TestOutbox.open();
    await assert.rejects(other.reopen({ stateDir: store.stateDir }), {
      code: "STORE_LOCKED",
      exit: 75,
    });
    assert.equal((await appendTo(store.outbox, entryOf({ controlId: "A" }))).kind, "stored");
    assert.deepEqual([store.fatals, other.fatals], [[], []]);
    await store.close();
    await other.reopen({ stateDir: store.stateDir });
    assert.deepEqual(await other.bodies(), ["A"]);
    await other.close();
  });

  test("[S3] an outbox that cannot be opened is refused with the reason and leaves no thread", async () => {
    await using store = await TestOutbox.open();
    await store.close();
    chmodSync(store.stateDir, 0o777);
    await assert.rejects(store.reopen(), { code: "STORE_NOT_PERMITTED", exit: 77 });
    chmodSync(store.stateDir, 0o700);
    await store.reopen();
    assert.deepEqual(store.fatals, []);
  });

  test("[S9] disposing twice is harmless; an append after it is refused within its deadline", async () => {
    const clock = new ManualClock();
    await using store = await TestOutbox.open({ clock });
    const { outbox } = store;
    await Promise.all([outbox[Symbol.asyncDispose](), outbox[Symbol.asyncDispose]()]);
    const late = appendTo(outbox, entryOf({ controlId: "A" }));
    clock.advance(3_000);
    assert.equal((await late).kind, "refused");
    assert.deepEqual(store.fatals, []);
  });
});
