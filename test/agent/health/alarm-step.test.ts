import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  type AlarmState,
  CARRIED_HOLD_MS,
  carried,
  openAlarms,
  step,
} from "#agent/health/alarm-step.ts";
import { CONDITIONS, type ConditionName } from "#agent/health/catalogue.ts";
import type { OpenCondition } from "#agent/health/conditions.ts";

const MINUTE_MS = 60_000;

const ill = (condition: ConditionName, subject = "", sinceMs = 1): OpenCondition => ({
  ...{ condition, subject, sinceMs, facts: {}, remedy: "" },
});

/** Walks the step through time. */
class Walk {
  state: AlarmState;
  readonly events: string[] = [];
  dueMs: number | undefined;

  constructor(state: AlarmState = new Map()) {
    this.state = state;
  }

  at(minutes: number, ...conditions: readonly OpenCondition[]): this {
    const monotonicMs = minutes * MINUTE_MS;
    const found = step(this.state, { ill: conditions, nowMs: monotonicMs, monotonicMs });
    this.state = found.state;
    this.dueMs = found.dueMs;
    for (const { event, alarm } of found.events) {
      this.events.push(`${event} ${alarm.code}${alarm.subject === "" ? "" : ` ${alarm.subject}`}`);
    }
    return this;
  }

  get open(): string[] {
    return openAlarms(this.state).map(
      ({ code, suppressed }) => `${code}+${suppressed.map(({ subject }) => subject).join(",")}`,
    );
  }
}

