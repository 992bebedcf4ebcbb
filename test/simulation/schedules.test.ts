/**
 * Both ends under one seeded scheduler (06 TP41, 10 T-P05, T-M04, T-M05): ten thousand schedules of loss,
 * delay, crashes, nodes that are stopped and go on, stores that are put back, and clocks that step.
 *
 * A seed that is printed repeats its schedule: `npm run soak:sim -- --seed N --schedules 1 --trace`.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ReceiverDatabase } from "./receiver-database.ts";
import { runSchedule } from "./schedule.ts";

const SCHEDULES = 10_000;

/** What has to have happened, or the oracles have seen nothing worth judging. */
const HAPPENED = [
  ...["late call", "agentFenced", "put back", "parted", "gapRecorded", "storeBusy"],
  ...["channelRefused", "messageRejected", "refused for good", "repeat", "goaway 4"],
  ...["down partial", "down reject", "up skip", "resumed in a message"],
];

test("[TP41] the same seed repeats a schedule event by event", async () => {
  using database = new ReceiverDatabase();
  const digests = new Set<string>();
  for (let seed = 1; seed <= 50; seed++) {
    const first = await runSchedule(seed, database);
    // Whatever ran in between leaves no trace.
    await runSchedule(seed + 1_000, database);
    const again = await runSchedule(seed, database);
    assert.equal(again.digest, first.digest, `seed ${seed}`);
    assert.equal(again.eventCount, first.eventCount);
    digests.add(first.digest);
  }
  assert.equal(digests.size, 50, "each seed is another schedule");
});

test("[TP41] [T-P05] 10,000 schedules lose nothing, store nothing twice, and keep the order", async () => {
  using database = new ReceiverDatabase();
  const counts = new Map<string, number>();
  for (let seed = 1; seed <= SCHEDULES; seed++) {
    const outcome = await runSchedule(seed, database);
    const repeat = `npm run soak:sim -- --schedules 1 --seed ${seed} --trace`;
    assert.deepEqual(outcome.violations, [], `seed ${seed}; repeat: ${repeat}`);
    for (const [what, count] of outcome.counts) counts.set(what, (counts.get(what) ?? 0) + count);
  }
  const never = HAPPENED.filter((what) => !counts.has(what));
  assert.deepEqual(never, [], "everything that was to be tried has happened");
});
