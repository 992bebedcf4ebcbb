/**
 * The states of one connection at the receiver (06 section 11), and the only function that moves
 * between them.
 *
 *         gate passed          HELLO, then the session is committed          first OPEN
 *   new ─────────────► auth ───────────────────────────────────► welcomed ──────────► streaming
 *                       │                                            │                   │
 *                       │ other frame, 10 s                          └──── shutdown ─────┤
 *                       ▼                                                                ▼
 *                    closed ◄─────────────────── emptied, 10 s ─────────────────── draining
 *
 *   any ── the store answers FENCED, or that two copies are alive ─► fenced ── socket lost ─► closed
 *   any ── silence, socket lost, ERROR ─► closed: the session stays valid until the next HELLO
 *
 * A connection that fails the gate never becomes one: the server answers 401 (07 1.8).
 *
 * @module
 */
import {
  type DataFrame,
  ERROR_CODE,
  type ErrorFrameCode,
  FRAME_TYPE,
  type Frame,
  GOAWAY_CODE,
  type GoawayCode,
  type HelloFrame,
  type OpenFrame,
  type SkipFrame,
} from "#protocol/frame.ts";
import { FRAME_MIN_NEGOTIABLE_BYTES, MINOR } from "#protocol/limits.ts";
import type { DownstreamFrame } from "./downstream/downstream.ts";

export type ConnectionState =
  | { readonly at: "new" | "welcomed" | "streaming" | "draining" | "fenced" | "closed" }
  /** `hello` is there while its session is being committed. */
  | { readonly at: "auth"; readonly hello: HelloFrame | null };

export type ConnectionEvent =
  | { readonly on: "frame"; readonly frame: Frame }
  | { readonly on: "violated"; readonly code: ErrorFrameCode; readonly frameType?: number }
  | { readonly on: "sessionBegun"; readonly session: number }
  | { readonly on: "gatePassed" | "helloExpired" | "fenced" | "duplicate" | "shutdown" }
  | { readonly on: "emptied" | "drainExpired" | "silent" | "lost" };

export type ConnectionEffect =
  | { readonly do: "armHello" | "armDrain" | "destroy" | "release" }
  | { readonly do: "beginSession"; readonly hello: HelloFrame }
  | { readonly do: "welcome"; readonly hello: HelloFrame; readonly session: number }
  | { readonly do: "open"; readonly frame: OpenFrame }
  | { readonly do: "take"; readonly frame: DataFrame | SkipFrame }
  /** Of the streams that the receiver opened (TP34), or of its commands. */
  | { readonly do: "heed"; readonly frame: DownstreamFrame }
  | { readonly do: "pong" | "ponged"; readonly nonce: number }
  | { readonly do: "goaway"; readonly code: GoawayCode }
  | { readonly do: "error"; readonly code: ErrorFrameCode; readonly frameType?: number }
  | { readonly do: "close"; readonly code: 1000 | 1002 };

export interface ConnectionStep {
  readonly state: ConnectionState;
  /** To be carried out in order. */
  readonly effects: readonly ConnectionEffect[];
}

const CLOSED: ConnectionState = { at: "closed" };
const NOTHING: readonly ConnectionEffect[] = [];

/**
 * Moves a connection one step. Pure: same arguments, same answer.
 *
 * @returns the next state and what the driver must do. An event that means nothing in `state`
 *   returns `state` itself and no effects: late timers, answers and sockets are normal
 */
export function step(state: ConnectionState, event: ConnectionEvent): ConnectionStep {
  if (state.at === "closed") return stay(state);
  switch (event.on) {
    case "lost":
      return to(CLOSED, { do: "release" });
    case "silent":
      // TP26: a dropped path would keep a socket that is only closed for a quarter of an hour.
      return to(CLOSED, { do: "destroy" }, { do: "release" });
    case "violated":
      return state.at === "fenced" ? stay(state) : violation(event.code, event.frameType);
    case "fenced":
      return state.at === "fenced" ? stay(state) : fence(GOAWAY_CODE.fenced);
    case "duplicate":
      return state.at === "fenced" ? stay(state) : fence(GOAWAY_CODE.duplicateIdentity);
    case "gatePassed":
      return state.at === "new" ? to({ at: "auth", hello: null }, { do: "armHello" }) : stay(state);
    case "helloExpired":
      return state.at === "auth" && state.hello === null
        ? violation(ERROR_CODE.outOfOrder)
        : stay(state);
    case "sessionBegun":
      if (state.at !== "auth" || state.hello === null) return stay(state);
      return to({ at: "welcomed" }, { do: "welcome", hello: state.hello, session: event.session });
    case "shutdown":
      return shutDown(state);
    case "emptied":
    case "drainExpired":
      return state.at === "draining" ? end(1000) : stay(state);
    case "frame":
      return onFrame(state, event.frame);
  }
}

