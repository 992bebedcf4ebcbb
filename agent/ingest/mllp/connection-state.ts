/**
 * One MLLP connection's states, and the only function that moves between them.
 *
 *             full                      room
 *   reading ────────► paused (too much waits for a commit) ────────► reading
 *      │                 │
 *      │ ending: the peer's FIN, an orderly stop, a reply after which we close
 *      ▼                 ▼
 *   finishing ── last reply written ──► closed
 *
 *   refused, dropped, lost: closed at once from every state.
 *
 * `waiting` counts blocks whose reply is not written yet; `full` and `room` are also said by the store
 * as a whole (05 S8).
 *
 * @module
 */
import { PENDING_BLOCKS_MAX_BYTES, PENDING_BLOCKS_MAX_COUNT } from "../../limits.ts";

/** 03 C5: what may wait for a commit before reading pauses. */
export interface PendingLimits {
  readonly count: number;
  readonly bytes: number;
}

export const PENDING_LIMITS: PendingLimits = {
  count: PENDING_BLOCKS_MAX_COUNT,
  bytes: PENDING_BLOCKS_MAX_BYTES,
};

export type ConnectionState =
  | { readonly at: "reading" | "paused" | "finishing"; readonly waiting: Waiting }
  | { readonly at: "closed" };

export interface Waiting {
  readonly count: number;
  readonly bytes: number;
}

export type ConnectionEvent =
  | { readonly on: "taken"; readonly bytes: number }
  | { readonly on: "answered"; readonly bytes: number }
  /** The store as a whole has no room, or has room again. */
  | { readonly on: "saturated" | "room" }
  | { readonly on: "ending" }
  /** The store refused a block: no reply, hang up (03 E1). */
  | { readonly on: "refused" }
  /** By policy: what was written leaves, nothing else does. */
  | { readonly on: "dropped" }
  | { readonly on: "lost" };

export type ConnectionEffect = "pause" | "resume" | "end" | "destroy";

export interface ConnectionStep {
  readonly state: ConnectionState;
  readonly effects: readonly ConnectionEffect[];
}

export const CONNECTION_START: ConnectionState = { at: "reading", waiting: { count: 0, bytes: 0 } };

/** Moves a connection one step. Pure; an event that means nothing in `state` changes nothing. */
export function step(
  state: ConnectionState,
  event: ConnectionEvent,
  limits = PENDING_LIMITS,
): ConnectionStep {
  if (state.at === "closed") return { state, effects: [] };
  switch (event.on) {
    case "lost":
      return { state: { at: "closed" }, effects: [] };
    case "refused":
      return { state: { at: "closed" }, effects: ["destroy"] };
    case "dropped":
      return { state: { at: "closed" }, effects: ["pause", "end"] };
    case "ending":
      return state.at === "finishing"
        ? { state, effects: [] }
        : finishing(state.waiting, ["pause"]);
    case "saturated":
      return state.at === "reading" ? to("paused", state.waiting, "pause") : { state, effects: [] };
    case "room":
      return resumed(state.at, state.waiting, limits);
    case "taken": {
      const waiting = {
        count: state.waiting.count + 1,
        bytes: state.waiting.bytes + event.bytes,
      };
      return taken(state.at, waiting, limits);
    }
    case "answered": {
      const waiting = {
        count: state.waiting.count - 1,
        bytes: state.waiting.bytes - event.bytes,
      };
      if (state.at === "finishing") return finishing(waiting, []);
      return resumed(state.at, waiting, limits);
    }
  }
}

type Live = "reading" | "paused" | "finishing";

function to(at: Live, waiting: Waiting, ...effects: ConnectionEffect[]): ConnectionStep {
  return { state: { at, waiting }, effects };
}

function taken(at: Live, waiting: Waiting, limits: PendingLimits): ConnectionStep {
  const full = waiting.count >= limits.count || waiting.bytes >= limits.bytes;
  return at === "reading" && full ? to("paused", waiting, "pause") : to(at, waiting);
}

/** Half empty before reading goes on, so that it does not stop and go with each block. */
function resumed(at: Live, waiting: Waiting, limits: PendingLimits): ConnectionStep {
  const halfEmpty = waiting.count <= limits.count / 2 && waiting.bytes <= limits.bytes / 2;
  return at === "paused" && halfEmpty ? to("reading", waiting, "resume") : to(at, waiting);
}

function finishing(waiting: Waiting, effects: ConnectionEffect[]): ConnectionStep {
  if (waiting.count > 0) return to("finishing", waiting, ...effects);
  return { state: { at: "closed" }, effects: [...effects, "end"] };
}
