/**
 * The states of one sender, and the only function that moves between them (03 O1 to O8, O11).
 *
 *            arrived          taken            connected         written
 *    idle ──────────► taking ───────► connecting ───────► sending ───────► awaitingReply
 *      ▲    none        │ ▲ ▲              │ unreachable     │ lost              │ a reply, or none
 *      └────────────────┘ │ └───── due ── backingOff ◄───────┤                   ▼
 *                   held  │                  ▲               └────────────► storing
 *               ┌─────────┤                  └── stored: to be sent again ───────┤
 *               ▼         └──────────────────────── stored: the next one ────────┘
 *              held ── released ──► storing
 *
 * `storing`: an outcome, a count or a hold is being made durable; nothing moves meanwhile. One message is in
 * hand from `taken` on. A message that cannot be sent goes from `taking` to `storing`. After `stop` the
 * exchange in hand is finished, then `closed`; `cut` closes at once.
 *
 * @module
 */
import type { ReplyMeaning } from "./expectation.ts";
import type { HoldReason, QuarantineReason, Tries } from "./queue.ts";
import type { RefusalPolicy, SenderRules } from "./sender-settings.ts";

/** `attempt` counts what failed since the last message was settled: the backoff. */
export type SenderState =
  | { readonly at: "idle"; readonly attempt: number }
  /** `again`: something arrived while the queue was asked. */
  | { readonly at: "taking"; readonly attempt: number; readonly again: boolean }
  | { readonly at: "connecting"; readonly attempt: number; readonly tries: Tries }
  | {
      readonly at: "sending" | "awaitingReply";
      readonly attempt: number;
      readonly tries: Tries;
      readonly stopping: boolean;
    }
  | {
      readonly at: "storing";
      readonly attempt: number;
      readonly next: "take" | "backOff";
      readonly stopping: boolean;
    }
  | { readonly at: "backingOff"; readonly attempt: number; readonly untilMs: number }
  | { readonly at: "held" }
  | { readonly at: "closed" };

/** `nowMs` is monotonic; `chance` is in [0, 1). */
interface Moment {
  readonly nowMs: number;
  readonly chance: number;
}

export type SenderEvent =
  | { readonly on: "arrived" | "none" | "held" | "connected" | "written" | "due" }
  | { readonly on: "taken"; readonly tries: Tries }
  /** It cannot be sent as it is, or not any more (03 O9, O11). */
  | { readonly on: "unfit"; readonly reason: QuarantineReason }
  /** Its bytes are not those that were stored. */
  | { readonly on: "damaged" }
  | ({ readonly on: "unreachable" } & Moment)
  | { readonly on: "replied"; readonly meaning: ReplyMeaning }
  /** Unreadable, or about another message (03 O3). */
  | { readonly on: "misreplied" }
  | { readonly on: "timedOut" }
  /** `wrote`: a byte of the message in hand may have left. */
  | ({ readonly on: "lost"; readonly wrote: boolean } & Moment)
  | ({ readonly on: "stored" } & Moment)
  | { readonly on: "released"; readonly decision: "retry" | "quarantine" }
  | { readonly on: "stop" | "cut" };

export type AlarmName = "endpointUnreachable" | "endpointSilent" | "endpointRefuses";

export type SenderEffect =
  /** Ask the queue; a held channel first. */
  | { readonly act: "take" }
  /** See that there is a connection that nobody has closed (03 O8). */
  | { readonly act: "connect" }
  /** Claim, then write (03 O1). */
  | { readonly act: "send" }
  | { readonly act: "awaitReply" }
  /** Hang up; what is on its way in either direction is discarded. */
  | { readonly act: "disconnect" }
  /** Close in good order: every byte that was written arrives. */
  | { readonly act: "finish" }
  | { readonly act: "wake"; readonly untilMs: number }
  | { readonly act: "note"; readonly tries: Tries }
  | { readonly act: "accept" | "awaitApplication" }
  | { readonly act: "quarantine"; readonly reason: QuarantineReason }
  /** After a hold: what it was held for is the reason. */
  | { readonly act: "giveUp" | "release" }
  | { readonly act: "hold"; readonly why: HoldReason }
  | { readonly act: "alarm"; readonly alarm: AlarmName; readonly count: number };

export interface SenderStep {
  readonly state: SenderState;
  readonly effects: readonly SenderEffect[];
}

