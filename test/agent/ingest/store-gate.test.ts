import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { AgentError } from "#agent/errors.ts";
import { Conditions } from "#agent/health/conditions.ts";
import { silentLog } from "#agent/host/silent-log.ts";
import { StoreGate } from "#agent/ingest/store-gate.ts";
import { ManualClock } from "#test/support/clocks.ts";

const FULL = new AgentError("STORE_FULL", {});
const INTERVAL_MS = 5_000;

/** A gate whose probes succeed when `healthy` says so. */
function gate(healthy: () => boolean) {
  const clock = new ManualClock();
  const conditions = new Conditions();
  const said: boolean[] = [];
  let probes = 0;
  const probe = (): Promise<void> => {
    probes += 1;
    return healthy() ? Promise.resolve() : Promise.reject(FULL);
  };
  const made = new StoreGate({ probe, clock, log: silentLog, conditions });
  made.onChange((open) => void said.push(open));
  const pass = async (): Promise<void> => {
    clock.advance(INTERVAL_MS);
    await turn();
  };
  return { gate: made, clock, conditions, said, pass, probes: () => probes };
}

test("[E1] StoreGate closes once however often the store refuses, and says so", () => {
  const { gate: made, said, conditions } = gate(() => false);
  assert.ok(made.isOpen);
  made.close(FULL);
  made.close(FULL);
  assert.equal(made.isOpen, false);
  assert.deepEqual(said, [false]);
  assert.deepEqual(
    conditions.list().map(({ condition }) => condition),
    ["storeFailing"],
  );
});

test("[E1, S12] StoreGate says why: at the budget how much is used, and of how much", () => {
  const { gate: made, conditions } = gate(() => false);
  made.close(new AgentError("STORE_FULL", { budget: true, usedBytes: 99, budgetBytes: 100 }));
  const [open] = conditions.list();
  assert.deepEqual(open?.facts, {
    ...{ code: "STORE_FULL", budget: true },
    ...{ usedBytes: 99, budgetBytes: 100 },
  });
});

test("[E1] StoreGate probes every 5 s until the store can store, then opens by itself", async () => {
  let healthy = false;
  const { gate: made, said, conditions, pass, probes, clock } = gate(() => healthy);
  made.close(FULL);
  clock.advance(INTERVAL_MS - 1);
  assert.equal(probes(), 0);
  for (let i = 1; i <= 3; i++) {
    await pass();
    assert.equal(probes(), i);
    assert.equal(made.isOpen, false);
  }
  healthy = true;
  await pass();
  assert.ok(made.isOpen);
  assert.deepEqual(said, [false, true]);
  assert.deepEqual(conditions.list(), []);
  await pass();
  assert.equal(probes(), 4, "an open gate does not probe");
});

test("[E1] StoreGate closes again after it opened", async () => {
  const { gate: made, said, pass } = gate(() => true);
  for (let i = 0; i < 2; i++) {
    made.close(FULL);
    await pass();
  }
  assert.deepEqual(said, [false, true, false, true]);
});

test("[E1] a disposed StoreGate probes no more and opens no more", async () => {
  const { gate: made, said, pass, probes, clock } = gate(() => true);
  made.close(FULL);
  made[Symbol.dispose]();
  await pass();
  assert.equal(probes(), 0);
  assert.equal(clock.armedCount, 0);
  assert.deepEqual(said, [false]);
});
