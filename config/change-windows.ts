/**
 * When an approved configuration may start (07 2.7, 2.8, VA5).
 *
 * A window opens on its days when the clock there shows `from`, and ends when it next shows `to`; where `to` is not
 * later than `from`, that is on the next day. On the nights on which clocks are changed: a time that comes twice
 * counts the first time, one that never comes counts as the moment of the change. So a window that lies wholly in the
 * hour that is left out does not open that night, and one that spans an hour that comes twice is open through both.
 *
 * @module
 */
import { z } from "zod";
import { isZone, type WallDay, Zone } from "./zoned-time.ts";

const DAY_NAMES = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] as const;
/** A weekly window may fall out once, on a night on which clocks are changed. */
const LOOK_AHEAD_DAYS = 15;

const clockTime = (most: RegExp, example: string): z.ZodString =>
  z
    .string({ message: `must be in quotes, such as "${example}"` })
    .regex(most, { message: `must be a time of day such as "${example}"` });

export const changeWindow = z
  .strictObject({
    days: z
      .array(z.enum(DAY_NAMES, { message: "must be sun, mon, tue, wed, thu, fri or sat" }))
      .min(1)
      .max(7),
    from: clockTime(/^(?:[01]\d|2[0-3]):[0-5]\d$/, "22:00"),
    to: clockTime(/^(?:(?:[01]\d|2[0-3]):[0-5]\d|24:00)$/, "04:30"),
    zone: z
      .string()
      .refine(isZone, { message: "must be a zone of the IANA database, such as Europe/Berlin" }),
  })
  .refine(({ from, to }) => from !== to, {
    path: ["to"],
    message: 'must not be from: a whole day is from: "00:00" to: "24:00"',
  });
export type ChangeWindow = z.infer<typeof changeWindow>;

/** Ms since 1970: open from `opensMs` on, until just before `endsMs`. */
export interface Opening {
  readonly opensMs: number;
  readonly endsMs: number;
}

/** No windows in the policy: any time. */
const ALWAYS: Opening = {
  opensMs: Number.NEGATIVE_INFINITY,
  endsMs: Number.POSITIVE_INFINITY,
};

/**
 * The opening that holds `nowMs`, or the next one. Windows that overlap or touch are one.
 *
 * @param windows none: any time
 * @returns nothing if there is none within 15 days
 */
export function nextOpening(windows: readonly ChangeWindow[], nowMs: number): Opening | undefined {
  if (windows.length === 0) return ALWAYS;
  const all = windows
    .flatMap((window) => openingsNear(window, nowMs))
    .sort((a, b) => a.opensMs - b.opensMs || a.endsMs - b.endsMs);
  let joined: Opening | undefined;
  for (const one of all) {
    if (joined !== undefined && one.opensMs <= joined.endsMs) {
      joined = { opensMs: joined.opensMs, endsMs: Math.max(joined.endsMs, one.endsMs) };
    } else if (joined !== undefined && joined.endsMs > nowMs) return joined;
    else joined = one;
  }
  return joined !== undefined && joined.endsMs > nowMs ? joined : undefined;
}

/** Every opening of one window that ends after `nowMs`, for as far as is looked ahead. */
function openingsNear({ days, from, to, zone }: ChangeWindow, nowMs: number): Opening[] {
  const there = new Zone(zone);
  const today = there.dayAt(nowMs);
  const openings: Opening[] = [];
  // Yesterday's may still be open.
  for (let ahead = -1; ahead <= LOOK_AHEAD_DAYS; ahead++) {
    const day = { ...today, day: today.day + ahead };
    if (!days.some((name) => name === nameOf(day))) continue;
    const opensMs = there.when(day, minuteOf(from));
    const overnight = minuteOf(to) <= minuteOf(from) ? 1 : 0;
    const endsMs = there.when({ ...day, day: day.day + overnight }, minuteOf(to));
    if (opensMs < endsMs && endsMs > nowMs) openings.push({ opensMs, endsMs });
  }
  return openings;
}

/** What counted approvals allow: the latest `notBefore`, the earliest `notAfter` (VA5); ms since 1970. */
export interface ApprovedTime {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** Mode A and standing approval name no time. */
export const ANY_TIME: ApprovedTime = { notBeforeMs: 0, notAfterMs: Number.MAX_SAFE_INTEGER };

/**
 * Whether a configuration may start now, or when it is worth asking again.
 *
 * @returns `never`: what was approved has passed, or no window opens before it has
 */
export type StartTime =
  | { readonly kind: "now"; readonly endsMs: number }
  | { readonly kind: "at"; readonly opensMs: number }
  | { readonly kind: "never" };

export function startTime(
  windows: readonly ChangeWindow[],
  { notBeforeMs, notAfterMs }: ApprovedTime,
  nowMs: number,
): StartTime {
  const opening = nextOpening(windows, Math.max(nowMs, notBeforeMs));
  if (opening === undefined) return { kind: "never" };
  const opensMs = Math.max(opening.opensMs, notBeforeMs);
  const endsMs = Math.min(opening.endsMs, notAfterMs);
  if (nowMs >= notAfterMs || opensMs >= endsMs) return { kind: "never" };
  return opensMs <= nowMs ? { kind: "now", endsMs } : { kind: "at", opensMs };
}

function nameOf({ year, month, day }: WallDay): (typeof DAY_NAMES)[number] | undefined {
  return DAY_NAMES[new Date(Date.UTC(year, month - 1, day)).getUTCDay()];
}

function minuteOf(time: string): number {
  const [hours, minutes] = time.split(":").map(Number);
  return (hours ?? 0) * 60 + (minutes ?? 0);
}
