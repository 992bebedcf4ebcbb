/** Whether this machine's clock is right: by what keeps it so, and by the receiver's (07 1.10). @module */
import { clockSync } from "../host/clock-sync.ts";
import type { Findings } from "./doctor-way.ts";
import { type Finding, notice, ok, warning } from "./finding.ts";

/** The receiver's word is cut to seconds, and takes its time on the way. */
const DATE_GRAIN_MS = 2_000;

/**
 * @param aheadMs by how much the receiver's clock is ahead; `undefined` if nobody said
 * @param alarmMs `clockSkewAlarmMinutes`
 */
export async function lookAtClock(aheadMs: number | undefined, alarmMs: number): Promise<Findings> {
  return { kept: judgeSync(await clockSync()), receiver: judgeSkew(aheadMs, alarmMs) };
}

export function judgeSync(found: Awaited<ReturnType<typeof clockSync>>): Finding {
  if (found === undefined) return notice("Cannot be told here", {}, "See that NTP keeps it right");
  if (found.isSynchronized) {
    return ok(`Kept right, to ${Math.ceil(found.errorMaxMs)} ms at most`, {});
  }
  const remedy =
    "Have chrony, systemd-timesyncd or the hypervisor keep it; ask for UDP 123 to a time server";
  return warning("Nothing keeps it right, as the kernel knows", {}, remedy);
}

export function judgeSkew(aheadMs: number | undefined, alarmMs: number): Finding {
  if (aheadMs === undefined) {
    return notice("Not compared with the receiver's, which did not say", {});
  }
  const facts = { clockSkewMs: aheadMs };
  const seconds = Math.abs(aheadMs) / 1_000;
  if (Math.abs(aheadMs) <= DATE_GRAIN_MS) return ok("Agrees with the receiver's", facts);
  const text = `${seconds.toFixed(0)} s ${aheadMs > 0 ? "behind" : "ahead of"} the receiver's`;
  if (Math.abs(aheadMs) <= alarmMs) return notice(text, facts, "Compare it with a good one");
  const remedy = "Set this machine's clock by NTP: certificates and signed documents have dates";
  return warning(text, facts, remedy);
}
