import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { alarmKeeper } from "#agent/alarm-keeper.ts";
import { AgentError, type Facts } from "#agent/errors.ts";
import { type AlarmKeeper, Alarms, type KeptAlarms } from "#agent/health/alarms.ts";
import { Conditions } from "#agent/health/conditions.ts";
import type { Log } from "#agent/host/log.ts";
import { ALARM_EVENTS_KEPT_COUNT } from "#agent/limits.ts";
import { ManualClock } from "#test/support/clocks.ts";
import { until } from "#test/support/processes.ts";
import { TestOutbox } from "#test/support/test-outbox.ts";

/** Keeps in memory; can be told to fail. */
class PlayedKeeper implements AlarmKeeper {
  kept: KeptAlarms = { open: [], events: [], lastNumber: 0 };
  saves = 0;
  isFailing = false;

  load(): Promise<KeptAlarms> {
    return Promise.resolve(this.kept);
  }

  save(kept: KeptAlarms): Promise<void> {
    if (this.isFailing) return Promise.reject(new AgentError("STORE_FULL", {}));
    this.saves += 1;
    this.kept = JSON.parse(JSON.stringify(kept)) as KeptAlarms;
    return Promise.resolve();
  }
}

/** One run of an agent: its conditions begin empty. */
async function run(keeper: AlarmKeeper, clock = new ManualClock()) {
  const conditions = new Conditions();
  const lines: [string, Facts][] = [];
  const log: Log = { write: (event, facts) => void lines.push([event, facts]), fault: () => {} };
  const alarms = await Alarms.open({ conditions, keeper, clock, log });
  const said = () => lines.map(([event, { code }]) => `${event} ${code}`);
  return { alarms, conditions, clock, lines, said };
}

describe("the alarms of the agent", () => {
  test("[PL9] a condition becomes one line with code, channel, since, severity and runbook", async () => {
    const { alarms, conditions, clock, lines } = await run(new PlayedKeeper());
    await using _ = alarms;
    const sinceMs = clock.nowMs();
    conditions.open("messageDamaged", "adt", { seq: 7n }, sinceMs);
    clock.advance(10_000);
    const facts = { code: "messageDamaged", channel: "adt", severity: "critical", sinceMs };
    assert.deepEqual(lines, [
      ["alarmOpened", { ...facts, number: 1, runbook: "message-damaged.md" }],
    ]);
    assert.deepEqual(alarms.open[0]?.facts, { seq: "7" });
    conditions.close("messageDamaged", "adt");
    clock.advance(61_000);
    assert.deepEqual(lines.slice(1), [
      ["alarmClosed", { ...facts, number: 2, runbook: "message-damaged.md" }],
    ]);
    assert.deepEqual(alarms.open, []);
  });

  test("[PL9] a restart announces nothing twice, and closes what got well meanwhile", async () => {
    const keeper = new PlayedKeeper();
    const first = await run(keeper);
    first.conditions.open("diskLow", "", {}, 1);
    first.conditions.open("auditBroken", "", {}, 1);
    first.clock.advance(1_000);
    assert.deepEqual(first.said(), ["alarmOpened diskLow", "alarmOpened auditBroken"]);
    await first.alarms[Symbol.asyncDispose]();
    const second = await run(keeper);
    second.conditions.open("diskLow", "", {}, 2);
    second.clock.advance(299_000);
    assert.deepEqual(second.said(), []);
    assert.deepEqual(
      second.alarms.open.map(({ code }) => code),
      ["diskLow", "auditBroken"],
    );
    second.clock.advance(2_000);
    assert.deepEqual(second.said(), ["alarmClosed auditBroken"]);
    await second.alarms[Symbol.asyncDispose]();
    // It died: nothing was disposed of. What was said is kept already.
    const third = await run(keeper);
    third.clock.advance(301_000);
    assert.deepEqual(third.said(), ["alarmClosed diskLow"]);
    assert.equal(keeper.kept.lastNumber, 4);
    await third.alarms[Symbol.asyncDispose]();
  });

  test("[PL9] while the store fails an alarm is announced, and kept as soon as it can be", async () => {
    const keeper = new PlayedKeeper();
    keeper.isFailing = true;
    const { alarms, conditions, clock, said } = await run(keeper);
    conditions.open("storeFailing", "", {}, 1);
    clock.advance(10_000);
    assert.deepEqual(said(), ["alarmOpened storeFailing"]);
    assert.equal(alarms.after(0, 10).length, 1);
    keeper.isFailing = false;
    await until("it is kept", () => {
      clock.advance(5_000);
      return Promise.resolve(keeper.saves > 0);
    });
    assert.deepEqual(
      keeper.kept.open.map(({ code }) => code),
      ["storeFailing"],
    );
    await alarms[Symbol.asyncDispose]();
  });

  test("[PL9] the newest events are kept by number, the others are gone; memory is bounded", async () => {
    const { alarms, conditions, clock } = await run(new PlayedKeeper());
    await using _ = alarms;
    for (let number = 0; number < 200; number++) {
      conditions.open("diskLow", "", {}, number);
      clock.advance(1_000);
      conditions.close("diskLow", "");
      clock.advance(61_000);
    }
    assert.equal(alarms.after(0, 1_000).length, ALARM_EVENTS_KEPT_COUNT);
    assert.deepEqual(
      alarms.after(398, 10).map(({ number, event }) => [number, event]),
      [
        [399, "opened"],
        [400, "closed"],
      ],
    );
  });

  test("[PL9] lie in a real store over its end, and what a damaged disk made of them is nothing", async () => {
    await using store = await TestOutbox.open();
    const first = await run(alarmKeeper(store.outbox.trust));
    first.conditions.open("gapSent", "adt", { lastSeq: 12n }, 5);
    first.clock.advance(1_000);
    await first.alarms[Symbol.asyncDispose]();
    await store.reopen();
    const again = await run(alarmKeeper(store.outbox.trust));
    assert.deepEqual(
      again.alarms.open.map(({ code, subject, sinceMs, facts }) => [code, subject, sinceMs, facts]),
      [["gapSent", "adt", 5, { lastSeq: "12" }]],
    );
    await again.alarms[Symbol.asyncDispose]();
    await store.outbox.trust.note({ values: new Map([["note.alarms", Buffer.from('{"open":7')]]) });
    const third = await run(alarmKeeper(store.outbox.trust));
    assert.deepEqual(third.alarms.open, []);
    await third.alarms[Symbol.asyncDispose]();
  });
});
