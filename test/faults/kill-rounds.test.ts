/** One end dies without a word, again and again: what was acknowledged arrives, once and in order. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { killRounds } from "./kill-rounds/kill-rounds.ts";

const SEED = 1;
const ROUNDS = 10;

test(`[T-S03, T-C02, TP19, D1] all oracles hold after ${ROUNDS} kills of agent or receiver under load, seed ${SEED}`, async () => {
  const outcome = await killRounds({ seed: SEED, rounds: ROUNDS });
  assert.deepEqual(outcome.reasons.slice(0, 10), []);
  assert.equal(outcome.agentKills + outcome.receiverKills, ROUNDS);
  assert.ok(outcome.receiverKills > 0 && outcome.agentKills > 1);
  assert.ok(outcome.resends > 0, "no message was in flight when the agent was killed");
  assert.ok(outcome.acknowledged > 500, `only ${outcome.acknowledged} messages`);
});