export const SENDER_START: SenderState = { at: "taking", attempt: 0, again: false };

/** 03 O4: failures before a person hears of it. */
const FAILURES_BEFORE_ALARM = 5;
/** 2^16 times the shortest wait is far above any ceiling. */
const ATTEMPT_MAX = 16;

/**
 * Moves a sender one step. Pure: same arguments, same answer.
 *
 * @returns the next state, and what the driver must do, in order. An event that means nothing in
 *   `state` returns `state` itself and no effects: late timers and late sockets are normal
 */
export function step(state: SenderState, event: SenderEvent, rules: SenderRules): SenderStep {
  if (event.on === "cut" && state.at !== "closed") {
    return to({ at: "closed" }, { act: "disconnect" });
  }
  if (event.on === "stop") return stop(state);
  switch (state.at) {
    case "idle":
      return event.on === "arrived" ? take(state.attempt) : to(state);
    case "taking":
      return taking(state, event);
    case "connecting":
      return connecting(state, event, rules);
    case "sending":
    case "awaitingReply":
      return exchanging(state, event, rules);
    case "storing":
      return event.on === "stored" ? stored(state, event, rules) : to(state);
    case "backingOff":
      return event.on === "due" ? take(state.attempt) : to(state);
    case "closed":
      return to(state);
    case "held":
      if (event.on !== "released") return to(state);
      return store(0, "take", false, { act: event.decision === "retry" ? "release" : "giveUp" });
  }
}

type At<Name extends SenderState["at"]> = Extract<SenderState, { readonly at: Name }>;
type Exchanging = At<"sending" | "awaitingReply">;

function taking(state: At<"taking">, event: SenderEvent): SenderStep {
  const { attempt } = state;
  switch (event.on) {
    case "arrived":
      return to({ ...state, again: true });
    case "none":
      return state.again ? take(attempt) : to({ at: "idle", attempt });
    case "held":
      return to({ at: "held" });
    case "unfit":
      return store(attempt, "take", false, { act: "quarantine", reason: event.reason });
    case "damaged":
      return store(attempt, "take", false, { act: "hold", why: "damaged" });
    case "taken":
      return to({ at: "connecting", attempt, tries: event.tries }, { act: "connect" });
    default:
      return to(state);
  }
}

function connecting(state: At<"connecting">, event: SenderEvent, rules: SenderRules): SenderStep {
  if (event.on === "connected") {
    return to({ ...state, at: "sending", stopping: false }, { act: "send" });
  }
  if (event.on !== "unreachable") return to(state);
  return unreachable(state.attempt, event, rules);
}

function unreachable(attempt: number, moment: Moment, rules: SenderRules): SenderStep {
  const waiting = backOff(attempt + 1, moment, rules);
  return {
    state: waiting.state,
    effects: [
      { act: "disconnect" },
      ...alarmFrom(attempt + 1, "endpointUnreachable"),
      ...waiting.effects,
    ],
  };
}

function exchanging(state: Exchanging, event: SenderEvent, rules: SenderRules): SenderStep {
  switch (event.on) {
    case "written":
      return state.at === "sending"
        ? to({ ...state, at: "awaitingReply" }, { act: "awaitReply" })
        : to(state);
    case "replied":
      return replied(state, event.meaning, rules);
    case "misreplied":
      return misreplied(state, rules);
    case "timedOut":
      return noReply(state);
    case "lost":
      if (event.wrote) return noReply(state);
      if (state.stopping) return to({ at: "closed" }, { act: "disconnect" });
      return unreachable(state.attempt, event, rules);
    case "damaged":
      return store(
        state.attempt,
        "take",
        state.stopping,
        { act: "disconnect" },
        { act: "hold", why: "damaged" },
      );
    default:
      return to(state);
  }
}

function replied(state: Exchanging, meaning: ReplyMeaning, rules: SenderRules): SenderStep {
  const { stopping, tries } = state;
  const early = state.at === "sending";
  // Nobody can have accepted what has not left as a whole.
  if (early && meaning !== "error" && meaning !== "rejected") return misreplied(state, rules);
  const hangUp: readonly SenderEffect[] = early ? [{ act: "disconnect" }] : finishedBy(rules);
  switch (meaning) {
    case "accepted":
      return store(0, "take", stopping, ...hangUp, { act: "accept" });
    case "acceptedForNow":
      return store(0, "take", stopping, ...hangUp, { act: "awaitApplication" });
    case "error":
    case "rejected": {
      const negativeCount = tries.negativeCount + 1;
      const counted = { negativeCount, replyErrorCount: 0, timeoutCount: 0 };
      const retried = meaning === "error" && negativeCount <= rules.errorRetries;
      const policy = meaning === "error" ? rules.onError : rules.onReject;
      const alarm = alarmFrom(negativeCount, "endpointRefuses");
      if (retried) return again(state, counted, ...hangUp, ...alarm);
      return refused(state, policy, meaning, counted, ...hangUp);
    }
  }
}

