import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CONDITIONS } from "#agent/health/catalogue.ts";
import { Conditions } from "#agent/health/conditions.ts";
import { ChannelCounters, COUNTER_NAMES } from "#agent/health/counters.ts";

describe("conditions", () => {
  test("absence means healthy; opening twice keeps the first time and the last facts", () => {
    const conditions = new Conditions();
    assert.deepEqual(conditions.list(), []);
    conditions.open("tunnelDown", "", { status: 503 }, 10);
    conditions.open("tunnelDown", "", { status: 500 }, 20);
    const [only, ...more] = conditions.list();
    assert.deepEqual([only?.sinceMs, only?.facts, more], [10, { status: 500 }, []]);
    assert.equal(only?.remedy, `${CONDITIONS.tunnelDown.means}. ${CONDITIONS.tunnelDown.remedy}`);
    conditions.close("tunnelDown", "");
    conditions.close("tunnelDown", "");
    assert.deepEqual(conditions.list(), []);
  });

  test("one condition of two channels is two", () => {
    const conditions = new Conditions();
    conditions.open("channelHeld", "adt", {}, 1);
    conditions.open("channelHeld", "oru", {}, 2);
    conditions.close("channelHeld", "adt");
    assert.deepEqual(
      conditions.list().map(({ subject }) => subject),
      ["oru"],
    );
  });
});

describe("counters", () => {
  test("only go up, and show what is not zero in the order of their names", () => {
    const counters = new ChannelCounters();
    counters.add("stored");
    counters.add("received", 3);
    counters.add("stored", 2);
    assert.deepEqual(Object.entries(counters.snapshot()), [
      ["received", 3],
      ["stored", 3],
    ]);
    assert.equal(counters.value("notMllp"), 0);
    assert.equal(new Set(COUNTER_NAMES).size, COUNTER_NAMES.length);
  });
});
