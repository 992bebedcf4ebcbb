/** Numbers and times as a person reads them at three in the morning. @module */
import { type Html, html } from "./html.ts";

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** `3 s`, `4 min`, `2 h 5 min`, `3 d 4 h`; a time that has not come yet is `0 s`. */
export function duration(ms: number): string {
  if (ms < MINUTE_MS) return `${Math.max(0, Math.floor(ms / SECOND_MS))} s`;
  if (ms < HOUR_MS) return `${Math.floor(ms / MINUTE_MS)} min`;
  const [unitMs, partMs, unit, part] =
    ms < DAY_MS ? [HOUR_MS, MINUTE_MS, "h", "min"] : [DAY_MS, HOUR_MS, "d", "h"];
  const rest = Math.floor((ms % unitMs) / partMs);
  return `${Math.floor(ms / unitMs)} ${unit}${rest === 0 ? "" : ` ${rest} ${part}`}`;
}

const two = (value: number): string => String(value).padStart(2, "0");

/** In the time zone of the machine: `22:41:07`, with the date where that is not today's. */
export function localTime(atMs: number, nowMs: number): string {
  const at = new Date(atMs);
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  const isToday = at.toDateString() === new Date(nowMs).toDateString();
  const date = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return isToday ? time : `${date} ${time}`;
}

/** Of a day. */
export function localDate(iso: string): string {
  const at = new Date(iso);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

/** `3 s ago`, with the time of day where a pointer rests. @param iso RFC 3339 */
export function ago(iso: string | undefined, nowMs: number, never = "\u2013"): Html {
  if (iso === undefined) return html`${never}`;
  const atMs = Date.parse(iso);
  return html`<time datetime="${iso}" title="${localTime(atMs, nowMs)}">${duration(nowMs - atMs)} ago</time>`;
}

/** `since 22:41:07 (4 min)`. */
export function since(iso: string, nowMs: number): Html {
  const atMs = Date.parse(iso);
  return html`since <time datetime="${iso}">${localTime(atMs, nowMs)}</time> (${duration(nowMs - atMs)})`;
}

const UNITS = ["B", "kB", "MB", "GB", "TB"] as const;

/** Decimal, as disks are sold: `41.9 MB`. */
export function byteCount(bytes: number): string {
  let [value, unit] = [bytes, 0];
  for (; value >= 1_000 && unit < UNITS.length - 1; unit += 1) value /= 1_000;
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit] ?? "B"}`;
}

/** `18 204`, with thin spaces that do not break. */
export const count = (value: number | bigint): string =>
  String(value).replaceAll(/\B(?=(?:\d{3})+$)/g, "\u202f");

/** Below ten with one decimal. */
export function decimal(value: number): string {
  if (value === 0) return "0";
  if (value < 0.1) return "< 0.1";
  return value < 10 ? value.toFixed(1) : count(Math.round(value));
}

/** `3.2 ms`, `1.4 s`. */
export const milliseconds = (ms: number): string =>
  ms < SECOND_MS ? `${decimal(ms)} ms` : `${decimal(ms / SECOND_MS)} s`;

/** `endpointUnreachable` as `endpoint unreachable`. */
export const spaced = (code: string): string =>
  code.replaceAll(
    /([a-z0-9])([A-Z])/g,
    (_, end: string, begin: string) => `${end} ${begin.toLowerCase()}`,
  );
