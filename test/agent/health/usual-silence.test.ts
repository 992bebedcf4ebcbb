import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { SilenceSchedule } from "#agent/health/silence-schedule.ts";
import {
  HOURS_A_WEEK,
  look,
  remembered,
  SILENCE_FLOOR_MS,
  type SilenceState,
  usualOf,
  watchedFrom,
} from "#agent/health/usual-silence.ts";
import { Zone } from "#config/zoned-time.ts";

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const WEEK_MS = 168 * HOUR_MS;
const BERLIN = new Zone("Europe/Berlin");
/** Of each hour once: a time zone costs more than what is tested, and years of minutes pass here. */
const hours = new Map<number, number>();
function hourOfWeek(atMs: number): number {
  const at = Math.floor(atMs / HOUR_MS);
  const known = hours.get(at) ?? BERLIN.hourOfWeekAt(atMs);
  hours.set(at, known);
  return known;
}
/** A Monday, midnight in Berlin. */
const MONDAY_MS = Date.parse("2026-01-05T00:00:00+01:00");

/** A channel that is looked at every minute; time passes only here. */
class Watched {
  readonly schedule = SilenceSchedule.empty();
  nowMs: number;
  monotonicMs = 0;
  #count = 0;
  #state: SilenceState;
  readonly alarms: string[] = [];

  constructor(fromMs = MONDAY_MS) {
    this.nowMs = fromMs;
    this.#state = watchedFrom(this.#look());
  }

  #look() {
    const hour = hourOfWeek(this.nowMs);
    const { nowMs, monotonicMs } = this;
    return { monotonicMs, nowMs, hour, messageCount: this.#count };
  }

