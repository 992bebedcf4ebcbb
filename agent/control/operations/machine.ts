/** `clock.check` and `disk.check` (08 4.4). @module */
import { identifierFrom } from "../../errors.ts";
import { type Answer, optional, timeFact } from "../answer.ts";
import type { ClockFacts, DiskFacts } from "../facts.ts";

export function clockAnswer({ nowMs, upSinceMs, skewMs, floorMs, isSuspect }: ClockFacts): Answer {
  return {
    ...{ now: timeFact(nowMs), upSince: timeFact(upSinceMs), isSuspect },
    receiverAheadMs: optional(skewMs),
    floor: floorMs === 0 ? null : timeFact(floorMs),
  };
}

export const diskAnswer = ({ totalBytes, freeBytes, flushMs, custody }: DiskFacts): Answer => ({
  ...{ totalBytes, freeBytes, flushMs, custody: identifierFrom(custody) },
});
