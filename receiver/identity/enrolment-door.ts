/**
 * The enrolment door (07 1.5): it asks for no certificate, and so for everything else. What is decided is
 * decided over the agent's row, and written before it is answered (EN6).
 *
 * @module
 */
import type { EnrollRefusal, EnrollRequest } from "#certs/exchange.ts";
import { type Facts, identifierFrom } from "../errors.ts";
import type { Clock } from "../host/clock.ts";
import type { Log, LogEvent } from "../host/log.ts";
import type { Denial, RegistryStore } from "../store/registry.ts";
import type { AgentName, AgentRecord, Store } from "../store/store.ts";
import { trustOf } from "../store/walk.ts";
import { changing, type Decision } from "./changing.ts";
import { type EnrolmentStep, enrolled, judgeEnrolment } from "./enrolment.ts";
import type { Issued, Issuing } from "./issuing.ts";

export interface EnrolmentDoorOptions {
  readonly store: Store & RegistryStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly issuing: Issuing;
  readonly trustDomain: string;
}

export type Enrolment =
  | { readonly kind: "refused"; readonly reason: EnrollRefusal }
  | { readonly kind: "waiting" }
  /** `trustChain`: envelopes, JSON, oldest first. */
  | {
      readonly kind: "issued";
      readonly certificatePem: string;
      readonly trustChain: readonly string[];
    };

interface Decided {
  readonly step: EnrolmentStep;
  readonly agent: AgentRecord;
  /** What this request has brought about. */
  readonly event: "enrolmentClaimed" | "agentEnrolled" | null;
}

/** @throws {ReceiverError} `STORE_…`, `CA_FAILED`: to be asked again */
export async function enrol(
  request: EnrollRequest,
  options: EnrolmentDoorOptions,
): Promise<Enrolment> {
  const { store } = options;
  const { registry } = store;
  const known = await registry.findByToken(request.tokenId);
  if (known === null) return { kind: "refused", reason: "TOKEN_UNKNOWN" };
  if (await registry.isDenied(denialsOf(known, request))) {
    return { kind: "refused", reason: "TOKEN_LOCKED" };
  }
  const find = (): Promise<AgentRecord | null> => store.findAgent(known);
  const decided = await changing(registry, find, (agent) => decide(agent, request, options));
  tell(decided, options.log);
  const { step, agent } = decided;
  switch (step.kind) {
    case "refused":
      return { kind: "refused", reason: step.reason };
    case "issued": {
      const trustChain: string[] = [];
      for await (const { envelope } of trustOf(registry, agent.tenant)) trustChain.push(envelope);
      return { kind: "issued", certificatePem: step.certificatePem, trustChain };
    }
    default:
      return { kind: "waiting" };
  }
}

async function decide(
  agent: AgentRecord,
  request: EnrollRequest,
  { clock, issuing, trustDomain }: EnrolmentDoorOptions,
): Promise<Decision<Decided>> {
  const { serialHex } = agent;
  const atMs = clock.nowMs();
  const step = judgeEnrolment(agent.identity, request, atMs);
  if (step.kind === "confirmed") {
    const { tenant, name } = agent;
    const names = { trustDomain, tenant, agent: name };
    const issued: Issued = await issuing.issue({ ...names, csr: step.csr, atMs });
    const { certificatePem } = issued;
    return {
      answer: { step: { kind: "issued", certificatePem }, agent, event: "agentEnrolled" },
      change: enrolled(agent, issued),
    };
  }
  const identity = step.kind === "issued" ? undefined : step.identity;
  const isClaim = step.kind === "waiting" && identity !== undefined;
  return {
    answer: { step, agent, event: isClaim ? "enrolmentClaimed" : null },
    change: identity === undefined ? null : { serialHex, identity },
  };
}

/** Somebody whose agent, or whose device key, was denied does not come back by a new token. */
function denialsOf({ tenant, name }: AgentName, { deviceKey }: EnrollRequest): readonly Denial[] {
  return [
    { kind: "agent", value: `${tenant}/${name}` },
    { kind: "deviceKey", value: Buffer.from(deviceKey, "base64").toString("hex") },
  ];
}

function tell({ event, agent }: Decided, log: Log): void {
  if (event !== null) log.write(event satisfies LogEvent, factsOf(agent));
}

export function factsOf({ tenant, name }: AgentName): Facts {
  return { tenant: identifierFrom(tenant), agent: identifierFrom(name) };
}
