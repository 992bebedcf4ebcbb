/**
 * The renewal door (07 1.6, 1.7), behind the gate: a nonce, then a certificate. What is decided is decided
 * over the agent's row, and written before it is answered (N4).
 *
 * @module
 */
import { randomBytes } from "node:crypto";
import { NONCE_BYTES, type RenewRefusal, type RenewRequest } from "#certs/exchange.ts";
import type { GateRules, Presented } from "../gate.ts";
import type { AgentRecord } from "../store/store.ts";
import { changing, type Decision } from "./changing.ts";
import { type EnrolmentDoorOptions, factsOf } from "./enrolment-door.ts";
import { judgeRenewal, renewed, seen, withNonce } from "./renewal.ts";

export interface RenewalDoorOptions extends EnrolmentDoorOptions {
  readonly recoveryMaxCount: number;
  /** An agent was locked: its connections are to be closed. */
  readonly barred: () => void;
}

/** An agent that has passed the gate. */
export interface Renewing {
  readonly agent: AgentRecord;
  readonly certificate: Presented;
}

export type Renewal =
  | { readonly kind: "refused"; readonly reason: RenewRefusal | "AGENT_LOCKED" }
  | { readonly kind: "issued"; readonly certificatePem: string; readonly generation: number };

/** N2: 32 bytes in hexadecimal, which may be used once. @throws {ReceiverError} `STORE_…` */
export function giveNonce(
  { agent, certificate }: Renewing,
  options: RenewalDoorOptions,
): Promise<string> {
  const { store, clock } = options;
  const hex = randomBytes(NONCE_BYTES).toString("hex");
  return changing(
    store.registry,
    () => store.findAgent(agent),
    (now) => {
      const identity = withNonce(now, certificate.serialHex, { hex, nowMs: clock.nowMs() });
      return { answer: hex, change: { serialHex: now.serialHex, identity } };
    },
  );
}

/** N4 @throws {ReceiverError} `STORE_…`, `CA_FAILED`: to be asked again, with a new nonce */
export async function renew(
  renewing: Renewing,
  request: RenewRequest,
  options: RenewalDoorOptions,
): Promise<Renewal> {
  const { store, clock, log } = options;
  const { agent } = renewing;
  const renewal = await changing(
    store.registry,
    () => store.findAgent(agent),
    (now) => decide(now, renewing.certificate, request, options),
  );
  if (renewal.kind === "refused" && renewal.reason === "AGENT_LOCKED") {
    await store.registry.lockAgent({ agent: agent.id, atMs: clock.nowMs() });
    log.write("identityLocked", factsOf(agent));
    options.barred();
  }
  if (renewal.kind === "issued") {
    const { generation } = renewal;
    const { isExpired } = renewing.certificate;
    log.write("agentRenewed", { ...factsOf(agent), generation, isExpired });
  }
  return renewal;
}

/** N7: notes that the next certificate was seen. @throws {ReceiverError} `STORE_…` */
export async function noteSeen(
  { agent, certificate: { serialHex } }: Renewing,
  { store }: { readonly store: GateRules["store"] },
): Promise<void> {
  if (seen(agent, serialHex) === null) return;
  await changing(
    store.registry,
    () => store.findAgent(agent),
    (now) => ({ answer: undefined, change: seen(now, serialHex) }),
  );
}

async function decide(
  agent: AgentRecord,
  certificate: Presented,
  request: RenewRequest,
  { clock, issuing, trustDomain, recoveryMaxCount }: RenewalDoorOptions,
): Promise<Decision<Renewal>> {
  const { serialHex, identity, tenant, name } = agent;
  const { isExpired } = certificate;
  const atMs = clock.nowMs();
  // The gate has looked at an older row.
  const isSuperseded =
    certificate.serialHex !== serialHex && certificate.serialHex !== identity.nextSerialHex;
  const asking = { serialHex: certificate.serialHex, isExpired, isSuperseded };
  const facts = { ...asking, nowMs: atMs, recoveryMaxCount };
  const step = judgeRenewal(agent, request, facts);
  switch (step.kind) {
    case "issue": {
      const names = { trustDomain, tenant, agent: name };
      const issued = await issuing.issue({ ...names, csr: step.csr, atMs });
      const change = renewed(agent, step.csr, { ...issued, isExpired });
      const { certificatePem } = issued;
      const { generation } = change.identity;
      return { answer: { kind: "issued", certificatePem, generation }, change };
    }
    case "issued": {
      const { certificatePem, generation } = step;
      return {
        answer: { kind: "issued", certificatePem, generation },
        change: { serialHex, identity: step.identity },
      };
    }
    case "locked":
      return {
        answer: { kind: "refused", reason: "AGENT_LOCKED" },
        change: { serialHex, identity: step.identity },
      };
    case "refused":
      return {
        answer: step,
        change: step.identity === undefined ? null : { serialHex, identity: step.identity },
      };
  }
}
