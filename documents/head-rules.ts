/** Whether a head may be believed (07 2.4, VH1 and VH2). Pure; VH3 compares and raises alarms. @module */
import { HEAD_MAX_LIFETIME_MS } from "./limits.ts";
import { type Refused, refused } from "./refusal.ts";
import {
  parseTime,
  type TimeBase,
  whatExpired,
  whatIsFromFuture,
  whatLivesTooLong,
} from "./time.ts";
import type { HeadDocument } from "./types/head.ts";

/**
 * VH2.
 *
 * @param lastIssuedAt of the last head that was accepted
 */
export function whatHeadForbids(
  head: HeadDocument,
  lastIssuedAt: string | undefined,
  time: TimeBase,
): Refused | undefined {
  const objection =
    whatExpired(head.expires, time, "VH2") ??
    whatIsFromFuture(head.issuedAt, time, "VH2") ??
    whatLivesTooLong(head, HEAD_MAX_LIFETIME_MS, "VH2");
  if (objection !== undefined || lastIssuedAt === undefined) return objection;
  const isOlder = (parseTime(head.issuedAt) ?? 0) < (parseTime(lastIssuedAt) ?? 0);
  return isOlder ? refused("ROLLBACK", "VH2") : undefined;
}
