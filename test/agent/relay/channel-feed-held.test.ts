import assert from "node:assert/strict";
import { describe, mock, test } from "node:test";
import { AgentError } from "#agent/errors.ts";
import { OPENED_STATUS } from "#protocol/frame.ts";
import { FeedBench, names, numbered } from "#test/support/feed-bench.ts";
import { until } from "#test/support/processes.ts";

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

describe("channel feed that sets aside what is refused", () => {
  test("[TP30, TP31] quarantine: the refused message is set aside, skipped, and the channel goes on, also after a start", async () => {
    await using bench = await FeedBench.open("quarantine");
    await bench.append(...names(1, 5));
    await bench.opened();
    await bench.take(5);
    bench.reject(3n, 3, true);
    assert.equal(bench.feed.take(), undefined, "nothing passes before it is set aside");
    await until("it is opened again", () => bench.reopens === 1);
    const rows = await bench.outbox.quarantined(1_000, 10);
    assert.deepEqual(
      rows.map(({ reason }) => reason),
      ["refused"],
    );
    const rest = ["skip 3 to 3 for 1", ...numbered(4, 2)];
    assert.equal(await bench.opened(2n), true);
    assert.deepEqual(await bench.take(3), rest);
    assert.deepEqual(bench.open, ["gapSent adt"], "somebody has to know");
    // It dies before the receiver has the SKIP.
    await bench.restart();
    assert.equal(await bench.opened(2n), true);
    assert.deepEqual(await bench.take(3), rest);
    bench.feed.acked(1n, 5n);
    await bench.outbox.probe();
    assert.equal((await bench.store.tail()).ackedSeq, 5n);
  });

  test("[TP31] the SKIP has the chain behind it: what follows can be compared", async () => {
    await using bench = await FeedBench.open("quarantine");
    await bench.append(...names(1, 2));
    await bench.opened();
    await bench.take(2);
    bench.reject(1n, 2, true);
    await until("it is opened again", () => bench.reopens === 1);
    await bench.opened();
    let skip = bench.feed.take();
    await until("it is read", () => {
      skip ??= bench.feed.take();
      return skip !== undefined;
    });
    assert.partialDeepStrictEqual(skip, { chain: await bench.outbox.chainAt(1, 1n, 1n) });
  });

  test("[TP30] where quarantine has no room, the channel is held instead", async () => {
    const channels = [{ name: "adt", quarantineMaxBytes: 100 }];
    await using bench = await FeedBench.open("quarantine", { channels });
    await bench.append("M1", "M2");
    await bench.opened();
    await bench.take(2);
    bench.reject(1n, 3, true);
    await until("it is held", () => bench.open.length === 1);
    assert.deepEqual([bench.open, bench.reopens], [["channelHeld adt"], 0]);
  });

  test("[TP30] a store that fails meanwhile: the message is refused again, and then set aside", async () => {
    await using bench = await FeedBench.open("quarantine");
    await bench.append("M1");
    await bench.opened();
    await bench.take(1);
    const { epochs } = bench.outbox;
    const failing = mock.method(epochs, "setAsideRefused", () =>
      Promise.reject(new AgentError("STORE_FULL", {})),
    );
    bench.reject(1n, 3, true);
    await until("it was tried", () => failing.mock.callCount() === 1);
    await new Promise((resolve) => setImmediate(resolve));
    failing.mock.restore();
    bench.clock.advance(1_000);
    assert.equal(bench.reopens, 1);
    await bench.opened();
    assert.deepEqual(await bench.take(1), ["1 M1"]);
    bench.reject(1n, 3, true);
    await until("it is opened again", () => bench.reopens === 2);
    assert.equal((await bench.outbox.quarantined(1_000, 10)).length, 1);
  });
});