/** 03 O3: a late reply must not be taken for the next message's: the connection goes. */
function misreplied(state: Exchanging, rules: SenderRules): SenderStep {
  const replyErrorCount = state.tries.replyErrorCount + 1;
  const counted = { ...state.tries, replyErrorCount };
  if (replyErrorCount < rules.maxReplyErrors) return again(state, counted, { act: "disconnect" });
  return refused(state, rules.onError, "replyErrors", counted, { act: "disconnect" });
}

/** 03 O4: without end. */
function noReply(state: Exchanging): SenderStep {
  const timeoutCount = state.tries.timeoutCount + 1;
  const alarm = alarmFrom(timeoutCount, "endpointSilent");
  return again(state, { ...state.tries, timeoutCount }, { act: "disconnect" }, ...alarm);
}

/** 03 O5. */
function refused(
  state: Exchanging,
  policy: RefusalPolicy,
  why: "error" | "rejected" | "replyErrors",
  tries: Tries,
  ...first: readonly SenderEffect[]
): SenderStep {
  const { stopping } = state;
  switch (policy) {
    case "hold":
      return store(0, "take", stopping, ...first, { act: "hold", why });
    case "quarantine":
      return store(0, "take", stopping, ...first, { act: "quarantine", reason: why });
    case "retryForever": {
      const count = tries.negativeCount + tries.replyErrorCount;
      return again(state, tries, ...first, ...alarmFrom(count, "endpointRefuses"));
    }
  }
}

/** The count first, so that it survives a crash; then the wait. */
function again(
  { attempt, stopping }: Exchanging,
  tries: Tries,
  ...first: readonly SenderEffect[]
): SenderStep {
  return store(attempt + 1, "backOff", stopping, ...first, { act: "note", tries });
}

function stored(state: At<"storing">, moment: Moment, rules: SenderRules): SenderStep {
  if (state.stopping) return to({ at: "closed" }, { act: "finish" });
  return state.next === "take" ? take(state.attempt) : backOff(state.attempt, moment, rules);
}

/** Full jitter: the ceiling doubles with each attempt, and the wait is anywhere below it. */
function backOff(attempt: number, { nowMs, chance }: Moment, rules: SenderRules): SenderStep {
  const ceilingMs = Math.min(rules.retryMaxMs, rules.retryMinMs * 2 ** (attempt - 1));
  const untilMs = nowMs + ceilingMs * chance;
  const state = { at: "backingOff", attempt: Math.min(attempt, ATTEMPT_MAX), untilMs } as const;
  return to(state, { act: "wake", untilMs });
}

/** What was begun with a message is finished: at most one reply timeout and one write. */
function stop(state: SenderState): SenderStep {
  switch (state.at) {
    case "closed":
      return to(state);
    case "sending":
    case "awaitingReply":
    case "storing":
      return to(state.stopping ? state : { ...state, stopping: true });
    default:
      return to({ at: "closed" }, { act: "finish" });
  }
}

const finishedBy = ({ keepOpen }: SenderRules): readonly SenderEffect[] =>
  keepOpen ? [] : [{ act: "finish" }];

function take(attempt: number): SenderStep {
  return to({ at: "taking", attempt, again: false }, { act: "take" });
}

function store(
  attempt: number,
  next: "take" | "backOff",
  stopping: boolean,
  ...effects: readonly SenderEffect[]
): SenderStep {
  return to({ at: "storing", attempt, next, stopping }, ...effects);
}

function alarmFrom(count: number, alarm: AlarmName): readonly SenderEffect[] {
  return count < FAILURES_BEFORE_ALARM ? [] : [{ act: "alarm", alarm, count }];
}

function to(state: SenderState, ...effects: readonly SenderEffect[]): SenderStep {
  return { state, effects };
}
