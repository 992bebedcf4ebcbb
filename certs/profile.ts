/**
 * Whether a certificate that was issued to this agent is by the profile (07 1.3), as far as Node can read one.
 *
 * @module
 */
import { type KeyObject, X509Certificate } from "node:crypto";

/** Whom a certificate names. */
export interface AgentIdentityName {
  readonly trustDomain: string;
  readonly tenant: string;
  readonly agent: string;
}

/** What the agent knows before it looks. */
export interface Expected {
  readonly publicKey: KeyObject;
  readonly tenant: string;
  readonly agent: string;
  /** Absent at enrolment: the first certificate says it. */
  readonly trustDomain?: string | undefined;
}

export interface FittingCertificate extends AgentIdentityName {
  /** Lower-case hexadecimal without leading zeros. */
  readonly serialHex: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** What is not as agreed. */
export type ProfileFlaw = "unreadable" | "key" | "signature" | "name" | "usage" | "validity";

export type ProfileResult =
  | ({ readonly kind: "fits" } & FittingCertificate)
  | { readonly kind: "refused"; readonly flaw: ProfileFlaw };

const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
const HOUR_MS = 3_600_000;
/** 30 days and the back-dated hour, and a minute for how an issuer rounds. */
const VALIDITY_MAX_MS = 30 * 24 * HOUR_MS + HOUR_MS + 60_000;

/**
 * Extensions as DER has them, from their OID to their end: Node does not tell what they hold. `ca` of Node's is not
 * enough: it is false for a CA whose key usage lacks the signing of certificates.
 */
const NO_CA = { oid: "0603551d13", whole: "0603551d130101ff04023000" };
const SIGNS_ONLY = { oid: "0603551d0f", whole: "0603551d0f0101ff040403020780" };

const NAME = "[a-z0-9][a-z0-9-]{0,62}";
const SPIFFE = new RegExp(
  `^URI:spiffe://([a-z0-9](?:[a-z0-9.-]{0,253}[a-z0-9])?)/tenant/(${NAME})/agent/(${NAME})$`,
);

/**
 * @param chainPem PEM, the agent's own certificate first
 * @returns the first flaw, in the order of the profile's table
 */
export function checkProfile(chainPem: string, expected: Expected): ProfileResult {
  const certificate = firstOf(chainPem);
  if (certificate === undefined) return refused("unreadable");
  if (!certificate.publicKey.equals(expected.publicKey)) return refused("key");
  if (certificate.signatureAlgorithm !== "ecdsa-with-SHA256") return refused("signature");
  const [notBeforeMs, notAfterMs] = [
    certificate.validFromDate.getTime(),
    certificate.validToDate.getTime(),
  ];
  const lifetimeMs = notAfterMs - notBeforeMs;
  if (!(lifetimeMs > 0 && lifetimeMs <= VALIDITY_MAX_MS)) return refused("validity");
  const name = nameOf(certificate);
  if (name === undefined || !isExpected(name, expected)) return refused("name");
  if (!isForClientsOnly(certificate)) return refused("usage");
  return { kind: "fits", ...name, serialHex: serialOf(certificate), notBeforeMs, notAfterMs };
}

function isForClientsOnly({ keyUsage, ca, raw }: X509Certificate): boolean {
  const der = raw.toString("hex");
  const hasOnly = ({ oid, whole }: typeof NO_CA): boolean =>
    der.split(oid).length === 2 && der.includes(whole);
  if (ca || keyUsage?.length !== 1 || keyUsage[0] !== CLIENT_AUTH) return false;
  return hasOnly(NO_CA) && hasOnly(SIGNS_ONLY);
}

/** @returns whom it names, if that is one agent, the same in its subject and its alternative name */
export function nameOf({
  subject,
  subjectAltName,
}: X509Certificate): AgentIdentityName | undefined {
  // The whole text has to match: a second name, or one that is quoted, is another text.
  const [, trustDomain, tenant, agent] = SPIFFE.exec(subjectAltName ?? "") ?? [];
  if (trustDomain === undefined || tenant === undefined || agent === undefined) return undefined;
  return subject === `CN=${agent}` ? { trustDomain, tenant, agent } : undefined;
}

/** As the receiver writes it: lower-case hexadecimal without leading zeros. */
export const serialOf = ({ serialNumber }: X509Certificate): string =>
  serialNumber.toLowerCase().replace(/^0+(?=.)/, "");

/** The first certificate of a PEM text; `undefined` if there is none that can be read. */
export function firstOf(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

function isExpected(name: AgentIdentityName, expected: Expected): boolean {
  const { trustDomain = name.trustDomain, tenant, agent } = expected;
  return name.trustDomain === trustDomain && name.tenant === tenant && name.agent === agent;
}

const refused = (flaw: ProfileFlaw): ProfileResult => ({ kind: "refused", flaw });
