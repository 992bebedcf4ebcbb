import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ChangeWindow } from "#config/change-windows.ts";
import { step } from "#config/life-cycle.ts";
import {
  effectiveOf,
  type LifeCycle,
  type LifeCycleEvent,
  newestOf,
  runsOf,
  standingOf,
} from "#config/life-cycle-state.ts";
import {
  applied,
  assertState,
  committed,
  DAY_MS,
  digestOf,
  FRESH,
  NOW_MS,
  offer,
  offered,
  restarted,
  switched,
  taken,
  time,
} from "#test/support/life-cycles.ts";

const A = offer("a");
const GOOD = taken(FRESH, ...committed(A)).state;
const B = offer("b", { seq: 2, base: A.digest });
const C = offer("c", { seq: 3, base: A.digest });
/** Of UTC: it is 10:00 in the tests. */
const NIGHT: readonly ChangeWindow[] = [
  {
    days: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
    ...{ from: "22:00", to: "23:00", zone: "UTC" },
  },
];
const at = (text: string): number => Date.parse(`2026-11-${text}:00Z`);
const approved = (digest: string): LifeCycleEvent => ({
  ...{
    type: "approved",
    by: "person",
    digest,
    time: { notBeforeMs: 0, notAfterMs: NOW_MS + 30 * DAY_MS },
  },
});
const effects = (state: LifeCycle, event: LifeCycleEvent): readonly string[] =>
  step(state, event).effects.map((effect) => effect.do);

