/** The thread that watches the loop of the main one; see `loop-watchdog.ts`. @module */
import { writeSync } from "node:fs";
import { workerData } from "node:worker_threads";
import type { WatchdogData } from "./watchdog-data.ts";

const { turns, limitMs } = workerData as WatchdogData;
const STANDARD_ERROR = 2;
/** A machine that slept has not turned either, and says so as soon as it wakes. */
const GRACE_PARTS = 6;

const hasTurned = (seen: number, withinMs: number): boolean =>
  Atomics.wait(turns, 0, seen, withinMs) !== "timed-out";

for (;;) {
  const seen = Atomics.load(turns, 0);
  if (hasTurned(seen, limitMs) || hasTurned(seen, limitMs / GRACE_PARTS)) continue;
  try {
    writeSync(STANDARD_ERROR, "holdfast: the agent's loop has hung: the process is ended\n");
  } catch {
    // A service without a console.
  }
  // Nothing of this process answers any more: the system ends it.
  process.kill(process.pid, "SIGKILL");
}
