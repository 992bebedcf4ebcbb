/**
 * Time as documents have it, and what the machine's clock is worth (07 2.5).
 *
 * A clock can be set back, so the latest `issuedAt` that was ever accepted is a floor: what had expired stays
 * expired. All functions are pure; the caller brings the clock and keeps the floor durably.
 *
 * @module
 */
import { CLOCK_TOLERANCE_MS } from "./limits.ts";
import { type RefusalCode, type Refused, refused } from "./refusal.ts";

/** What is known of the time when a document is judged; ms since 1970. */
export interface TimeBase {
  readonly clockMs: number;
  /** 0 before the first document. */
  readonly floorMs: number;
}

const FORMAT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

/**
 * @param text `YYYY-MM-DDTHH:MM:SSZ`, a day that exists
 * @returns ms since 1970, or undefined for anything else
 */
export function parseTime(text: string): number | undefined {
  if (!FORMAT.test(text)) return undefined;
  const ms = Date.parse(text);
  // 2026-02-30 and 24:00:00 are read as other days.
  return Number.isFinite(ms) && formatTime(ms) === text ? ms : undefined;
}

/** @param ms since 1970; what is below a second is cut off */
export function formatTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, -5)}Z`;
}

/** The time by which things expire: the clock, or the floor where the clock is behind it. */
export function nowOf({ clockMs, floorMs }: TimeBase): number {
  return Math.max(clockMs, floorMs);
}

/** More than 10 minutes before the floor: the condition `clockSuspect`. */
export function isClockSuspect({ clockMs, floorMs }: TimeBase): boolean {
  return clockMs < floorMs - CLOCK_TOLERANCE_MS;
}

/**
 * The floor after a document was accepted.
 *
 * @param issuedAtMs of that document; what is later than the clock + 10 min counts as that
 * @returns never lower than the floor that was
 */
export function raisedFloor({ clockMs, floorMs }: TimeBase, issuedAtMs: number): number {
  return Math.max(floorMs, Math.min(issuedAtMs, clockMs + CLOCK_TOLERANCE_MS));
}

/** `EXPIRED` from the very millisecond on. */
export function whatExpired(expires: string, time: TimeBase, step: string): Refused | undefined {
  const ends = parseTime(expires) ?? 0;
  return ends <= nowOf(time) ? refusedForTime("EXPIRED", time, step) : undefined;
}

/** `LIFETIME` if a document would be good for longer than it may be, or ends before it begins. */
export function whatLivesTooLong(
  { issuedAt, expires }: { readonly issuedAt: string; readonly expires: string },
  mostMs: number,
  step: string,
): Refused | undefined {
  const lifetimeMs = (parseTime(expires) ?? Number.NaN) - (parseTime(issuedAt) ?? Number.NaN);
  return lifetimeMs > 0 && lifetimeMs <= mostMs ? undefined : refused("LIFETIME", step);
}

/** `FUTURE` if it was issued more than 10 minutes after the clock; the floor does not help here. */
export function whatIsFromFuture(
  issuedAt: string,
  time: TimeBase,
  step: string,
): Refused | undefined {
  const issuedAtMs = parseTime(issuedAt) ?? Number.POSITIVE_INFINITY;
  const isFuture = issuedAtMs > time.clockMs + CLOCK_TOLERANCE_MS;
  return isFuture ? refusedForTime("FUTURE", time, step) : undefined;
}

/** Refusals for time name the clock where it is suspect. */
function refusedForTime(code: RefusalCode, time: TimeBase, step: string): Refused {
  return refused(code, step, isClockSuspect(time) ? "clock-suspect" : undefined);
}
