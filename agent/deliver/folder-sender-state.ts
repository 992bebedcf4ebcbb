/**
 * The states of a channel that delivers into a folder, and the only function that moves between them (04 section 11;
 * 03 O1, O4, O5, O11).
 *
 *              opened           taken             written, or it cannot be
 *    opening ─────────► taking ───────► writing ──────────────────────────► storing
 *      ▲  │ failed       ▲ │ ▲ none        │ failed                          │ stored
 *  due │  ▼              │ │ └──────┐      │                                 │
 *    backingOff ◄────────┼─┼────────┼──────┘       ┌─────────────────────────┘
 *      ▲choreFailed arrived│ ▼      │              │
 *      └────────────── idle         └──────────────┘      taking ── held ──► held ── released ──► storing
 *
 * After a failure the folder is looked at first, so that its recovery is seen without a message, too. A message that
 * could not be written is taken again: none is passed over. After `stop` what is being written is finished.
 *
 * Chores (a look, pruning) go on beside all that. What they find is heeded in `idle` alone: elsewhere a step is under
 * way that has an answer of its own, and a message that is being written would be written twice.
 *
 * @module
 */
import type { FolderRules } from "./folder-settings.ts";
import type { HoldReason, QuarantineReason } from "./queue.ts";

/** Why a file could not be written. */
export type FolderTrouble =
  /** The system refuses a step: no right, read-only, gone. */
  | "failing"
  /** There is no room for it. */
  | "full"
  /** It is another folder than it was (04 P47). */
  | "moved"
  /** It does not answer (04 P46). */
  | "silent";

/** `attempt` counts what failed since the last message was written: the backoff. */
export type FolderState =
  /** `waiting`: a message is, or was, in hand: its success ends the alarm. */
  | { readonly at: "opening"; readonly attempt: number; readonly waiting: boolean }
  /** `again`: something arrived while the queue was asked. */
  | { readonly at: "taking"; readonly attempt: number; readonly again: boolean }
  | { readonly at: "idle"; readonly attempt: number }
  | { readonly at: "writing"; readonly attempt: number; readonly stopping: boolean }
  | { readonly at: "storing"; readonly attempt: number; readonly stopping: boolean }
  | {
      readonly at: "backingOff";
      readonly attempt: number;
      readonly waiting: boolean;
      readonly untilMs: number;
    }
  | { readonly at: "held" }
  | { readonly at: "closed" };

export type FolderEvent =
  | { readonly on: "opened" | "arrived" | "none" | "held" | "taken" | "due" | "stored" }
  /** It lies there under its final name, with all that belongs to it. */
  | { readonly on: "written" }
  /** 04 P56. */
  | { readonly on: "nameTaken" }
  /** It shall not be sent any more (03 O11). */
  | { readonly on: "unfit"; readonly reason: QuarantineReason }
  /** Its bytes are not those that were stored. */
  | { readonly on: "damaged" }
  /** The folder was looked at while nothing went there, and it is well. */
  | { readonly on: "looked" }
  /** `failed`: what was to be done. `nowMs` is monotonic; `chance` is in [0, 1). */
  | {
      readonly on: "failed" | "choreFailed";
      readonly why: FolderTrouble;
      readonly nowMs: number;
      readonly chance: number;
    }
  | { readonly on: "released"; readonly decision: "retry" | "quarantine" }
  | { readonly on: "stop" | "cut" };

export type FolderEffect =
  /** Look at the folder; where there is no worker, with a new one. */
  | { readonly act: "open" }
  /** Ask the queue; a held channel first. */
  | { readonly act: "take" }
  /** Claim, then write (03 O1). */
  | { readonly act: "write" }
  | { readonly act: "wake"; readonly untilMs: number }
  | { readonly act: "accept" }
  | { readonly act: "quarantine"; readonly reason: QuarantineReason }
  | { readonly act: "hold"; readonly why: HoldReason }
  /** After a hold: what it was held for is the reason. */
  | { readonly act: "giveUp" | "release" }
  | { readonly act: "alarm"; readonly why: FolderTrouble; readonly count: number }
  /** The folder is well: its alarms end. */
  | { readonly act: "calm" };

export interface FolderStep {
  readonly state: FolderState;
  readonly effects: readonly FolderEffect[];
}

export const FOLDER_START: FolderStep = {
  state: { at: "opening", attempt: 0, waiting: false },
  effects: [{ act: "open" }],
};

/** 03 O4: failures before a person hears of it. */
const FAILURES_BEFORE_ALARM = 5;
/** Of these a person hears at once: they do not pass by themselves, or half a minute is over already. */
const ALARMED_AT_ONCE: readonly FolderTrouble[] = ["moved", "silent"];
/** 04 P46: attempts on a folder that is away are no further apart. */
const LOOK_AGAIN_MAX_MS = 60_000;
/** 2^16 times the shortest wait is far above any ceiling. */
const ATTEMPT_MAX = 16;

