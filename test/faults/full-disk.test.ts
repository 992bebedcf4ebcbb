/** The disk is full to the last byte, on a real file system (T-S05); the long form: scripts/soak-full-disk.ts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { LoopDisk } from "#test/support/loop-disk.ts";
import { fillDisk } from "./full-disk/full-disk.ts";

for (const [kill, what] of [
  [false, ""],
  [true, ", also after kill -9 and a start on the full disk"],
] as const) {
  test(`[T-S05] [S13] [E1] a full disk: no acknowledgment, the process stays, the backlog drains, ingest resumes alone${what}`, async (context) => {
    const made = LoopDisk.make(24);
    if (typeof made === "string") return context.skip(made);
    using disk = made;
    const report = await fillDisk({ disk, messages: 600, fullMs: 3_000, kill });
    assert.equal(report.acknowledged, 601);
    assert.equal(report.acknowledgedWhileFull, 0);
    assert.ok(report.conditionsWhileFull.includes("diskLow"));
    assert.equal(report.waitingWhileFull, 0);
    assert.ok(report.pruned >= 500, "within their 72 hours, to give room back");
    assert.equal(report.restarts, kill ? 1 : 0);
    assert.ok(report.ballastHeldAtEnd);
    assert.ok(!report.conditionsAtEnd.includes("diskLow"));
    assert.ok(!report.conditionsAtEnd.includes("storeFailing"));
    assert.deepEqual(report.reasons, []);
  });
}
