import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  formatTime,
  isClockSuspect,
  nowOf,
  parseTime,
  raisedFloor,
  whatExpired,
  whatIsFromFuture,
  whatLivesTooLong,
} from "#documents/time.ts";

const AT = Date.UTC(2026, 1, 3, 4, 5, 6);
const MINUTE = 60_000;
const TOLERANCE = 10 * MINUTE;

test("[V9] a time is YYYY-MM-DDTHH:MM:SSZ, and exists", () => {
  assert.equal(parseTime("2026-02-03T04:05:06Z"), AT);
  assert.equal(parseTime("2024-02-29T23:59:59Z"), Date.UTC(2024, 1, 29, 23, 59, 59));
  for (const text of [
    ...["2026-02-03T04:05:06z", "2026-02-03 04:05:06Z", "2026-02-03T04:05:06", "2026-02-03"],
    ...["2026-02-03T04:05:06.000Z", "2026-02-03T04:05:06+00:00", "+002026-02-03T04:05:06Z"],
    ...["+010000-01-01T00:00:00Z", "-000001-01-01T00:00:00Z"],
    ...["2026-02-29T00:00:00Z", "2026-04-31T00:00:00Z", "2026-13-01T00:00:00Z"],
    ...["2026-01-01T24:00:00Z", "2026-01-01T23:59:60Z", "2026-01-01T00:00:00Z\n", "never", ""],
  ]) {
    assert.equal(parseTime(text), undefined, text);
  }
});

test("[V9] any second of these centuries comes back", () => {
  const seconds = fc.integer({ min: 0, max: 253_402_300_799 });
  fc.assert(
    fc.property(seconds, (second) => {
      assert.equal(parseTime(formatTime(second * 1_000 + 999)), second * 1_000);
    }),
  );
});

test("2.5: time is the clock, or the floor where that is later", () => {
  assert.equal(nowOf({ clockMs: 5, floorMs: 9 }), 9);
  assert.equal(nowOf({ clockMs: 9, floorMs: 5 }), 9);
});

test("2.5: a clock more than 10 min before the floor is suspect", () => {
  assert.ok(!isClockSuspect({ clockMs: AT, floorMs: AT + TOLERANCE }));
  assert.ok(isClockSuspect({ clockMs: AT, floorMs: AT + TOLERANCE + 1 }));
});

test("2.5: the floor rises with what is accepted, never above clock + 10 min, and never falls", () => {
  assert.equal(raisedFloor({ clockMs: AT, floorMs: 0 }, AT - MINUTE), AT - MINUTE);
  assert.equal(raisedFloor({ clockMs: AT, floorMs: 0 }, AT + 60 * MINUTE), AT + TOLERANCE);
  assert.equal(raisedFloor({ clockMs: AT, floorMs: AT }, AT - MINUTE), AT);
  assert.equal(raisedFloor({ clockMs: 0, floorMs: AT }, AT + MINUTE), AT);
});

const text = formatTime(AT);

test("2.5: what expires has expired at that very time, by the clock or by the floor", () => {
  assert.equal(whatExpired(text, { clockMs: AT - 1, floorMs: 0 }, "VC6"), undefined);
  const refused = { kind: "refused", code: "EXPIRED", step: "VC6" };
  assert.deepEqual(whatExpired(text, { clockMs: AT, floorMs: 0 }, "VC6"), refused);
  assert.deepEqual(whatExpired(text, { clockMs: AT - MINUTE, floorMs: AT }, "VC6"), refused);
});

test("2.5: a refusal for time names the clock where it is suspect", () => {
  const time = { clockMs: AT - 730 * 24 * 60 * MINUTE, floorMs: AT };
  assert.equal(whatExpired(text, time, "VC6")?.detail, "clock-suspect");
  assert.equal(whatIsFromFuture(text, time, "VC6")?.detail, "clock-suspect");
});

test("2.5: issued up to 10 min after the clock; the floor does not make the clock later", () => {
  assert.equal(whatIsFromFuture(text, { clockMs: AT - TOLERANCE, floorMs: 0 }, "VC6"), undefined);
  const refused = { kind: "refused", code: "FUTURE", step: "VC6" };
  const time = { clockMs: AT - TOLERANCE - 1, floorMs: 0 };
  assert.deepEqual(whatIsFromFuture(text, time, "VC6"), refused);
  assert.deepEqual(whatIsFromFuture(text, { ...time, floorMs: AT - MINUTE }, "VC6"), refused);
});

test("2.5: a lifetime has a most, and is not nothing", () => {
  const lives = (ms: number) =>
    whatLivesTooLong({ issuedAt: text, expires: formatTime(AT + ms) }, TOLERANCE, "VM2")?.code;
  assert.equal(lives(TOLERANCE), undefined);
  assert.equal(lives(TOLERANCE + 1_000), "LIFETIME");
  assert.equal(lives(1_000), undefined);
  assert.equal(lives(0), "LIFETIME");
  assert.equal(lives(-1_000), "LIFETIME");
});