describe("the way of a configuration", () => {
  test("[VC10] what is verified raises seqHigh at once, and what was refused before does not", () => {
    const received = step(FRESH, { type: "received", digest: A.digest });
    assert.deepEqual(received.effects, [{ do: "verify", digest: A.digest }]);
    const refused = step(received.state, { type: "refused", digest: A.digest, code: "SIGNATURES" });
    assert.equal(refused.answer, "SIGNATURES");
    assert.deepEqual(refused.state, FRESH);
    const verified = step(received.state, { type: "verified", offer: A });
    assert.equal(verified.state.seqHigh, 1);
    assertState(verified.state, "VERIFIED");
    assert.deepEqual(verified.effects, [{ do: "writeMarks" }, { do: "lookForApproval", offer: A }]);
  });

  test("[VC11] every step, each with its audit entry, until it is last known good", () => {
    const events = committed(A);
    let state = FRESH;
    const told: string[] = [];
    for (const event of events) {
      const next = step(state, event);
      state = next.state;
      told.push(...next.transitions.map(({ from, to }) => `${from} ${to}`));
    }
    assert.deepEqual(told, [
      "NONE RECEIVED",
      "RECEIVED VERIFIED",
      "VERIFIED SCHEDULED",
      "SCHEDULED PREFLIGHT",
      "PREFLIGHT APPLYING",
      "APPLYING PROBATION",
      "PROBATION COMMITTED",
    ]);
    assert.equal(state.lastGood, A);
    assert.equal(effectiveOf(state), A);
    assert.equal(runsOf(state), A);
  });

  test("[VC11] where a yes is needed it waits, and no other document's yes counts", () => {
    const waiting = taken(FRESH, ...offered(A), { type: "approvalLooked", isNeeded: true }).state;
    assertState(waiting, "AWAITING_APPROVAL");
    assertState(step(waiting, time()).state, "AWAITING_APPROVAL");
    assertState(step(waiting, approved(digestOf("other"))).state, "AWAITING_APPROVAL");
    assertState(step(waiting, approved(A.digest)).state, "SCHEDULED");
    assertState(step(waiting, { type: "rejected", digest: A.digest }).state, "REFUSED");
    assert.equal(step(waiting, { type: "rejected", digest: B.digest }).state, waiting);
  });

  test("[VC6] an offer that ends before it begins is refused, wherever it waits", () => {
    const past = time(A.offerExpiresMs);
    const verified = taken(FRESH, ...offered(A)).state;
    const waiting = step(verified, { type: "approvalLooked", isNeeded: true }).state;
    const scheduled = step(waiting, approved(A.digest)).state;
    for (const state of [verified, waiting, scheduled]) {
      const { state: next } = step(state, past);
      assert.deepEqual(next.ended, { state: "REFUSED", offer: A, code: "EXPIRED" });
      assertState(
        step(state, time(A.offerExpiresMs - 1)).state,
        state === scheduled ? "PREFLIGHT" : (state.current?.state ?? ""),
      );
    }
    const checked = { type: "preflightPassed", digest: A.digest, nowMs: A.offerExpiresMs } as const;
    const late = taken(scheduled, time(), { ...checked, windows: [] });
    assertState(late.state, "REFUSED");
  });

  test("[U06] approved before the window, it waits; a window that was missed is followed by the next", () => {
    const scheduled = taken(
      FRESH,
      ...offered(A),
      { type: "approvalLooked", isNeeded: true },
      approved(A.digest),
    ).state;
    for (const nowMs of [NOW_MS, at("26T21:59"), at("26T23:00"), at("27T12:00")]) {
      assert.equal(step(scheduled, time(nowMs, NIGHT)).state, scheduled);
    }
    const inside = step(scheduled, time(at("27T22:00"), NIGHT));
    assertState(inside.state, "PREFLIGHT");
    assert.deepEqual(inside.effects, [{ do: "preflight", offer: A }]);
  });

  test("[U06] a preflight that outlasts the window does not begin outside of it", () => {
    const { state } = taken(FRESH, ...switched(A).slice(0, 3), time(at("26T22:59"), NIGHT));
    assertState(state, "PREFLIGHT");
    const passed = { type: "preflightPassed", digest: A.digest, windows: NIGHT } as const;
    assertState(step(state, { ...passed, nowMs: at("26T23:00") }).state, "SCHEDULED");
    assertState(step(state, { ...passed, nowMs: at("26T22:59") }).state, "APPLYING");
    // The machine was off over night.
    assert.deepEqual(effects(state, restarted(at("27T09:00"))).includes("preflight"), true);
    const again = step(state, restarted(at("27T09:00"))).state;
    assertState(step(again, { ...passed, nowMs: at("27T09:00") }).state, "SCHEDULED");
  });

  test("[VA5] the time of the approvals is kept to, also when more of them come", () => {
    const limits = { notBeforeMs: at("27T00:00"), notAfterMs: at("27T01:00") };
    const first = taken(
      FRESH,
      ...offered(A),
      { type: "approvalLooked", isNeeded: true },
      { type: "approved", by: "person", digest: A.digest, time: limits },
    ).state;
    assertState(step(first, time(at("26T23:59"))).state, "SCHEDULED");
    assertState(step(first, time(at("27T00:00"))).state, "PREFLIGHT");
    assertState(step(first, time(at("27T01:00"))).state, "SCHEDULED");
    const more = step(first, approved(A.digest)).state;
    assertState(step(more, time(at("27T01:00"))).state, "PREFLIGHT");
  });

  test("[VC10] a later document takes the place of one that waits, not of one that is tried", () => {
    const waiting = taken(GOOD, ...offered(B), { type: "approvalLooked", isNeeded: true }).state;
    const next = taken(waiting, ...offered(C));
    assert.equal(next.state.current?.offer, C);
    assert.deepEqual(next.transitions[0], {
      ...{ digest: B.digest, from: "AWAITING_APPROVAL", to: "REFUSED", reason: "SUPERSEDED" },
    });
    for (const events of [switched(B).slice(0, 4), switched(B), applied(B)]) {
      const { state } = taken(GOOD, ...events);
      const refused = step(state, { type: "received", digest: C.digest });
      assert.equal(refused.answer, "BUSY");
      assert.equal(refused.state, state);
      assert.equal(step(state, { type: "received", digest: B.digest }).answer, "IN_PROGRESS");
    }
    // It came before the other began, and was verified after.
    const late = taken(
      GOOD,
      ...switched(B).slice(0, 3),
      { type: "received", digest: C.digest },
      time(),
      { type: "verified", offer: C },
    );
    assert.equal(late.answer, "BUSY");
    assert.equal(late.state.current?.offer, B);
    assert.equal(late.state.seqHigh, 2);
  });

  test("[VC10] one document is looked at at a time", () => {
    const { state } = taken(GOOD, { type: "received", digest: B.digest });
    assert.equal(step(state, { type: "received", digest: C.digest }).answer, "BUSY");
    assert.equal(step(state, { type: "received", digest: B.digest }).answer, "IN_PROGRESS");
    assert.equal(step(state, { type: "verified", offer: C }).state, state);
    assert.equal(step(state, { type: "refused", digest: C.digest, code: "SCHEMA" }).state, state);
    assert.deepEqual(effects(state, restarted()).includes("verify"), true);
  });
});

