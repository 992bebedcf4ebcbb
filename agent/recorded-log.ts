/**
 * Identity events are recorded as they are logged (08 6): whoever keeps the identity knows of no audit.
 *
 * @module
 */
import type { AuditDraft } from "./audit/entry.ts";
import type { AgentError, Facts } from "./errors.ts";
import type { Log, LogEvent } from "./host/log.ts";

const ACTIONS: Partial<Readonly<Record<LogEvent, string>>> = {
  identityRenewed: "identity.renewed",
  // After the end of the one before: the vendor counts them (07 1.6).
  identityRecovered: "identity.recovered",
  identityInUse: "identity.inUse",
  identityDropped: "identity.dropped",
  identityDamaged: "identity.damaged",
  renewalFailed: "identity.renewalFailed",
};
const IDENTITY = { kind: "system", id: "identity" } as const;

/** The same log. @param note gets an entry for each line that is an event of the identity */
export function recordedLog(log: Log, note: (draft: AuditDraft) => void): Log {
  const heard = (event: LogEvent, facts: Facts, reason?: string): void => {
    const action = ACTIONS[event];
    if (action === undefined) return;
    const serial = facts["serial"];
    const subject = serial === undefined ? {} : { subject: `serial ${serial}` };
    note({ actor: IDENTITY, action, ...subject, ...(reason === undefined ? {} : { reason }) });
  };
  return {
    write: (event, facts) => {
      log.write(event, facts);
      heard(event, facts);
    },
    fault: (event, error: AgentError) => {
      log.fault(event, error);
      heard(event, error.facts, error.code);
    },
  };
}
