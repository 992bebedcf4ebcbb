import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ChannelWatch, type ChannelWatchOptions, LOOK_MS } from "#agent/channel-watch.ts";
import { Conditions } from "#agent/health/conditions.ts";
import { SilenceSchedule } from "#agent/health/silence-schedule.ts";
import { ManualClock } from "#test/support/clocks.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** A clock whose wall shows something else than the machine counts. */
class PutClock extends ManualClock {
  shiftMs = 0;
  override nowMs = (): number => super.monotonicMs() + this.shiftMs;
}

/** A channel `adt` that is usually heard each minute, at every hour. */
function busySchedule(): Uint8Array {
  const schedule = SilenceSchedule.empty();
  for (let hour = 0; hour < 168; hour++) {
    for (let week = 0; week < 4; week++) schedule.learn({ hour, silenceMs: MINUTE_MS });
  }
  return schedule.bytes();
}

function watch(more: Partial<ChannelWatchOptions> = {}) {
  const clock = new PutClock();
  const conditions = new Conditions();
  const counts = { received: 0, negative: 0, positive: 0 };
  const saved: string[] = [];
  const watched = new ChannelWatch({
    ...{ conditions, clock, outboxAgeAlarmMs: 15 * MINUTE_MS, silenceFactor: 4 },
    hourOfWeekAt: (atMs) => Math.floor(atMs / HOUR_MS) % 168,
    channels: () => [
      {
        ...{ name: "adt", received: counts.received },
        ...{ repliesNegative: counts.negative, repliesPositive: counts.positive },
      },
    ],
    waiting: () => Promise.resolve([]),
    siemWaitsSinceMs: () => Promise.resolve(undefined),
    waitsForApproval: () => undefined,
    schedules: new Map([["adt", busySchedule()]]),
    saveSchedule: (channel) => Promise.resolve(void saved.push(channel)),
    silent: new Set(),
    ...more,
  });
  const passes = async (ms: number, sends = false): Promise<void> => {
    for (let passed = 0; passed < ms; passed += LOOK_MS) {
      if (sends) counts.received += 1;
      clock.advance(LOOK_MS);
      await watched.look();
    }
  };
  const names = () =>
    conditions.list().map(({ condition, subject }) => `${condition} ${subject}`.trim());
  return { watched, clock, conditions, counts, saved, passes, names };
}

describe("the watch of channels", () => {
  test("[PL10] a sender that stops is an alarm once, and the schedule goes on being learned and kept", async () => {
    const { watched, passes, names, saved } = watch();
    await using _ = watched;
    await passes(3 * HOUR_MS, true);
    assert.deepEqual([names(), saved.length >= 1, new Set(saved)], [[], true, new Set(["adt"])]);
    await passes(40 * MINUTE_MS);
    assert.deepEqual(names(), ["channelSilent adt"]);
    await passes(LOOK_MS, true);
    assert.deepEqual(names(), []);
  });

  test("[PL10] of a channel that a former run called silent the next one does so, too, until it is heard", async () => {
    const { watched, passes, names } = watch({ silent: new Set(["adt"]) });
    await using _ = watched;
    await passes(MINUTE_MS);
    assert.deepEqual(names(), ["channelSilent adt"]);
    await passes(LOOK_MS, true);
    assert.deepEqual(names(), []);
  });

  test("[PL10] a clock that is put forward by a day makes nobody silent", async () => {
    const { watched, clock, passes, names } = watch();
    await using _ = watched;
    await passes(HOUR_MS, true);
    clock.shiftMs = 24 * HOUR_MS;
    await passes(5 * MINUTE_MS);
    assert.deepEqual(names(), []);
  });

  test("[PL10] what waits longer than outboxAgeAlarmMinutes is an alarm of its channel, until it has left", async () => {
    const waiting = { count: 0n, oldestWaitingAtMs: undefined as number | undefined };
    const { watched, clock, conditions, passes, names } = watch({
      waiting: () => Promise.resolve([{ name: "adt", ...waiting }]),
    });
    await using _ = watched;
    Object.assign(waiting, { count: 3n, oldestWaitingAtMs: clock.nowMs() });
    await passes(14 * MINUTE_MS, true);
    assert.deepEqual(names(), []);
    await passes(2 * MINUTE_MS, true);
    assert.deepEqual(names(), ["queueAge adt"]);
    assert.equal(conditions.list()[0]?.facts["count"], 3n);
    Object.assign(waiting, { count: 0n, oldestWaitingAtMs: undefined });
    await passes(LOOK_MS, true);
    assert.deepEqual(names(), []);
  });

  test("[PL10] refusals, an old audit spool and a configuration that waits are alarms while they last", async () => {
    let sinceMs: number | undefined;
    let digest: string | undefined;
    const { watched, clock, counts, passes, names } = watch({
      siemWaitsSinceMs: () => Promise.resolve(sinceMs),
      waitsForApproval: () => digest,
    });
    await using _ = watched;
    await passes(MINUTE_MS, true);
    counts.negative += 30;
    digest = "0123456789ab";
    sinceMs = clock.nowMs() - HOUR_MS;
    await passes(LOOK_MS, true);
    assert.deepEqual(names(), ["manyRefusals adt", "approvalWaiting", "auditSpoolOld"]);
    [digest, sinceMs] = [undefined, undefined];
    await passes(20 * MINUTE_MS, true);
    assert.deepEqual(names(), []);
  });
});
