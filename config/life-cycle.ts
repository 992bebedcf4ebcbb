/**
 * The life of a signed configuration, from its arrival to the day another takes its place (07 2.10, 2.11).
 *
 *     RECEIVED ──► VERIFIED ──► AWAITING_APPROVAL ──► SCHEDULED ──► PREFLIGHT ──► APPLYING ──► PROBATION ──► COMMITTED
 *         │            └──────────────┼──────────────────▲ │            │            │            │
 *         ▼                           ▼                    ▼            ▼            ▼            ▼
 *      REFUSED                     REFUSED              REFUSED      REFUSED    ROLLED_BACK  ROLLED_BACK
 *
 * Pure. The caller keeps the state durably, in one transaction with the audit entries of the transitions, before it
 * does any effect; after a restart it gives `restarted` and does what comes back.
 *
 * @module
 */
import { judgeSequence, whatBaseForbids } from "#documents/config-rules.ts";
import type { RefusalCode } from "#documents/refusal.ts";
import { ANY_TIME, type ApprovedTime, startTime } from "./change-windows.ts";
import {
  type Approver,
  type EndCode,
  FIRST_LIFE_CYCLE,
  type Freeze,
  isSwitching,
  isWaiting,
  type LifeCycle,
  type LifeCycleEffect,
  type LifeCycleEvent,
  NO_EPOCH,
  type Offer,
  type RollbackReason,
  type Step,
  type Switching,
  standingOf,
  type Waiting,
} from "./life-cycle-state.ts";

/** 07 2.11: then safe mode begins. */
const ROLLBACKS_MAX_COUNT = 3;
const CRASHES_WITHIN_MS = 10 * 60_000;

export function step(state: LifeCycle, event: LifeCycleEvent): Step {
  switch (event.type) {
    case "received":
      return receive(state, event.digest);
    case "refused":
      return event.digest === state.received ? refuse(state, event.code) : stay(state);
    case "verified":
      return event.offer.digest === state.received ? verify(state, event.offer) : stay(state);
    case "approvalLooked":
      if (state.current?.state !== "VERIFIED") return stay(state);
      return event.isNeeded
        ? move(state, { state: "AWAITING_APPROVAL", offer: state.current.offer })
        : schedule(state, state.current, { time: ANY_TIME, by: "rule" });
    case "approved":
      return approve(state, event.digest, event);
    case "rejected":
      if (!isWaiting(state.current) || state.current.offer.digest !== event.digest)
        return stay(state);
      return drop(state, state.current, "REJECTED");
    case "approvalWithdrawn": {
      const current = isApproved(state.current) ? state.current : undefined;
      return current?.offer.digest !== event.digest
        ? stay(state)
        : move(state, { state: "AWAITING_APPROVAL", offer: current.offer });
    }
    case "time":
      return pass(state, event);
    case "preflightPassed": {
      const current = inPreflight(state, event.digest);
      return current === undefined ? stay(state) : begin(state, current, event);
    }
    case "preflightFailed": {
      const current = inPreflight(state, event.digest);
      return current === undefined ? stay(state) : drop(state, current, event.code ?? "PREFLIGHT");
    }
    case "applied": {
      const current = switching(state, "APPLYING", event.digest);
      return current === undefined ? stay(state) : watch(state, current);
    }
    case "applyFailed": {
      const current = switching(state, "APPLYING", event.digest);
      return current === undefined ? stay(state) : rollBack(state, current, "apply");
    }
    case "probationPassed": {
      const current = switching(state, "PROBATION", event.digest);
      return current === undefined ? stay(state) : commit(state, current);
    }
    case "probationFailed": {
      const current = switching(state, "PROBATION", event.digest);
      return current === undefined ? stay(state) : rollBack(state, current, "probation");
    }
    case "rollbackAsked": {
      const current = switching(state, "PROBATION", event.digest);
      return current === undefined ? stay(state) : rollBack(state, current, "asked");
    }
    case "restarted":
      return restart(state, event);
    case "tenantChanged":
      return changeTenant(state);
    case "epochRaised":
      return event.epoch > state.epoch ? raiseEpoch(state, event.epoch) : stay(state);
    case "trustDamaged":
      return freeze(state, "trustState");
    case "repaired":
      return state.freeze === undefined ? stay(state) : repair(state, event);
  }
}

