/** What commands print of an agent. @module */
import { TOKEN_TRIES } from "#certs/token.ts";
import type { EnrolmentState } from "./store/identity-record.ts";
import type { AgentRecord } from "./store/store.ts";

/** One line of the commands `agent …`. */
export interface AgentLine {
  readonly agent: string;
  /** Empty before the first certificate. */
  readonly serial: string;
  /** Issued, and not seen yet. */
  readonly nextSerial: string | null;
  readonly session: number;
  readonly addedAt: string;
  readonly lastSeenAt: string | null;
  /** Nobody is let in since then, because two copies were alive (TP33, 07 1.7). */
  readonly lockedAt: string | null;
  /** Of its identity; 0 for one that never enrolled. */
  readonly generation: number;
  /** Renewals with an expired certificate. */
  readonly recoveries: number;
  /** Null if it has no token, or was enrolled with it. */
  readonly enrolment: EnrolmentLine | null;
  /** Only of `agent add`: it was known before. */
  readonly known?: boolean;
}

export interface EnrolmentLine {
  readonly state: "tokenMade" | "waiting" | "confirmed" | "lockedByTries";
  /** To be compared with what the hospital sees (07 EN7). */
  readonly code: string | null;
  readonly expiresAt: string;
}

export function agentLine(agent: AgentRecord): AgentLine {
  const { identity } = agent;
  return {
    agent: `${agent.tenant}/${agent.name}`,
    serial: agent.serialHex,
    nextSerial: identity.nextSerialHex,
    session: agent.session,
    addedAt: new Date(agent.addedAtMs).toISOString(),
    lastSeenAt: timeOf(agent.helloAtMs),
    lockedAt: timeOf(agent.lockedAtMs),
    generation: identity.generation,
    recoveries: identity.recoveryCount,
    enrolment: enrolmentLine(identity.token),
  };
}

function enrolmentLine(token: EnrolmentState | null): EnrolmentLine | null {
  if (token === null || token.issued !== null) return null;
  const expiresAt = new Date(token.expiresMs).toISOString();
  const code = token.claim?.code ?? null;
  return { state: stateOf(token), code, expiresAt };
}

function stateOf({ failedTries, claim, confirmedAtMs }: EnrolmentState): EnrolmentLine["state"] {
  if (confirmedAtMs !== null) return "confirmed";
  if (failedTries >= TOKEN_TRIES) return "lockedByTries";
  return claim === null ? "tokenMade" : "waiting";
}

const timeOf = (ms: number | null): string | null =>
  ms === null ? null : new Date(ms).toISOString();
