import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  countIn,
  LATENCY_BOUNDS_MS,
  Latency,
  latencyBetween,
  latencySum,
  NO_LATENCY,
  percentileMs,
} from "#agent/health/latency.ts";

function of(...tookMs: readonly number[]) {
  const latency = new Latency();
  for (const one of tookMs) latency.add(one);
  return latency.snapshot();
}

describe("[PL7] how long acknowledgments take", () => {
  test("a case counts in the first class whose end it does not pass; what is longer than all has one, too", () => {
    const { counts, sumMs } = of(0.5, 0.6, 10_000, 10_001);
    assert.deepEqual([counts[0], counts[1], counts.at(-2), counts.at(-1)], [1, 1, 1, 1]);
    assert.equal(sumMs, 20_002.1);
    assert.equal(counts.length, LATENCY_BOUNDS_MS.length + 1);
  });

  test("nothing measured is no number", () => {
    assert.equal(percentileMs(NO_LATENCY, 0.99), undefined);
  });

  test("what took longer than all classes is shown as the last bound, not as less", () => {
    assert.equal(percentileMs(of(60_000), 0.99), 10_000);
  });

  test("a percentile lies in the class of the true one, however the cases fall", () => {
    const cases = fc.array(fc.double({ min: 0, max: 9_999, noNaN: true }), { minLength: 1 });
    fc.assert(
      fc.property(cases, fc.constantFrom(0.5, 0.9, 0.99), (tookMs, share) => {
        const sorted = tookMs.toSorted((a, b) => a - b);
        const exact = sorted[Math.ceil(tookMs.length * share) - 1] ?? 0;
        const upper = LATENCY_BOUNDS_MS.find((bound) => exact <= bound) ?? 0;
        const lower = LATENCY_BOUNDS_MS.findLast((bound) => bound < exact) ?? 0;
        const shown = percentileMs(of(...tookMs), share) ?? -1;
        assert.ok(shown >= lower && shown <= upper, `${shown} for ${exact}`);
      }),
    );
  });

  test("what came between two is their difference; a channel that was taken out makes it none, not less", () => {
    const earlier = of(1, 1, 700);
    assert.deepEqual(latencyBetween(earlier, latencySum(earlier, of(3, 9))), of(3, 9));
    assert.equal(countIn(latencyBetween(of(1, 2, 3), of(1))), 0);
  });
});
