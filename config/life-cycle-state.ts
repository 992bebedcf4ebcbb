/**
 * What the life cycle of a signed configuration knows, hears and wants done (07 2.10, 2.11); `life-cycle.ts` moves it.
 *
 * What runs is no field of its own: it follows from the state ({@link effectiveOf}, {@link runsOf}), so that there
 * are never two.
 *
 * @module
 */
import type { ConfigStanding, KnownOutcome } from "#documents/config-rules.ts";
import type { RefusalCode } from "#documents/refusal.ts";
import type { ApprovedTime, ChangeWindow } from "./change-windows.ts";
import type { Risk } from "./risk.ts";

/** A configuration that was verified; times in ms since 1970. */
export interface Offer {
  readonly digest: string;
  readonly epoch: number;
  readonly seq: number;
  readonly base: string | null;
  readonly offerExpiresMs: number;
  readonly risk: Risk;
}

export type Waiting =
  | { readonly state: "VERIFIED" | "AWAITING_APPROVAL"; readonly offer: Offer }
  | {
      readonly state: "SCHEDULED" | "PREFLIGHT";
      readonly offer: Offer;
      readonly approved: ApprovedTime;
      /** Whose yes it has; absent: of a version that did not keep it. */
      readonly by?: Approver | undefined;
    };

/** 07 2.8: a person at the machine, documents of the hospital, or a rule of its policy. */
export type Approver = "person" | "documents" | "rule";

export type Switching = {
  readonly state: "APPLYING" | "PROBATION";
  readonly offer: Offer;
  /** The process ended once while it was new; the second time is the last. */
  readonly hasEnded: boolean;
};

/** Of documents: refusals by their codes; `REJECTED` and `SUPERSEDED` are no fault of the document. */
export type EndCode = RefusalCode | "REJECTED" | "SUPERSEDED";
export type RollbackReason = "apply" | "probation" | "restarts" | "asked" | "epoch" | "frozen";

/** What became of the last document that reached VERIFIED. */
export type Ended =
  | { readonly state: "COMMITTED"; readonly offer: Offer }
  | { readonly state: "ROLLED_BACK"; readonly offer: Offer; readonly reason: RollbackReason }
  | { readonly state: "REFUSED"; readonly offer: Offer; readonly code: EndCode };

/** Why nothing is changed until a person runs `config repair`. */
export type Freeze = "safeMode" | "trustState";

export interface LifeCycle {
  /** `configEpoch` of the trust document in force. */
  readonly epoch: number;
  /** Highest sequence number of the epoch that was ever VERIFIED; 0 before the first. */
  readonly seqHigh: number;
  /** Digest of a document that is being verified. Nothing of it is believed. */
  readonly received: string | undefined;
  readonly current: Waiting | Switching | undefined;
  /** The last COMMITTED: last known good. */
  readonly lastGood: Offer | undefined;
  readonly ended: Ended | undefined;
  readonly rollbacksInARow: number;
  /** When last known good ended the process, if it did. */
  readonly crashedAtMs: number | undefined;
  readonly freeze: Freeze | undefined;
}

/** Of what ran before this machine was enrolled for another tenant: no trust document names it. */
export const NO_EPOCH = -1;

export const FIRST_LIFE_CYCLE: LifeCycle = {
  ...{ epoch: 0, seqHigh: 0, received: undefined, current: undefined, lastGood: undefined },
  ...{ ended: undefined, rollbacksInARow: 0, crashedAtMs: undefined, freeze: undefined },
};

export type LifeCycleEvent =
  /** A document is here whose signatures have not been looked at. */
  | { readonly type: "received"; readonly digest: string }
  /** A step of VC1 to VC9 said no. */
  | { readonly type: "refused"; readonly digest: string; readonly code: RefusalCode }
  /** VC1 to VC9 are done, VC10 has computed the class. */
  | { readonly type: "verified"; readonly offer: Offer }
  /** VC11: whether policy wants a yes for it. */
  | { readonly type: "approvalLooked"; readonly isNeeded: boolean }
  | {
      readonly type: "approved";
      readonly digest: string;
      readonly time: ApprovedTime;
      readonly by: Approver;
    }
  | { readonly type: "rejected"; readonly digest: string }
  /** The policy of now asks for a yes that it does not have: a key was withdrawn, the mode is another one. */
  | { readonly type: "approvalWithdrawn"; readonly digest: string }
  /** Time has passed: whenever a window opens, an offer or an approval ends, and now and then. */
  | { readonly type: "time"; readonly nowMs: number; readonly windows: readonly ChangeWindow[] }
  | {
      readonly type: "preflightPassed";
      readonly digest: string;
      readonly nowMs: number;
      readonly windows: readonly ChangeWindow[];
    }
  | {
      readonly type: "preflightFailed";
      readonly digest: string;
      readonly code?: "PREFLIGHT" | "POLICY" | "SCHEMA";
    }
  | { readonly type: "applied" | "applyFailed"; readonly digest: string }
  /** `probationMinutes` have passed since PROBATION began, or began again, and it is healthy. */
  | { readonly type: "probationPassed"; readonly digest: string }
  | { readonly type: "probationFailed"; readonly digest: string }
  /** `holdfast config rollback`. */
  | { readonly type: "rollbackAsked"; readonly digest: string }
  /** The process began. @param crashed it had not been asked to stop */
  | { readonly type: "restarted"; readonly nowMs: number; readonly crashed: boolean }
  /** This machine was enrolled for another tenant: numbers begin anew, and nothing that was on its way goes on. */
  | { readonly type: "tenantChanged" }
  /** VT6: a trust document with a higher `configEpoch`. */
  | { readonly type: "epochRaised"; readonly epoch: number }
  /** 2.12: the store or the marks are not what they were. */
  | { readonly type: "trustDamaged" }
  /** `holdfast config repair`: the highest of everything readable. */
  | { readonly type: "repaired"; readonly epoch: number; readonly seqHigh: number };

