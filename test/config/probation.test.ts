import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Baseline,
  isGrowing,
  type Observation,
  whatProbationFinds,
} from "#config/probation.ts";

const FLAT = [5, 0, 3, 5, 1, 4, 0, 2, 5];
const RISING = [0, 1, 2, 10, 12, 14, 20, 25, 30];

const before = (settings: Partial<Baseline> = {}): Baseline => ({
  ...{ errorsByMinute: new Map(), outboxDepths: FLAT, isTunnelUp: true, ...settings },
});
const now = (settings: Partial<Observation> = {}): Observation => ({
  ...{ minutes: 5, working: new Map([["adt", true]]), errors: new Map(), outboxDepths: FLAT },
  ...{ isTunnelUp: true, isWayOpen: true, hasSyntheticPassed: true, ...settings },
});
const codes = (baseline: Baseline, seen: Observation): readonly string[] =>
  whatProbationFinds(baseline, seen).map((fault) =>
    "channel" in fault && fault.channel !== undefined
      ? `${fault.code} ${fault.channel}`
      : fault.code,
  );

test("[U25] what is as it was before is healthy", () => {
  assert.deepEqual(codes(before(), now()), []);
  assert.deepEqual(codes(before({ isTunnelUp: false }), now({ isTunnelUp: false })), []);
});

test("[U25] a listener or folder that does not work is enough", () => {
  const working = new Map([
    ["adt", true],
    ["files", false],
  ]);
  assert.deepEqual(codes(before(), now({ working })), ["channelDown files"]);
});

test("[U25] negative acknowledgments fail it when they have more than doubled and are at least 10", () => {
  const baseline = (...byMinute: number[]) =>
    before({ errorsByMinute: new Map([["adt", byMinute]]) });
  const seen = (count: number, minutes = 5) => now({ minutes, errors: new Map([["adt", count]]) });
  assert.deepEqual(codes(baseline(0, 0, 0, 0, 0), seen(9)), []);
  assert.deepEqual(codes(baseline(0, 0, 0, 0, 0), seen(10)), ["errors adt", "errors"]);
  // 10 in five minutes before.
  assert.deepEqual(codes(baseline(9, 9, 2, 2, 2, 2, 2), seen(20)), []);
  assert.deepEqual(codes(baseline(9, 9, 2, 2, 2, 2, 2), seen(21)), ["errors adt", "errors"]);
  // Two of these minutes are looked at: 4, not 10.
  assert.deepEqual(codes(baseline(2, 2, 2, 2, 2), seen(10, 2)), ["errors adt", "errors"]);
  // It ran for one minute before: 5 in it are 25 in five.
  assert.deepEqual(codes(baseline(5), seen(50)), []);
  assert.deepEqual(codes(before(), seen(10)), ["errors adt", "errors"]);
});

test("[U25] a busy channel hides none, and many small ones count together", () => {
  const working = new Map(["a", "b", "c"].map((name) => [name, true] as const));
  const noisy = before({ errorsByMinute: new Map([["a", [100]]]) });
  const hidden = now({
    minutes: 1,
    working,
    errors: new Map([
      ["a", 100],
      ["b", 10],
    ]),
  });
  assert.deepEqual(codes(noisy, hidden), ["errors b"]);
  const small = now({
    working,
    errors: new Map([
      ["a", 4],
      ["b", 4],
      ["c", 4],
    ]),
  });
  assert.deepEqual(codes(before(), small), ["errors"]);
});

test("[U25] an outbox that grows fails it, unless it grew before", () => {
  assert.deepEqual(codes(before(), now({ outboxDepths: RISING })), ["outboxGrows"]);
  assert.deepEqual(codes(before({ outboxDepths: RISING }), now({ outboxDepths: RISING })), []);
  assert.equal(isGrowing([0, 100, 0, 100, 0, 100]), false);
  assert.equal(isGrowing([0, 1, 2, 3, 4]), false);
  assert.equal(isGrowing([0, 1, 2, 3, 4, 5]), true);
});

test("[U25] a synthetic message that does not arrive fails it, one that was not tried does not", () => {
  assert.deepEqual(codes(before(), now({ hasSyntheticPassed: false })), ["syntheticLost"]);
  const { hasSyntheticPassed: _, ...untried } = now();
  assert.deepEqual(codes(before(), untried), []);
});

test("[U25] a tunnel that was up and is down fails it only while the way is open", () => {
  assert.deepEqual(codes(before(), now({ isTunnelUp: false })), ["tunnelDown"]);
  assert.deepEqual(codes(before(), now({ isTunnelUp: false, isWayOpen: false })), []);
});