function onFrame(state: ConnectionState, frame: Frame): ConnectionStep {
  switch (state.at) {
    case "auth":
      // TP10: nothing else before HELLO, and nothing at all until WELCOME.
      return frame.type === "hello" && state.hello === null
        ? onHello(frame)
        : violation(ERROR_CODE.outOfOrder, FRAME_TYPE[frame.type]);
    case "welcomed":
    case "streaming":
    case "draining":
      return onLiveFrame(state, frame);
    default:
      return stay(state);
  }
}

function onHello(hello: HelloFrame): ConnectionStep {
  // TP11: the highest common minor; we speak exactly one.
  const [lowest, highest] = hello.minorRange;
  if (lowest > MINOR || highest < MINOR) {
    const goaway = { do: "goaway", code: GOAWAY_CODE.version } as const;
    return to(CLOSED, goaway, { do: "close", code: 1000 }, { do: "release" });
  }
  if (hello.frameLimit < FRAME_MIN_NEGOTIABLE_BYTES) {
    return violation(ERROR_CODE.limit, FRAME_TYPE.hello);
  }
  return to({ at: "auth", hello }, { do: "beginSession", hello });
}

function onLiveFrame(state: ConnectionState, frame: Frame): ConnectionStep {
  switch (frame.type) {
    case "open":
      // TP32: nothing new begins while draining.
      if (state.at === "draining") return stay(state);
      return to(state.at === "welcomed" ? { at: "streaming" } : state, { do: "open", frame });
    case "data":
    case "skip":
      if (state.at === "draining") return stay(state);
      return state.at === "streaming" ? to(state, { do: "take", frame }) : refuse(frame);
    case "ping":
      return to(state, { do: "pong", nonce: frame.nonce });
    case "opened":
    case "ack":
    case "partial":
    case "credit":
    case "reject":
    case "cmdResult":
      return to(state, { do: "heed", frame });
    case "pong":
      return to(state, { do: "ponged", nonce: frame.nonce });
    case "goaway":
      // The agent ends the connection itself once its ACKs are in (TP32).
      return stay(state);
    case "error":
      // TP32: no reply is owed.
      return end(1002);
    default:
      // What only a receiver sends, or what belongs to capabilities that are not in force.
      return refuse(frame);
  }
}

function shutDown(state: ConnectionState): ConnectionStep {
  const goaway = { do: "goaway", code: GOAWAY_CODE.draining } as const;
  switch (state.at) {
    case "welcomed":
    case "streaming":
      return to({ at: "draining" }, goaway, { do: "armDrain" });
    case "new":
    case "auth":
      return to(CLOSED, goaway, { do: "close", code: 1000 }, { do: "release" });
    default:
      return stay(state);
  }
}

function fence(code: GoawayCode): ConnectionStep {
  const goaway = { do: "goaway", code } as const;
  return to({ at: "fenced" }, goaway, { do: "close", code: 1000 }, { do: "release" });
}

function refuse(frame: Frame): ConnectionStep {
  return violation(ERROR_CODE.outOfOrder, FRAME_TYPE[frame.type]);
}

function violation(code: ErrorFrameCode, frameType?: number): ConnectionStep {
  const error = { do: "error", code, ...(frameType === undefined ? {} : { frameType }) } as const;
  return to(CLOSED, error, { do: "close", code: 1002 }, { do: "release" });
}

function end(code: 1000 | 1002): ConnectionStep {
  return to(CLOSED, { do: "close", code }, { do: "release" });
}

function stay(state: ConnectionState): ConnectionStep {
  return { state, effects: NOTHING };
}

function to(state: ConnectionState, ...effects: ConnectionEffect[]): ConnectionStep {
  return { state, effects };
}
