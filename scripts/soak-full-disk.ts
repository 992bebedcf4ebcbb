/**
 * The long forms of T-S05 and T-S06. Needs root and loop devices for the first. Exit 1 on any violation, 77
 * where no disk can be mounted.
 *
 *   node scripts/bootstrap.mjs scripts/soak-full-disk.ts                  a disk that is full for an hour
 *   node scripts/bootstrap.mjs scripts/soak-full-disk.ts --minutes 5 --kill
 *   node scripts/bootstrap.mjs scripts/soak-full-disk.ts --drain-rows 350000
 *
 * @module
 */
import { parseArgs } from "node:util";
import { drain } from "#test/faults/full-disk/drain.ts";
import { fillDisk } from "#test/faults/full-disk/full-disk.ts";
import { LoopDisk } from "#test/support/loop-disk.ts";

const EXIT_USAGE = 64;
const EXIT_CANNOT_RUN = 77;
const MINUTE_MS = 60_000;
const MIB = 1024 * 1024;
/** What 24 MB hold beside the journal, the ballast and the log. */
const MESSAGES = 2_000;
/** Far above what 350,000 small rows take. */
const DRAIN_BUDGET_BYTES = 1_024 * MIB;

async function soakFullDisk(minutes: number, kill: boolean): Promise<number> {
  const made = LoopDisk.make(24);
  if (typeof made === "string") {
    console.log(made);
    process.exit(EXIT_CANNOT_RUN);
  }
  using disk = made;
  const report = await fillDisk({ disk, messages: MESSAGES, fullMs: minutes * MINUTE_MS, kill });
  console.log(report);
  const { acknowledgedWhileFull, restarts, waitingWhileFull, reasons } = report;
  const unasked = restarts - (kill ? 1 : 0);
  return acknowledgedWhileFull + unasked + waitingWhileFull + reasons.length;
}

async function soakDrain(rows: number): Promise<number> {
  const report = await drain(rows, DRAIN_BUDGET_BYTES);
  console.log(report);
  const { drainedBytes, liveBytes, takesMore, reasons } = report;
  const large = drainedBytes > Math.max(2 * liveBytes, liveBytes + 2 * MIB);
  return (large ? 1 : 0) + (takesMore ? 0 : 1) + (report.rows < rows ? 1 : 0) + reasons.length;
}

function whole(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  console.error(`soak-full-disk: ${text} is no whole number above 0`);
  process.exit(EXIT_USAGE);
}

const { values } = parseArgs({
  options: {
    minutes: { type: "string" },
    kill: { type: "boolean", default: false },
    "drain-rows": { type: "string" },
  },
});
const rows = values["drain-rows"];
let violations = 0;
if (rows !== undefined) violations += await soakDrain(whole(rows));
if (rows === undefined || values.minutes !== undefined) {
  violations += await soakFullDisk(whole(values.minutes ?? "60"), values.kill);
}
process.exitCode = violations === 0 ? 0 : 1;
