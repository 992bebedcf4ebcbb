/** Agents that are moved all the time between four receivers on one PostgreSQL, which fail in turn (T-C04). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { withoutPostgres } from "#test/receiver/support/postgres.ts";
import { manyNodes } from "./many-nodes/many-nodes.ts";

const SEED = 1;
const AGENTS = 20;
const MESSAGES = 4_000;

test(`[T-C04, T-C03, T-C02, T-M04, TP4, TP19] ${AGENTS} agents, four nodes, a quarter of the time in trouble: ${MESSAGES} messages stored once, in order, seed ${SEED}`, {
  skip: withoutPostgres(),
}, async (context) => {
  const run = { seed: SEED, agents: AGENTS, messages: MESSAGES, loadMs: 12_000 };
  const outcome = await manyNodes({ ...run, drainLimitMs: 60_000 });
  const { reasons, heldCount, troubles, connections } = outcome;
  context.diagnostic(JSON.stringify({ ...outcome, reasons: reasons.length }));
  assert.deepEqual(reasons.slice(0, 10), []);
  assert.equal(heldCount, MESSAGES);
  for (const trouble of ["killed", "frozen", "cutOff", "acksLost"]) {
    assert.ok((troubles[trouble] ?? 0) > 0, `no node was ${trouble}`);
  }
  for (const parting of ["closed", "reset", "acksLost", "leftBehind"]) {
    assert.ok((connections[parting] ?? 0) > 0, `no connection was ${parting}`);
  }
  assert.ok(outcome.resentCount > 0, "nothing was in flight when a connection ended");
  assert.ok(outcome.fencedCount > 0, "no node had anything to write after its fence");
});
