import assert from "node:assert/strict";
import { describe, test } from "node:test";
import Sqlite from "better-sqlite3";
import { OPENED_STATUS } from "#protocol/frame.ts";
import { trimAt } from "#test/support/epoch-rows.ts";
import { FeedBench, messageIn, names, numbered } from "#test/support/feed-bench.ts";
import { until } from "#test/support/processes.ts";

/** Ends the epoch that a closed store is in, as a restored one does. */
function endEpochs(bench: FeedBench): () => void {
  return () => {
    const db = new Sqlite(bench.store.databaseFile);
    db.exec("UPDATE identity SET restored = 1");
    db.close();
  };
}

const standingOf = (bench: FeedBench): unknown => bench.feed.standing();
const reopened = (bench: FeedBench, count: number): Promise<void> =>
  until(`${count} openings`, () => bench.reopens === count);

describe("channel feed with more than one epoch", () => {
  test("[TP17] what an ended epoch has unsettled leaves first, then the current one is opened with it named", async () => {
    await using bench = await FeedBench.open();
    await bench.append(...names(1, 3));
    await bench.opened();
    await bench.take(3);
    bench.feed.acked(1n, 1n);
    await bench.restart(endEpochs(bench));
    await bench.append(...names(4, 2));
    assert.deepEqual(standingOf(bench), {
      ...{ epoch: 1n, nextSeq: 2n, oldestRetainedSeq: 1n, previous: null },
    });
    await bench.opened(1n);
    assert.deepEqual(await bench.take(2), ["2 M2", "3 M3"]);
    assert.equal(bench.feed.take(), undefined, "nothing of the next epoch before");
    bench.feed.acked(1n, 2n);
    assert.equal(bench.reopens, 0);
    bench.feed.acked(1n, 3n);
    await reopened(bench, 1);
    assert.equal((await bench.store.tail()).earlier[0]?.ackedSeq, 3n, "it is written before");
    assert.deepEqual(standingOf(bench), {
      ...{ epoch: 2n, nextSeq: 1n, oldestRetainedSeq: 1n },
      previous: { epoch: 1n, finalSeq: 3n },
    });
    await bench.opened(0n, { epoch: 2n });
    assert.deepEqual(await bench.take(2), ["1 M4", "2 M5"]);
    bench.feed.acked(2n, 2n);
    await bench.outbox.flushProgress();
    assert.equal((await bench.store.tail()).ackedSeq, 2n);
  });

  test("[TP17] a receiver that has all of the ended epoch already is led to the next at once", async () => {
    await using bench = await FeedBench.open();
    await bench.append(...names(1, 2));
    await bench.restart(endEpochs(bench));
    await bench.append("M3");
    assert.equal(await bench.opened(2n), true);
    await reopened(bench, 1);
    await bench.opened(0n, { epoch: 2n });
    assert.deepEqual(await bench.take(1), ["1 M3"]);
  });

  /** Epochs 1 and 2 with three settled messages each, and M30 in epoch 3. */
  async function threeEpochs(bench: FeedBench, change: () => void = () => {}): Promise<void> {
    for (const epoch of [1n, 2n]) {
      for (const name of names(Number(epoch) * 10, 3)) await bench.append(name);
      const { outbox } = bench;
      outbox.settle(1, epoch, 3n);
      await outbox.flushProgress();
      await bench.restart(endEpochs(bench));
    }
    await bench.restart(change);
    await bench.append("M30");
    bench.reopens = 0;
  }

  test("[TP16, TP37] a receiver that was put back is met in the oldest epoch that is kept, and led through all that follow", async () => {
    await using bench = await FeedBench.open();
    await threeEpochs(bench);
    assert.deepEqual(standingOf(bench), {
      ...{ epoch: 1n, nextSeq: 4n, oldestRetainedSeq: 1n, previous: null },
    });
    assert.equal(await bench.opened(1n), true);
    assert.deepEqual(await bench.take(2), ["2 M11", "3 M12"], "replayed from retention");
    bench.feed.acked(1n, 3n);
    await reopened(bench, 1);
    assert.deepEqual(standingOf(bench), {
      ...{ epoch: 2n, nextSeq: 4n, oldestRetainedSeq: 1n },
      previous: { epoch: 1n, finalSeq: 3n },
    });
    await bench.opened(0n, { epoch: 2n });
    assert.deepEqual(await bench.take(3), ["1 M20", "2 M21", "3 M22"]);
    bench.feed.acked(2n, 3n);
    await reopened(bench, 2);
    await bench.opened(0n, { epoch: 3n });
    assert.deepEqual(await bench.take(1), ["1 M30"]);
  });

  for (const epoch of [2n, 3n]) {
    test(`[TP16] a receiver that is in epoch ${epoch} says so (BEHIND), and is opened there: nothing has parted`, async () => {
      await using bench = await FeedBench.open();
      await threeEpochs(bench);
      assert.equal(bench.feed.standing()?.epoch, 1n);
      const status = OPENED_STATUS.behind;
      assert.equal(await bench.opened(3n, { status, epoch, chain: null }), false);
      await reopened(bench, 1);
      assert.equal(bench.feed.standing()?.epoch, epoch);
      assert.deepEqual(bench.open, []);
      assert.equal((await bench.store.tail()).epoch, 3n);
    });
  }

  test("[TP16, TP18] BEHIND where something before is unsettled has parted", async () => {
    await using bench = await FeedBench.open();
    await bench.append(...names(1, 3));
    await bench.restart(endEpochs(bench));
    await bench.append("M4");
    await bench.opened(0n, { status: OPENED_STATUS.behind, epoch: 2n });
    await until("it has moved", () => bench.feed.standing()?.epoch === 3n);
    assert.deepEqual(bench.feed.standing()?.previous, { epoch: 2n, finalSeq: 0n });
    await bench.opened(0n, { epoch: 3n });
    assert.deepEqual(await bench.take(4), ["1 M1", "2 M2", "3 M3", "4 M4"]);
  });

  test("[TP16, TP31] AHEAD: where nothing is kept of the earlier epochs, the receiver is met there with a SKIP", async () => {
    await using bench = await FeedBench.open();
    await threeEpochs(bench, () => {
      for (const epoch of [1n, 2n]) trimAt(bench.store, 3n, epoch);
    });
    assert.deepEqual(standingOf(bench), {
      ...{ epoch: 3n, nextSeq: 1n, oldestRetainedSeq: 1n },
      previous: { epoch: 2n, finalSeq: 3n },
    });
    const status = OPENED_STATUS.ahead;
    assert.equal(await bench.opened(1n, { status, epoch: 1n, chain: null }), false);
    await reopened(bench, 1);
    assert.equal(bench.feed.standing()?.epoch, 1n);
    await bench.opened(1n, { chain: new Uint8Array(32).fill(5) });
    assert.deepEqual(await bench.take(1), ["skip 2 to 3 for 4"]);
    bench.feed.acked(1n, 3n);
    await reopened(bench, 2);
    assert.deepEqual(bench.feed.standing()?.previous, { epoch: 1n, finalSeq: 3n });
    await bench.opened(0n, { epoch: 2n });
    assert.deepEqual(await bench.take(1), ["skip 1 to 3 for 4"]);
    bench.feed.acked(2n, 3n);
    await reopened(bench, 3);
    await bench.opened(0n, { epoch: 3n });
    assert.deepEqual(await bench.take(1), ["1 M30"]);
  });

  test("[TP17] a receiver that holds more of an ended epoch than is left here settles nothing and is led on", async () => {
    await using bench = await FeedBench.open();
    await bench.append(...names(1, 2));
    bench.outbox.settle(1, 1n, 2n);
    await bench.outbox.flushProgress();
    await bench.restart(endEpochs(bench));
    await bench.append("M3");
    assert.equal(await bench.opened(7n, { chain: new Uint8Array(32).fill(5) }), true);
    await reopened(bench, 1);
    assert.equal(bench.feed.standing()?.epoch, 2n);
    const { earlier, epoch } = await bench.store.tail();
    assert.deepEqual([earlier[0]?.ackedSeq, epoch, bench.open], [2n, 2n, []]);
  });

  test("[TP16] AHEAD in an epoch that is not ours: it is named with an end that nobody knows", async () => {
    await using bench = await FeedBench.open();
    await bench.append("M1");
    await bench.opened(9n, { status: OPENED_STATUS.behind, epoch: 8n });
    await until("it has moved", () => bench.feed.standing()?.epoch === 9n);
    bench.reopens = 0;
    const status = OPENED_STATUS.ahead;
    await bench.opened(9n, { status, epoch: 5n });
    await reopened(bench, 1);
    assert.deepEqual(bench.feed.standing()?.previous, { epoch: 5n, finalSeq: null });
    assert.equal(bench.feed.standing()?.epoch, 9n);
    assert.equal(await bench.opened(9n, { status, epoch: 5n }), false, "it says the same again");
    assert.deepEqual(bench.open, ["channelParted adt", "channelHeld adt"]);
    assert.equal(bench.reopens, 1);
    bench.clock.advance(60_000);
    assert.equal(bench.reopens, 2);
    assert.equal(await bench.opened(0n, { epoch: 9n }), true);
    assert.deepEqual(bench.open, []);
  });

  test("[TP37, TP31] a receiver behind our retention: what is pruned is skipped, with its chain, the rest comes", async () => {
    await using bench = await FeedBench.open();
    for (const name of names(1, 6)) await bench.append(name);
    await bench.opened();
    await bench.take(6);
    bench.feed.acked(1n, 5n);
    const chain = await bench.outbox.chainAt(1, 1n, 3n);
    await bench.restart(() => trimAt(bench.store, 3n));
    assert.equal(await bench.opened(1n, { chain: new Uint8Array(32).fill(7) }), true);
    let skip: ReturnType<FeedBench["feed"]["take"]>;
    await until("something is at hand", () => {
      skip = bench.feed.take();
      return skip !== undefined;
    });
    assert.deepEqual(skip, { firstSeq: 2n, lastSeq: 3n, reason: 4, chain });
    assert.deepEqual(await bench.take(3), numbered(4, 3));
    assert.equal(bench.feed.inFlight, true);
    bench.feed.acked(1n, 6n);
    assert.equal(bench.feed.inFlight, false);
    await bench.outbox.flushProgress();
    assert.equal((await bench.store.tail()).ackedSeq, 6n);
  });

  test("[TP37, TP15] at the last pruned seq its chain is still compared", async () => {
    for (const fits of [true, false]) {
      await using bench = await FeedBench.open();
      for (const name of names(1, 4)) await bench.append(name);
      await bench.opened();
      await bench.take(4);
      bench.feed.acked(1n, 4n);
      const chain = (await bench.outbox.chainAt(1, 1n, 2n)) ?? null;
      await bench.restart(() => trimAt(bench.store, 2n));
      const told = fits ? chain : new Uint8Array(32).fill(7);
      assert.equal(await bench.opened(2n, { chain: told }), fits);
      if (fits) assert.deepEqual(await bench.take(2), numbered(3, 2));
      else assert.deepEqual(bench.open, ["channelParted adt"]);
    }
  });

  test("[TP37] what is pruned while it is being sent again is skipped, and not taken for damaged", async () => {
    await using bench = await FeedBench.open();
    const bodies = names(1, 900).map((name) => name.padEnd(1_400, "."));
    await bench.append(...bodies);
    await bench.opened();
    await bench.take(900);
    bench.feed.acked(1n, 900n);
    await bench.outbox.flushProgress();
    bench.feed.disconnected();
    const retained = bench.outbox.epochs.retained.bind(bench.outbox.epochs);
    const read = bench.outbox.read.bind(bench.outbox);
    // The store prunes up to 700 between the first look and the first read.
    let isPruned = false;
    bench.outbox.epochs.retained = async (channel, epoch) => {
      const found = await retained(channel, epoch);
      return isPruned ? { ...found, trimmedSeq: 700n } : found;
    };
    bench.outbox.read = async (range) => {
      isPruned = true;
      if (range.afterSeq >= 700n) return await read(range);
      return { messages: [], damagedSeq: range.afterSeq + 1n };
    };
    await bench.opened(100n);
    const [skip, next] = await bench.take(2);
    assert.deepEqual([skip, next?.slice(0, 8)], ["skip 101 to 700 for 4", "701 M701"]);
    assert.deepEqual(bench.open, ["gapSent adt"]);
  });

  test("[TP18, TP19] numbers of the epoch before do not count in the next", async () => {
    await using bench = await FeedBench.open();
    await bench.append(...names(1, 5));
    await bench.restart(endEpochs(bench));
    await bench.append(...names(6, 5));
    await bench.opened(5n);
    await reopened(bench, 1);
    bench.feed.standing();
    bench.feed.acked(2n, 3n);
    await bench.opened(0n, { epoch: 2n });
    const [first] = await bench.take(1);
    assert.equal(first, "1 M6");
    await bench.outbox.flushProgress();
    assert.equal((await bench.store.tail()).ackedSeq, 0n);
  });

  test("[TP19] a connection that is lost in an ended epoch goes on there", async () => {
    await using bench = await FeedBench.open();
    await bench.append(...names(1, 4));
    await bench.restart(endEpochs(bench));
    await bench.opened();
    await bench.take(3);
    bench.feed.acked(1n, 2n);
    bench.feed.disconnected();
    assert.equal(bench.feed.standing()?.epoch, 1n);
    await bench.opened(2n);
    await until("it is at hand", () => bench.wakes > 1);
    assert.equal(messageIn(bench.feed.take()).seq, 3n);
  });
});
