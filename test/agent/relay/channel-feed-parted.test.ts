import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { OPENED_STATUS } from "#protocol/frame.ts";
import { epochsOf, movedTo } from "#test/support/epoch-rows.ts";
import { FeedBench, messageIn, names } from "#test/support/feed-bench.ts";
import { until } from "#test/support/processes.ts";

const OTHER_CHAIN = new Uint8Array(32).fill(1);

/** Waits until the feed may be opened in the new epoch. */
async function moved(bench: FeedBench, epoch: bigint): Promise<void> {
  await movedTo(bench.store, epoch);
  await until("the feed knows it", () => bench.feed.standing()?.epoch === epoch);
}

describe("channel feed whose history has parted", () => {
  for (const [what, frame, previous] of [
    ["another chain", { lastSeq: 2n, chain: OTHER_CHAIN }, { epoch: 1n, finalSeq: 2n }],
    ["no chain", { lastSeq: 2n, chain: null }, { epoch: 1n, finalSeq: 2n }],
    ["a last seq beyond ours", { lastSeq: 9n, chain: OTHER_CHAIN }, { epoch: 1n, finalSeq: 9n }],
    ["another epoch", { lastSeq: 2n, epoch: 7n }, { epoch: 7n, finalSeq: 2n }],
    [
      "BEHIND",
      { lastSeq: 2n, epoch: 4n, status: OPENED_STATUS.behind },
      { epoch: 4n, finalSeq: 2n },
    ],
  ] as const) {
    test(`[TP15, TP17, TP18] OPENED with ${what} settles nothing, and everything goes on in a new epoch`, async () => {
      await using bench = await FeedBench.open();
      await bench.append(...names(1, 4));
      assert.equal(await bench.opened(2n, frame), false);
      assert.equal(bench.feed.take(), undefined);
      assert.deepEqual(bench.open, ["channelParted adt"]);
      const epoch = previous.epoch + 1n;
      await moved(bench, epoch);
      assert.deepEqual(bench.feed.standing(), {
        ...{ epoch, nextSeq: 1n, oldestRetainedSeq: 1n, previous },
      });
      assert.equal(bench.reopens, 1);
      assert.equal(await bench.opened(0n, { epoch }), true);
      assert.deepEqual(bench.open, [], "it is over once the receiver has taken the new epoch");
      assert.deepEqual(await bench.take(4), ["1 M1", "2 M2", "3 M3", "4 M4"]);
      bench.feed.acked(epoch, 4n);
      await bench.outbox.flushProgress();
      const tail = await bench.store.tail();
      assert.deepEqual([tail.ackedSeq, tail.earlier[0]?.ackedSeq], [4n, 0n]);
    });
  }

  test("[TP18, RI6] each message names the number that the receiver may have it under", async () => {
    await using bench = await FeedBench.open();
    await bench.append(...names(1, 2));
    await bench.opened(1n, { chain: OTHER_CHAIN });
    await moved(bench, 2n);
    await bench.append("later");
    await bench.opened(0n, { epoch: 2n });
    const replaced: (string | undefined)[] = [];
    await until("three are at hand", () => {
      for (let next = bench.feed.take(); next !== undefined; next = bench.feed.take()) {
        const { replaces } = messageIn(next).meta;
        replaced.push(replaces === undefined ? undefined : `${replaces.epoch}/${replaces.seq}`);
      }
      return replaced.length === 3;
    });
    assert.deepEqual(replaced, ["1/1", "1/2", undefined]);
  });

  test("[TP18] CONFLICT in the middle of a stream moves what is not acked; what comes meanwhile goes along", async () => {
    await using bench = await FeedBench.open();
    await bench.append(...names(1, 20));
    await bench.opened();
    await bench.take(4);
    bench.feed.acked(1n, 2n);
    bench.reject(3n, 7, true);
    assert.equal(bench.feed.take(), undefined, "what was read ahead does not leave");
    assert.equal(bench.feed.inFlight, false, "nothing is waited for on a stop");
    assert.equal(bench.feed.standing(), undefined, "it is not opened while it moves");
    bench.feed.acked(1n, 4n);
    await bench.append("later");
    await moved(bench, 2n);
    assert.equal((await bench.store.tail()).earlier[0]?.ackedSeq, 2n, "no late ACK settles");
    assert.deepEqual(bench.feed.standing()?.previous, { epoch: 1n, finalSeq: 3n });
    await bench.opened(0n, { epoch: 2n });
    const taken = await bench.take(19);
    assert.deepEqual([taken[0], taken.at(-1)], ["1 M3", "19 later"]);
  });

  test("[TP18] a late answer of the old epoch does nothing in the new one", async () => {
    await using bench = await FeedBench.open();
    await bench.append(...names(1, 9));
    await bench.opened();
    await bench.take(6);
    bench.reject(1n, 7, true);
    await moved(bench, 2n);
    bench.feed.acked(2n, 5n);
    bench.reject(5n, 3, true);
    await bench.outbox.flushProgress();
    assert.equal((await bench.store.tail()).ackedSeq, 0n);
    assert.deepEqual(bench.open, ["channelParted adt"]);
    assert.equal(await bench.opened(0n, { epoch: 2n }), true);
  });

  test("[TP18] a connection that is lost while the channel moves changes nothing", async () => {
    await using bench = await FeedBench.open();
    await bench.append(...names(1, 3));
    await bench.opened(2n, { chain: OTHER_CHAIN });
    bench.feed.disconnected();
    await moved(bench, 2n);
    assert.equal(await bench.opened(0n, { epoch: 2n }), true);
    assert.deepEqual(await bench.take(3), ["1 M1", "2 M2", "3 M3"]);
  });

  test("[TP18, I-8] a receiver that never agrees is asked more and more seldom: the disk does not fill", async () => {
    await using bench = await FeedBench.open();
    await bench.append(...names(1, 2));
    let epoch = 1n;
    for (const waitMs of [0, 60_000, 120_000, 240_000]) {
      bench.reopens = 0;
      await bench.opened(2n, { epoch, chain: OTHER_CHAIN });
      if (waitMs > 0) {
        bench.clock.advance(waitMs - 1);
        assert.equal(bench.reopens, 0);
        assert.equal((await bench.store.tail()).epoch, epoch);
        bench.clock.advance(1);
        assert.equal(bench.reopens, 1);
        await bench.opened(2n, { epoch, chain: OTHER_CHAIN });
      }
      epoch += 1n;
      await moved(bench, epoch);
    }
    assert.deepEqual((await epochsOf(bench.store)).length, 5);
    await bench.opened(0n, { epoch });
    await bench.take(1);
    bench.feed.acked(epoch, 1n);
    bench.feed.disconnected();
    await bench.opened(2n, { epoch, chain: OTHER_CHAIN });
    await moved(bench, epoch + 1n);
  });

  test("[TP18, T-S14] a receiver that wants an epoch beyond the last is not followed", async () => {
    await using bench = await FeedBench.open();
    await bench.append("M1");
    const status = OPENED_STATUS.behind;
    assert.equal(await bench.opened(0n, { status, epoch: 2n ** 63n - 1n }), false);
    await until("it was refused", () => bench.faults.length === 1);
    assert.deepEqual(await epochsOf(bench.store), ["1 current -"]);
    bench.clock.advance(60_000);
    assert.equal(bench.reopens, 1);
    assert.equal(await bench.opened(), true);
    bench.faults.length = 0;
  });
});
