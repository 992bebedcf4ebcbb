/**
 * An outage drill: its states, and the only function that moves between them.
 *
 * ```
 *          begun               time, a person, no room, …            all has left, or too long
 *   none ────────► held ──────────────────────────────► draining ─────────────────────────────► over
 *                  (the tunnel is down)                 (it is up again)                          │
 *                    ▲                                        begun                               │
 *                    └────────────────────────────────────────────────────────────────────────────┘
 * ```
 *
 * What was accepted while the tunnel was down is complete when the receiver has said its last word on the last number
 * that each channel had given by then.
 *
 * @module
 */
import { DRILL_DRAIN_MAX_MS, DRILL_SAMPLES_COUNT } from "./drill-limits.ts";

/** A channel that takes messages, at one moment. */
export interface DrillChannel {
  readonly name: string;
  readonly epoch: bigint;
  readonly lastSeq: bigint;
  readonly ackedSeq: bigint;
  /** Ever stored, in all epochs. */
  readonly stored: bigint;
  readonly waiting: bigint;
  readonly waitingBytes: number;
  /** Nothing of it leaves, whatever the tunnel does: it is held, or stops before damage. */
  readonly isHeld: boolean;
}

/** Why the tunnel was let up. `trouble`: an alarm that no drill may make worse. */
export type DrillEnd = "time" | "person" | "room" | "trouble" | "configuration";

export interface DrillLook {
  /** Wall time, ms since 1970. */
  readonly nowMs: number;
  readonly monotonicMs: number;
  readonly channels: readonly DrillChannel[];
  readonly isUp: boolean;
  /** Bytes that the store may still take before anybody is bothered. */
  readonly roomBytes: number;
  /** What forbids a drill now, besides room. */
  readonly forbids: "trouble" | "configuration" | undefined;
}

export interface DrillSample {
  readonly atSeconds: number;
  readonly waiting: number;
  readonly waitingBytes: number;
}

interface Held {
  readonly at: "held";
  readonly minutes: number;
  readonly began: DrillLook;
  readonly last: DrillLook;
  readonly samples: readonly DrillSample[];
}

interface Draining extends Omit<Held, "at"> {
  readonly at: "draining";
  readonly because: DrillEnd;
  /** As it was when the tunnel was let up. */
  readonly released: DrillLook;
  /** Monotonic: when it streamed again. */
  readonly upMs: number | undefined;
  /** By channel, monotonic: when the receiver had everything. */
  readonly drained: ReadonlyMap<string, number>;
}

export type DrillState =
  | { readonly at: "none" }
  | Held
  | Draining
  | (Omit<Draining, "at"> & { readonly at: "over" });

export type DrillEvent =
  | { readonly on: "begun"; readonly minutes: number; readonly look: DrillLook }
  | { readonly on: "looked" | "stop"; readonly look: DrillLook };

export type DrillEffect = "holdDown" | "letUp" | "ended";

export interface DrillStep {
  readonly state: DrillState;
  readonly effects: readonly DrillEffect[];
}

const MINUTE_MS = 60_000;

/** Pure. An event that means nothing in `state` returns `state` itself and no effects. */
export function step(state: DrillState, event: DrillEvent): DrillStep {
  const { look } = event;
  if (event.on === "begun") {
    if (state.at === "held" || state.at === "draining") return { state, effects: [] };
    const held: Held = {
      ...{ at: "held", minutes: event.minutes, began: look, last: look },
      samples: [sampleOf(look, look)],
    };
    return { state: held, effects: ["holdDown"] };
  }
  if (state.at === "held") {
    const because = event.on === "stop" ? "person" : endOf(state, look);
    const seen = { ...state, last: look, samples: sampled(state, look) };
    if (because === undefined) return { state: seen, effects: [] };
    const rest = { because, released: look, upMs: undefined, drained: new Map<string, number>() };
    return { state: { ...seen, ...rest, at: "draining" }, effects: ["letUp"] };
  }
  if (state.at === "draining") return drainingStep(state, look, event.on === "stop");
  return { state, effects: [] };
}

function endOf({ began, minutes }: Held, look: DrillLook): DrillEnd | undefined {
  const elapsedMs = look.monotonicMs - began.monotonicMs;
  const leftMs = minutes * MINUTE_MS - elapsedMs;
  if (leftMs <= 0) return "time";
  if (look.forbids !== undefined) return look.forbids;
  const grownBytes = Math.max(0, bytesOf(look) - bytesOf(began));
  // At the rate since its beginning, and room for once more of that.
  const needBytes = elapsedMs === 0 ? 0 : (grownBytes * leftMs) / elapsedMs + grownBytes;
  return needBytes > look.roomBytes ? "room" : undefined;
}

function drainingStep(state: Draining, look: DrillLook, isStopped: boolean): DrillStep {
  const drained = new Map(state.drained);
  for (const target of state.released.channels) {
    const now = look.channels.find(({ name }) => name === target.name);
    if (!drained.has(target.name) && hasLeft(target, now)) {
      drained.set(target.name, look.monotonicMs);
    }
  }
  const upMs = state.upMs ?? (look.isUp ? look.monotonicMs : undefined);
  const seen = { ...state, drained, upMs, last: look };
  const isAll = state.released.channels.every(({ name, isHeld }) => isHeld || drained.has(name));
  const isLate = look.monotonicMs - state.released.monotonicMs > DRILL_DRAIN_MAX_MS;
  return (isAll && upMs !== undefined) || isLate || isStopped
    ? { state: { ...seen, at: "over" }, effects: ["ended"] }
    : { state: seen, effects: [] };
}

/** In another epoch the numbers are others: there it has left when nothing waits. */
function hasLeft(target: DrillChannel, now: DrillChannel | undefined): boolean {
  if (now === undefined) return false;
  return now.epoch === target.epoch ? now.ackedSeq >= target.lastSeq : now.waiting === 0n;
}

function sampled({ samples, began, minutes }: Held, look: DrillLook): readonly DrillSample[] {
  const next = sampleOf(began, look);
  const every = (minutes * 60) / DRILL_SAMPLES_COUNT;
  const isDue = next.atSeconds >= (samples.at(-1)?.atSeconds ?? 0) + every;
  return isDue ? [...samples, next] : samples;
}

const sampleOf = (began: DrillLook, look: DrillLook): DrillSample => ({
  atSeconds: Math.round((look.monotonicMs - began.monotonicMs) / 1_000),
  waiting: look.channels.reduce((all, { waiting }) => all + Number(waiting), 0),
  waitingBytes: bytesOf(look),
});

const bytesOf = ({ channels }: DrillLook): number =>
  channels.reduce((all, { waitingBytes }) => all + waitingBytes, 0);
