/**
 * Local commands that change something, or show what is sealed, are recorded before they are carried out (08 6): what
 * cannot be recorded is not done, but for the end of a drill: messages are not held back because the audit is full. What
 * then failed is recorded, too.
 *
 * Whoever has the socket is the agent's own account or an administrator: the kernel let him open it, and tells Node
 * nothing more. The name is the one that the command tells, and stands in the entry as claimed.
 *
 * @module
 */
import type { Audit } from "./audit/audit.ts";
import type { AuditActor, AuditDraft } from "./audit/entry.ts";
import { AgentError } from "./errors.ts";

type Question = Partial<Record<string, unknown>>;
type Described = Pick<AuditDraft, "action" | "subject" | "decision" | "reason">;

/** How a question is recorded. */
interface Recorded {
  /** Without it every one is. */
  readonly when?: (question: Question) => boolean;
  readonly describe: (question: Question) => Described;
  /** One command asks it many times: beyond some a minute only their number is recorded (A02). */
  readonly often?: boolean;
  /** It is never refused, nor waits for the audit: what cannot be recorded is a gap there. */
  readonly anyway?: boolean;
}

const RECORDED: Readonly<Record<string, Recorded>> = {
  quarantineShow: {
    when: ({ maxBytes }) => maxBytes !== 0,
    describe: ({ id }) => ({ action: "quarantine.show", subject: `block ${said(id)}` }),
    often: true,
  },
  quarantineRelease: {
    describe: ({ id }) => ({ action: "quarantine.release", subject: `block ${said(id)}` }),
  },
  quarantineDiscard: {
    describe: ({ ids }) => ({
      action: "quarantine.discard",
      subject: `blocks ${Array.isArray(ids) ? ids.map(said).join(" ") : "?"}`,
    }),
  },
  // Names of files may name patients.
  files: {
    describe: ({ channel }) => ({ action: "files.list", subject: said(channel) }),
    often: true,
  },
  // By whose control id is not said: it may be about a patient (08 PL4).
  trace: { describe: () => ({ action: "message.trace" }), often: true },
  // It names messages by their control ids.
  hoursCompare: {
    describe: ({ channel }) => ({ action: "report.compare", subject: said(channel) }),
    often: true,
  },
  backup: { describe: () => ({ action: "store.backup" }) },
  replay: {
    when: ({ dryRun }) => dryRun === false,
    describe: (question) => ({
      action: "message.replay",
      subject: `${said(question["channel"])} ${rangeOf(question)}`.trim(),
    }),
  },
  identityRenew: { describe: () => ({ action: "identity.renew" }) },
  identityAdopt: { describe: () => ({ action: "identity.adopt" }) },
  rekey: { describe: () => ({ action: "key.rekey" }) },
  channelRelease: {
    describe: ({ channel, decision }) => ({
      ...{ action: "channel.release", subject: said(channel), decision: said(decision) },
    }),
  },
  maintenanceStart: {
    describe: ({ channel, minutes }) => ({
      ...{ action: "maintenance.started", decision: `${said(minutes)} minutes` },
      ...(channel === "" ? {} : { subject: said(channel) }),
    }),
  },
  maintenanceStop: {
    describe: ({ channel }) => ({
      action: "maintenance.stopped",
      ...(channel === "" ? {} : { subject: said(channel) }),
    }),
  },
  drillStart: {
    describe: ({ minutes, reason }) => ({
      ...{ action: "drill.begun", decision: `${said(minutes)} minutes` },
      reason: isReason(reason) ? reason : "?",
    }),
  },
  drillStop: { describe: () => ({ action: "drill.stopped" }), anyway: true },
  updateApprove: {
    describe: ({ digest, back }) => ({
      ...{ action: "update.approved", subject: said(digest) },
      decision: back === true ? "back" : "forward",
    }),
  },
  updateReject: { describe: () => ({ action: "update.rejected" }) },
  // Told by the updater, which is root: what came of it.
  updateEnded: { describe: ({ outcome }) => describeOutcome((outcome ?? {}) as Question) },
  channelSkip: {
    when: ({ confirmed }) => confirmed === true,
    describe: ({ channel, firstSeq, lastSeq }) => ({
      action: "channel.skip",
      subject: `${said(channel)} ${said(firstSeq)}-${said(lastSeq)}`,
    }),
  },
};

/**
 * @param answer carries a question out
 * @returns the same, recorded; throws `AUDIT_UNWRITABLE` for what was not recorded, and so not done
 */
export function recorded(
  audit: Pick<Audit, "record" | "note" | "noteBefore">,
  answer: (request: unknown) => Promise<unknown>,
): (request: unknown) => Promise<unknown> {
  return async (request) => {
    const question = (request ?? {}) as Question;
    const ask = String(question["ask"]);
    const rule = Object.hasOwn(RECORDED, ask) ? RECORDED[ask] : undefined;
    if (rule === undefined || rule.when?.(question) === false) return await answer(request);
    const draft = { actor: localActor(question), ...rule.describe(question) };
    // Before its answer has begun, so that it stands before what that records; nobody waits for it.
    if (rule.anyway === true) void audit.note([draft]).catch(() => {});
    else if (rule.often === true) await audit.noteBefore(draft);
    else await audit.record([draft]);
    const failed = (reason: string): void => {
      const outcome = { ...draft, decision: "failed", reason };
      // It was recorded that it was begun; a gap says so if this cannot be written.
      void audit.note([outcome]).catch(() => {});
    };
    try {
      const found = await answer(request);
      const code = faultIn(found);
      if (code !== undefined) failed(code);
      return found;
    } catch (error) {
      failed(error instanceof AgentError ? error.code : "AGENT_DEFECT");
      throw error;
    }
  };
}

/** Whom a command names as its caller, and by which socket he came: the agent says that, never the command. */
export function localActor({ by, door }: Question): AuditActor {
  const id = typeof by === "string" && by !== "" ? by : "unknown";
  return { kind: "local", id, claimed: true, ...(door === "approvers" ? { door } : {}) };
}

/** One line of printable text that a person gave as the reason: it stands in the audit. */
export const isReason = (value: unknown): value is string =>
  typeof value === "string" && /^[\x20-\x7e]{1,64}$/.test(value);

function describeOutcome({ kind, digest, from, to, reason }: Question): Described {
  return {
    ...{ action: `update.${said(kind)}`, subject: said(digest) },
    decision: `${said(from)} to ${said(to)}`,
    ...(reason === undefined ? {} : { reason: said(reason) }),
  };
}

/** Numbers and names of channels; what else a request may hold is not repeated. */
const said = (value: unknown): string =>
  typeof value === "number" || (typeof value === "string" && /^[\w.$-]{1,64}$/.test(value))
    ? String(value)
    : "?";

function rangeOf({ epoch, firstSeq, lastSeq, fromMs, toMs, controlId }: Question): string {
  const parts = [
    ...(epoch === undefined ? [] : [`epoch ${said(epoch)}`]),
    ...(firstSeq === undefined ? [] : [`seq ${said(firstSeq)}-${said(lastSeq)}`]),
    ...(fromMs === undefined && toMs === undefined ? [] : ["by time"]),
    ...(controlId === undefined ? [] : ["by control id"]),
  ];
  return parts.join(" ");
}

/** Desks answer some faults as values. */
function faultIn(found: unknown): string | undefined {
  const { fault } = (found ?? {}) as { readonly fault?: { readonly code?: unknown } };
  return typeof fault?.code === "string" ? fault.code : undefined;
}
