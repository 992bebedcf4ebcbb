/** When a certificate is renewed (07 1.6). Pure: all times are given, ms since 1970. @module */
import {
  RENEWAL_RETRY_MAX_MS,
  RENEWAL_RETRY_MIN_MS,
  RENEWAL_SHARE_LEFT,
  RENEWAL_SPREAD_MS,
} from "../limits.ts";

const DAY_MS = 86_400_000;

export interface Lifetime {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/**
 * When a third of the lifetime is left, plus up to 12 hours; of a short lifetime a quarter of that third at most.
 *
 * @param chance in [0, 1)
 */
export function renewalDueMs({ notBeforeMs, notAfterMs }: Lifetime, chance: number): number {
  const leftMs = (notAfterMs - notBeforeMs) * RENEWAL_SHARE_LEFT;
  return notAfterMs - leftMs + Math.min(RENEWAL_SPREAD_MS, leftMs / 4) * chance;
}

/**
 * How long to wait after a renewal failed.
 *
 * @param attempt failures in a row, from 1
 * @param chance in [0, 1)
 * @returns between half of 1, 2, 4 … 60 minutes and the whole
 */
export function renewalRetryMs(attempt: number, chance: number): number {
  const ceilingMs = Math.min(RENEWAL_RETRY_MAX_MS, RENEWAL_RETRY_MIN_MS * 2 ** (attempt - 1));
  return ceilingMs * (0.5 + chance / 2);
}

/** 08 PL10. */
export const isOverdue = ({ notAfterMs }: Lifetime, nowMs: number, days: number): boolean =>
  notAfterMs - nowMs <= days * DAY_MS;

/** Whole days that are left; negative once it has ended. */
export const daysLeft = ({ notAfterMs }: Lifetime, nowMs: number): number =>
  Math.floor((notAfterMs - nowMs) / DAY_MS);
