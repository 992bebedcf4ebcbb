import assert from "node:assert/strict";
import { describe, test } from "node:test";
import Sqlite from "better-sqlite3";
import { Audit } from "#agent/audit/audit.ts";
import { AuditUpkeep, cutIn, cutOld } from "#agent/audit/audit-upkeep.ts";
import { adoptCut } from "#agent/audit/cut.ts";
import { readEntry } from "#agent/audit/entry.ts";
import { verifyChain } from "#agent/audit/verify-chain.ts";
import { Conditions } from "#agent/health/conditions.ts";
import type { Clock, Timer } from "#agent/host/clock.ts";
import type { Log } from "#agent/host/log.ts";
import { silentLog } from "#agent/host/silent-log.ts";
import { ManualClock } from "#test/support/clocks.ts";
import { until } from "#test/support/processes.ts";
import { TestOutbox } from "#test/support/test-outbox.ts";
import { draftOf, newDeviceKey, recordMany } from "#test/support/test-trust.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

async function site(made: TestOutbox, keepDays = 30) {
  const clock = new ManualClock();
  const conditions = new Conditions();
  const { trust } = made.outbox;
  const logged: string[] = [];
  const write: Log["write"] = (event, { cause }) => void logged.push(`${event} ${cause}`);
  const log: Log = { ...silentLog, write };
  const audit = await Audit.open({ trust, clock, conditions });
  const options = {
    audit,
    trust,
    keepDays,
    key: newDeviceKey(),
    clock,
    conditions,
    log,
  };
  const seqs = async (): Promise<number[]> => (await trust.auditPage(0, 500)).map(({ seq }) => seq);
  return { clock, conditions, audit, trust, options, seqs, logged };
}

describe("old entries", () => {
  test("[A01] none goes before its time, all do after it, and the cut says where", async () => {
    await using made = await TestOutbox.open();
    const { clock, audit, options, seqs } = await site(made);
    await recordMany(audit, 3);
    clock.advance(29 * DAY_MS);
    await recordMany(audit, 2);
    await cutOld(options);
    assert.deepEqual(await seqs(), [1, 2, 3, 4, 5]);
    clock.advance(DAY_MS + 1);
    await cutOld(options);
    assert.deepEqual(await seqs(), [4, 5, 6]);
    assert.equal((await cutIn(options))?.throughSeq, 3);
    const last = (await made.outbox.trust.auditPage(5, 1))[0];
    const entry = readEntry(last?.bytes ?? new Uint8Array());
    assert.deepEqual([entry?.action, entry?.subject], ["audit.cut", "through 3"]);
  });

  test("[A01] the last entry stays, however old it is: the next one hangs on it", async () => {
    await using made = await TestOutbox.open();
    const { clock, audit, options, seqs } = await site(made);
    await recordMany(audit, 1);
    clock.advance(3_000 * DAY_MS);
    await cutOld(options);
    assert.deepEqual(await seqs(), [1]);
  });

  test("[A01] without a device key nothing goes: nobody could tell a cut from a deletion", async () => {
    await using made = await TestOutbox.open();
    const { clock, audit, options, seqs } = await site(made);
    await recordMany(audit, 3);
    clock.advance(3_000 * DAY_MS);
    await cutOld({ ...options, key: undefined });
    assert.deepEqual(await seqs(), [1, 2, 3]);
  });
});

