import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DRILL_DRAIN_MAX_MS, DRILL_SAMPLES_COUNT } from "#agent/drill-limits.ts";
import { reportOf } from "#agent/outage-drill-report.ts";
import {
  type DrillChannel,
  type DrillLook,
  type DrillState,
  step,
} from "#agent/outage-drill-state.ts";

const SAID = { reason: "exercise", by: "anna" };

function channel(change: Partial<DrillChannel> = {}): DrillChannel {
  return {
    ...{ name: "adt", epoch: 1n, lastSeq: 10n, ackedSeq: 10n, stored: 10n },
    ...{ waiting: 0n, waitingBytes: 0, isHeld: false, ...change },
  };
}

/** So many messages of 1,000 bytes were accepted since, and so many of all are acked. */
const having = (accepted: number, acked = 10, change: Partial<DrillChannel> = {}): DrillChannel =>
  channel({
    ...{ lastSeq: BigInt(10 + accepted), stored: BigInt(10 + accepted), ackedSeq: BigInt(acked) },
    ...{ waiting: BigInt(10 + accepted - acked), waitingBytes: (10 + accepted - acked) * 1_000 },
    ...change,
  });

function look(seconds: number, channels: readonly DrillChannel[], more: Partial<DrillLook> = {}) {
  const atMs = seconds * 1_000;
  const look: DrillLook = {
    ...{ nowMs: atMs, monotonicMs: atMs, channels, isUp: false, roomBytes: 1e9 },
    ...{ forbids: undefined, ...more },
  };
  return look;
}

/** Walks events; what is no look begins or stops. */
function walk(minutes: number, looks: readonly (DrillLook | "stop")[]) {
  const began = look(0, [channel()], { isUp: true });
  let { state } = step({ at: "none" }, { on: "begun", minutes, look: began });
  const effects: string[] = [];
  for (const one of looks) {
    const last = "last" in state ? state.last : began;
    const event =
      one === "stop" ? { on: "stop" as const, look: last } : { on: "looked" as const, look: one };
    const next = step(state, event);
    state = next.state;
    effects.push(...next.effects);
  }
  return { state, effects, report: reported(state) };
}

function reported(state: DrillState, aside = new Map<string, number>()) {
  assert.ok(state.at !== "none");
  return reportOf(state, SAID, aside);
}

