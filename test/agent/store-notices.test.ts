import assert from "node:assert/strict";
import { test } from "node:test";
import { DamagedRows } from "#agent/damaged-rows.ts";
import type { Facts } from "#agent/errors.ts";
import { Conditions } from "#agent/health/conditions.ts";
import type { Log } from "#agent/host/log.ts";
import { END_UNKNOWN } from "#agent/outbox/epochs/missing.ts";
import type { StoreNotice } from "#agent/outbox/writing/writer-messages.ts";
import { hearNotice } from "#agent/store-notices.ts";
import { ManualClock } from "#test/support/clocks.ts";

/** Epochs and seqs are 63-bit, and small here. */
const shownAs = (facts: Facts): string =>
  JSON.stringify(facts, (_name, value) => (typeof value === "bigint" ? Number(value) : value));

/** Conditions and lines of the log after these notices. */
function heard(...notices: readonly StoreNotice[]): { open: string[]; lines: string[] } {
  const conditions = new Conditions();
  const lines: string[] = [];
  const log: Log = {
    write: (event, facts) => void lines.push(`${event} ${shownAs(facts)}`),
    fault: (event, { facts }) => void lines.push(`${event} ${shownAs(facts)}`),
  };
  const clock = new ManualClock();
  const channelOf = () => ({ name: "adt", record: undefined });
  const damaged = new DamagedRows({ conditions, log, clock, channelOf });
  for (const notice of notices) hearNotice(notice, { conditions, log, clock, damaged });
  const open = conditions.list().map(({ condition, facts }) => `${condition} ${shownAs(facts)}`);
  return { open, lines };
}

const filling = (alarm: number, percent: number): StoreNotice => {
  return { notice: "filling", alarm, percent, usedBytes: percent, budgetBytes: 100 };
};

test("[S12] a store that fills its budget is a condition with how far, until it has room", () => {
  const facts = '{"percent":86,"usedBytes":86,"budgetBytes":100}';
  const { open, lines } = heard(filling(70, 71), filling(85, 86));
  assert.deepEqual(open, [`outboxFilling ${facts}`, `outboxNearlyFull ${facts}`]);
  assert.deepEqual(heard(filling(85, 86), filling(70, 80)).open.length, 1);
  assert.equal(lines.at(-1), `outboxFilling ${facts}`);
  const after = heard(filling(85, 86), filling(0, 60));
  assert.deepEqual(after.open, []);
  assert.match(after.lines.at(-1) ?? "", /^outboxRoom /);
});

test("[T-S20] a log that cannot be emptied is a condition until it is short again", () => {
  const growing: StoreNotice = { notice: "walGrowing", growing: true, bytes: 9 };
  assert.deepEqual(heard(growing).open, ['walGrowing {"bytes":9}']);
  assert.deepEqual(heard(growing, { ...growing, growing: false }).open, []);
});

test("[R03] each key that is deleted is a line of the log with its epoch", () => {
  assert.deepEqual(heard({ notice: "keysDeleted", epochs: [3, 4] }).lines, [
    'keyDeleted {"keyEpoch":3}',
    'keyDeleted {"keyEpoch":4}',
  ]);
});

test("[S15] a chore that failed is told by the code of its fault", () => {
  const fault = { code: "STORE_FULL", facts: {} } as const;
  assert.deepEqual(heard({ notice: "choreFailed", fault }).lines, [
    'choreFailed {"code":"STORE_FULL"}',
  ]);
});

test("[S17] what is missing is named; before an earlier start, too, for a week", () => {
  const range = { channel: 1, epoch: 1n, firstSeq: 3n, lastSeq: 9n, cause: "rollback" } as const;
  const facts = (fields: object): object => ({ channel: "adt", epoch: 1, firstSeq: 3, ...fields });
  const shown = (notice: StoreNotice): [string, string | undefined] => {
    const { open, lines } = heard(notice);
    return [open.join(), lines[0]];
  };
  const named = { notice: "missing", name: "adt" } as const;
  const known = JSON.stringify(facts({ lastSeq: 9 }));
  assert.deepEqual(shown({ ...named, range }), [
    `storeRolledBack ${known}`,
    `messagesMissing ${JSON.stringify(facts({ lastSeq: 9, cause: "rollback" }))}`,
  ]);
  const unknown = { ...range, lastSeq: END_UNKNOWN };
  assert.match(shown({ ...named, range: unknown })[0], /"endUnknown":true/);
  const still = { notice: "stillMissing", name: "adt" } as const;
  const nowMs = new ManualClock().nowMs();
  const foundAgo = (days: number) => ({ ...range, foundAtMs: nowMs - days * 86_400_000 });
  assert.deepEqual(shown({ ...still, range: foundAgo(6) }), [
    `storeRolledBack ${known}`,
    undefined,
  ]);
  assert.deepEqual(shown({ ...still, range: foundAgo(8) }), ["", undefined]);
});

test("[S3, S17] a new store beside the keys of another one is said, not passed over", () => {
  const { open, lines } = heard({ notice: "keysSetAside" });
  assert.deepEqual(open, ['storeRolledBack {"newStore":true}']);
  assert.deepEqual(lines, ["keysSetAside {}"]);
});
