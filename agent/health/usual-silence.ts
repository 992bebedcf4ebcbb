/**
 * How long a channel is usually silent at this hour of this weekday, and whether it is silent for far longer (08 PL10).
 *
 * Learned: for each hour of the week, the longest silence that was seen at any moment of it, of the newest eight weeks.
 * At night that is hours, on a busy morning a minute, and nobody has to say which is which. Usual is the second
 * longest, so that one outage, or one holiday, teaches nothing; below three weeks of an hour nothing is said of it.
 *
 * What says nothing of the sender is neither learned nor an alarm: hours that were not watched whole, the time before a
 * start, a machine that slept, a clock that was put forward or back.
 *
 * @module
 */

export const HOURS_A_WEEK = 168;
export const WEEKS_KEPT_COUNT = 8;
const WEEKS_NEEDED_COUNT = 3;
/** From so many weeks on the longest of them may be an outage. */
const WEEKS_SURE_COUNT = 4;
/** Nobody is called for less. */
export const SILENCE_FLOOR_MS = 600_000;
/** An hour is judged once it has lasted so long, so that one who begins a little late is no alarm. */
const HOUR_GRACE_MS = 1_800_000;
/** Two looks that are further apart, by either clock, had a machine that slept between them, or a clock that leapt. */
const UNWATCHED_MS = 120_000;

/** Silences of one hour of the week in ms, newest first. */
export type HourHistory = readonly number[];

export interface SilenceLook {
  readonly monotonicMs: number;
  readonly nowMs: number;
  /** What the clock on the wall shows, 0 to 167. */
  readonly hour: number;
  /** Of the channel; another number than before: something came. */
  readonly messageCount: number;
}

export interface SilenceState {
  readonly at: SilenceLook;
  /** Monotonic: nothing has come since. */
  readonly quietFromMs: number;
  /** Since when the wall shows this hour, or since it is watched. */
  readonly hourFromMs: number;
  /** It was watched from its beginning. */
  readonly isWhole: boolean;
  /** Something came since it is watched: how long the silence is, is known. */
  readonly hasHeard: boolean;
  /** The longest silence in this hour so far. */
  readonly longestMs: number;
  /** It was called silent, and nothing has come since. */
  readonly isSilent: boolean;
}

export interface Learned {
  readonly hour: number;
  readonly silenceMs: number;
}

export function watchedFrom(look: SilenceLook, isSilent = false): SilenceState {
  const { monotonicMs } = look;
  return {
    ...{ at: look, quietFromMs: monotonicMs, hourFromMs: monotonicMs },
    ...{ isWhole: false, hasHeard: false, longestMs: 0, isSilent },
  };
}

/**
 * One look at a channel; pure.
 *
 * @param usualMs of an hour; `undefined`: not known yet
 */
export function look(
  before: SilenceState,
  now: SilenceLook,
  { usualMs, factor }: { usualMs: (hour: number) => number | undefined; factor: number },
): { readonly state: SilenceState; readonly learned: Learned | undefined } {
  if (isUnwatched(before.at, now)) {
    return { state: watchedFrom(now, before.isSilent), learned: undefined };
  }
  const { monotonicMs, hour, messageCount } = now;
  const silenceMs = monotonicMs - before.quietFromMs;
  const came = messageCount !== before.at.messageCount;
  const isNewHour = hour !== before.at.hour;
  const hourFromMs = isNewHour ? monotonicMs : before.hourFromMs;
  const longestMs = Math.max(before.longestMs, silenceMs);
  const judged = { silenceMs, hourMs: monotonicMs - hourFromMs, usualMs: usualMs(hour), factor };
  const state: SilenceState = {
    at: now,
    quietFromMs: came ? monotonicMs : before.quietFromMs,
    hourFromMs,
    isWhole: isNewHour || before.isWhole,
    hasHeard: came || before.hasHeard,
    longestMs: isNewHour ? (came ? 0 : silenceMs) : longestMs,
    isSilent: !came && (before.isSilent || isTooLong(judged)),
  };
  const isKnown = isNewHour && before.isWhole && before.hasHeard;
  return { state, learned: isKnown ? { hour: before.at.hour, silenceMs: longestMs } : undefined };
}

function isUnwatched(before: SilenceLook, now: SilenceLook): boolean {
  const passedMs = now.monotonicMs - before.monotonicMs;
  const shownMs = now.nowMs - before.nowMs;
  return passedMs > UNWATCHED_MS || Math.abs(shownMs - passedMs) > UNWATCHED_MS;
}

function isTooLong(judged: {
  readonly silenceMs: number;
  readonly hourMs: number;
  readonly usualMs: number | undefined;
  readonly factor: number;
}): boolean {
  const { silenceMs, hourMs, usualMs, factor } = judged;
  if (usualMs === undefined) return false;
  const limitMs = Math.max(SILENCE_FLOOR_MS, usualMs * factor);
  return silenceMs > limitMs && hourMs >= Math.min(limitMs, HOUR_GRACE_MS);
}

/** @returns `undefined` before there is enough history */
export function usualOf(history: HourHistory): number | undefined {
  if (history.length < WEEKS_NEEDED_COUNT) return undefined;
  const longestFirst = history.toSorted((a, b) => b - a);
  return longestFirst[history.length < WEEKS_SURE_COUNT ? 0 : 1];
}

export const remembered = (history: HourHistory, silenceMs: number): HourHistory =>
  [silenceMs, ...history].slice(0, WEEKS_KEPT_COUNT);
