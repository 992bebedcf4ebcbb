import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { windowAfterPing, windowStart } from "#protocol/window.ts";

const samples = fc.array(
  fc.record({
    waitMs: fc.integer({ min: 0, max: 120_000 }),
    roundTripMs: fc.integer({ min: 0, max: 600 }),
    full: fc.boolean(),
  }),
  { maxLength: 60 },
);

test("[TP22] the window starts at 128 KiB and stays between 64 KiB and 4 MiB, in whole bytes", () => {
  assert.equal(windowStart().windowBytes, 131_072);
  fc.assert(
    fc.property(samples, (series) => {
      let state = windowStart();
      let nowMs = 0;
      for (const { waitMs, roundTripMs, full } of series) {
        nowMs += waitMs;
        state = windowAfterPing(state, { roundTripMs, nowMs, full });
        assert.ok(state.windowBytes >= 65_536 && state.windowBytes <= 4_194_304);
        assert.ok(Number.isInteger(state.windowBytes));
      }
    }),
  );
});

test("[TP22] the base is the lowest round trip of the last 10 minutes", () => {
  fc.assert(
    fc.property(samples, (series) => {
      let state = windowStart();
      let nowMs = 0;
      const all: { atMs: number; roundTripMs: number }[] = [];
      for (const { waitMs, roundTripMs, full } of series) {
        nowMs += waitMs;
        all.push({ atMs: nowMs, roundTripMs });
        state = windowAfterPing(state, { roundTripMs, nowMs, full });
        const recent = all.filter(({ atMs }) => nowMs - atMs <= 600_000);
        assert.equal(
          state.lows[0]?.roundTripMs,
          Math.min(...recent.map((sample) => sample.roundTripMs)),
        );
      }
    }),
  );
});

test("[TP22] ten minutes of a PING a second keep at most 601 samples", () => {
  let state = windowStart();
  for (let second = 0; second < 2_000; second++) {
    state = windowAfterPing(state, { roundTripMs: second, nowMs: second * 1_000, full: true });
  }
  assert.equal(state.lows.length, 601);
});

test("[TP22] windowAfterPing leaves the state it was given as it was", () => {
  const before = windowStart();
  windowAfterPing(before, { roundTripMs: 1, nowMs: 0, full: true });
  assert.deepEqual(before, windowStart());
});
