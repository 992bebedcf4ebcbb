import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { OPENED_STATUS } from "#protocol/frame.ts";
import { FeedBench, names, numbered } from "#test/support/feed-bench.ts";

describe("channel feed that must not go on", () => {
  for (const status of [OPENED_STATUS.unknown, OPENED_STATUS.held]) {
    test(`[TP16] status ${status} is asked again after the time that it names, or a minute`, async () => {
      await using bench = await FeedBench.open();
      await bench.append("M1");
      assert.equal(await bench.opened(0n, { status, retryAfterMs: 5_000 }), false);
      bench.clock.advance(4_999);
      assert.equal(bench.reopens, 0);
      bench.clock.advance(1);
      assert.equal(bench.reopens, 1);
      await bench.opened(0n, { status });
      bench.clock.advance(60_000);
      assert.equal(bench.reopens, 2);
      assert.deepEqual(bench.open, ["channelHeld adt"]);
      assert.equal(await bench.opened(), true);
      assert.deepEqual(bench.open, []);
      assert.deepEqual(await bench.take(1), ["1 M1"]);
    });
  }

  test("[TP16] a retry that was set is gone with its connection", async () => {
    await using bench = await FeedBench.open();
    await bench.opened(0n, { status: OPENED_STATUS.unknown });
    bench.feed.disconnected();
    bench.clock.advance(600_000);
    assert.equal(bench.reopens, 0);
  });

  test("[TP29, TP30] a refusal that is not permanent is tried again, at most once a second, and comes again", async () => {
    await using bench = await FeedBench.open();
    await bench.append(...names(1, 3));
    await bench.opened();
    await bench.take(3);
    for (const [code, retryAfterMs, waitMs] of [
      [8, 5_000, 5_000],
      [4, undefined, 1_000],
      [1, 3, 1_000],
    ] as const) {
      bench.reopens = 0;
      bench.reject(2n, code, false, retryAfterMs);
      bench.clock.advance(waitMs - 1);
      assert.equal(bench.reopens, 0);
      bench.clock.advance(1);
      assert.equal(bench.reopens, 1);
      assert.equal(await bench.opened(1n), true);
      assert.deepEqual(await bench.take(2), numbered(2, 2));
    }
    await bench.outbox.probe();
    assert.equal((await bench.store.tail()).ackedSeq, 1n, "a refusal is never an acknowledgment");
  });

  for (const [what, code, permanent] of [
    ["a permanent refusal", 3, true],
    ["too large", 2, true],
  ] as const) {
    test(`[TP29, TP30] ${what} holds the channel; nothing passes the refused message`, async () => {
      await using bench = await FeedBench.open();
      await bench.append(...names(1, 50));
      await bench.opened();
      await bench.take(4);
      bench.reject(3n, code, permanent);
      assert.equal(bench.feed.take(), undefined, "what was read ahead does not leave");
      assert.deepEqual(bench.open, ["channelHeld adt"]);
      bench.feed.acked(1n, 2n);
      assert.equal(bench.feed.inFlight, false, "nothing is waited for on a stop");
      bench.feed.acked(1n, 4n);
      await bench.outbox.probe();
      assert.equal((await bench.store.tail()).ackedSeq, 2n);
      await bench.append("later");
      bench.clock.advance(600_000);
      assert.deepEqual([bench.feed.take(), bench.reopens], [undefined, 0]);
    });
  }
});
