import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ANY_TIME, type ChangeWindow, nextOpening, startTime } from "#config/change-windows.ts";

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const DAY_NAMES = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] as const;
const EVERY_DAY: ChangeWindow["days"] = [...DAY_NAMES];
const at = (text: string): number => Date.parse(text);

const window = (days: ChangeWindow["days"], from: string, to: string, zone = "Europe/Berlin") => ({
  ...{ days, from, to, zone },
});

/** As `2026-03-29T00:30Z – …`; what is asked is the text of an instant. */
function opening(windows: readonly ChangeWindow[], now: string): string | undefined {
  const found = nextOpening(windows, at(now));
  if (found === undefined) return undefined;
  return [found.opensMs, found.endsMs]
    .map((ms) => new Date(ms).toISOString().slice(0, 16))
    .join(" ");
}

test("[VA5] without windows it is always time", () => {
  assert.deepEqual(startTime([], ANY_TIME, at("2026-11-26T10:00:00Z")), {
    kind: "now",
    endsMs: Number.MAX_SAFE_INTEGER,
  });
});

test("[U06] a window opens on its days, by the clock of its zone, and ends on time", () => {
  // 2026-11-26 is a Thursday; Berlin is UTC+1 then.
  const nights = [window(["thu"], "22:00", "23:30")];
  assert.equal(opening(nights, "2026-11-26T10:00:00Z"), "2026-11-26T21:00 2026-11-26T22:30");
  assert.equal(opening(nights, "2026-11-26T22:29:59.999Z"), "2026-11-26T21:00 2026-11-26T22:30");
  assert.equal(opening(nights, "2026-11-26T22:30:00Z"), "2026-12-03T21:00 2026-12-03T22:30");
  // The same Thursday has not ended in New York, and has begun long ago in Auckland.
  const there = [window(["thu"], "22:00", "23:30", "America/New_York")];
  assert.equal(opening(there, "2026-11-27T03:10:00Z"), "2026-11-27T03:00 2026-11-27T04:30");
  const early = [window(["thu"], "01:00", "02:00", "Pacific/Auckland")];
  assert.equal(opening(early, "2026-11-25T12:10:00Z"), "2026-11-25T12:00 2026-11-25T13:00");
});

test("[U06] a window over midnight belongs to the day on which it opens", () => {
  const nights = [window(["sat"], "23:00", "02:00")];
  // Sunday, 01:30 in Berlin.
  assert.equal(opening(nights, "2026-11-29T00:30:00Z"), "2026-11-28T22:00 2026-11-29T01:00");
  assert.equal(opening(nights, "2026-11-29T01:00:00Z"), "2026-12-05T22:00 2026-12-06T01:00");
  assert.equal(opening(nights, "2026-11-27T23:30:00Z"), "2026-11-28T22:00 2026-11-29T01:00");
  assert.equal(
    opening([window(["sat"], "00:00", "24:00")], "2026-11-28T12:00:00Z"),
    "2026-11-27T23:00 2026-11-28T23:00",
  );
});

test("[U06] windows that touch or overlap are one", () => {
  const week = [window(EVERY_DAY, "00:00", "24:00")];
  const found = nextOpening(week, at("2026-11-26T10:00:00Z"));
  assert.ok(found && found.endsMs - found.opensMs > 14 * 24 * HOUR_MS);
  const two = [window(["thu"], "20:00", "22:00"), window(["thu"], "21:00", "23:00")];
  assert.equal(opening(two, "2026-11-26T10:00:00Z"), "2026-11-26T19:00 2026-11-26T22:00");
  const apart = [window(["thu"], "22:00", "23:00"), window(["thu"], "20:00", "21:00")];
  assert.equal(opening(apart, "2026-11-26T20:30:00Z"), "2026-11-26T21:00 2026-11-26T22:00");
});

test("[U06] in the night in which clocks are put forward, a window that lies in the lost hour does not open", () => {
  // Berlin, 2026-03-29: 02:00 becomes 03:00 at 01:00Z. It is a Sunday.
  const sunday = (from: string, to: string) => [window(["sun"], from, to)];
  const before = "2026-03-28T12:00:00Z";
  assert.equal(opening(sunday("02:00", "03:00"), before), "2026-04-05T00:00 2026-04-05T01:00");
  assert.equal(opening(sunday("02:15", "02:45"), before), "2026-04-05T00:15 2026-04-05T00:45");
  assert.equal(opening(sunday("01:00", "02:30"), before), "2026-03-29T00:00 2026-03-29T01:00");
  assert.equal(opening(sunday("02:30", "04:00"), before), "2026-03-29T01:00 2026-03-29T02:00");
  assert.equal(opening(sunday("01:00", "04:00"), before), "2026-03-29T00:00 2026-03-29T02:00");
});

test("[U06] in the night in which clocks are put back, times that come twice count the first time", () => {
  // Berlin, 2026-10-25: 03:00 becomes 02:00 at 01:00Z.
  const sunday = (from: string, to: string) => [window(["sun"], from, to)];
  const before = "2026-10-24T12:00:00Z";
  assert.equal(opening(sunday("02:15", "02:45"), before), "2026-10-25T00:15 2026-10-25T00:45");
  assert.equal(opening(sunday("01:00", "02:30"), before), "2026-10-24T23:00 2026-10-25T00:30");
  assert.equal(opening(sunday("02:30", "03:30"), before), "2026-10-25T00:30 2026-10-25T02:30");
  assert.equal(opening(sunday("01:00", "04:00"), before), "2026-10-24T23:00 2026-10-25T03:00");
  // Not open again when 02:20 comes the second time.
  assert.equal(
    opening(sunday("02:15", "02:45"), "2026-10-25T01:20:00Z"),
    "2026-11-01T01:15 2026-11-01T01:45",
  );
});