describe("the step of alarms", () => {
  test("[PL9] an alarm opens once and closes once, however often it is looked at", () => {
    const walk = new Walk();
    for (const minute of [0, 1, 2, 3, 4]) walk.at(minute, ill("diskLow"));
    for (const minute of [5, 6, 7, 8]) walk.at(minute);
    assert.deepEqual(walk.events, ["opened diskLow", "closed diskLow"]);
    assert.equal(walk.state.size, 0);
  });

  test("[PL9] one that is over before visibleAfterMs is none; the step says when it is due", () => {
    const walk = new Walk().at(0, ill("tunnelDown"));
    assert.equal(walk.dueMs, CONDITIONS.tunnelDown.visibleAfterMs);
    walk.at(1, ill("tunnelDown")).at(1.5).at(1.6, ill("tunnelDown")).at(3.5, ill("tunnelDown"));
    assert.deepEqual(walk.events, []);
    walk.at(3.7, ill("tunnelDown"));
    assert.deepEqual(walk.events, ["opened tunnelDown"]);
  });

  test("[PL9] flapping opens one alarm: it closes only when all was well for closesAfterMs", () => {
    const walk = new Walk();
    for (let round = 0; round < 50; round++) {
      walk.at(round, ill("diskLow", "", round)).at(round + 0.5);
    }
    assert.deepEqual(walk.events, ["opened diskLow"]);
    walk.at(50.4);
    assert.deepEqual(walk.events, ["opened diskLow"]);
    walk.at(50.6);
    assert.deepEqual(walk.events, ["opened diskLow", "closed diskLow"]);
  });

  test("[PL9] a dead tunnel is one alarm, and the age of forty queues stands under it", () => {
    const queues = Array.from({ length: 40 }, (_, index) => ill("queueAge", `c${index}`));
    const walk = new Walk()
      .at(0, ill("tunnelDown"), ...queues)
      .at(20, ill("tunnelDown"), ...queues);
    assert.deepEqual(walk.events, ["opened tunnelDown"]);
    assert.equal(openAlarms(walk.state)[0]?.suppressed.length, 40);
    // The backlog drains after the tunnel is back: nobody is woken for it.
    walk
      .at(21, ...queues)
      .at(22, ...queues)
      .at(23, ...queues)
      .at(23.5);
    assert.deepEqual(walk.events, ["opened tunnelDown", "closed tunnelDown"]);
    // One that stays is an alarm of its own.
    walk.at(30, ill("queueAge", "c1")).at(32, ill("queueAge", "c1"));
    assert.deepEqual(walk.events.slice(2), ["opened queueAge c1"]);
  });

  test("[PL9] a cause of one channel explains that channel alone", () => {
    const walk = new Walk();
    const found = [ill("channelHeld", "adt"), ill("queueAge", "adt"), ill("queueAge", "oru")];
    walk.at(0, ...found).at(5, ...found);
    assert.deepEqual(walk.events, ["opened channelHeld adt", "opened queueAge oru"]);
    assert.deepEqual(walk.open, ["channelHeld+adt", "queueAge+"]);
  });

  test("[PL9] what is explained by something that is explained stands under the first cause", () => {
    const found = [ill("diskLow"), ill("storeFailing"), ill("fileDropEnded", "lab")];
    const walk = new Walk().at(0, ...found).at(5, ...found);
    assert.deepEqual(walk.open, ["diskLow+,lab"]);
  });

  test("[PL9] what was announced before its cause came stays, and closes once", () => {
    const queue = ill("queueAge", "adt");
    const walk = new Walk().at(0, queue).at(5, queue).at(6, queue, ill("tunnelDown"));
    walk.at(9, queue, ill("tunnelDown")).at(10).at(20);
    assert.deepEqual(walk.events, [
      ...["opened queueAge adt", "opened tunnelDown", "closed queueAge adt", "closed tunnelDown"],
    ]);
  });

  test("[PL9] a maintenance window mutes what is at work, never the store, and announces what stays", () => {
    const window = ill("maintenanceActive");
    const found = [ill("tunnelDown"), ill("diskLow"), ill("trustRollback"), ill("auditBroken")];
    const walk = new Walk().at(0, window, ...found).at(30, window, ...found);
    assert.deepEqual(walk.events, [
      ...["opened maintenanceActive", "opened diskLow", "opened trustRollback"],
      "opened auditBroken",
    ]);
    walk
      .at(31, ...found)
      .at(31.1, ...found)
      .at(34, ...found);
    assert.deepEqual(walk.events.slice(4), ["closed maintenanceActive", "opened tunnelDown"]);
  });

  test("[PL9] a maintenance window of one channel mutes that channel alone", () => {
    const found = [ill("maintenanceActive", "adt"), ill("queueAge", "adt"), ill("queueAge", "oru")];
    const walk = new Walk().at(0, ...found).at(5, ...found);
    assert.deepEqual(walk.events, ["opened maintenanceActive adt", "opened queueAge oru"]);
  });

  test("[PL9] after a restart one that is still ill is not announced again, and a close is not lost", () => {
    const before = new Walk().at(0, ill("diskLow")).at(0, ill("diskLow"), ill("gapSent", "adt"));
    const kept = openAlarms(before.state);
    const after = new Walk(carried(kept, 0)).at(0).at(1, ill("diskLow")).at(4, ill("diskLow"));
    assert.deepEqual(after.events, []);
    after.at(CARRIED_HOLD_MS / MINUTE_MS, ill("diskLow"));
    assert.deepEqual(after.events, ["closed gapSent adt"]);
    // Found ill again, it has its own hold from then on.
    after.at(6).at(7);
    assert.deepEqual(after.events, ["closed gapSent adt", "closed diskLow"]);
  });

  test("[PL9] whatever comes and goes, openings and closes take turns, and at peace nothing stays open", () => {
    const names: readonly ConditionName[] = [
      ...(["tunnelDown", "queueAge", "diskLow", "storeFailing", "channelSilent"] as const),
      ...(["maintenanceActive", "identityRefused", "messageDamaged", "sealBroken"] as const),
    ];
    const one = fc.record({
      condition: fc.constantFrom(...names),
      subject: fc.constantFrom("", "adt", "oru"),
    });
    const looks = fc.array(
      fc.record({
        waitMs: fc.nat(400_000),
        ill: fc.uniqueArray(one, {
          maxLength: 8,
          selector: (it) => `${it.condition} ${it.subject}`,
        }),
      }),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(looks, (given) => {
        let state: AlarmState = new Map();
        let nowMs = 0;
        const isOpen = new Map<string, boolean>();
        const look = (conditions: readonly OpenCondition[]): void => {
          const found = step(state, { ill: conditions, nowMs, monotonicMs: nowMs });
          state = found.state;
          for (const { event, alarm } of found.events) {
            const key = `${alarm.code} ${alarm.subject}`;
            assert.equal(isOpen.get(key) ?? false, event === "closed");
            isOpen.set(key, event === "opened");
          }
        };
        for (const { waitMs, ill: found } of given) {
          nowMs += waitMs;
          look(found.map(({ condition, subject }) => ill(condition, subject, nowMs)));
        }
        look([]);
        nowMs += 3_600_000;
        look([]);
        assert.equal([...isOpen.values()].some(Boolean), false);
        assert.equal(state.size, 0);
      }),
    );
  });
});
