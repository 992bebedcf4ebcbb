/** Hours as both sides count them: from 1970, UTC. @module */

export const HOUR_MS = 3_600_000;
/** The last hour that a `Date` can hold. */
const HOUR_MAX = 8_640_000_000_000_000 / HOUR_MS;

export const hourOf = (atMs: number): number => Math.floor(atMs / HOUR_MS);

/** RFC 3339; an hour beyond what a date can hold is shown as the last one. */
export const hourText = (hour: number): string =>
  new Date(Math.max(0, Math.min(hour, HOUR_MAX)) * HOUR_MS).toISOString().replace(":00.000Z", "Z");

/** The same hour on the clock of this machine, with its distance from UTC, for people. */
export function localText(hour: number): string {
  const date = new Date(Math.max(0, Math.min(hour, HOUR_MAX)) * HOUR_MS);
  const two = (number: number): string => String(Math.abs(number)).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const offset = -date.getTimezoneOffset();
  const zone = `${offset < 0 ? "-" : "+"}${two(Math.trunc(offset / 60))}:${two(offset % 60)}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())} ${zone}`;
}

export interface HourRange {
  readonly fromHour: number;
  /** Exclusive. */
  readonly toHour: number;
}

/**
 * The hours of `--from` and `--to`: RFC 3339 with a zone, a date (its midnight here), `today` or `yesterday`. A time
 * inside an hour means that hour.
 *
 * @param from `undefined`: yesterday
 * @param to exclusive; `undefined`: everything from `from` on
 * @returns `undefined` if one of them is no time
 */
export function hourRange(
  from: string | undefined,
  to: string | undefined,
  nowMs: number,
): HourRange | undefined {
  const [begin, end] = [timeOf(from ?? "yesterday", nowMs), to && timeOf(to, nowMs)];
  if (begin === undefined || (to !== undefined && typeof end !== "number")) return undefined;
  const toHour = typeof end === "number" ? Math.ceil(end / HOUR_MS) : hourOf(nowMs) + 1;
  return { fromHour: hourOf(begin), toHour };
}

function timeOf(text: string, nowMs: number): number | undefined {
  const now = new Date(nowMs);
  const midnight = (days: number): number =>
    new Date(now.getFullYear(), now.getMonth(), now.getDate() + days).getTime();
  if (text === "today") return midnight(0);
  if (text === "yesterday") return midnight(-1);
  const date = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  if (date !== null) {
    const [, year, month, day] = date.map(Number);
    const found = new Date(year ?? 0, (month ?? 1) - 1, day ?? 1);
    return found.getDate() === day && found.getMonth() + 1 === month ? found.getTime() : undefined;
  }
  const ms = /^\d{4}-\d{2}-\d{2}T.*(?:Z|[+-]\d{2}:\d{2})$/.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(ms) || ms < 0 ? undefined : ms;
}
