import assert from "node:assert/strict";
import { describe, test } from "node:test";
import Sqlite from "better-sqlite3";
import { Audit } from "#agent/audit/audit.ts";
import { AuditUpkeep, cutIn, cutOld } from "#agent/audit/audit-upkeep.ts";
import { readEntry } from "#agent/audit/entry.ts";
import { Conditions } from "#agent/health/conditions.ts";
import { silentLog } from "#agent/host/silent-log.ts";
import { ManualClock } from "#test/support/clocks.ts";
import { until } from "#test/support/processes.ts";
import { TestOutbox } from "#test/support/test-outbox.ts";
import { draftOf, newDeviceKey, recordMany } from "#test/support/test-trust.ts";

const DAY_MS = 86_400_000;

async function site(made: TestOutbox, keepDays = 30) {
  const clock = new ManualClock();
  const conditions = new Conditions();
  const { trust } = made.outbox;
  const audit = await Audit.open({ trust, clock, conditions });
  const options = {
    audit,
    trust,
    keepDays,
    key: newDeviceKey(),
    clock,
    conditions,
    log: silentLog,
  };
  const seqs = async (): Promise<number[]> => (await trust.auditPage(0, 500)).map(({ seq }) => seq);
  return { clock, conditions, audit, trust, options, seqs };
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

  test("[A01] cuts once a day", async () => {
    await using made = await TestOutbox.open();
    const { clock, audit, options, seqs } = await site(made, 1);
    await recordMany(audit, 2);
    await using _upkeep = new AuditUpkeep(options);
    clock.advance(10_000);
    await audit.record([draftOf("x")]);
    clock.advance(2 * DAY_MS);
    await until("old ones are gone", async () => !(await seqs()).includes(1));
  });
});