/** While one is switched to or looked at, no other is: it is offered again later. */
function receive(state: LifeCycle, digest: string): Step {
  const { current, received } = state;
  if (received !== undefined || isSettled(current)) {
    const isSame = digest === received || digest === current?.offer.digest;
    return { ...stay(state), answer: isSame ? "IN_PROGRESS" : "BUSY" };
  }
  return {
    state: { ...state, received: digest },
    transitions: [{ digest, from: "NONE", to: "RECEIVED" }],
    effects: [{ do: "verify", digest }],
  };
}

function refuse(state: LifeCycle, code: RefusalCode): Step {
  const digest = state.received ?? "";
  return {
    state: { ...state, received: undefined },
    transitions: [{ digest, from: "RECEIVED", to: "REFUSED", reason: code }],
    effects: [],
    answer: code,
  };
}

/** VC10. What VC2 to VC5 found is looked at again: time has passed since. */
function verify(state: LifeCycle, offer: Offer): Step {
  const code = whatForbids(state, offer);
  if (code !== undefined) return refuse(state, code);
  const { digest, seq } = offer;
  // A later document supersedes one still waiting.
  const dropped = isWaiting(state.current) ? drop(state, state.current, "SUPERSEDED") : stay(state);
  return {
    state: {
      ...dropped.state,
      received: undefined,
      seqHigh: Math.max(state.seqHigh, seq),
      current: { state: "VERIFIED", offer },
    },
    transitions: [...dropped.transitions, { digest, from: "RECEIVED", to: "VERIFIED" }],
    effects: [{ do: "writeMarks" }, { do: "lookForApproval", offer }],
  };
}

function whatForbids(state: LifeCycle, offer: Offer): RefusalCode | undefined {
  if (state.freeze !== undefined) return "FROZEN";
  if (offer.epoch !== state.epoch) return "EPOCH";
  const standing = standingOf(state);
  const sequence = judgeSequence(offer.seq, offer.digest, standing);
  if (sequence.kind === "refused") return sequence.code;
  if (isSettled(state.current)) return "BUSY";
  return whatBaseForbids(offer.base, standing)?.code;
}

type Yes = { readonly time: ApprovedTime; readonly by: Approver | undefined };

function schedule(state: LifeCycle, { offer }: Waiting, { time: approved, by }: Yes): Step {
  return move(state, { state: "SCHEDULED", offer, approved, by });
}

function approve(state: LifeCycle, digest: string, yes: Yes): Step {
  const { current } = state;
  if (current?.offer.digest !== digest) return stay(state);
  // More approvals may come while it waits for its window, and change the time.
  const fits = current.state === "AWAITING_APPROVAL" || current.state === "SCHEDULED";
  return fits ? schedule(state, current, yes) : stay(state);
}

type TimeOf = Extract<LifeCycleEvent, { type: "time" | "preflightPassed" }>;

function pass(state: LifeCycle, event: TimeOf): Step {
  const { current } = state;
  if (!isWaiting(current) || current.state === "PREFLIGHT") return stay(state);
  if (event.nowMs >= current.offer.offerExpiresMs) return drop(state, current, "EXPIRED");
  if (current.state !== "SCHEDULED" || !mayStart(current.approved, event)) return stay(state);
  const { offer, approved, by } = current;
  const isBased = whatBaseForbids(offer.base, standingOf(state)) === undefined;
  if (!isBased) return drop(state, current, "BASE_MISMATCH");
  return move(state, { state: "PREFLIGHT", offer, approved, by }, [{ do: "preflight", offer }]);
}

type InPreflight = Extract<Waiting, { state: "SCHEDULED" | "PREFLIGHT" }>;

