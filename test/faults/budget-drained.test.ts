/** The budget is reached, and the store drained (T-S06); the full size: scripts/soak-full-disk.ts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { drain } from "./full-disk/drain.ts";

const MIB = 1024 * 1024;

test("[T-S06] [S12] [S15] at the budget messages are refused, and after the drain the file is under twice its live data", async () => {
  const report = await drain(100_000, 12 * MIB);
  assert.ok(report.rows > 5_000 && report.rows < 100_000);
  assert.match(report.refusal ?? "", /"budget":true/);
  assert.ok(report.fullBytes > 6 * MIB);
  assert.ok(report.fullBytes <= 12 * MIB);
  assert.ok(report.drainedBytes <= Math.max(2 * report.liveBytes, report.liveBytes + 2 * MIB));
  assert.ok(report.takesMore);
  assert.deepEqual(report.reasons, []);
});
