/** Transitions of the life cycle as entries of the audit: one each (07 2.10). @module */
import type { StateName, Transition } from "#config/life-cycle-state.ts";
import type { AuditActor, AuditDraft } from "../audit/entry.ts";

const ACTIONS: Readonly<Record<StateName, string>> = {
  NONE: "config.none",
  RECEIVED: "config.received",
  VERIFIED: "config.verified",
  AWAITING_APPROVAL: "config.awaitingApproval",
  SCHEDULED: "config.scheduled",
  PREFLIGHT: "config.preflight",
  APPLYING: "config.applying",
  PROBATION: "config.probation",
  COMMITTED: "config.committed",
  ROLLED_BACK: "config.rolledBack",
  REFUSED: "config.refused",
};

export function transitionDrafts(
  transitions: readonly Transition[],
  actor: AuditActor,
): readonly AuditDraft[] {
  return transitions.map(({ digest, from, to, reason }) => ({
    ...{ actor, action: ACTIONS[to], subject: digest },
    ...(reason === undefined ? {} : { decision: reason }),
    reason: `from ${from}`,
  }));
}