/** Before APPLYING everything that time may have changed is looked at again (VC5, 2.8). */
function begin(state: LifeCycle, current: InPreflight, event: TimeOf): Step {
  const { offer, approved, by } = current;
  if (event.nowMs >= offer.offerExpiresMs) return drop(state, current, "EXPIRED");
  if (whatBaseForbids(offer.base, standingOf(state))) return drop(state, current, "BASE_MISMATCH");
  // After a restart, say, the window has passed: the next one it is.
  if (!mayStart(approved, event)) return schedule(state, current, { time: approved, by });
  return move(state, { state: "APPLYING", offer, hasEnded: false }, [{ do: "apply", offer }]);
}

function watch(state: LifeCycle, current: Switching): Step {
  const { offer } = current;
  return move(state, { ...current, state: "PROBATION" }, [
    { do: "writeMarks" },
    { do: "watchProbation", offer },
  ]);
}

const mayStart = (approved: ApprovedTime, { windows, nowMs }: TimeOf): boolean =>
  startTime(windows, approved, nowMs).kind === "now";

function commit(state: LifeCycle, { offer }: Switching): Step {
  const { digest } = offer;
  return {
    state: {
      ...state,
      ...{ current: undefined, lastGood: offer, ended: { state: "COMMITTED", offer } },
      ...{ rollbacksInARow: 0, crashedAtMs: undefined },
    },
    transitions: [{ digest, from: "PROBATION", to: "COMMITTED" }],
    effects: [{ do: "keepLastGood", offer }, { do: "writeMarks" }],
  };
}

/** Never lowers `seqHigh`: a fix needs a higher number. */
function rollBack(
  state: LifeCycle,
  { state: from, offer }: Switching,
  reason: RollbackReason,
): Step {
  const rollbacksInARow = state.rollbacksInARow + 1;
  const rolled: Step = {
    state: {
      ...{ ...state, current: undefined, rollbacksInARow },
      ended: { state: "ROLLED_BACK", offer, reason },
    },
    transitions: [{ digest: offer.digest, from, to: "ROLLED_BACK", reason }],
    effects: [{ do: "run", offer: state.lastGood }, { do: "writeMarks" }],
  };
  return rollbacksInARow >= ROLLBACKS_MAX_COUNT
    ? after(rolled, (next) => freeze(next, "safeMode"))
    : rolled;
}

function restart(state: LifeCycle, event: Extract<LifeCycleEvent, { type: "restarted" }>): Step {
  const { current, received } = state;
  const again: LifeCycleEffect[] =
    received === undefined ? [] : [{ do: "verify", digest: received }];
  if (isSwitching(current)) {
    if (current.hasEnded) return withEffects(rollBack(state, current, "restarts"), again);
    const { offer } = current;
    const applying = { state: "APPLYING", offer, hasEnded: true } as const;
    return move(state, applying, [{ do: "apply", offer }, { do: "writeMarks" }, ...again]);
  }
  const counted = event.crashed ? countCrash(state, event.nowMs) : stay(state);
  const waiting = counted.state.current;
  const lastGood = state.lastGood;
  return withEffects(counted, [
    { do: "run", offer: lastGood },
    // Both are behind what is stored, where the power was cut between.
    ...(lastGood === undefined ? [] : [{ do: "keepLastGood", offer: lastGood } as const]),
    { do: "writeMarks" },
    ...(waiting?.state === "VERIFIED"
      ? [{ do: "lookForApproval", offer: waiting.offer } as const]
      : []),
    ...(waiting?.state === "PREFLIGHT" ? [{ do: "preflight", offer: waiting.offer } as const] : []),
    ...again,
  ]);
}

function countCrash(state: LifeCycle, nowMs: number): Step {
  const { crashedAtMs, lastGood } = state;
  if (lastGood === undefined) return stay(state);
  const counted = { ...state, crashedAtMs: nowMs };
  // A clock that was set back proves nothing: the nearer one counts.
  const isSecond = crashedAtMs !== undefined && nowMs - crashedAtMs <= CRASHES_WITHIN_MS;
  return isSecond ? freeze(counted, "safeMode") : stay(counted);
}

/**
 * What runs goes on: the hospital said yes to it, and messages must flow. It is of no epoch of the new tenant, whose
 * first configuration has no base to name.
 */