export type LifeCycleEffect =
  | { readonly do: "verify"; readonly digest: string }
  | { readonly do: "lookForApproval"; readonly offer: Offer }
  | { readonly do: "preflight"; readonly offer: Offer }
  /** Switch to it as a whole; at a start, open it. Then `applied` or `applyFailed`. */
  | { readonly do: "apply"; readonly offer: Offer }
  | { readonly do: "watchProbation"; readonly offer: Offer }
  /** Run last known good as a whole, from its stored bytes; without one, no channel runs. */
  | { readonly do: "run"; readonly offer: Offer | undefined }
  /** `trust/last-good` (2.12). */
  | { readonly do: "keepLastGood"; readonly offer: Offer }
  /** Epoch, `seqHigh` or what is effective has changed (2.12). */
  | { readonly do: "writeMarks" }
  | { readonly do: "alarm"; readonly freeze: Freeze };

/** One audit entry each. */
export interface Transition {
  readonly digest: string;
  readonly from: StateName;
  readonly to: StateName;
  readonly reason?: EndCode | RollbackReason;
}
export type StateName = "NONE" | "RECEIVED" | (Waiting | Switching | Ended)["state"];

export interface Step {
  readonly state: LifeCycle;
  readonly transitions: readonly Transition[];
  readonly effects: readonly LifeCycleEffect[];
  /** What a document that is offered is answered, if it goes no further. */
  readonly answer?: RefusalCode;
}

/** The configuration that is in effect: the one in PROBATION, else last known good. */
export function effectiveOf({ current, lastGood }: LifeCycle): Offer | undefined {
  return current?.state === "PROBATION" ? current.offer : lastGood;
}

/** What a process that starts in this state runs: as `effectiveOf`, and while APPLYING the new one. */
export function runsOf(state: LifeCycle): Offer | undefined {
  return isSwitching(state.current) ? state.current.offer : state.lastGood;
}

/** For VC4: what became of the document that has `seqHigh`. */
export function newestOf({
  epoch,
  seqHigh,
  current,
  ended,
}: LifeCycle): { readonly digest: string; readonly outcome: KnownOutcome } | undefined {
  const isNewest = ({ offer }: { offer: Offer }) => offer.epoch === epoch && offer.seq === seqHigh;
  if (current !== undefined && isNewest(current)) {
    return { digest: current.offer.digest, outcome: "in-progress" };
  }
  if (ended === undefined || !isNewest(ended)) return undefined;
  return { digest: ended.offer.digest, outcome: outcomeOf(ended) };
}

function outcomeOf(ended: Ended): KnownOutcome {
  if (ended.state === "COMMITTED") return "committed";
  if (ended.state === "ROLLED_BACK") return "rolled-back";
  // Nothing was switched, and nobody said no.
  const mayRunAgain = ended.code === "PREFLIGHT" || ended.code === "FROZEN";
  return mayRunAgain ? "preflight-refused" : "refused";
}

/** What the steps VC2 to VC5 compare a document with. */
export function standingOf(state: LifeCycle): Omit<ConfigStanding, "ownVersion" | "knownSchemas"> {
  const effective = effectiveOf(state);
  return {
    isFrozen: state.freeze !== undefined,
    configEpoch: state.epoch,
    seqHigh: state.seqHigh,
    newest: newestOf(state),
    effectiveDigest: effective?.digest,
    effectiveEpoch: effective?.epoch,
  };
}

export const isSwitching = (current: LifeCycle["current"]): current is Switching =>
  current?.state === "APPLYING" || current?.state === "PROBATION";

export const isWaiting = (current: LifeCycle["current"]): current is Waiting =>
  current !== undefined && !isSwitching(current);
