import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type { PackedBatch } from "#agent/outbox/writing/append-batch.ts";
import { HandOver } from "#agent/outbox/writing/hand-over.ts";
import { ManualClock } from "#test/support/clocks.ts";
import { entryOf } from "#test/support/test-outbox.ts";

/** A writer that keeps what it gets until the test gives it back. */
class Bench {
  readonly clock = new ManualClock();
  readonly posted: PackedBatch[] = [];
  readonly handOver = new HandOver({
    clock: this.clock,
    post: (batch) => void this.posted.push(batch),
  });
  #ticket = 0;

  async send(count: number): Promise<void> {
    for (let i = 0; i < count; i++)
      this.handOver.add(++this.#ticket, entryOf({ controlId: `M${this.#ticket}` }));
    this.handOver.schedule();
    await turn();
  }

  commitTakes(ms: number): void {
    this.clock.advance(ms);
    this.handOver.returned(this.posted.splice(0, 1));
  }

  async rest(ms: number): Promise<void> {
    this.clock.advance(ms);
    await turn();
  }

  get counts(): number[] {
    return this.posted.map(({ count }) => count);
  }
}

describe("hand-over to the writer", () => {
  test("[S7] what one turn of the event loop brings is one group, and the next collects while it is committed", async () => {
    const bench = new Bench();
    await bench.send(3);
    assert.deepEqual(bench.counts, [3]);
    await bench.send(2);
    await bench.send(2);
    assert.deepEqual(bench.counts, [3]);
    bench.commitTakes(1);
    assert.deepEqual(bench.counts, [4]);
  });

  test("[S7] after a slow flush the next group rests, so that those just answered come along", async () => {
    const bench = new Bench();
    await bench.send(50);
    await bench.send(50);
    bench.commitTakes(16);
    assert.deepEqual(bench.counts, [], "the other half rests");
    await bench.send(50);
    await bench.rest(2);
    assert.deepEqual(bench.counts, [100]);
    assert.equal(bench.clock.armedCount, 0);
  });

  test("[S7] the rest is bounded, and a commit of full size does not take it", async () => {
    const bench = new Bench();
    await bench.send(1);
    await bench.send(1);
    bench.commitTakes(2_000);
    await bench.rest(4.9);
    assert.deepEqual(bench.counts, []);
    await bench.rest(0.1);
    assert.deepEqual(bench.counts, [1]);
    bench.commitTakes(2_000);
    bench.handOver.add(9, entryOf({ body: "x".repeat(8_388_608) }));
    bench.handOver.schedule();
    await turn();
    assert.deepEqual(bench.counts, [1]);
  });

  test("[S7] closing hands over what rests", async () => {
    const bench = new Bench();
    await bench.send(1);
    await bench.send(1);
    bench.commitTakes(100);
    bench.handOver.flushAll();
    assert.deepEqual(bench.counts, [1]);
    await bench.rest(10);
    assert.deepEqual(bench.counts, [1]);
  });
});
