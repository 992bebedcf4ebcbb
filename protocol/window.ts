/**
 * How many bytes the source keeps on the way (TP22), as a pure function of its PING round trips.
 *
 *   full since the last PING, round trip < base + 100 ms ──► a quarter more, at least 64 KiB more
 *   round trip > base + 200 ms                           ──► half
 *   anything else                                        ──► as before
 *
 * base = the lowest round trip of the last 10 minutes, this one included.
 *
 * @module
 */
import { WINDOW_INITIAL_BYTES, WINDOW_MAX_BYTES, WINDOW_MIN_BYTES } from "./limits.ts";

const BASE_AGE_MS = 600_000;
const GROW_BELOW_MS = 100;
const SHRINK_ABOVE_MS = 200;
const GROWTH_MIN_BYTES = 65_536;

interface Sample {
  readonly atMs: number;
  readonly roundTripMs: number;
}

export interface WindowState {
  readonly windowBytes: number;
  /**
   * The samples that are or may yet become the base: each is lower than all that came after it, so
   * the first is the base. With a PING a second there are at most 601.
   */
  readonly lows: readonly Sample[];
}

/** The window of a new connection: what is known of another path says nothing. */
export function windowStart(): WindowState {
  return { windowBytes: WINDOW_INITIAL_BYTES, lows: [] };
}

/**
 * @param sample `nowMs` is monotonic; `full` if the window held the source back since the last PING
 */
export function windowAfterPing(
  state: WindowState,
  sample: { readonly roundTripMs: number; readonly nowMs: number; readonly full: boolean },
): WindowState {
  const { roundTripMs, nowMs } = sample;
  const older = state.lows.filter(
    (low) => low.roundTripMs < roundTripMs && nowMs - low.atMs <= BASE_AGE_MS,
  );
  const baseMs = older[0]?.roundTripMs ?? roundTripMs;
  return {
    windowBytes: resized(state.windowBytes, roundTripMs - baseMs, sample.full),
    lows: [...older, { atMs: nowMs, roundTripMs }],
  };
}

function resized(windowBytes: number, aboveBaseMs: number, full: boolean): number {
  if (aboveBaseMs > SHRINK_ABOVE_MS) {
    return Math.max(WINDOW_MIN_BYTES, Math.floor(windowBytes / 2));
  }
  if (full && aboveBaseMs < GROW_BELOW_MS) {
    const growthBytes = Math.max(GROWTH_MIN_BYTES, Math.floor(windowBytes / 4));
    return Math.min(WINDOW_MAX_BYTES, windowBytes + growthBytes);
  }
  return windowBytes;
}
