/** A configuration that fails, and a process that ends while it is tried (07 2.10, 2.11). @module */
import assert from "node:assert/strict";
import { test } from "node:test";
import { step } from "#config/life-cycle.ts";
import {
  effectiveOf,
  type LifeCycle,
  type LifeCycleEvent,
  runsOf,
  standingOf,
} from "#config/life-cycle-state.ts";
import {
  applied,
  assertState,
  committed,
  FRESH,
  NOW_MS,
  offer,
  offered,
  restarted,
  switched,
  taken,
} from "#test/support/life-cycles.ts";

const A = offer("a");
const GOOD = taken(FRESH, ...committed(A)).state;
const B = offer("b", { seq: 2, base: A.digest });
const C = offer("c", { seq: 3, base: A.digest });
const MINUTE_MS = 60_000;
const effects = (state: LifeCycle, event: LifeCycleEvent): readonly string[] =>
  step(state, event).effects.map((effect) => effect.do);

const tried = taken(GOOD, ...applied(B)).state;

test("[U25] a failure in probation, a failed switch, and a person, lead back to last known good", () => {
  assert.equal(effectiveOf(tried), B);
  const { digest } = B;
  for (const event of [
    { type: "probationFailed", digest },
    { type: "rollbackAsked", digest },
  ] as const) {
    const back = step(tried, event);
    assertState(back.state, "ROLLED_BACK");
    assert.equal(effectiveOf(back.state), A);
    assert.equal(back.state.seqHigh, 2);
    assert.deepEqual(back.effects, [{ do: "run", offer: A }, { do: "writeMarks" }]);
  }
  const failed = step(taken(GOOD, ...switched(B)).state, { type: "applyFailed", digest });
  assert.deepEqual(failed.state.ended, { state: "ROLLED_BACK", offer: B, reason: "apply" });
  // The very first one: no channel runs.
  const first = step(taken(FRESH, ...applied(A)).state, {
    type: "probationFailed",
    digest: A.digest,
  });
  assert.deepEqual(first.effects[0], { do: "run", offer: undefined });
});

test("[U23] the first end of the process begins probation again, the second is the last", () => {
  const once = step(tried, restarted());
  assertState(once.state, "APPLYING");
  assert.equal(runsOf(once.state), B);
  assert.deepEqual(once.effects[0], { do: "apply", offer: B });
  const again = step(once.state, { type: "applied", digest: B.digest });
  assertState(again.state, "PROBATION");
  assert.deepEqual(again.effects, [{ do: "writeMarks" }, { do: "watchProbation", offer: B }]);
  const twice = step(again.state, restarted());
  assert.deepEqual(twice.state.ended, { state: "ROLLED_BACK", offer: B, reason: "restarts" });
  assert.equal(runsOf(twice.state), A);
  assert.equal(twice.state.seqHigh, 2);
  assertState(step(again.state, { type: "probationPassed", digest: B.digest }).state, "COMMITTED");
});

test("[U23] a configuration that ends the process while it is switched to has two tries, too", () => {
  const applying = taken(GOOD, ...switched(B)).state;
  const once = step(applying, restarted()).state;
  assertState(once, "APPLYING");
  const twice = step(once, restarted()).state;
  assertState(twice, "ROLLED_BACK");
  assert.equal(runsOf(twice), A);
});

test("[U23] three that were rolled back in a row are safe mode, until a person repairs", () => {
  let state = GOOD;
  for (const seq of [2, 3, 4]) {
    assert.equal(state.freeze, undefined);
    const one = offer(`bad ${seq}`, { seq, base: A.digest });
    const { digest } = one;
    const failed = taken(state, ...applied(one), { type: "probationFailed", digest });
    if (seq === 4) assert.deepEqual(failed.effects.at(-1), { do: "alarm", freeze: "safeMode" });
    state = failed.state;
  }
  assert.equal(state.freeze, "safeMode");
  assert.equal(runsOf(state), A);
  const next = offer("fix", { seq: 5, base: A.digest });
  assert.equal(taken(state, ...offered(next)).answer, "FROZEN");
  assert.equal(standingOf(state).isFrozen, true);
  const repaired = step(state, { type: "repaired", epoch: 1, seqHigh: 4 }).state;
  assert.deepEqual(taken(repaired, ...committed(next)).state.lastGood, next);
});

