/** Bounds of an outage drill, each with its unit and reason; all others are in `limits.ts`. @module */

/** Nobody means to hold messages back for longer than a shift. */
export const DRILL_MAX_MINUTES = 480;
/** How often it is looked at: while the tunnel is down, and while the backlog leaves. */
export const DRILL_HELD_LOOK_MS = 1_000;
export const DRILL_DRAIN_LOOK_MS = 200;
/** A store that does not answer must not keep the tunnel down: it is let up so long after its time all the same. */
export const DRILL_GRACE_MS = 5_000;
/** So long a look waits for the store; a status takes milliseconds, and seconds on a disk that is busy. */
export const DRILL_LOOK_MAX_MS = 5_000;
/** So many looks in a row that the store did not answer are trouble: one or two are a disk that was busy. */
export const DRILL_FAILED_LOOKS_COUNT = 3;
/** So long the backlog may take to leave before the drill says that it has not. */
export const DRILL_DRAIN_MAX_MS = 4 * 3_600_000;
/** Points of the curve that a report keeps. */
export const DRILL_SAMPLES_COUNT = 60;
/** The busiest hour brings about so many times the average. */
export const DRILL_RATE_MARGIN = 3;
/** Of the budget that unsettled messages may hold in a drill: below the first alarm (05 S12: 70 percent). */
export const DRILL_BUDGET_SHARE = 0.6;
