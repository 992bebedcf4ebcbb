import assert from "node:assert/strict";
import { test } from "node:test";
import { daysUntil, expiryStage } from "#agent/health/watched-certificate.ts";

const DAY_MS = 86_400_000;

test("[C4] expiry has a stage 60, 30 and 7 days ahead and one once it is over", () => {
  const end = Date.UTC(2030, 0, 1);
  for (const [daysLeft, stage, days] of [
    [365, "none", 365],
    [60 + 1 / 24, "none", 61],
    [60, "soon60", 60],
    [30 + 1 / 24, "soon60", 31],
    [30, "soon30", 30],
    [7 + 1 / 24, "soon30", 8],
    [7, "soon7", 7],
    [1 / 24, "soon7", 1],
    [0, "expired", 0],
    [-1, "expired", -1],
  ] as const) {
    const now = end - daysLeft * DAY_MS;
    assert.equal(expiryStage(end, now), stage, `${daysLeft} days`);
    assert.equal(daysUntil(end, now), days);
  }
});
