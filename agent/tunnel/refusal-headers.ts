/** What stands in the headers of a refusal (07 1.8), as facts. Header text is mapped, never shown. @module */
import type { IncomingHttpHeaders } from "node:http";

/** RFC 9110 section 10.2.3, in seconds; its other form, a date, would need clocks that agree. */
export function retryAfter(header: string | undefined): { retryAfterMs?: number } {
  return header !== undefined && /^\d{1,6}$/.test(header)
    ? { retryAfterMs: Number(header) * 1_000 }
    : {};
}

/** 07 1.10: the receiver's clock minus ours. */
export function skew(headers: IncomingHttpHeaders, nowMs: number): { clockSkewMs?: number } {
  const theirsMs = Date.parse(String(headers["holdfast-time"] ?? ""));
  return Number.isNaN(theirsMs) ? {} : { clockSkewMs: theirsMs - nowMs };
}
