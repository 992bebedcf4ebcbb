import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { DamagedRow, WalkTotals } from "#agent/outbox/format/row-walk.ts";
import { Verify } from "#agent/outbox/upkeep/verify.ts";
import type { StoreNotice } from "#agent/outbox/writing/writer-messages.ts";
import { until } from "#test/support/processes.ts";
import { appendTo, entryOf, TestOutbox } from "#test/support/test-outbox.ts";
import { ThreadlessStore } from "#test/support/threadless-store.ts";

const HOUR_MS = 3_600_000;
const WEEK_MS = 7 * 24 * HOUR_MS;

/** The chore, with what it said, at a time of the test's choosing. */
class Bench implements Disposable {
  readonly made = new ThreadlessStore();
  readonly damaged: DamagedRow[] = [];
  readonly verified: WalkTotals[] = [];
  nowMs: number;
  readonly #atOnce: boolean;
  chore: Verify;

  constructor(atOnce: boolean) {
    this.#atOnce = atOnce;
    this.nowMs = this.made.number("SELECT created_at_ms FROM identity");
    this.chore = this.restart();
  }

  /** As after a restart of the process. */
  restart(): Verify {
    this.chore = new Verify({
      store: this.made.store,
      clock: { nowMs: () => this.nowMs },
      atOnce: this.#atOnce,
      onDamaged: (row) => this.damaged.push(row),
      onVerified: (totals) => this.verified.push(totals),
    });
    return this.chore;
  }

  /** Steps until a walk has ended. @returns what the steps asked for */
  walk(busy = false): number[] {
    const before = this.verified.length;
    const waits: number[] = [];
    while (this.verified.length === before) waits.push(this.chore.step(busy));
    return waits;
  }

  [Symbol.dispose](): void {
    this.made[Symbol.dispose]();
  }
}

describe("the weekly walk", () => {
  test("[S18] it is due a week after the store was made, and a week after each end", () => {
    using bench = new Bench(false);
    bench.made.append({ controlId: "A" });
    assert.equal(bench.chore.step(false), WEEK_MS);
    bench.nowMs += WEEK_MS - HOUR_MS;
    assert.equal(bench.chore.step(false), HOUR_MS);
    bench.nowMs += HOUR_MS;
    assert.deepEqual(bench.walk(), [WEEK_MS]);
    bench.nowMs += 24 * HOUR_MS;
    bench.restart();
    assert.equal(bench.chore.step(false), WEEK_MS - 24 * HOUR_MS, "also after a restart");
  });

  test("[S18] a clock that was set back delays it by a week at most", () => {
    using bench = new Bench(false);
    bench.nowMs -= 400 * 24 * HOUR_MS;
    assert.equal(bench.chore.step(false), WEEK_MS);
  });

  test("[S18] after an unclean end of a store that was not checked it starts at once, and then is weekly", () => {
    using bench = new Bench(true);
    bench.made.append({ controlId: "A" });
    assert.deepEqual(bench.walk(), [WEEK_MS]);
    assert.equal(bench.chore.step(false), WEEK_MS);
    assert.equal(bench.verified.length, 1);
  });

  test("[S18, S23] a large body takes many steps, which come slowly while messages do", () => {
    using bench = new Bench(true);
    bench.made.appendLarge("BIG", new Uint8Array(3_000_000));
    const idle = bench.walk();
    assert.ok(idle.length > 10, "a step reads about 256 KiB");
    assert.deepEqual(new Set(idle.slice(0, -1)), new Set([50]));
    bench.restart();
    assert.deepEqual(new Set(bench.walk(true).slice(0, -1)), new Set([1_000]));
  });

  test("[S16, S18] what is damaged is named, once a walk", () => {
    using bench = new Bench(true);
    bench.made.append({ controlId: "A" }, { controlId: "B" }, { controlId: "C" });
    bench.made.flip("segment", "id = 2");
    bench.walk();
    assert.deepEqual(bench.damaged, [{ kind: "message", id: 2, channel: 1, epoch: 1n, seq: 2n }]);
    assert.equal(bench.verified[0]?.damaged, 1);
  });

  test("[S16, S18] the thread that owns the store walks by itself, and tells what it finds", async () => {
    const heard: StoreNotice[] = [];
    await using store = await TestOutbox.open({ onNotice: (notice) => heard.push(notice) });
    await appendTo(store.outbox, entryOf({ controlId: "A" }));
    await appendTo(store.outbox, entryOf({ controlId: "B" }));
    await store.close();
    {
      const { default: Sqlite } = await import("better-sqlite3");
      const database = new Sqlite(store.databaseFile);
      database.exec(
        "UPDATE identity SET created_at_ms = 1; UPDATE segment SET bytes = zeroblob(99) WHERE id = 2",
      );
      database.close();
    }
    await store.reopen();
    await until("the walk has ended", () => heard.some(({ notice }) => notice === "verified"));
    const damaged = heard.flatMap((one) => (one.notice === "damaged" ? [one.row] : []));
    assert.deepEqual(damaged, [{ kind: "message", id: 2, channel: 1, epoch: 1n, seq: 2n }]);
  });
});
