/** Somebody who can write the store wants the audit to say something else (08 A01). */
import assert from "node:assert/strict";
import { cpSync, rmSync } from "node:fs";
import { describe, test } from "node:test";
import Sqlite from "better-sqlite3";
import { Audit } from "#agent/audit/audit.ts";
import { cutOld } from "#agent/audit/audit-upkeep.ts";
import { CUT_VALUE, cutBytes, readCut } from "#agent/audit/cut.ts";
import type { DeviceKey } from "#agent/audit/device-key.ts";
import { entryBytes } from "#agent/audit/entry.ts";
import { Heads, type MadeHead } from "#agent/audit/heads.ts";
import { readHeads } from "#agent/audit/read-heads.ts";
import { type ChainReport, verifyChain } from "#agent/audit/verify-chain.ts";
import { Conditions } from "#agent/health/conditions.ts";
import { systemChance, systemClock } from "#agent/host/clock.ts";
import { silentLog } from "#agent/host/silent-log.ts";
import { chainHash } from "#agent/outbox/trust/audit-hash.ts";
import { AUDIT_START } from "#agent/outbox/trust/trust-messages.ts";
import { ManualClock } from "#test/support/clocks.ts";
import { TestOutbox } from "#test/support/test-outbox.ts";
import {
  AGENT,
  draftOf,
  newDeviceKey,
  openAudit,
  recordMany,
  TENANT,
} from "#test/support/test-trust.ts";

const STANDING = {
  ...{ trustVersion: 1, epoch: 1, seqHigh: 3, effectiveDigest: null, state: null },
  ...{ generation: 1, clockSkewMs: null },
} as const;
const ENTRIES = 12;
const DAY_MS = 86_400_000;

async function openHeads(made: TestOutbox, audit: Audit, key: DeviceKey): Promise<Heads> {
  return await Heads.open({
    ...{ audit, trust: made.outbox.trust, key, tenant: TENANT, agent: AGENT, version: "1.2.3" },
    ...{ standing: () => STANDING, send: async () => {} },
    ...{ clock: systemClock, chance: systemChance, log: silentLog },
  });
}

/** A closed store with twelve entries; the head of the last one was taken away. */
async function audited(): Promise<{ made: TestOutbox; key: DeviceKey; head: MadeHead }> {
  const made = await TestOutbox.open();
  const key = newDeviceKey();
  const audit = await openAudit(made.outbox.trust);
  await recordMany(audit, ENTRIES);
  await using heads = await openHeads(made, audit, key);
  const head = await heads.make();
  await made.close();
  return { made, key, head };
}

/** Changes the closed store, and looks with the head and without it. */
async function found(
  made: TestOutbox,
  { key, head }: { key: DeviceKey; head?: MadeHead },
): Promise<ChainReport> {
  await made.reopen();
  const { trust } = made.outbox;
  const text = head === undefined ? "" : Buffer.from(head.envelope).toString("utf8");
  const { heads } = readHeads(text, { raw: key.raw, tenant: TENANT, agent: AGENT });
  const bytes = (await trust.load()).values.get(CUT_VALUE);
  const cut = bytes && readCut(bytes, (signed, signature) => key.verify(signed, signature));
  const keptSinceMs = systemClock.nowMs() - 2_190 * DAY_MS;
  const page = (after: number, limit: number) => trust.auditPage(after, limit);
  const report = await verifyChain({ page, heads, cut, keptSinceMs });
  await made.close();
  return report;
}

const faultsOf = ({ findings }: ChainReport): string[] =>
  findings.map(({ fault, seq }) => `${fault} ${seq}`);

function write(made: TestOutbox, change: (database: Sqlite.Database) => void): void {
  const database = new Sqlite(made.databaseFile);
  change(database);
  database.close();
}

/** All entries from `from` on, written anew so that they hang together. */
function rechain(database: Sqlite.Database, from: number, through: number): void {
  const before = database.prepare("SELECT hash FROM audit_entry WHERE seq = ?").pluck();
  let prev = from === 1 ? AUDIT_START : new Uint8Array(before.get(from - 1) as Buffer);
  const set = database.prepare("INSERT OR REPLACE INTO audit_entry VALUES (?, ?, ?, ?)");
  for (let seq = from; seq <= through; seq++) {
    const place = { seq, atMs: 1_000, monotonicMs: 1, prev };
    const bytes = entryBytes(draftOf("nothing.happened"), place);
    prev = chainHash(prev, bytes);
    set.run(seq, 1_000, bytes, prev);
  }
}