/**
 * Moves a channel one step. Pure: same arguments, same answer.
 *
 * @returns the next state, and what the driver must do, in order. An event that means nothing in
 *   `state` returns `state` itself and no effects: late timers and late answers are normal
 */
export function folderStep(state: FolderState, event: FolderEvent, rules: FolderRules): FolderStep {
  if (event.on === "cut") return to(state.at === "closed" ? state : { at: "closed" });
  if (event.on === "stop") return stop(state);
  switch (state.at) {
    case "opening":
      return opening(state, event, rules);
    case "taking":
      return taking(state, event);
    case "idle":
      if (event.on === "arrived") return take(state.attempt);
      if (event.on === "looked") return to({ at: "idle", attempt: 0 }, { act: "calm" });
      return event.on === "choreFailed" ? backOff(state.attempt, false, event, rules) : to(state);
    case "writing":
      return writing(state, event, rules);
    case "storing":
      if (event.on !== "stored") return to(state);
      return state.stopping ? to({ at: "closed" }) : take(state.attempt);
    case "backingOff": {
      const { attempt, waiting } = state;
      if (event.on !== "due") return to(state);
      return to({ at: "opening", attempt, waiting }, { act: "open" });
    }
    case "closed":
      return to(state);
    case "held":
      if (event.on !== "released") return to(state);
      return store(0, false, { act: event.decision === "retry" ? "release" : "giveUp" });
  }
}

type At<Name extends FolderState["at"]> = Extract<FolderState, { readonly at: Name }>;
type Failed = Extract<FolderEvent, { readonly why: FolderTrouble }>;

function opening(state: At<"opening">, event: FolderEvent, rules: FolderRules): FolderStep {
  if (event.on === "failed") return backOff(state.attempt, state.waiting, event, rules);
  if (event.on !== "opened") return to(state);
  const { state: next, effects } = take(state.attempt);
  // What failed for a message is well only when that message is written.
  return { state: next, effects: state.waiting ? effects : [{ act: "calm" }, ...effects] };
}

function taking(state: At<"taking">, event: FolderEvent): FolderStep {
  const { attempt } = state;
  switch (event.on) {
    case "arrived":
      return to(state.again ? state : { ...state, again: true });
    case "none":
      return state.again ? take(attempt) : to({ at: "idle", attempt });
    case "held":
      return to({ at: "held" });
    case "unfit":
      return store(attempt, false, { act: "quarantine", reason: event.reason });
    case "damaged":
      return store(attempt, false, { act: "hold", why: "damaged" });
    case "taken":
      return to({ at: "writing", attempt, stopping: false }, { act: "write" });
    default:
      return to(state);
  }
}

function writing(state: At<"writing">, event: FolderEvent, rules: FolderRules): FolderStep {
  const { attempt, stopping } = state;
  switch (event.on) {
    case "written":
      return store(0, stopping, { act: "accept" }, { act: "calm" });
    case "nameTaken":
      return store(0, stopping, { act: "hold", why: "nameTaken" }, { act: "calm" });
    case "damaged":
      return store(attempt, stopping, { act: "hold", why: "damaged" });
    case "failed":
      return stopping ? to({ at: "closed" }) : backOff(attempt, true, event, rules);
    default:
      return to(state);
  }
}

/** Full jitter: the ceiling doubles with each attempt, and the wait is anywhere below it. */
function backOff(
  before: number,
  waiting: boolean,
  { why, nowMs, chance }: Failed,
  rules: FolderRules,
): FolderStep {
  const count = before + 1;
  const longestMs = ALARMED_AT_ONCE.includes(why) ? LOOK_AGAIN_MAX_MS : rules.retryMaxMs;
  const ceilingMs = Math.min(rules.retryMaxMs, longestMs, rules.retryMinMs * 2 ** (count - 1));
  const untilMs = nowMs + ceilingMs * chance;
  const attempt = Math.min(count, ATTEMPT_MAX);
  const isAlarmed = count >= FAILURES_BEFORE_ALARM || ALARMED_AT_ONCE.includes(why);
  const alarm: readonly FolderEffect[] = isAlarmed ? [{ act: "alarm", why, count }] : [];
  return to({ at: "backingOff", attempt, waiting, untilMs }, ...alarm, { act: "wake", untilMs });
}

/** What was begun with a message is finished. */
function stop(state: FolderState): FolderStep {
  if (state.at === "closed") return to(state);
  if (state.at !== "writing" && state.at !== "storing") return to({ at: "closed" });
  return to(state.stopping ? state : { ...state, stopping: true });
}

function take(attempt: number): FolderStep {
  return to({ at: "taking", attempt, again: false }, { act: "take" });
}

function store(
  attempt: number,
  stopping: boolean,
  ...effects: readonly FolderEffect[]
): FolderStep {
  return to({ at: "storing", attempt, stopping }, ...effects);
}

function to(state: FolderState, ...effects: readonly FolderEffect[]): FolderStep {
  return { state, effects };
}