test("[U23] one that is committed ends the row", () => {
  let state = GOOD;
  for (const [seq, works] of [
    [2, false],
    [3, false],
    [4, true],
    [5, false],
    [6, false],
  ] as const) {
    const one = offer(`${seq}`, { seq, base: effectiveOf(state)?.digest ?? null });
    const { digest } = one;
    const type = works ? "probationPassed" : "probationFailed";
    state = taken(state, ...applied(one), { type, digest }).state;
  }
  assert.equal(state.freeze, undefined);
  assert.equal(state.rollbacksInARow, 2);
});

test("[U23] two crashes of last known good within ten minutes are safe mode, two stops are not", () => {
  const crash = (state: LifeCycle, minutes: number, crashed = true) =>
    step(state, restarted(NOW_MS + minutes * MINUTE_MS, crashed));
  const once = crash(GOOD, 0).state;
  assert.equal(once.freeze, undefined);
  assert.equal(crash(once, 10).state.freeze, "safeMode");
  assert.equal(crash(once, 11).state.freeze, undefined);
  assert.equal(crash(once, -5).state.freeze, "safeMode");
  assert.equal(crash(once, 5, false).state.freeze, undefined);
  assert.equal(crash(crash(once, 11).state, 20).state.freeze, "safeMode");
  // Nothing is known to be good: nothing to be safe with.
  assert.equal(crash(crash(FRESH, 0).state, 1).state.freeze, undefined);
  const waiting = taken(once, ...offered(B)).state;
  const frozen = crash(waiting, 1).state;
  assert.deepEqual(frozen.ended, { state: "REFUSED", offer: B, code: "FROZEN" });
  assert.equal(runsOf(frozen), A);
  // Nobody said no to it.
  const repaired = step(frozen, { type: "repaired", epoch: 1, seqHigh: 2 }).state;
  assert.equal(taken(repaired, ...offered(B)).answer, undefined);
});

test("[U22] damaged trust state freezes what changes, and what was being tried goes back", () => {
  const damaged = step(tried, { type: "trustDamaged" });
  assert.equal(damaged.state.freeze, "trustState");
  assert.equal(runsOf(damaged.state), A);
  assert.deepEqual(damaged.state.ended, { state: "ROLLED_BACK", offer: B, reason: "frozen" });
  assert.equal(taken(damaged.state, ...offered(C)).answer, "FROZEN");
  // The graver one stays.
  const both = step(damaged.state, restarted());
  assert.equal(step(both.state, restarted(NOW_MS + 1)).state.freeze, "trustState");
});

test("[U22] repair takes the highest of everything that is readable", () => {
  const damaged = step(tried, { type: "trustDamaged" }).state;
  const repaired = (epoch: number, seqHigh: number) => {
    const { state } = step(damaged, { type: "repaired", epoch, seqHigh });
    assert.equal(state.freeze, undefined);
    return [state.epoch, state.seqHigh];
  };
  assert.deepEqual(repaired(1, 9), [1, 9]);
  assert.deepEqual(repaired(1, 1), [1, 2]);
  assert.deepEqual(repaired(0, 99), [1, 2]);
  assert.deepEqual(repaired(2, 0), [2, 0]);
  // Where nothing is frozen there is nothing to repair.
  assert.equal(step(tried, { type: "repaired", epoch: 9, seqHigh: 9 }).state, tried);
});

test("[U20] after a restart everything that was left undone comes back", () => {
  const kept = ["run", "keepLastGood", "writeMarks"];
  const verified = taken(GOOD, ...offered(B)).state;
  assert.deepEqual(effects(GOOD, restarted()), kept);
  assert.deepEqual(effects(verified, restarted()), [...kept, "lookForApproval"]);
  assert.deepEqual(effects(taken(GOOD, ...switched(B).slice(0, 4)).state, restarted()), [
    ...kept,
    "preflight",
  ]);
  assert.deepEqual(effects(FRESH, restarted()), ["run", "writeMarks"]);
});

test("[U20] what comes back late, of one that is gone, moves nothing", () => {
  const { digest } = A;
  const states = [
    GOOD,
    tried,
    taken(GOOD, ...switched(B)).state,
    taken(GOOD, ...switched(B).slice(0, 4)).state,
  ];
  const events: readonly LifeCycleEvent[] = [
    { type: "preflightPassed", digest, nowMs: NOW_MS, windows: [] },
    { type: "preflightFailed", digest },
    { type: "applied", digest },
    { type: "applyFailed", digest },
    { type: "probationPassed", digest },
    { type: "probationFailed", digest },
    { type: "rollbackAsked", digest },
    { type: "approved", by: "person", digest, time: { notBeforeMs: 0, notAfterMs: NOW_MS } },
    { type: "rejected", digest },
  ];
  for (const state of states) {
    for (const event of events) assert.equal(step(state, event).state, state, event.type);
  }
});
