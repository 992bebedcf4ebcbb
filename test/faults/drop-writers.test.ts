/** Files as senders write them: slowly, with pauses, in place, under temporary names, all at once (04 section 2). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { runDropWriters } from "./drop-writers/drop-writers.ts";
import { KIND_NAMES } from "./drop-writers/kinds.ts";

const SEED = 1;
const COUNT = 30;
const FILES = COUNT * KIND_NAMES.length;

test(`[P5, P6, P7, P8, P9, P11, P23] of ${FILES} files of ${KIND_NAMES.length} kinds of writers at once none is taken half, and each is taken once, seed ${SEED}`, async () => {
  const outcome = await runDropWriters({
    seed: SEED,
    count: COUNT,
    atOnce: COUNT,
    stableMs: 1_200,
  });
  assert.deepEqual(outcome.reasons.slice(0, 10), []);
  assert.equal(outcome.dropped, FILES);
  assert.ok(outcome.lateWrites > 0, "no file was written to after it was archived");
  // On a machine that was too busy nothing would be shown.
  assert.ok(outcome.stalled.length < FILES / 10, `${outcome.stalled.length} writers held up`);
});
