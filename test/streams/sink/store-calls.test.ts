import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ReceiverError } from "#receiver/errors.ts";
import type { Clock } from "#receiver/host/clock.ts";
import { StoreCalls } from "#streams/sink/store-calls.ts";
import { isStoreFault } from "#test/receiver/support/sink-options.ts";

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
  /** @param unit by chance, always: a half is one second between two tries */
  const opened = (unit = 0.5) => {
    const clock = new Wound();
    const seen = { settledCount: 0, failedCount: 0, busyCount: 0, answers: [] as unknown[] };
    const on = {
      settled: () => void seen.settledCount++,
      failed: () => void seen.failedCount++,
      busy: () => void seen.busyCount++,
    };
    const calls = new StoreCalls({ clock, chance: { unit: () => unit }, isStoreFault }, on);
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

  test("[06 12] chance spreads the tries, from half a second to one and a half", async () => {
    for (const [unit, busyCount] of [
      [0, 20],
      [0.99, 7],
    ] as const) {
      const { clock, seen, calls } = opened(unit);
      calls.make(
        async () => ({ kind: "busy" }),
        () => {},
      );
      await clock.wind(10_000);
      assert.ok(Math.abs(seen.busyCount - busyCount) <= 1, `${unit}: ${seen.busyCount} tries`);
    }
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

  test("[I-8] at most 64 calls are with the store; the others follow in order, as answers come", async () => {
    const { seen, calls } = opened();
    const made: number[] = [];
    const answers: (() => void)[] = [];
    for (let number = 0; number < 100; number++) {
      const call = () => {
        made.push(number);
        return new Promise<{ number: number }>((resolve) => {
          answers.push(() => resolve({ number }));
        });
      };
      calls.make(call, (answer) => seen.answers.push(answer.number));
    }
    assert.deepEqual([made.length, calls.outCount], [64, 100]);
    answers.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([made.length, calls.outCount, seen.answers], [65, 99, [0]]);
    while (answers.length > 0) {
      for (const answer of answers.splice(0)) answer();
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.deepEqual(
      made,
      Array.from({ length: 100 }, (_, number) => number),
    );
    assert.deepEqual([calls.outCount, seen.settledCount], [0, 100]);
    calls.close();
    calls.make(
      async () => ({ number: made.push(100) }),
      () => {},
    );
    assert.equal(made.length, 100, "nothing begins after the end");
  });
});
