/**
 * The certificate of an agent (07 1.3): who it names, or that it is none.
 *
 * @module
 */
import type { X509Certificate } from "node:crypto";
import { readProfile } from "#certs/agent-profile.ts";
import type { AgentName } from "./store/store.ts";

/** Tenant and agent names, 07 1.3. */
const NAME = "[a-z0-9][a-z0-9-]{0,62}";
const TENANT_AND_AGENT = new RegExp(`^(${NAME})/(${NAME})$`);

/** @returns the agent that it names, or null if it is not by the profile 07 1.3, in full (G5) */
export function agentOf(certificate: X509Certificate, trustDomain: string): AgentName | null {
  const profile = readProfile(certificate);
  if (profile.kind !== "fits" || profile.trustDomain !== trustDomain) return null;
  return { tenant: profile.tenant, name: profile.agent };
}

/** @returns the serial as the store keeps it: lower-case hexadecimal without leading zeros */
export function serialOf(certificate: X509Certificate): string {
  return certificate.serialNumber.toLowerCase().replace(/^0+(?=.)/, "");
}

/** @returns the two names in TENANT/AGENT, or null if it is not that */
export function parseAgentName(text: string): AgentName | null {
  const [, tenant, name] = TENANT_AND_AGENT.exec(text) ?? [];
  return tenant === undefined || name === undefined ? null : { tenant, name };
}
