/**
 * The certificate of an agent (07 1.3): who it names, or that it is none.
 *
 * @module
 */
import type { X509Certificate } from "node:crypto";
import type { AgentName } from "./store/store.ts";

/** Tenant and agent names, 07 1.3. */
const NAME = "[a-z0-9][a-z0-9-]{0,62}";
const PATH = new RegExp(`^(${NAME})/agent/(${NAME})$`);
const TENANT_AND_AGENT = new RegExp(`^(${NAME})/(${NAME})$`);
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";

/**
 * Checks what of the profile Node can read: key, signature, subject, the one name, extended key
 * usage, and that it is no CA.
 *
 * @returns the agent that it names, or null if any of it is not as in 07 1.3
 */
export function agentOf(certificate: X509Certificate, trustDomain: string): AgentName | null {
  const { publicKey, subjectAltName, keyUsage } = certificate;
  // The whole text has to match: a second name, or one that is quoted, is another text.
  const prefix = `URI:spiffe://${trustDomain}/tenant/`;
  if (subjectAltName?.startsWith(prefix) !== true) return null;
  const [, tenant, name] = PATH.exec(subjectAltName.slice(prefix.length)) ?? [];
  if (tenant === undefined || name === undefined) return null;
  const isAsProfiled =
    publicKey.asymmetricKeyType === "ec" &&
    publicKey.asymmetricKeyDetails?.namedCurve === "prime256v1" &&
    certificate.signatureAlgorithm === "ecdsa-with-SHA256" &&
    certificate.subject === `CN=${name}` &&
    keyUsage?.length === 1 &&
    keyUsage[0] === CLIENT_AUTH &&
    !certificate.ca;
  return isAsProfiled ? { tenant, name } : null;
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