  /** @param sends whether a message comes in the minute that begins then */
  untilMs(endMs: number, sends: (atMs: number) => boolean): this {
    while (this.nowMs < endMs) {
      if (sends(this.nowMs)) this.#count += 1;
      this.nowMs += MINUTE_MS;
      this.monotonicMs += MINUTE_MS;
      const usualMs = (hour: number) => this.schedule.usualMs(hour);
      const wasSilent = this.#state.isSilent;
      const { state, learned } = look(this.#state, this.#look(), { usualMs, factor: 4 });
      this.#state = state;
      if (learned !== undefined) this.schedule.learn(learned);
      if (state.isSilent !== wasSilent) {
        const at = new Date(this.nowMs).toISOString();
        this.alarms.push(`${state.isSilent ? "silent" : "heard"} ${at}`);
      }
    }
    return this;
  }

  /** The agent was stopped, or the machine slept. */
  away(ms: number): this {
    this.nowMs += ms;
    this.monotonicMs += ms;
    return this;
  }

  /** Somebody put the clock. */
  leap(ms: number): this {
    this.nowMs += ms;
    return this;
  }
}

/** A laboratory: on weekdays from eight to six a message each three minutes, at night one at four. */
function laboratory(atMs: number): boolean {
  const hour = hourOfWeek(atMs);
  const [day, ofDay] = [Math.floor(hour / 24), hour % 24];
  if (ofDay === 4) return Math.floor(atMs / MINUTE_MS) % 60 === 0;
  const isBusy = day < 5 && ofDay >= 8 && ofDay < 18;
  return isBusy && Math.floor(atMs / MINUTE_MS) % 3 === 0;
}

describe("the usual silence of a channel", () => {
  test("[PL10] a channel that stops on a busy morning is an alarm within minutes, and heard again ends it", () => {
    const watched = new Watched().untilMs(MONDAY_MS + 4 * WEEK_MS, laboratory);
    assert.equal(watched.alarms.length, 0);
    const stopMs = MONDAY_MS + 4 * WEEK_MS + 10 * HOUR_MS;
    watched.untilMs(stopMs, laboratory).untilMs(stopMs + 2 * HOUR_MS, () => false);
    const first: string = watched.alarms[0] ?? "";
    const afterMs = Date.parse(first.split(" ")[1] ?? "") - stopMs;
    assert.ok(afterMs > SILENCE_FLOOR_MS && afterMs < 20 * MINUTE_MS, `${afterMs}`);
    watched.untilMs(stopMs + 3 * HOUR_MS, laboratory);
    assert.deepEqual(
      watched.alarms.map((one) => one.split(" ")[0]),
      ["silent", "heard"],
    );
  });

  test("[PL10] nights and weekends are silent every week, and no alarm; nothing is said before there is history", () => {
    const watched = new Watched().untilMs(MONDAY_MS + 8 * WEEK_MS, laboratory);
    assert.deepEqual(watched.alarms, []);
    const young = new Watched().untilMs(MONDAY_MS + 2 * WEEK_MS + 10 * HOUR_MS, laboratory);
    young.untilMs(MONDAY_MS + 2 * WEEK_MS + 20 * HOUR_MS, () => false);
    assert.deepEqual(young.alarms, []);
  });

  test("[PL10] an alarm goes on through the quiet night until something comes", () => {
    const stopMs = MONDAY_MS + 4 * WEEK_MS + 17 * HOUR_MS;
    const watched = new Watched().untilMs(stopMs, laboratory);
    watched.untilMs(stopMs + 12 * HOUR_MS, () => false);
    assert.deepEqual(
      watched.alarms.map((one) => one.split(" ")[0]),
      ["silent"],
    );
  });

  test("[PL10] summer time moves the clock on the wall, not the alarms", () => {
    // Clocks are put forward on 29 March 2026 and back on 25 October.
    for (const from of ["2026-03-02T00:00:00+01:00", "2026-09-28T00:00:00+02:00"]) {
      const fromMs = Date.parse(from);
      assert.deepEqual(new Watched(fromMs).untilMs(fromMs + 6 * WEEK_MS, laboratory).alarms, []);
    }
  });

  test("[PL10] no alarm because the agent was away, the machine slept, or the clock was put", () => {
    const fromMs = MONDAY_MS + 4 * WEEK_MS + 9 * HOUR_MS;
    const away = new Watched().untilMs(fromMs, laboratory).away(5 * HOUR_MS);
    away.untilMs(away.nowMs + 5 * MINUTE_MS, () => false);
    // Within one hour of the week, which is judged already.
    const slept = new Watched().untilMs(fromMs + 5 * MINUTE_MS, laboratory).away(40 * MINUTE_MS);
    slept.untilMs(slept.nowMs + 5 * MINUTE_MS, () => false);
    assert.equal(slept.alarms.length, 0);
    const leapt = new Watched().untilMs(fromMs, laboratory).leap(3 * HOUR_MS);
    leapt.untilMs(leapt.nowMs + 5 * MINUTE_MS, () => false).leap(-3 * HOUR_MS);
    leapt.untilMs(leapt.nowMs + 5 * MINUTE_MS, () => false);
    assert.deepEqual([...away.alarms, ...leapt.alarms], []);
  });

  test("[PL10] an hour that was not watched whole, or in which nothing had been heard yet, teaches nothing", () => {
    const options = { usualMs: () => undefined, factor: 4 };
    const at = (minutes: number, messageCount: number) => ({
      ...{ monotonicMs: minutes * MINUTE_MS, nowMs: minutes * MINUTE_MS, messageCount },
      hour: Math.floor(minutes / 60),
    });
    /** @param heardAt the minute of the one message */
    const learnedHours = (heardAt: number): number[] => {
      let state = watchedFrom(at(30, 0));
      const hours: number[] = [];
      for (let minute = 31; minute <= 240; minute++) {
        const seen = look(state, at(minute, minute < heardAt ? 0 : 1), options);
        state = seen.state;
        if (seen.learned !== undefined) hours.push(seen.learned.hour);
      }
      return hours;
    };
    assert.deepEqual(learnedHours(40), [1, 2, 3]);
    assert.deepEqual(learnedHours(150), [2, 3]);
  });

  test("[PL10] one week of outage teaches nothing: the next outage is an alarm all the same", () => {
    const outageMs = MONDAY_MS + 4 * WEEK_MS;
    const watched = new Watched().untilMs(outageMs, laboratory);
    watched.untilMs(outageMs + WEEK_MS, () => false).untilMs(outageMs + 2 * WEEK_MS, laboratory);
    const stopMs = outageMs + 2 * WEEK_MS + 10 * HOUR_MS;
    watched.untilMs(stopMs, laboratory).untilMs(stopMs + HOUR_MS, () => false);
    const [, , third = ""] = watched.alarms;
    assert.match(third, /^silent/);
  });

  test("[PL10] whatever the sender's rhythm, one that keeps to it is never called silent", () => {
    const week = fc.array(fc.nat(59), { minLength: HOURS_A_WEEK, maxLength: HOURS_A_WEEK });
    fc.assert(
      fc.property(week, (minutes) => {
        // One message each hour, at a minute of its own; every third hour none.
        const sends = (atMs: number): boolean => {
          const hour = hourOfWeek(atMs);
          return hour % 3 !== 0 && new Date(atMs).getUTCMinutes() === minutes[hour];
        };
        const watched = new Watched().untilMs(MONDAY_MS + 5 * WEEK_MS, sends);
        assert.deepEqual(watched.alarms, []);
      }),
      { numRuns: 3 },
    );
  });

  test("[PL10] usual is the second longest of eight weeks; the kept schedule reads back, rounded up", () => {
    const times = fc.array(fc.integer({ min: 0, max: 600_000_000 }), { maxLength: 20 });
    fc.assert(
      fc.property(times, fc.integer({ min: 0, max: 167 }), (silences, hour) => {
        const schedule = SilenceSchedule.empty();
        for (const silenceMs of silences) schedule.learn({ hour, silenceMs });
        const again = SilenceSchedule.from(schedule.bytes());
        const newest = silences.reduce<readonly number[]>(remembered, []);
        assert.equal(schedule.usualMs(hour), usualOf(newest));
        const [before, after] = [schedule.usualMs(hour), again.usualMs(hour)];
        assert.equal(after === undefined, before === undefined);
        if (before !== undefined && after !== undefined) {
          assert.ok(after >= before && after < before + 10_001);
          const longer = newest.filter((one) => one > before).length;
          assert.ok(longer <= (newest.length < 4 ? 0 : 1));
        }
        assert.equal(again.usualMs((hour + 1) % 168), undefined);
      }),
    );
    assert.equal(SilenceSchedule.from(new Uint8Array([9, 9])).usualMs(0), undefined);
  });
});
