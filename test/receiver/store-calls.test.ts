import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ReceiverError } from "#receiver/errors.ts";
import type { Clock } from "#receiver/host/clock.ts";
import { StoreCalls } from "#receiver/store-calls.ts";

/** A clock whose timers fire when it is wound. */
class Wound implements Clock {
  #nowMs = 0;
  #timers: { atMs: number; act: () => void }[] = [];
  nowMs = (): number => this.#nowMs;
  monotonicMs = (): number => this.#nowMs;
  after(delayMs: number, act: () => void): Disposable {
    const timer = { atMs: this.#nowMs + delayMs, act };
    this.#timers.push(timer);
    return {
      [Symbol.dispose]: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      },
    };
  }
  every = (): Disposable => ({ [Symbol.dispose]: () => {} });
  /** Goes on by `ms`, letting answers arrive in between. */
  async wind(ms: number): Promise<void> {
    for (const end = this.#nowMs + ms; this.#nowMs < end; ) {
      this.#nowMs += 100;
      const due = this.#timers.filter((timer) => timer.atMs <= this.#nowMs);
      this.#timers = this.#timers.filter((timer) => timer.atMs > this.#nowMs);
      for (const { act } of due) act();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  get timerCount(): number {
    return this.#timers.length;
  }
}

describe("calls to the store", () => {
  const opened = () => {
    const clock = new Wound();
    const seen = { settledCount: 0, failedCount: 0, busyCount: 0, answers: [] as unknown[] };
    const calls = new StoreCalls(clock, {
      settled: () => void seen.settledCount++,
      failed: () => void seen.failedCount++,
      busy: () => void seen.busyCount++,
    });
    return { clock, seen, calls };
  };

  test("[06 12] BUSY is answered by the same call again, each second, and heard of after 30 s", async () => {
    const { clock, seen, calls } = opened();
    let callCount = 0;
    const call = async () => {
      callCount += 1;
      return { kind: "busy" };
    };
    calls.make(call, (answer) => seen.answers.push(answer));
    await clock.wind(29_000);
    assert.deepEqual(seen.answers, []);
    assert.ok(callCount >= 28 && callCount <= 31, `${callCount} calls`);
    assert.equal(calls.outCount, 1);
    await clock.wind(3_000);
    assert.deepEqual(seen.answers, [{ kind: "busy" }]);
    assert.equal(calls.outCount, 0);
  });

  test("[06 12] a call that succeeds after BUSY is answered once", async () => {
    const { clock, seen, calls } = opened();
    let callCount = 0;
    const call = async () => ({ kind: ++callCount < 3 ? "busy" : "ok" });
    calls.make(call, (answer) => seen.answers.push(answer));
    await clock.wind(10_000);
    assert.deepEqual([seen.answers, callCount, seen.settledCount], [[{ kind: "ok" }], 3, 1]);
    assert.equal(seen.busyCount, 2);
  });

  test("no answer is passed on after close, and no timer is left", async () => {
    const { clock, seen, calls } = opened();
    calls.make(
      async () => ({ kind: "busy" }),
      (answer) => seen.answers.push(answer),
    );
    await clock.wind(500);
    const late = Promise.withResolvers<{ kind: string }>();
    calls.make(
      () => late.promise,
      (answer) => seen.answers.push(answer),
    );
    calls.close();
    late.resolve({ kind: "ok" });
    await clock.wind(60_000);
    assert.deepEqual([seen.answers, seen.settledCount, clock.timerCount], [[], 0, 0]);
  });

  test("[S9] a store that cannot go on is reported, once a call", async () => {
    const { clock, seen, calls } = opened();
    const call = () => Promise.reject<object>(new ReceiverError("STORE_IO"));
    calls.make(call, (answer) => seen.answers.push(answer));
    await clock.wind(100);
    assert.deepEqual([seen.failedCount, seen.answers], [1, []]);
  });
});