describe("an outage drill", () => {
  test("[Operate] is over when the receiver has the last number that was given meanwhile, whatever comes later", () => {
    const { state, effects, report } = walk(1, [
      look(30, [having(50)]),
      look(60, [having(100)]),
      look(61, [having(101)]),
      look(62, [having(130, 80)], { isUp: true }),
      look(64, [having(160, 110)], { isUp: true }),
    ]);
    assert.deepEqual([state.at, effects], ["over", ["letUp", "ended"]]);
    assert.partialDeepStrictEqual(report, {
      ...{ releasedBecause: "time", heldSeconds: 60, reconnectSeconds: 2, drainSeconds: 4 },
      ...{ accepted: 100, backlog: 100, backlogBytes: 100_000, acknowledged: 100 },
      ...{ setAside: 0, outcome: "complete", reason: "exercise", by: "anna" },
    });
    assert.deepEqual(
      report.samples.map(({ atSeconds, waiting }) => [atSeconds, waiting]),
      [
        [0, 0],
        [30, 50],
        [60, 100],
      ],
    );
  });

  test("[Operate] what the receiver has not acknowledged is counted, and the drill is not complete", () => {
    const late = 60 + DRILL_DRAIN_MAX_MS / 1_000 + 1;
    const { state, report } = walk(1, [
      look(60, [having(100)]),
      look(late, [having(100, 70)], { isUp: true }),
    ]);
    assert.equal(state.at, "over");
    assert.partialDeepStrictEqual(report, {
      ...{ outcome: "incomplete", accepted: 100, acknowledged: 60, drainSeconds: undefined },
    });
    assert.equal(report.channels[0]?.waiting, 40);
  });

  test("[Operate] what was refused for good is no loss, and is not called complete", () => {
    const { state } = walk(1, [
      look(60, [having(100)]),
      look(61, [having(100, 110)], { isUp: true }),
    ]);
    const report = reported(state, new Map([["adt", 3]]));
    assert.partialDeepStrictEqual(report, { outcome: "setAside", acknowledged: 97, setAside: 3 });
  });

  test("[Operate] a channel that is held keeps no drill from its end, and what it took is not called acknowledged", () => {
    const held = having(7, 10, { name: "held", isHeld: true });
    const { state, report } = walk(1, [
      look(60, [having(5), held]),
      look(61, [having(5, 15), held], { isUp: true }),
    ]);
    assert.deepEqual([state.at, report.outcome], ["over", "incomplete"]);
    assert.deepEqual(
      report.channels.map(({ name, acknowledged, waiting }) => [name, acknowledged, waiting]),
      [
        ["adt", 5, 0],
        // Not there at the beginning: all that it has is counted.
        ["held", 10, 7],
      ],
    );
  });

  test("[Operate] ends early where the store would not last, an alarm opens, or a configuration is changed", () => {
    const at = (more: Partial<DrillLook>) => walk(60, [look(60, [having(100)], more)]);
    assert.equal(at({}).state.at, "held");
    for (const [more, because] of [
      // In 59 minutes as much again 59 times, and once more.
      [{ roomBytes: 5_999_000 }, "room"],
      [{ forbids: "trouble" }, "trouble"],
      [{ forbids: "configuration" }, "configuration"],
    ] as const) {
      const { state, effects, report } = at(more);
      assert.deepEqual(
        [state.at, effects, report.releasedBecause],
        ["draining", ["letUp"], because],
      );
    }
    assert.equal(at({ roomBytes: 6_000_001 }).state.at, "held");
  });

  test("[Operate] a person ends it, and a second time the wait for what has not left", () => {
    const first = walk(60, [look(60, [having(100)]), "stop"]);
    assert.deepEqual([first.state.at, first.report.releasedBecause], ["draining", "person"]);
    const second = walk(60, [look(60, [having(100)]), "stop", "stop"]);
    assert.deepEqual([second.state.at, second.report.outcome], ["over", "incomplete"]);
    assert.deepEqual(second.effects, ["letUp", "ended"]);
  });

  test("[Operate] another epoch has other numbers: there all has left when nothing waits", () => {
    const moved = (acked: number) => having(100, acked, { epoch: 2n });
    const parted = walk(1, [look(60, [having(100)]), look(61, [moved(50)], { isUp: true })]);
    assert.deepEqual([parted.state.at, parted.report.channels[0]?.waiting], ["draining", 60]);
    const left = walk(1, [look(60, [having(100)]), look(61, [moved(110)], { isUp: true })]);
    assert.deepEqual([left.state.at, left.report.outcome], ["over", "complete"]);
  });

  test("[Operate] the curve has a bounded number of points however long it lasts", () => {
    const looks = Array.from({ length: 3_599 }, (_, second) => look(second + 1, [having(second)]));
    const { report } = walk(60, looks);
    assert.ok(report.samples.length <= DRILL_SAMPLES_COUNT + 1, String(report.samples.length));
    assert.ok(report.samples.length >= DRILL_SAMPLES_COUNT - 1);
  });

  test("[Operate] a second one does not begin while one is under way, and what is over hears nothing", () => {
    const began = { on: "begun", minutes: 1, look: look(1, [channel()]) } as const;
    const { state } = walk(60, [look(60, [having(100)])]);
    assert.deepEqual(step(state, began), { state, effects: [] });
    const none: DrillState = { at: "none" };
    assert.deepEqual(step(none, { on: "looked", look: began.look }), { state: none, effects: [] });
  });
});