describe("an audit that was tampered with", () => {
  test("[A01] untouched it is good, with the head and without", async () => {
    const { made, ...outside } = await audited();
    await using _ = made;
    const report = await found(made, outside);
    assert.deepEqual([report.findings, report.comparedCount, report.entryCount], [[], 1, ENTRIES]);
    assert.deepEqual((await found(made, { key: outside.key })).findings, []);
  });

  const seen: readonly [
    what: string,
    act: (database: Sqlite.Database) => void,
    faults: string[],
  ][] = [
    [
      "edited",
      (db) =>
        db.exec(
          "UPDATE audit_entry SET bytes = CAST(replace(CAST(bytes AS TEXT), 'number 5', 'number 6') AS BLOB) WHERE seq = 5",
        ),
      ["altered 5"],
    ],
    [
      "deleted in the middle",
      (db) => db.exec("DELETE FROM audit_entry WHERE seq = 5"),
      ["missing 5"],
    ],
    [
      "with two swapped",
      (db) =>
        db.exec(`UPDATE audit_entry SET seq = -5 WHERE seq = 5; UPDATE audit_entry SET seq = 5 WHERE seq = 6;
                 UPDATE audit_entry SET seq = 6 WHERE seq = -5`),
      ["altered 5", "altered 6", "altered 7"],
    ],
    ["cut off in front", (db) => db.exec("DELETE FROM audit_entry WHERE seq <= 4"), ["missing 1"]],
    [
      "edited with its hash",
      (db) => {
        rechain(db, 5, 5);
      },
      ["altered 6"],
    ],
  ];
  for (const [what, act, faults] of seen) {
    test(`[A01] ${what}, it shows by itself`, async () => {
      const { made, key } = await audited();
      await using _ = made;
      write(made, act);
      assert.deepEqual(faultsOf(await found(made, { key })), faults);
    });
  }

  const unseen: readonly [
    what: string,
    act: (database: Sqlite.Database) => void,
    faults: string[],
  ][] = [
    [
      "truncated",
      (db) => db.exec("DELETE FROM audit_entry WHERE seq > 9"),
      [`truncated ${ENTRIES}`],
    ],
    ["emptied", (db) => db.exec("DELETE FROM audit_entry"), [`truncated ${ENTRIES}`]],
    ["chained anew", (db) => rechain(db, 4, ENTRIES), [`rewritten ${ENTRIES}`]],
    ["chained anew, and longer", (db) => rechain(db, 1, 40), [`rewritten ${ENTRIES}`]],
  ];
  for (const [what, act, faults] of unseen) {
    test(`[A01] ${what}, it shows against a head from elsewhere, and only there`, async () => {
      const { made, ...outside } = await audited();
      await using _ = made;
      write(made, act);
      assert.deepEqual(faultsOf(await found(made, { key: outside.key })), []);
      assert.deepEqual(faultsOf(await found(made, outside)), faults);
    });
  }

  test("[A01] written anew and signed anew with the device key, it shows against the head that was sent", async () => {
    const { made, ...outside } = await audited();
    await using _ = made;
    write(made, (db) => rechain(db, 4, ENTRIES));
    await made.reopen();
    const audit = await openAudit(made.outbox.trust);
    await using heads = await openHeads(made, audit, outside.key);
    const forged = await heads.make();
    await made.close();
    assert.deepEqual(faultsOf(await found(made, { key: outside.key, head: forged })), []);
    assert.deepEqual(faultsOf(await found(made, outside)), [`rewritten ${ENTRIES}`]);
  });

  test("[A01] an older copy of the store shows, as it is and grown past the head", async () => {
    await using made = await TestOutbox.open();
    const key = newDeviceKey();
    await recordMany(await openAudit(made.outbox.trust), 5);
    await made.close();
    const copy = `${made.stateDir}-copy`;
    cpSync(made.stateDir, copy, { recursive: true });
    try {
      await made.reopen();
      const audit = await openAudit(made.outbox.trust);
      await recordMany(audit, 5);
      await using heads = await openHeads(made, audit, key);
      const head = await heads.make();
      await made.close();
      rmSync(made.stateDir, { recursive: true });
      cpSync(copy, made.stateDir, { recursive: true });
      assert.deepEqual(faultsOf(await found(made, { key, head })), ["truncated 10"]);
      await made.reopen();
      const later = await openAudit(made.outbox.trust);
      await later.record(Array.from({ length: 9 }, () => draftOf("after.restore")));
      await made.close();
      assert.deepEqual(faultsOf(await found(made, { key, head })), ["rewritten 10"]);
    } finally {
      rmSync(copy, { recursive: true, force: true });
    }
  });

  test("[A01] a head of another device, agent or tenant, or with a bit flipped, is refused and counted", async () => {
    const { made, key, head } = await audited();
    await using _ = made;
    const text = Buffer.from(head.envelope).toString("utf8");
    const own = { raw: key.raw, tenant: TENANT, agent: AGENT };
    const read = (of: typeof own, from = text) => readHeads(from, of);
    assert.deepEqual([read(own).heads.length, read(own).refusedCount], [1, 0]);
    for (const other of [
      { ...own, raw: newDeviceKey().raw },
      { ...own, tenant: "south-clinic" },
      { ...own, agent: "gateway-2" },
    ]) {
      assert.deepEqual([read(other).heads.length, read(other).refusedCount], [0, 1]);
    }
    const flipped = text.replace(/"payload":"(.{40})./, '"payload":"$1A');
    assert.equal(read(own, flipped).refusedCount, 1);
    // One a line, as a list, and none.
    assert.equal(read(own, `${text}\n${text}`).heads.length, 1);
    assert.equal(read(own, `[${text},${text}]`).heads.length, 1);
    assert.equal(read(own, "no head at all").refusedCount, 1);
  });
});

describe("entries that have had their time", () => {
  /** Ten entries long ago, ten now; then what is older than a year is cut. */
  async function cutStore(): Promise<{
    made: TestOutbox;
    key: DeviceKey;
    early: MadeHead;
    late: MadeHead;
  }> {
    const made = await TestOutbox.open();
    const key = newDeviceKey();
    const { trust } = made.outbox;
    const clock = new ManualClock(systemClock.nowMs() - 3_000 * DAY_MS);
    const audit = await Audit.open({ trust, clock, conditions: new Conditions() });
    const headAt = async (): Promise<MadeHead> => {
      const heads = await Heads.open({
        ...{ audit, trust, key, tenant: TENANT, agent: AGENT, version: "1.2.3" },
        ...{ standing: () => STANDING, send: async () => {} },
        ...{ clock, chance: systemChance, log: silentLog },
      });
      return await heads.make();
    };
    await recordMany(audit, 5);
    const early = await headAt();
    await recordMany(audit, 5);
    clock.advance(3_000 * DAY_MS);
    await recordMany(audit, 10);
    const late = await headAt();
    await cutOld({
      audit,
      trust,
      key,
      keepDays: 2_190,
      clock,
      conditions: new Conditions(),
      log: silentLog,
    });
    return { made, key, early, late };
  }

  test("[A01] leave a signed anchor: what is left is whole, and hangs on it", async () => {
    const { made, key, early, late } = await cutStore();
    await using _ = made;
    await made.close();
    const report = await found(made, { key, head: late });
    assert.deepEqual([report.findings, report.firstSeq, report.comparedCount], [[], 11, 1]);
    const old = await found(made, { key, head: early });
    assert.deepEqual([old.findings, old.olderCount], [[], 1]);
  });

  test("[A01] an anchor that the device key has not signed counts for nothing", async () => {
    const { made, key } = await cutStore();
    await using _ = made;
    const { trust } = made.outbox;
    const hash = (await trust.auditPage(14, 1))[0]?.hash ?? new Uint8Array();
    const forged = cutBytes({ throughSeq: 15, hash, atMs: 1 }, newDeviceKey());
    await (await openAudit(trust)).prune(15, [draftOf("x")], {
      values: new Map([[CUT_VALUE, forged]]),
    });
    await made.close();
    assert.deepEqual(faultsOf(await found(made, { key })), ["missing 1"]);
  });

  test("[A01] an anchor, even a signed one, does not hide what a young head knows", async () => {
    const { made, key, late } = await cutStore();
    await using _ = made;
    const { trust } = made.outbox;
    const audit = await openAudit(trust);
    await recordMany(audit, 3);
    const last = (await trust.auditPage(late.auditSeq, 1))[0];
    const throughSeq = last?.seq ?? 0;
    const bytes = cutBytes({ throughSeq, hash: last?.hash ?? new Uint8Array(), atMs: 1 }, key);
    await audit.prune(throughSeq, [draftOf("x")], { values: new Map([[CUT_VALUE, bytes]]) });
    await made.close();
    assert.deepEqual(faultsOf(await found(made, { key })), []);
    assert.deepEqual(faultsOf(await found(made, { key, head: late })), [
      `cutEarly ${late.auditSeq}`,
    ]);
  });
});