test("[U06] zones with half hours, no summer, or a day that never was", () => {
  assert.equal(
    opening([window(["thu"], "06:00", "07:00", "Asia/Kolkata")], "2026-11-25T12:00:00Z"),
    "2026-11-26T00:30 2026-11-26T01:30",
  );
  // Lord Howe puts clocks forward by half an hour: 2026-10-04, 02:00 becomes 02:30 at 15:30Z the day before.
  assert.equal(
    opening([window(["sun"], "02:10", "03:00", "Australia/Lord_Howe")], "2026-10-03T10:00:00Z"),
    "2026-10-03T15:30 2026-10-03T16:00",
  );
  // Samoa left out Friday, 2011-12-30.
  assert.equal(
    opening([window(["fri"], "10:00", "11:00", "Pacific/Apia")], "2011-12-29T12:00:00Z"),
    "2012-01-05T20:00 2012-01-05T21:00",
  );
  assert.equal(
    opening([window(["fri"], "10:00", "11:00", "UTC")], "2026-11-26T12:00:00Z"),
    "2026-11-27T10:00 2026-11-27T11:00",
  );
});

test("[VA5] what is approved is cut with the windows", () => {
  const nights = [window(EVERY_DAY, "22:00", "23:00", "UTC")];
  const approved = (notBefore: string, notAfter: string) => ({
    ...{ notBeforeMs: at(notBefore), notAfterMs: at(notAfter) },
  });
  const start = (notBefore: string, notAfter: string, now: string) =>
    startTime(nights, approved(notBefore, notAfter), at(now));
  const [from, to] = ["2026-11-26T22:30:00Z", "2026-11-27T22:10:00Z"];
  assert.deepEqual(start(from, to, "2026-11-26T22:00:00Z"), { kind: "at", opensMs: at(from) });
  assert.deepEqual(start(from, to, "2026-11-26T22:30:00Z"), {
    kind: "now",
    endsMs: at("2026-11-26T23:00:00Z"),
  });
  assert.deepEqual(start(from, to, "2026-11-26T23:00:00Z"), {
    kind: "at",
    opensMs: at("2026-11-27T22:00:00Z"),
  });
  assert.deepEqual(start(from, to, "2026-11-27T22:05:00Z"), { kind: "now", endsMs: at(to) });
  assert.deepEqual(start(from, to, to), { kind: "never" });
  assert.deepEqual(start("2026-11-26T23:00:00Z", "2026-11-27T22:00:00Z", from), { kind: "never" });
  // Latest notBefore after earliest notAfter.
  assert.deepEqual(start(to, from, "2026-11-26T22:40:00Z"), { kind: "never" });
});

/** What a person at the wall would say, minute by minute, without knowing how openings are computed. */
function clockAt(zone: string, ms: number): { readonly day: string; readonly minute: number } {
  const format = { timeZone: zone, hourCycle: "h23" } as const;
  const [weekday = "", time = ""] = [
    new Intl.DateTimeFormat("en", { ...format, weekday: "short" }).format(ms),
    new Intl.DateTimeFormat("en", { ...format, hour: "2-digit", minute: "2-digit" }).format(ms),
  ];
  const [hour, minute] = time.split(":").map(Number);
  return { day: weekday.toLowerCase(), minute: (hour ?? 0) * 60 + (minute ?? 0) };
}

test("[U06] on days without a change of clocks a window is open exactly while the clock there shows one of its times", () => {
  const zones = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Apia",
  ];
  const pad = (value: number): string => String(value).padStart(2, "0");
  const time = fc
    .tuple(fc.nat(23), fc.nat(59))
    .map(([hour, minute]) => `${pad(hour)}:${pad(minute)}`);
  fc.assert(
    fc.property(
      fc.record({
        days: fc.uniqueArray(fc.constantFrom(...DAY_NAMES), { minLength: 1 }),
        ...{ from: time, to: time, zone: fc.constantFrom(...zones) },
      }),
      fc.integer({ min: at("2026-01-01T00:00:00Z"), max: at("2028-01-01T00:00:00Z") }),
      (given, someMs) => {
        fc.pre(given.from !== given.to);
        const nowMs = someMs - (someMs % MINUTE_MS);
        const found = nextOpening([given], nowMs);
        assert.ok(found);
        const isOpen = found.opensMs <= nowMs && nowMs < found.endsMs;
        assert.equal(isOpen || found.opensMs > nowMs, true);
        const [from = 0, to = 0] = [given.from, given.to].map((text) => {
          const [hour = 0, minute = 0] = text.split(":").map(Number);
          return hour * 60 + minute;
        });
        const { day, minute } = clockAt(given.zone, nowMs);
        const index = (DAY_NAMES as readonly string[]).indexOf(day);
        const isToday = given.days.some((name) => name === day);
        const wasYesterday = given.days.some((name) => name === DAY_NAMES[(index + 6) % 7]);
        const shown =
          from < to
            ? isToday && from <= minute && minute < to
            : (isToday && minute >= from) || (wasYesterday && minute < to);
        const offsetOf = (ms: number): number =>
          clockAt(given.zone, ms).minute - ((ms / MINUTE_MS) % 1_440);
        const isEven = [-36, -24, -12, 0, 12, 24, 36].every((hours) => {
          const difference = offsetOf(nowMs + hours * HOUR_MS) - offsetOf(nowMs);
          return ((difference % 1_440) + 1_440) % 1_440 === 0;
        });
        if (isEven) assert.equal(isOpen, shown);
      },
    ),
    { numRuns: 500 },
  );
});