describe("what a verified document meets", () => {
  const answer = (state: LifeCycle, one: typeof A) => taken(state, ...offered(one)).answer;

  test("[VC4] the same one again is answered with what became of it", () => {
    assert.equal(answer(GOOD, A), "ALREADY_APPLIED");
    const waiting = taken(GOOD, ...offered(B)).state;
    assert.equal(answer(waiting, B), "IN_PROGRESS");
    const rolled = taken(GOOD, ...applied(B), { type: "probationFailed", digest: B.digest }).state;
    assert.equal(answer(rolled, B), "BURNT");
    const rejected = step(waiting, { type: "rejected", digest: B.digest }).state;
    assert.equal(answer(rejected, B), "BURNT");
  });

  test("[VC4] a lower or another one of the same number is ROLLBACK, a leap FAST_FORWARD", () => {
    assert.equal(answer(GOOD, offer("x", { base: A.digest })), "ROLLBACK");
    const third = taken(GOOD, ...committed(C)).state;
    assert.equal(answer(third, B), "ROLLBACK");
    assert.equal(answer(GOOD, offer("x", { seq: 10_002, base: A.digest })), "FAST_FORWARD");
    assert.equal(answer(GOOD, offer("x", { seq: 10_001, base: A.digest })), undefined);
  });

  test("[U24] after a preflight refusal the old one runs, the number is not burnt, and the offer may run again", () => {
    const { state } = taken(GOOD, ...switched(B).slice(0, 4));
    const refused = step(state, { type: "preflightFailed", digest: B.digest });
    assert.deepEqual(refused.state.ended, { state: "REFUSED", offer: B, code: "PREFLIGHT" });
    assert.deepEqual(refused.effects, []);
    assert.equal(effectiveOf(refused.state), A);
    assert.equal(refused.state.rollbacksInARow, 0);
    assertState(taken(refused.state, ...committed(B)).state, "COMMITTED");
  });

  test("[VC5] the base must be what is in effect; null only while nothing of the epoch is", () => {
    assert.equal(answer(GOOD, offer("x", { seq: 2 })), "BASE_MISMATCH");
    assert.equal(answer(GOOD, offer("x", { seq: 2, base: digestOf("y") })), "BASE_MISMATCH");
    // The first never ran: there is still nothing to name.
    const first = taken(FRESH, ...offered(A), { type: "rejected", digest: A.digest }).state;
    assert.equal(answer(first, offer("x", { seq: 2 })), undefined);
    assert.equal(answer(first, offer("x", { seq: 2, base: A.digest })), "BASE_MISMATCH");
    const raised = step(GOOD, { type: "epochRaised", epoch: 2 }).state;
    assert.equal(answer(raised, offer("x", { epoch: 2 })), undefined);
    assert.equal(answer(raised, offer("x", { epoch: 2, base: A.digest })), undefined);
    assert.equal(standingOf(raised).effectiveEpoch, 1);
  });

  test("[VC5] the base is looked at again before preflight and before the switch", () => {
    const scheduled = taken(GOOD, ...switched(B).slice(0, 3)).state;
    const other = { lastGood: offer("other") };
    const refused = step({ ...scheduled, ...other }, time()).state;
    assert.deepEqual(refused.ended, { state: "REFUSED", offer: B, code: "BASE_MISMATCH" });
    const preflight = { ...step(scheduled, time()).state, ...other };
    const passed = { type: "preflightPassed", digest: B.digest, nowMs: NOW_MS } as const;
    const late = step(preflight, { ...passed, windows: [] }).state;
    assert.deepEqual(late.ended, { state: "REFUSED", offer: B, code: "BASE_MISMATCH" });
  });

  test("[VC3] a new epoch begins at 0, ends what waits and what is tried, and leaves last known good", () => {
    assert.equal(answer(GOOD, offer("x", { epoch: 2 })), "EPOCH");
    const raised = (state: LifeCycle) => step(state, { type: "epochRaised", epoch: 2 });
    const waiting = raised(taken(GOOD, ...offered(B)).state).state;
    assert.deepEqual([waiting.epoch, waiting.seqHigh, waiting.lastGood], [2, 0, A]);
    assert.deepEqual(waiting.ended, { state: "REFUSED", offer: B, code: "EPOCH" });
    const tried = raised(taken(GOOD, ...applied(B)).state);
    assert.deepEqual(tried.state.ended, { state: "ROLLED_BACK", offer: B, reason: "epoch" });
    assert.deepEqual(tried.effects[0], { do: "run", offer: A });
    assert.equal(answer(waiting, B), "EPOCH");
    for (const epoch of [0, 1])
      assert.equal(step(GOOD, { type: "epochRaised", epoch }).state, GOOD);
    assert.equal(newestOf(waiting), undefined);
  });
});
