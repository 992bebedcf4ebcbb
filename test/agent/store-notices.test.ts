import assert from "node:assert/strict";
import { test } from "node:test";
import { DamagedRows } from "#agent/damaged-rows.ts";
import { Conditions } from "#agent/health/conditions.ts";
import type { Log } from "#agent/host/log.ts";
import type { StoreNotice } from "#agent/outbox/writer-messages.ts";
import { hearNotice } from "#agent/store-notices.ts";
import { ManualClock } from "#test/support/clocks.ts";

/** Conditions and lines of the log after these notices. */
function heard(...notices: readonly StoreNotice[]): { open: string[]; lines: string[] } {
  const conditions = new Conditions();
  const lines: string[] = [];
  const log: Log = {
    write: (event, facts) => void lines.push(`${event} ${JSON.stringify(facts)}`),
    fault: (event, { facts }) => void lines.push(`${event} ${JSON.stringify(facts)}`),
  };
  const clock = new ManualClock();
  const channelOf = () => ({ name: "adt", record: undefined });
  const damaged = new DamagedRows({ conditions, log, clock, channelOf });
  for (const notice of notices) hearNotice(notice, { conditions, log, clock, damaged });
  const open = conditions
    .list()
    .map(({ condition, facts }) => `${condition} ${JSON.stringify(facts)}`);
  return { open, lines };
}

const filling = (alarm: number, percent: number): StoreNotice => {
  return { notice: "filling", alarm, percent, usedBytes: percent, budgetBytes: 100 };
};

test("[S12] a store that fills its budget is a condition with how far, until it has room", () => {
  const facts = '{"percent":86,"usedBytes":86,"budgetBytes":100}';
  const { open, lines } = heard(filling(70, 71), filling(85, 86));
  assert.deepEqual(open, [`outboxFilling ${facts}`]);
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