describe("the audit's upkeep", () => {
  test("[A01] reads the chain through behind the start; what is wrong is a condition and an entry, and nothing is cut", async () => {
    await using made = await TestOutbox.open();
    await recordMany((await site(made)).audit, 5);
    await made.close();
    const database = new Sqlite(made.databaseFile);
    database.exec("DELETE FROM audit_entry WHERE seq = 3");
    database.close();
    await made.reopen();
    const { clock, conditions, audit, options, seqs } = await site(made);
    clock.advance(3_000 * DAY_MS);
    await using _upkeep = new AuditUpkeep(options);
    clock.advance(10_000);
    await until("it was found", () => conditions.list().length > 0);
    const [open] = conditions.list();
    assert.deepEqual(
      [open?.condition, open?.facts["seq"], open?.facts["fault"]],
      ["auditBroken", 3, "missing"],
    );
    await until("it is recorded", () => audit.head.seq === 6);
    assert.deepEqual(await seqs(), [1, 2, 4, 5, 6]);
  });

  test("[A01] cuts once in a day of running, also over restarts", async () => {
    await using made = await TestOutbox.open();
    const { clock, audit, trust, options, seqs } = await site(made, 1);
    const ran = async (): Promise<number> =>
      Number(Buffer.from((await trust.load()).values.get("note.auditCutRanMs") ?? []).toString());
    await recordMany(audit, 2);
    clock.advance(2 * DAY_MS);
    await audit.record([draftOf("x")]);
    for (let start = 1; start <= 2; start++) {
      await using upkeep = new AuditUpkeep(options);
      clock.advance(10_000 + 10 * HOUR_MS);
      await until(
        "its hours are counted",
        async () => (await ran()) === start * (10_000 + 10 * HOUR_MS),
      );
      await upkeep[Symbol.asyncDispose]();
    }
    assert.deepEqual(await seqs(), [1, 2, 3]);
    await using _upkeep = new AuditUpkeep(options);
    clock.advance(10_000 + 4 * HOUR_MS);
    await until("old ones are gone", async () => !(await seqs()).includes(1));
    await until("its hours begin anew", async () => (await ran()) < HOUR_MS);
  });

  test("[A01] of a clock that somebody puts years ahead a day takes a month of entries, and the log says so", async () => {
    await using made = await TestOutbox.open();
    const { clock, audit, options, seqs, logged } = await site(made, 2_190);
    for (let month = 0; month < 3; month++) {
      await recordMany(audit, 2);
      clock.advance(31 * DAY_MS);
    }
    const ahead = new AheadClock(clock, 2_191 * DAY_MS);
    await using _upkeep = new AuditUpkeep({ ...options, clock: ahead });
    clock.advance(DAY_MS + HOUR_MS);
    await until("it was cut", () => logged.length === 1);
    assert.deepEqual([logged, await seqs()], [["auditCutWithheld monthAtMost"], [3, 4, 5, 6, 7]]);
    clock.advance(12 * HOUR_MS);
    assert.equal((await seqs())[0], 3);
  });

  for (const condition of ["clockSkewed", "clockSuspect"] as const) {
    test(`[A01] nothing is cut while the clock is known to be wrong (${condition}), and the log says so`, async () => {
      await using made = await TestOutbox.open();
      const { clock, audit, options, seqs, logged, conditions } = await site(made, 1);
      await recordMany(audit, 2);
      clock.advance(3 * DAY_MS);
      await audit.record([draftOf("x")]);
      conditions.open(condition, "", {}, clock.nowMs());
      await using _upkeep = new AuditUpkeep(options);
      clock.advance(DAY_MS + HOUR_MS);
      await until("it was withheld", () => logged.length > 0);
      assert.deepEqual([logged, await seqs()], [[`auditCutWithheld ${condition}`], [1, 2, 3]]);
      conditions.close(condition, "");
      clock.advance(DAY_MS + HOUR_MS);
      await until("old ones are gone", async () => !(await seqs()).includes(1));
    });
  }
});

describe("a device key that follows another", () => {
  test("[A01] signs the cut of the one before anew, and of nobody else: the audit is whole", async () => {
    await using made = await TestOutbox.open();
    const { clock, audit, trust, options, seqs } = await site(made);
    await recordMany(audit, 3);
    clock.advance(31 * DAY_MS);
    await recordMany(audit, 2);
    await cutOld(options);
    const former = options.key;
    const [key, stranger] = [newDeviceKey(), newDeviceKey()];
    const atMs = clock.nowMs();
    const now = { trust, key };
    await adoptCut({ audit, trust }, key, { former: stranger, atMs });
    await adoptCut({ audit, trust }, key, { former: undefined, atMs });
    assert.equal(await cutIn(now), undefined);
    await adoptCut({ audit, trust }, key, { former, atMs });
    await adoptCut({ audit, trust }, key, { former, atMs });
    const cut = await cutIn(now);
    assert.equal(cut?.throughSeq, 3);
    const page = (after: number, limit: number) => trust.auditPage(after, limit);
    assert.deepEqual((await verifyChain({ page, cut })).findings, []);
    assert.deepEqual(await seqs(), [4, 5, 6, 7]);
  });
});

/** Monotonic time as it is; wall time that somebody has set. */
class AheadClock implements Clock {
  readonly #real: Clock;
  readonly #aheadMs: number;

  constructor(real: Clock, aheadMs: number) {
    this.#real = real;
    this.#aheadMs = aheadMs;
  }

  nowMs(): number {
    return this.#real.nowMs() + this.#aheadMs;
  }

  monotonicMs(): number {
    return this.#real.monotonicMs();
  }

  after(delayMs: number, act: () => void): Timer {
    return this.#real.after(delayMs, act);
  }
}
