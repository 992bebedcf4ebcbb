/**
 * What heads tell (07 VH3): that a newer configuration exists, or that nobody says any more which one is the newest. A
 * head never stops anything.
 *
 * @module
 */
import { parseTime } from "#documents/time.ts";
import type { Conditions } from "../health/conditions.ts";
import type { Ledger } from "./ledger.ts";

const DAY_MS = 86_400_000;
export const HEAD_MAX_AGE_DAYS = 8;

export function noteHead({
  conditions,
  isSigned,
  ledger,
  nowMs,
}: {
  readonly conditions: Conditions;
  readonly isSigned: boolean;
  readonly ledger: Ledger;
  readonly nowMs: number;
}): void {
  const { head, heads, lifeCycle, trust } = ledger;
  const { epoch, seqHigh } = lifeCycle;
  const issuedAtMs = parseTime(head?.issuedAt ?? "");
  // Since the first head that knew of one that has not come.
  const first = heads.find(
    (one) => one.epoch > epoch || (one.epoch === epoch && one.seq > seqHigh),
  );
  const firstMs = parseTime(first?.issuedAt ?? "");
  if (isSigned && first !== undefined && firstMs !== undefined && nowMs - firstMs >= DAY_MS) {
    conditions.open("configStale", "", { seq: first.seq, seqHigh }, nowMs);
  } else conditions.close("configStale", "");
  // Before the first head, since the trust document by which there could be one.
  const sinceMs = issuedAtMs ?? parseTime(trust?.issuedAt ?? "");
  const isSilent = sinceMs !== undefined && nowMs - sinceMs >= HEAD_MAX_AGE_DAYS * DAY_MS;
  if (isSigned && isSilent) {
    const days = Math.floor((nowMs - sinceMs) / DAY_MS);
    conditions.open("headStale", "", { days }, nowMs);
  } else conditions.close("headStale", "");
}
