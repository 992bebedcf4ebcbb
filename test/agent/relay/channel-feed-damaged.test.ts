import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { damageRecord, damageSlice } from "#test/support/epoch-rows.ts";
import { FeedBench, messageIn } from "#test/support/feed-bench.ts";
import { until } from "#test/support/processes.ts";
import { appendTo, entryOf, stagedEntry } from "#test/support/test-outbox.ts";

describe("channel feed over a damaged store", () => {
  test("[S16] what is before the damaged message leaves; it and what is behind it stay", async () => {
    await using bench = await FeedBench.open();
    await bench.append("one", "two");
    await appendTo(bench.outbox, entryOf({ controlId: "three", body: "damaged body" }));
    await bench.append("four");
    await bench.restart(() => damageRecord(bench.store, 3n));
    await bench.opened();
    assert.deepEqual(await bench.take(2), ["1 one", "2 two"]);
    await bench.append("five");
    await until("it is known", () => bench.open.includes("messageDamaged adt"));
    await bench.tasks[Symbol.asyncDispose]();
    assert.equal(bench.feed.take(), undefined);
    bench.feed.acked(1n, 2n);
    bench.feed.disconnected();
    await bench.opened(2n);
    await bench.outbox.probe();
    assert.equal(bench.feed.take(), undefined);
  });

  test("[S16, TP9] a large damaged body is never completed: its last part does not come", async () => {
    await using bench = await FeedBench.open();
    const body = Buffer.alloc(400_000, "abcdefg");
    await appendTo(bench.outbox, stagedEntry(bench.outbox, "BIG", body));
    await bench.append("behind");
    await bench.restart(() => damageSlice(bench.store, 1));
    await bench.opened();
    await until("it is read", () => bench.wakes > 0);
    const message = messageIn(bench.feed.take());
    assert.ok(typeof message.body === "function");
    let bytes = 0;
    const readAll = async (read: () => Promise<Uint8Array>): Promise<void> => {
      while (bytes < message.total) bytes += (await read()).length;
    };
    await assert.rejects(readAll(message.body), { code: "STORE_BODY_DAMAGED" });
    assert.ok(bytes < message.total);
    assert.deepEqual(bench.open, ["messageDamaged adt"]);
    bench.feed.disconnected();
    await bench.opened();
    await bench.outbox.probe();
    assert.equal(bench.feed.take(), undefined, "the next connection does not begin it again");
  });

  test("[TP15, TP31] behind a gap the receiver has no chain: an ended epoch goes on by its numbers", async () => {
    await using bench = await FeedBench.open();
    for (const body of ["one", "two", "three", "four"]) await bench.append(body);
    await bench.restart(() => damageRecord(bench.store, 2n));
    await bench.opened(1n);
    await until("it is known", () => bench.feed.stoppedAt?.seq === 2n);
    const range = { channel: 1, epoch: 1n, firstSeq: 2n, lastSeq: 2n };
    assert.equal(await bench.outbox.epochs.skipDamaged(range), "skipped");
    bench.feed.goOn();
    await bench.opened(1n);
    assert.deepEqual(await bench.take(3), ["skip 2 to 2 for 3", "3 three", "4 four"]);
    bench.feed.acked(1n, 3n);
    bench.feed.disconnected();
    assert.equal(bench.feed.standing()?.epoch, 1n);
    assert.ok(await bench.opened(3n, { chain: null }), "the receiver has no chain there");
    assert.deepEqual(await bench.take(1), ["4 four"]);
    bench.feed.disconnected();
    assert.equal(bench.feed.standing()?.epoch, 1n);
    assert.equal(await bench.opened(3n, { chain: new Uint8Array(32).fill(9) }), false);
    assert.ok(bench.open.includes("channelParted adt"), "another chain is another history");
  });

  test("[TP15, TP18] without a gap, or in the epoch that messages come in, no chain means parted", async () => {
    await using bench = await FeedBench.open();
    await bench.append("one", "two", "three");
    assert.equal(await bench.opened(2n, { chain: null }), false);
    assert.ok(bench.open.includes("channelParted adt"));
    await using gapped = await FeedBench.open();
    const body = Buffer.alloc(400_000, "abcdefg");
    await appendTo(gapped.outbox, stagedEntry(gapped.outbox, "BIG", body));
    await gapped.append("behind");
    await gapped.restart(() => damageSlice(gapped.store, 1));
    const range = { channel: 1, epoch: 1n, firstSeq: 1n, lastSeq: 1n };
    assert.equal(await gapped.outbox.epochs.skipDamaged(range), "skipped");
    assert.equal((await gapped.store.tail()).epoch, 1n, "its chain is known");
    assert.equal(await gapped.opened(2n, { chain: null }), false);
    assert.ok(gapped.open.includes("channelParted adt"));
  });
});
