import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type ChannelTotals, History, HistorySampler } from "#agent/health/history.ts";
import { Latency, NO_LATENCY } from "#agent/health/latency.ts";
import { Tasks } from "#agent/host/tasks.ts";
import { HISTORY_POINTS_MAX_COUNT } from "#agent/limits.ts";
import { ManualClock } from "#test/support/clocks.ts";

const START_MS = Date.UTC(2025, 0, 1);

function totals(stored: number, more: Partial<ChannelTotals> = {}): ChannelTotals {
  return { name: "adt", stored, waiting: 0, latency: NO_LATENCY, ...more };
}

/** Notes a row of totals, ten seconds apart. */
function noted(rows: readonly (readonly ChannelTotals[])[], everyMs = 10_000): History {
  const history = new History();
  for (const [at, channels] of rows.entries()) {
    history.note(channels, at * everyMs, START_MS + at * everyMs);
  }
  return history;
}

describe("the day by the minute", () => {
  test("a minute has what was stored in it, how fast that was acknowledged, and what waits at its end", () => {
    const latency = new Latency();
    latency.add(400);
    const rows = [0, 1, 2, 3, 4, 5].map((at) => [totals(1_000 + at)]);
    latency.add(3);
    const last = [totals(1_060, { waiting: 7, latency: latency.snapshot() })];
    const [point, ...more] = noted([...rows, last]).points;
    assert.deepEqual(more, []);
    assert.deepEqual(
      [point?.atMs, point?.storedPerMinute, point?.waiting],
      [START_MS + 60_000, 60, 7],
    );
    assert.ok((point?.medianMs ?? 0) <= 5 && (point?.p99Ms ?? 0) > 250);
  });

  test("what was stored before the start, and on a channel before it was there, is in no minute", () => {
    const late = [totals(5), { ...totals(900), name: "new" }];
    const rows = [[totals(5)], [totals(5)], [totals(5)], late, late, late, late];
    assert.equal(noted(rows).points[0]?.storedPerMinute, 0);
  });

  test("a channel that is taken out, or begins at nothing again, takes nothing away", () => {
    const rows = [[totals(50)], [totals(60)], [totals(60)], [totals(60)], [], [], []];
    assert.equal(noted(rows).points[0]?.storedPerMinute, 0);
  });

  test("a machine that slept makes no minute of a night: its rate is by the time that went by", () => {
    const history = new History();
    history.note([totals(0)], 0, START_MS);
    history.note([totals(600)], 600_000, START_MS + 600_000);
    assert.equal(history.points[0]?.storedPerMinute, 60);
  });

  test("[I-8] a day is kept, and no minute more", () => {
    const minutes = HISTORY_POINTS_MAX_COUNT + 100;
    const rows = Array.from({ length: minutes + 1 }, (_, at) => [totals(at)]);
    const { points } = noted(rows, 60_000);
    assert.equal(points.length, HISTORY_POINTS_MAX_COUNT);
    assert.equal(points.at(-1)?.atMs, START_MS + minutes * 60_000);
  });

  test("the last minute of a channel moves on with each look", () => {
    assert.equal(noted([[totals(5)]]).lastMinuteOf("adt"), undefined);
    const rows = Array.from({ length: 30 }, (_, at) => [totals(at)]);
    assert.equal(noted(rows).lastMinuteOf("adt"), 6);
    assert.equal(noted(rows).lastMinuteOf("other"), undefined);
  });
});

test("the sampler looks every ten seconds, leaves out what nobody knows, and ends when it is disposed", async () => {
  const clock = new ManualClock();
  await using tasks = new Tasks((_name, error) => assert.fail(String(error)));
  const answers = [[totals(1)], undefined, [totals(3)]];
  let looks = 0;
  const read = () => Promise.resolve(answers[looks++]);
  const sampler = new HistorySampler({ clock, tasks, read });
  for (const _ of answers) {
    await tasks[Symbol.asyncDispose]();
    clock.advance(10_000);
  }
  await tasks[Symbol.asyncDispose]();
  assert.equal(sampler.history.lastMinuteOf("adt"), 2);
  sampler[Symbol.dispose]();
  assert.equal(clock.armedCount, 0);
});
