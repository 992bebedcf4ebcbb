import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { AuditDraft } from "#agent/audit/entry.ts";
import { AgentError } from "#agent/errors.ts";
import { Conditions } from "#agent/health/conditions.ts";
import { MAINTENANCE_MAX_MINUTES } from "#agent/limits.ts";
import { Maintenance } from "#agent/maintenance.ts";
import { MaintenanceDesk } from "#agent/maintenance-desk.ts";
import { ManualClock } from "#test/support/clocks.ts";
import { until } from "#test/support/processes.ts";
import { TestOutbox } from "#test/support/test-outbox.ts";

const MINUTE_MS = 60_000;

async function open(store: TestOutbox, clock = new ManualClock()) {
  const conditions = new Conditions();
  const noted: string[] = [];
  const maintenance = await Maintenance.open({
    ...{ trust: store.outbox.trust, conditions, clock },
    note: ({ action, subject }: AuditDraft) => void noted.push(`${action} ${subject ?? ""}`.trim()),
  });
  const active = () =>
    conditions.list().map(({ condition, subject }) => `${condition} ${subject}`.trim());
  return { maintenance, conditions, clock, noted, active };
}

describe("maintenance windows", () => {
  test("[PL9] a window survives a restart, ends by itself, and the audit hears of it", async () => {
    await using store = await TestOutbox.open();
    const first = await open(store);
    await first.maintenance.start("", 30);
    await first.maintenance.start("adt", 60);
    assert.deepEqual(first.active(), ["maintenanceActive", "maintenanceActive adt"]);
    first.maintenance[Symbol.dispose]();
    await store.reopen();
    const second = await open(store, new ManualClock(first.clock.nowMs() + 10 * MINUTE_MS));
    assert.deepEqual(second.active(), ["maintenanceActive", "maintenanceActive adt"]);
    for (let minute = 0; minute < 21; minute++) second.clock.advance(MINUTE_MS);
    await until("it is over", () => Promise.resolve(second.active().length === 1));
    assert.deepEqual(
      [second.active(), second.noted],
      [["maintenanceActive adt"], ["maintenance.ended"]],
    );
    second.maintenance[Symbol.dispose]();
    const third = await open(store, second.clock);
    assert.deepEqual(third.active(), ["maintenanceActive adt"]);
    await third.maintenance.stop("");
    assert.deepEqual([third.active(), third.noted], [[], []]);
    third.maintenance[Symbol.dispose]();
  });

  test("[PL9] a window that ended while the agent was down is over at its start", async () => {
    await using store = await TestOutbox.open();
    const first = await open(store);
    await first.maintenance.start("adt", 30);
    first.maintenance[Symbol.dispose]();
    const second = await open(store, new ManualClock(first.clock.nowMs() + 31 * MINUTE_MS));
    assert.deepEqual(second.noted, ["maintenance.ended adt"]);
    assert.deepEqual(second.active(), []);
    second.maintenance[Symbol.dispose]();
  });

  test("[PL9] a clock that is put back does not make a window longer", async () => {
    await using store = await TestOutbox.open();
    const first = await open(store);
    await first.maintenance.start("", 30);
    first.maintenance[Symbol.dispose]();
    const second = await open(store, new ManualClock(first.clock.nowMs() - 24 * 60 * MINUTE_MS));
    assert.deepEqual(second.active(), []);
    second.maintenance[Symbol.dispose]();
  });

  test("[PL9] an unknown channel, a window that is too long, and too many are refused", async () => {
    await using store = await TestOutbox.open();
    const { maintenance } = await open(store);
    const names = () => ["adt", ...Array.from({ length: 101 }, (_, index) => `c${index}`)];
    const desk = new MaintenanceDesk({ maintenance, names });
    const refused = async (channel: string, minutes: number): Promise<string> => {
      const fault = await desk.start(channel, minutes).catch((error: unknown) => error);
      return fault instanceof AgentError ? fault.code : "none";
    };
    assert.equal(await refused("atd", 10), "CHANNEL_UNKNOWN");
    assert.equal(await refused("adt", MAINTENANCE_MAX_MINUTES + 1), "MAINTENANCE_REFUSED");
    for (let index = 0; index < 100; index++) await desk.start(`c${index}`, 10);
    assert.equal(await refused("c100", 10), "MAINTENANCE_REFUSED");
    assert.equal(await refused("c7", 20), "none");
    assert.equal(desk.list().length, 100);
    maintenance[Symbol.dispose]();
  });
});
