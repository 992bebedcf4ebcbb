/**
 * The tunnel's states and the only function that moves between them (06 section 10).
 *
 *                 due             upgraded            welcomed            every OPENED
 *  disconnected ─────► connecting ────────► helloSent ────────► resuming ─────────────► streaming
 *      ▲  ▲                │                    │                  │                     │    ▲
 *      │  └──── lost ──────┴────────────────────┴──────────────────┴──────────┐  no credit│    │credit
 *      │                   │ 401, 400, GOAWAY 4 to 8                          │           ▼    │
 *      └── due ───────── sticky (a person must look; tried again all the same)│         throttled
 *      ▲                                                                      │           │
 *      └── drained, lost ── draining ◄──── GOAWAY 1 to 3, stop ───────────────┴───────────┘
 *
 * After `stop` the tunnel ends in `closed`: through `draining` where messages are in flight. `holdDown` cuts whatever
 * there is, and leads to `heldDown` (an outage drill), which `letUp` alone ends: then it is dialled at once.
 *
 * @module
 */
import {
  BACKOFF_BASE_MS,
  BACKOFF_MAX_MS,
  BACKOFF_RESET_MS,
  FIRST_DELAY_MAX_MS,
  STICKY_MAX_MS,
  STICKY_MIN_MS,
} from "../limits.ts";

/** Why a person must look. */
export type StickyReason = "fenced" | "duplicateIdentity" | "version" | "refused";

export type TunnelState =
  | { readonly at: "disconnected"; readonly attempt: number; readonly untilMs: number }
  | { readonly at: "connecting" | "helloSent" | "resuming"; readonly attempt: number }
  | {
      readonly at: "streaming" | "throttled";
      readonly attempt: number;
      /** Monotonic: when this connection began to stream. */
      readonly sinceMs: number;
    }
  | {
      readonly at: "draining";
      readonly next: "disconnected" | "closed";
      readonly retryAfterMs: number;
    }
  | { readonly at: "sticky"; readonly why: StickyReason; readonly untilMs: number }
  | { readonly at: "heldDown" | "closed" };

/** `nowMs` is monotonic; `chance` is in [0, 1). */
export type TunnelEvent =
  | { readonly on: "due" | "upgraded" | "welcomed" | "throttled" | "credited" }
  | { readonly on: "stop" | "holdDown" | "letUp" }
  | { readonly on: "resumed"; readonly nowMs: number }
  | {
      readonly on: "lost";
      readonly nowMs: number;
      readonly chance: number;
      /** What an overloaded receiver asked for in place of the upgrade (TP5). */
      readonly retryAfterMs?: number;
    }
  | { readonly on: "drained"; readonly nowMs: number; readonly chance: number }
  | { readonly on: "goaway"; readonly retryAfterMs: number }
  | {
      readonly on: "barred";
      readonly why: StickyReason;
      readonly nowMs: number;
      readonly chance: number;
    }
  /**
   * For the first time in a while. It may have been our own greeting, which a receiver that had been frozen
   * reads late: staying away for minutes would help nobody. A copy of us fences us again.
   */
  | { readonly on: "fencedOnce"; readonly nowMs: number; readonly chance: number };

export type TunnelEffect = "dial" | "hello" | "open" | "drain" | "hangUp" | "cut" | "armTimer";

export interface TunnelStep {
  readonly state: TunnelState;
  readonly effects: readonly TunnelEffect[];
}

export const TUNNEL_START: TunnelState = { at: "disconnected", attempt: 0, untilMs: 0 };

/**
 * Moves the tunnel one step. Pure: same arguments, same answer.
 *
 * @returns the next state, and what the driver must do, in order. An event that means nothing in
 *   `state` returns `state` itself and no effects: late timers and late sockets are normal
 */
export function step(state: TunnelState, event: TunnelEvent): TunnelStep {
  if (state.at === "closed") return to(state);
  if (state.at === "heldDown") return whileHeldDown(state, event);
  switch (event.on) {
    case "lost":
      return afterLoss(state, event);
    case "barred":
      return barred(state, event.why, event.nowMs + sticky(event.chance));
    case "fencedOnce":
      return isStreaming(state) || state.at === "resuming"
        ? comeBack(event.nowMs, event.chance)
        : barred(state, "fenced", event.nowMs + sticky(event.chance));
    case "stop":
      return stop(state);
    case "holdDown":
      return holdDown(state);
    case "letUp":
      return to(state);
    case "goaway":
      return isStreaming(state) || state.at === "resuming" || state.at === "helloSent"
        ? to({ at: "draining", next: "disconnected", retryAfterMs: event.retryAfterMs }, "drain")
        : to(state);
    case "drained":
      return state.at === "draining" ? drained(state, event.nowMs, event.chance) : to(state);
    default:
      return forward(state, event);
  }
}

