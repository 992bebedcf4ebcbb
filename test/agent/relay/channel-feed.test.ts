import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FeedBench, messageIn, names, numbered } from "#test/support/feed-bench.ts";
import { until } from "#test/support/processes.ts";
import { appendTo, entryOf, stagedEntry } from "#test/support/test-outbox.ts";

describe("channel feed", () => {
  test("[TP14] gives messages in order, and settles on the receiver's word", async () => {
    await using bench = await FeedBench.open();
    await bench.append(...names(1, 5));
    assert.equal(await bench.opened(), true);
    assert.deepEqual(await bench.take(5), numbered(1, 5));
    assert.equal(bench.feed.take(), undefined);
    assert.equal(bench.feed.inFlight, true);
    bench.feed.acked(1n, 3n);
    bench.feed.acked(1n, 5n);
    assert.equal(bench.feed.inFlight, false);
    await until("it is written", async () => (await bench.store.tail()).ackedSeq === 5n);
  });

  test("[TP8, S11] a large message comes in parts that are its bytes", async () => {
    await using bench = await FeedBench.open();
    const body = Buffer.alloc(400_000, "abcdefg");
    await appendTo(bench.outbox, stagedEntry(bench.outbox, "BIG", body));
    await bench.opened();
    await until("it is read", () => bench.wakes > 0);
    const message = messageIn(bench.feed.take());
    assert.ok(typeof message.body === "function");
    const parts: Uint8Array[] = [];
    for (let bytes = 0; bytes < message.total; ) {
      const part = await message.body();
      parts.push(part);
      bytes += part.length;
    }
    assert.ok(Buffer.concat(parts).equals(body));
    assert.equal(message.meta.attributes?.["hl7.controlId"], "BIG");
  });

  test("[I-8] what is read ahead is bounded, however much waits and however long nobody takes", async () => {
    await using bench = await FeedBench.open();
    await bench.append(...names(1, 3_000).map((name) => name.padEnd(2_000, ".")));
    let messages = 0;
    const read = bench.outbox.read.bind(bench.outbox);
    bench.outbox.read = async (range) => {
      const result = await read(range);
      messages += result.messages.length;
      return result;
    };
    await bench.opened();
    await until("it has read", () => bench.wakes > 0);
    await bench.tasks[Symbol.asyncDispose]();
    assert.ok(messages <= 2 * 512 && messages * 2_000 <= 2 * 512 * 1024, `${messages} messages`);
    assert.equal((await bench.take(3_000)).length, 3_000);
  });

  test("[TP19] after a lost connection everything unsettled comes again, in order", async () => {
    await using bench = await FeedBench.open();
    await bench.append(...names(1, 6));
    await bench.opened();
    await bench.take(4);
    bench.feed.acked(1n, 2n);
    bench.feed.disconnected();
    assert.equal(bench.feed.inFlight, false);
    assert.equal(bench.feed.standing()?.nextSeq, 3n);
    await bench.append(...names(7, 1));
    await bench.opened(2n);
    assert.deepEqual(await bench.take(5), numbered(3, 5));
  });

  test("[TP14] the receiver's last seq decides: what it holds is settled and not sent again", async () => {
    await using bench = await FeedBench.open();
    await bench.append(...names(1, 6));
    await bench.opened();
    await bench.take(6);
    bench.feed.disconnected();
    assert.equal(await bench.opened(4n), true);
    assert.deepEqual(await bench.take(2), numbered(5, 2));
    await until("it is settled", async () => (await bench.store.tail()).ackedSeq === 4n);
  });

  test("[TP37] a receiver that has fallen behind our cursor gets everything again", async () => {
    await using bench = await FeedBench.open();
    await bench.append(...names(1, 4));
    await bench.opened();
    await bench.take(4);
    bench.feed.acked(1n, 4n);
    bench.feed.disconnected();
    assert.equal(await bench.opened(1n), true);
    assert.deepEqual(await bench.take(3), numbered(2, 3));
  });

  test("[TP14] a restart goes on behind the settled cursor", async () => {
    await using bench = await FeedBench.open();
    await bench.append(...names(1, 5));
    await bench.opened();
    await bench.take(5);
    bench.feed.acked(1n, 3n);
    await bench.restart();
    assert.equal(bench.feed.standing()?.nextSeq, 4n);
    await bench.opened(3n);
    assert.deepEqual(await bench.take(2), numbered(4, 2));
  });

  test("[TP18, TP19] an ACK for what was never sent, or of another epoch, settles nothing", async () => {
    await using bench = await FeedBench.open();
    await bench.append(...names(1, 5));
    await bench.opened();
    await bench.take(2);
    for (const [epoch, seq] of [
      [1n, 3n],
      [1n, 99n],
      [2n, 1n],
      [0n, 2n],
    ] as const) {
      bench.feed.acked(epoch, seq);
    }
    await bench.outbox.probe();
    assert.equal((await bench.store.tail()).ackedSeq, 0n);
    for (const seq of [2n, 1n, 2n, 0n]) bench.feed.acked(1n, seq);
    await bench.outbox.probe();
    assert.equal((await bench.store.tail()).ackedSeq, 2n);
  });

  test("[T-F08] no wake-up is lost: one message, then silence, five hundred times", async () => {
    await using bench = await FeedBench.open();
    await bench.opened();
    const taken: bigint[] = [];
    const woken = (): void => {
      for (let next = bench.feed.take(); next !== undefined; next = bench.feed.take()) {
        taken.push(messageIn(next).seq);
      }
    };
    for (let round = 1; round <= 500; round++) {
      // A read that is under way when the next message is committed, at every phase of it.
      const first = appendTo(bench.outbox, entryOf({ controlId: `A${round}` }));
      for (let turn = 0; turn < round % 7; turn++) {
        await (turn % 2 === 0 ? Promise.resolve() : new Promise((done) => setImmediate(done)));
      }
      await Promise.all([first, appendTo(bench.outbox, entryOf({ controlId: `B${round}` }))]);
      const last = BigInt(round * 2);
      const deadlineMs = performance.now() + 5_000;
      while (taken.at(-1) !== last) {
        assert.ok(performance.now() < deadlineMs, `round ${round} is stuck at ${taken.at(-1)}`);
        await new Promise((done) => setImmediate(done));
        woken();
      }
    }
    assert.deepEqual(
      taken,
      Array.from({ length: 1_000 }, (_, index) => BigInt(index + 1)),
    );
  });
});