function changeTenant(state: LifeCycle): Step {
  const { current, lastGood } = state;
  const anew: LifeCycle = {
    ...FIRST_LIFE_CYCLE,
    ...{ current, ended: state.ended },
    lastGood: lastGood && { ...lastGood, epoch: NO_EPOCH },
  };
  const ended = isWaiting(current)
    ? drop(anew, current, "WRONG_RECIPIENT")
    : isSwitching(current)
      ? rollBack(anew, current, "epoch")
      : stay(anew);
  return after(ended, (next) => stay({ ...next, rollbacksInARow: 0 }));
}

function raiseEpoch(state: LifeCycle, epoch: number): Step {
  const raised = { ...state, epoch, seqHigh: 0 };
  const { current } = state;
  // Keys of the epoch that has ended may be stolen: what they signed and nobody has seen working goes back.
  const ended = isWaiting(current)
    ? drop(raised, current, "EPOCH")
    : isSwitching(current)
      ? rollBack(raised, current, "epoch")
      : stay(raised);
  return withEffects(ended, [{ do: "writeMarks" }]);
}

/** Ingest, outbox and tunnel go on with last known good. */
function freeze(state: LifeCycle, why: Freeze): Step {
  const { current } = state;
  const frozen = { ...state, freeze: state.freeze === "trustState" ? state.freeze : why };
  const ended = isWaiting(current)
    ? drop(frozen, current, "FROZEN")
    : isSwitching(current)
      ? rollBack(frozen, current, "frozen")
      : stay(frozen);
  return withEffects(ended, [{ do: "alarm", freeze: why }]);
}

function repair(
  state: LifeCycle,
  seen: { readonly epoch: number; readonly seqHigh: number },
): Step {
  const isBehind =
    state.epoch < seen.epoch || (state.epoch === seen.epoch && state.seqHigh < seen.seqHigh);
  const { epoch, seqHigh } = isBehind ? seen : state;
  const sound = { freeze: undefined, rollbacksInARow: 0, crashedAtMs: undefined };
  return withEffects(stay({ ...state, epoch, seqHigh, ...sound }), [{ do: "writeMarks" }]);
}

function drop(state: LifeCycle, { state: from, offer }: Waiting, code: EndCode): Step {
  return {
    state: { ...state, current: undefined, ended: { state: "REFUSED", offer, code } },
    transitions: [{ digest: offer.digest, from, to: "REFUSED", reason: code }],
    effects: [],
  };
}

function move(
  state: LifeCycle,
  current: Waiting | Switching,
  effects: readonly LifeCycleEffect[] = [],
): Step {
  const from = state.current?.state ?? "NONE";
  const { digest } = current.offer;
  return {
    state: { ...state, current },
    transitions: [{ digest, from, to: current.state }],
    effects,
  };
}

const isApproved = (current: LifeCycle["current"]): current is InPreflight =>
  current?.state === "SCHEDULED" || current?.state === "PREFLIGHT";

const stay = (state: LifeCycle): Step => ({ state, transitions: [], effects: [] });

const withEffects = (step: Step, effects: readonly LifeCycleEffect[]): Step => ({
  ...step,
  effects: [...step.effects, ...effects],
});

function after(first: Step, then: (state: LifeCycle) => Step): Step {
  const second = then(first.state);
  return {
    state: second.state,
    transitions: [...first.transitions, ...second.transitions],
    effects: [...first.effects, ...second.effects],
  };
}

/** What comes back late, of one that is gone, moves nothing. */
function inPreflight({ current }: LifeCycle, digest: string): InPreflight | undefined {
  const isIt = current?.state === "PREFLIGHT" && current.offer.digest === digest;
  return isIt ? current : undefined;
}

function switching(
  { current }: LifeCycle,
  name: Switching["state"],
  digest: string,
): Switching | undefined {
  const isIt = isSwitching(current) && current.state === name && current.offer.digest === digest;
  return isIt ? current : undefined;
}

/** Another one can no longer take its place. */
const isSettled = (current: LifeCycle["current"]): boolean =>
  current?.state === "PREFLIGHT" || isSwitching(current);
