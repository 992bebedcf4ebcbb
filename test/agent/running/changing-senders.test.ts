import assert from "node:assert/strict";
import { test } from "node:test";
import { changingSenders } from "./changing-senders.ts";

const SEED = 7;
const CHANGES = 50;

test(`[U24, 07 2.10] over ${CHANGES} random changes, some of which fail, no acknowledged message is lost and no unchanged connection drops, seed ${SEED}`, async () => {
  const outcome = await changingSenders(SEED, CHANGES);
  assert.equal(outcome.applied + outcome.wentBack, CHANGES);
  assert.ok(outcome.applied > 10 && outcome.wentBack > 3, JSON.stringify(outcome));
  assert.ok(outcome.acknowledged > 50 && outcome.steady > 40, JSON.stringify(outcome));
  assert.ok(outcome.reconnects > 10, JSON.stringify(outcome));
});
