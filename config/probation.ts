/**
 * Whether a configuration does well in its probation (07 2.11): a comparison of what is seen with what was seen
 * before it.
 *
 * @module
 */

/** So many more negative acknowledgments and errors are no chance. */
const ERRORS_MIN = 10;
const ERRORS_FACTOR = 2;
/** Fewer samples show no direction. */
const DEPTHS_MIN_COUNT = 6;

/** What was seen before the new configuration ran. */
export interface Baseline {
  /** Negative acknowledgments and errors of each channel, one number a minute, the newest last. */
  readonly errorsByMinute: ReadonlyMap<string, readonly number[]>;
  /** Messages in the outbox, at equal distances, the newest last. */
  readonly outboxDepths: readonly number[];
  readonly isTunnelUp: boolean;
}

/** What is seen since it runs. */
export interface Observation {
  /** Begun minutes; the baseline is looked at over as many. */
  readonly minutes: number;
  /** Every channel of the new configuration, and whether its listener or folder works. */
  readonly working: ReadonlyMap<string, boolean>;
  /** Negative acknowledgments and errors since it runs. */
  readonly errors: ReadonlyMap<string, number>;
  readonly outboxDepths: readonly number[];
  /** Whether a synthetic message reached the sink inside; absent until one was tried. */
  readonly hasSyntheticPassed?: boolean;
  readonly isTunnelUp: boolean;
  /** Whether the receiver's host and, if there is one, the proxy take connections. */
  readonly isWayOpen: boolean;
}

export type ProbationFault =
  | { readonly code: "channelDown"; readonly channel: string }
  | { readonly code: "errors"; readonly channel?: string }
  | { readonly code: "outboxGrows" }
  | { readonly code: "syntheticLost" }
  | { readonly code: "tunnelDown" };

/** @returns every reason to go back, most certain first; empty: healthy so far */
export function whatProbationFinds(before: Baseline, now: Observation): ProbationFault[] {
  const faults: ProbationFault[] = [];
  for (const [channel, works] of now.working) {
    if (!works) faults.push({ code: "channelDown", channel });
  }
  if (now.hasSyntheticPassed === false) faults.push({ code: "syntheticLost" });
  faults.push(...errorFaults(before, now));
  if (isGrowing(now.outboxDepths) && !isGrowing(before.outboxDepths)) {
    faults.push({ code: "outboxGrows" });
  }
  // Where the way is cut, the configuration is not to blame.
  if (before.isTunnelUp && !now.isTunnelUp && now.isWayOpen) faults.push({ code: "tunnelDown" });
  return faults;
}

/** Each channel for itself, so that a busy one hides nothing, and all together, so that many small ones count. */
function* errorFaults(before: Baseline, now: Observation): Generator<ProbationFault> {
  let [all, allBefore] = [0, 0];
  for (const channel of now.working.keys()) {
    const count = now.errors.get(channel) ?? 0;
    const countBefore = newest(before.errorsByMinute.get(channel) ?? [], now.minutes);
    all += count;
    allBefore += countBefore;
    if (isWorse(count, countBefore)) yield { code: "errors", channel };
  }
  if (isWorse(all, allBefore)) yield { code: "errors" };
}

const isWorse = (count: number, before: number): boolean =>
  count >= ERRORS_MIN && count > ERRORS_FACTOR * before;

/** Of an agent that has not run for so long before, what it would have been. */
function newest(byMinute: readonly number[], minutes: number): number {
  const known = byMinute.slice(-Math.max(1, minutes));
  const sum = known.reduce((total, count) => total + count, 0);
  return known.length === 0 ? 0 : (sum * Math.max(1, minutes)) / known.length;
}

/** Whether the last third lies wholly above the first: a queue that is drained in bursts does not. */
export function isGrowing(depths: readonly number[]): boolean {
  if (depths.length < DEPTHS_MIN_COUNT) return false;
  const third = Math.floor(depths.length / 3);
  return Math.min(...depths.slice(-third)) > Math.max(...depths.slice(0, third));
}