type ForwardEvent = Exclude<
  TunnelEvent,
  | { on: "stop" | "holdDown" | "letUp" }
  | { on: "lost" | "drained" | "fencedOnce" | "goaway" | "barred" }
>;

function forward(state: TunnelState, event: ForwardEvent): TunnelStep {
  switch (event.on) {
    case "due":
      if (state.at === "disconnected") {
        return to({ at: "connecting", attempt: state.attempt }, "dial");
      }
      return state.at === "sticky" ? to({ at: "connecting", attempt: 0 }, "dial") : to(state);
    case "upgraded":
      if (state.at !== "connecting") return to(state);
      return to({ at: "helloSent", attempt: state.attempt }, "hello");
    case "welcomed":
      if (state.at !== "helloSent") return to(state);
      return to({ at: "resuming", attempt: state.attempt }, "open");
    case "resumed":
      if (state.at !== "resuming") return to(state);
      return to({ at: "streaming", attempt: state.attempt, sinceMs: event.nowMs });
    case "throttled":
      return state.at === "streaming" ? to({ ...state, at: "throttled" }) : to(state);
    case "credited":
      return state.at === "throttled" ? to({ ...state, at: "streaming" }) : to(state);
  }
}

/** Full jitter; a connection that had streamed a minute forgives the attempts before (TP27). */
function afterLoss(
  state: TunnelState,
  { nowMs, chance, retryAfterMs }: Extract<TunnelEvent, { on: "lost" }>,
): TunnelStep {
  switch (state.at) {
    case "draining":
      return drained(state, nowMs, chance);
    case "disconnected":
    case "sticky":
    case "heldDown":
    case "closed":
      return to(state);
    default: {
      const longLived =
        (state.at === "streaming" || state.at === "throttled") &&
        nowMs - state.sinceMs >= BACKOFF_RESET_MS;
      if (longLived) return waiting(0, nowMs + FIRST_DELAY_MAX_MS * chance);
      if (retryAfterMs !== undefined) {
        const untilMs = nowMs + retryAfterMs + FIRST_DELAY_MAX_MS * chance;
        return waiting(state.attempt + 1, untilMs);
      }
      const ceilingMs = Math.min(BACKOFF_MAX_MS, BACKOFF_BASE_MS * 2 ** state.attempt);
      return waiting(state.attempt + 1, nowMs + ceilingMs * chance);
    }
  }
}

/** An outage asks nobody: what is in flight stays without its acks, and is sent again. */
function holdDown(state: TunnelState): TunnelStep {
  if (state.at === "draining" && state.next === "closed") return to(state);
  return to({ at: "heldDown" }, "cut");
}

/** One agent alone comes back: no jitter, for its receiver lost nobody else. */
function whileHeldDown(state: TunnelState, { on }: TunnelEvent): TunnelStep {
  if (on === "stop") return to({ at: "closed" }, "hangUp");
  return on === "letUp" ? to({ at: "connecting", attempt: 0 }, "dial") : to(state);
}

/** What is in flight keeps its ten seconds, also where they had begun before. */
function stop(state: TunnelState): TunnelStep {
  if (isStreaming(state)) {
    return to({ at: "draining", next: "closed", retryAfterMs: 0 }, "drain");
  }
  if (state.at !== "draining") return to({ at: "closed" }, "hangUp");
  return to(state.next === "closed" ? state : { ...state, next: "closed" });
}

function drained(
  state: Extract<TunnelState, { at: "draining" }>,
  nowMs: number,
  chance: number,
): TunnelStep {
  if (state.next === "closed") return to({ at: "closed" }, "hangUp");
  return comeBack(nowMs + state.retryAfterMs, chance);
}

function comeBack(fromMs: number, chance: number): TunnelStep {
  const untilMs = fromMs + FIRST_DELAY_MAX_MS * chance;
  return to({ at: "disconnected", attempt: 0, untilMs }, "hangUp", "armTimer");
}

function barred(state: TunnelState, why: StickyReason, untilMs: number): TunnelStep {
  if (state.at === "disconnected" || state.at === "sticky") return to(state);
  if (state.at === "draining" && state.next === "closed") return to({ at: "closed" }, "hangUp");
  return to({ at: "sticky", why, untilMs }, "hangUp", "armTimer");
}

const sticky = (chance: number): number => STICKY_MIN_MS + (STICKY_MAX_MS - STICKY_MIN_MS) * chance;

const isStreaming = (state: TunnelState): boolean =>
  state.at === "streaming" || state.at === "throttled";

function waiting(attempt: number, untilMs: number): TunnelStep {
  // 2^16 s is far above the ceiling already: the exponent need not grow for ever.
  return to({ at: "disconnected", attempt: Math.min(attempt, 16), untilMs }, "armTimer");
}

function to(state: TunnelState, ...effects: TunnelEffect[]): TunnelStep {
  return { state, effects };
}
