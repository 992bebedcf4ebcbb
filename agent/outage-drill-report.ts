/** What an outage drill showed: backlog, drain time, and whether anything was lost. As JSON; no message content. @module */
import type {
  DrillChannel,
  DrillEnd,
  DrillLook,
  DrillSample,
  DrillState,
} from "./outage-drill-state.ts";

export interface DrillReport {
  readonly state: DrillState["at"];
  /** What the person said. */
  readonly reason: string;
  /** As claimed. */
  readonly by: string;
  readonly startedAt: string;
  readonly minutes: number;
  readonly heldSeconds: number;
  /** Absent while it is held. */
  readonly releasedAt: string | undefined;
  readonly releasedBecause: DrillEnd | undefined;
  /** From then until it streamed, and until the receiver had everything. */
  readonly reconnectSeconds: number | undefined;
  readonly drainSeconds: number | undefined;
  readonly accepted: number;
  /** What waited when the tunnel was let up. */
  readonly backlog: number;
  readonly backlogBytes: number;
  readonly acknowledged: number;
  readonly setAside: number;
  readonly outcome: DrillOutcome;
  readonly channels: readonly DrillChannelReport[];
  readonly samples: readonly DrillSample[];
}

/**
 * `complete`: the receiver has acknowledged every message that was accepted meanwhile. `setAside`: it refused some for
 * good, and they are kept. `incomplete`: some still wait. `running`: nobody can say yet.
 */
export type DrillOutcome = "running" | "complete" | "setAside" | "incomplete";

export interface DrillChannelReport {
  readonly name: string;
  /** While the tunnel was down. */
  readonly accepted: number;
  readonly backlog: number;
  readonly backlogBytes: number;
  /** Of the accepted ones. */
  readonly acknowledged: number;
  readonly setAside: number;
  /** Of the accepted ones, still here. */
  readonly waiting: number;
  readonly drainSeconds: number | undefined;
  readonly isHeld: boolean;
}

export interface DrillSaid {
  readonly reason: string;
  readonly by: string;
}

/** @param aside by channel: how many were refused for good, or damaged, since it began */
export function reportOf(
  state: Exclude<DrillState, { at: "none" }>,
  said: DrillSaid,
  aside: ReadonlyMap<string, number>,
): DrillReport {
  const { at, began, last, minutes, samples } = state;
  const released = at === "held" ? undefined : state.released;
  const end = released ?? last;
  const channels = end.channels.map((one) => channelReport(one, state, aside.get(one.name) ?? 0));
  const sum = (of: (one: DrillChannelReport) => number): number =>
    channels.reduce((all, one) => all + of(one), 0);
  const secondsAfter = (atMs: number | undefined): number | undefined =>
    atMs === undefined || released === undefined ? undefined : seconds(atMs - released.monotonicMs);
  const isDrained =
    at === "over" && channels.every(({ waiting, isHeld }) => isHeld || waiting === 0);
  return {
    ...{ state: at, ...said, startedAt: isoOf(began), minutes, samples },
    heldSeconds: seconds(end.monotonicMs - began.monotonicMs),
    releasedAt: released && isoOf(released),
    releasedBecause: at === "held" ? undefined : state.because,
    reconnectSeconds: secondsAfter(at === "held" ? undefined : state.upMs),
    drainSeconds: isDrained
      ? secondsAfter(Math.max(...drainedMs(state), end.monotonicMs))
      : undefined,
    accepted: sum((one) => one.accepted),
    backlog: sum((one) => one.backlog),
    backlogBytes: sum((one) => one.backlogBytes),
    acknowledged: sum((one) => one.acknowledged),
    setAside: sum((one) => one.setAside),
    outcome: at === "over" ? outcomeOf(channels) : "running",
    channels,
  };
}

function outcomeOf(channels: readonly DrillChannelReport[]): DrillOutcome {
  if (channels.some(({ accepted, acknowledged, setAside }) => acknowledged + setAside < accepted)) {
    return "incomplete";
  }
  return channels.some(({ setAside }) => setAside > 0) ? "setAside" : "complete";
}

function channelReport(
  target: DrillChannel,
  state: Exclude<DrillState, { at: "none" }>,
  aside: number,
): DrillChannelReport {
  const { name, stored, waiting: backlog, waitingBytes: backlogBytes, isHeld } = target;
  const before = state.began.channels.find((one) => one.name === name);
  const now = state.last.channels.find((one) => one.name === name) ?? target;
  const accepted = Number(stored - (before?.stored ?? 0n));
  const drainedAtMs = state.at === "held" ? undefined : state.drained.get(name);
  const waiting = drainedAtMs === undefined ? waitingOf(target, before, now, accepted) : 0;
  const setAside = Math.min(aside, accepted - waiting);
  return {
    ...{ name, accepted, backlog: Number(backlog), backlogBytes, isHeld, waiting, setAside },
    acknowledged: accepted - waiting - setAside,
    drainSeconds:
      drainedAtMs === undefined || state.at === "held"
        ? undefined
        : seconds(drainedAtMs - state.released.monotonicMs),
  };
}

/** Of those that were accepted meanwhile; they are the last of what waits. */
function waitingOf(
  target: DrillChannel,
  before: DrillChannel | undefined,
  now: DrillChannel,
  accepted: number,
): number {
  if (before?.epoch !== target.epoch || now.epoch !== target.epoch) {
    return Math.min(accepted, Number(now.waiting));
  }
  const left = target.lastSeq - now.ackedSeq;
  return Math.min(accepted, Math.max(0, Number(left)));
}

const drainedMs = (state: DrillState): readonly number[] =>
  state.at === "over" ? [...state.drained.values()] : [];

const isoOf = ({ nowMs }: DrillLook): string => new Date(nowMs).toISOString();
const seconds = (ms: number): number => Math.round(ms / 100) / 10;
