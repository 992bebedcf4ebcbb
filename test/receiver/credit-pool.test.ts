import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { CreditPool, type CreditShare } from "#receiver/credit-pool.ts";
import { systemClock } from "#receiver/host/clock.ts";
import { HELD_MAX_BYTES, HELD_MIN_BYTES, PROCESS_HELD_MAX_BYTES } from "#receiver/limits.ts";
import { CreditAccount } from "#streams/sink/credit.ts";
import { ManualClock } from "#test/support/clocks.ts";

const FRAME_BYTES = 65_536;

/** One connection whose agent sends as much as it may. */
class Sender {
  readonly share: CreditShare;
  readonly account = new CreditAccount();
  limit: number;

  constructor(pool: CreditPool) {
    this.share = pool.join();
    this.limit = this.#raise();
  }

  /** Sends up to `bytes`; they wait for the store. @returns how much it was allowed to */
  send(bytes: number): number {
    const sent = Math.min(bytes, this.limit - this.account.receivedBytes);
    assert.ok(this.account.receive(sent));
    this.account.wait(sent);
    this.limit = this.#raise();
    return sent;
  }

  store(bytes: number): void {
    this.account.finish(bytes);
    this.limit = this.#raise();
  }

  #raise(): number {
    const windowBytes = this.share.windowBytes(this.account);
    return this.account.raise({ windowBytes, frameBytes: FRAME_BYTES });
  }
}

function setting() {
  const steps = new ManualClock();
  const clock = { ...systemClock, monotonicMs: () => steps.monotonicMs() };
  const pool = new CreditPool(PROCESS_HELD_MAX_BYTES, clock);
  return { pool, pass: (ms: number): void => steps.advance(ms) };
}

/** Sends and stores all it may, ten times a second. @returns bytes of the last second */
function busy(senders: readonly Sender[], seconds: number, pass: (ms: number) => void): number {
  let last = 0;
  for (let tick = 0; tick < seconds * 10; tick++) {
    if (tick % 10 === 0) last = 0;
    for (const sender of senders) {
      const sent = sender.send(Number.POSITIVE_INFINITY);
      sender.store(sent);
      last += sent;
    }
    pass(100);
  }
  return last / senders.length;
}

describe("credit pool", () => {
  test("[TP20] [TP5] an agent that sends grows from the floor to 8 MiB among 4,095 that are idle", () => {
    const { pool, pass } = setting();
    const idle = Array.from({ length: 4_095 }, () => new Sender(pool));
    assert.equal(idle[0]?.limit, HELD_MIN_BYTES + 2_097_152, "while there is room");
    assert.ok(idle.every(({ limit }) => limit >= HELD_MIN_BYTES));
    assert.ok(pool.freeBytes >= PROCESS_HELD_MAX_BYTES / 2, "who is idle takes half at most");
    const sender = new Sender(pool);
    busy([sender], 10, pass);
    assert.equal(sender.account.outstandingBytes, HELD_MAX_BYTES);
  });

  test("[I-8] the sum of what may be outstanding is bounded, also when all of 4,096 send", () => {
    const { pool, pass } = setting();
    const all = Array.from({ length: 4_096 }, () => new Sender(pool));
    busy(all, 4, pass);
    const sum = all.reduce((total, { account }) => total + account.outstandingBytes, 0);
    assert.ok(sum <= PROCESS_HELD_MAX_BYTES + 4_096 * HELD_MIN_BYTES, `${sum}`);
    assert.ok(pool.freeBytes >= 0);
    assert.ok(all.every(({ account }) => account.outstandingBytes >= HELD_MIN_BYTES));
  });

  test("[TP20] a newcomer gets some while others have much: nobody takes more than a quarter of the rest", () => {
    const { pool, pass } = setting();
    const early = Array.from({ length: 36 }, () => new Sender(pool));
    busy(early, 10, pass);
    const late = new Sender(pool);
    busy([late], 10, pass);
    const { outstandingBytes } = late.account;
    assert.ok(outstandingBytes > 4 * HELD_MIN_BYTES, `${outstandingBytes}`);
  });

  test("[I-8] what a connection took is free again when it ends, once", () => {
    const { pool, pass } = setting();
    const sender = new Sender(pool);
    busy([sender], 5, pass);
    assert.ok(pool.freeBytes < PROCESS_HELD_MAX_BYTES);
    sender.share[Symbol.dispose]();
    sender.share[Symbol.dispose]();
    assert.equal(pool.freeBytes, PROCESS_HELD_MAX_BYTES);
  });

  test("[I-8] whatever agents send and the store settles, nobody is starved and nothing is taken twice", () => {
    const action = fc.tuple(
      fc.nat(5),
      fc.constantFrom("send", "store", "pass", "again"),
      fc.nat(20_000_000),
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
        const { pool, pass } = setting();
        const senders = Array.from({ length: 6 }, () => new Sender(pool));
        const waiting = senders.map(() => 0);
        for (const [index, what, amount] of actions) {
          const sender = senders[index];
          assert.ok(sender);
          if (what === "pass") pass(amount % 3_000);
          else if (what === "send") waiting[index] = (waiting[index] ?? 0) + sender.send(amount);
          else if (what === "store") {
            const part = Math.min(amount, waiting[index] ?? 0);
            waiting[index] = (waiting[index] ?? 0) - part;
            sender.store(part);
          } else {
            sender.share[Symbol.dispose]();
            senders[index] = new Sender(pool);
            waiting[index] = 0;
          }
          const outstanding = senders.map(({ account }) => account.outstandingBytes);
          const taken = PROCESS_HELD_MAX_BYTES - pool.freeBytes;
          const beyond = outstanding.reduce((sum, bytes) => sum + bytes - HELD_MIN_BYTES, 0);
          assert.ok(outstanding.every((bytes) => bytes >= HELD_MIN_BYTES));
          assert.equal(taken, beyond);
          assert.ok(pool.freeBytes >= 0);
        }
      }),
    );
  });
});
