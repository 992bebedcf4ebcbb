/**
 * A model of T-N09: every agent of a fleet loses its receiver at once, and all come back. Pure and
 * seeded, in steps of 50 ms.
 *
 * The receiver is one that does so many handshakes a second and works at all that are in progress in
 * turn, as an event loop does: with too many at once each takes longer than agents wait, and none is
 * ever done. That is what the way of waiting has to prevent.
 *
 * @module
 */

/** Before attempt `attempt` (0: the first), in ms. */
export type Waiting = (attempt: number, chance: () => number) => number;

const BASE_MS = 1_000;
const CEILING_MS = 60_000;
const FIRST_MAX_MS = 30_000;
const ceilingMs = (attempt: number): number => Math.min(CEILING_MS, BASE_MS * 2 ** attempt);

/** The three of T-N09, and ours: full jitter with a random first delay (06 TP27). */
export const WAITINGS = {
  "fixed, 5 s": () => 5_000,
  "doubled, no jitter": ceilingMs,
  "full jitter": (attempt, chance) => ceilingMs(attempt) * chance(),
  "full jitter, first delay 0 to 30 s": (attempt, chance) =>
    (attempt === 0 ? FIRST_MAX_MS : ceilingMs(attempt - 1)) * chance(),
} as const satisfies Record<string, Waiting>;

export interface Storm {
  readonly agents: number;
  readonly handshakesPerSecond: number;
  /** An agent gives up an attempt after this long. */
  readonly timeoutMs: number;
  /** Agents notice the loss within this time, evenly. */
  readonly noticedWithinMs: number;
  /** The model gives up. */
  readonly limitMs: number;
}

export const FLEET: Storm = {
  agents: 5_000,
  handshakesPerSecond: 200,
  timeoutMs: 10_000,
  noticedWithinMs: 1_000,
  limitMs: 1_200_000,
};

export interface Outcome {
  /** Until the last is back; null if not within the limit. */
  readonly allBackMs: number | null;
  /** Handshakes in progress at once, at most. */
  readonly mostAtOnce: number;
  /** Handshakes that were begun and given up. */
  readonly wasted: number;
}

const STEP_MS = 50;

interface Agent {
  attempt: number;
  /** Of the next attempt, while it waits. */
  dueMs: number;
  /** Part of its handshake that is done. */
  done: number;
  sinceMs: number;
}

export function weather(storm: Storm, waiting: Waiting, chance: () => number): Outcome {
  let away: Agent[] = Array.from({ length: storm.agents }, () => {
    const dueMs = storm.noticedWithinMs * chance() + waiting(0, chance);
    return { attempt: 0, dueMs, done: 0, sinceMs: 0 };
  });
  let dialling: Agent[] = [];
  let mostAtOnce = 0;
  let wasted = 0;
  const perStep = (storm.handshakesPerSecond * STEP_MS) / 1_000;
  for (let nowMs = 0; nowMs < storm.limitMs; nowMs += STEP_MS) {
    for (const agent of away) {
      if (agent.dueMs <= nowMs) dialling.push(Object.assign(agent, { done: 0, sinceMs: nowMs }));
    }
    away = away.filter(({ dueMs }) => dueMs > nowMs);
    mostAtOnce = Math.max(mostAtOnce, dialling.length);
    const share = perStep / Math.max(1, dialling.length);
    for (const agent of dialling) agent.done += share;
    // A handshake takes its own time however few there are; that is far below a step.
    dialling = dialling.filter(({ done }) => done < 1);
    const isLate = ({ sinceMs }: Agent): boolean => nowMs - sinceMs >= storm.timeoutMs;
    const late = dialling.filter(isLate);
    for (const agent of late) {
      wasted += 1;
      agent.attempt += 1;
      agent.dueMs = nowMs + waiting(agent.attempt, chance);
    }
    away.push(...late);
    if (late.length > 0) dialling = dialling.filter((agent) => !isLate(agent));
    if (away.length + dialling.length === 0) {
      return { allBackMs: nowMs + STEP_MS, mostAtOnce, wasted };
    }
  }
  return { allBackMs: null, mostAtOnce, wasted };
}

/** Mulberry32: small, and the same everywhere. @returns numbers from 0 up to 1 */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
