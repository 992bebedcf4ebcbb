/** A question that may not be answered in time. @module */
import { systemClock } from "../host/clock.ts";

/** @returns `late` when the time is over; what comes after is not waited for */
export async function within<T, Late>(
  limitMs: number,
  asked: Promise<T>,
  late: Late,
): Promise<T | Late> {
  const { promise, resolve } = Promise.withResolvers<Late>();
  using _limit = systemClock.after(limitMs, () => resolve(late));
  return await Promise.race([asked, promise]);
}
