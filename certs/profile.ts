/**
 * Whether a certificate that the receiver issued is this agent's own, and by the profile (07 EN8, N5, 1.3).
 *
 * @module
 */
import { type KeyObject, X509Certificate } from "node:crypto";
import { type AgentSubject, type ProfileFlaw, readProfile } from "./agent-profile.ts";

/** What the agent knows before it looks. */
export interface Expected {
  readonly publicKey: KeyObject;
  readonly tenant: string;
  readonly agent: string;
  /** Absent at enrolment: the first certificate says it. */
  readonly trustDomain?: string | undefined;
}

export interface FittingCertificate extends AgentSubject {
  /** Lower-case hexadecimal without leading zeros. */
  readonly serialHex: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** What is not as agreed. */
export type IssuedFlaw = "unreadable" | "otherKey" | "otherName" | ProfileFlaw;

export type ProfileResult =
  | ({ readonly kind: "fits" } & FittingCertificate)
  | { readonly kind: "refused"; readonly flaw: IssuedFlaw };

/** @param chainPem PEM, the agent's own certificate first */
export function checkProfile(chainPem: string, expected: Expected): ProfileResult {
  const certificate = firstOf(chainPem);
  if (certificate === undefined) return refused("unreadable");
  const publicKey = publicKeyOf(certificate);
  if (publicKey === undefined) return refused("unreadable");
  if (!publicKey.equals(expected.publicKey)) return refused("otherKey");
  const reading = readProfile(certificate);
  if (reading.kind === "flawed") return refused(reading.flaw);
  const { trustDomain, tenant, agent } = reading;
  if (!isExpected({ trustDomain, tenant, agent }, expected)) return refused("otherName");
  const { validFromDate, validToDate } = certificate;
  return {
    kind: "fits",
    ...{ trustDomain, tenant, agent, serialHex: serialOf(certificate) },
    ...{ notBeforeMs: validFromDate.getTime(), notAfterMs: validToDate.getTime() },
  };
}

/** As the receiver writes it: lower-case hexadecimal without leading zeros. */
export const serialOf = ({ serialNumber }: X509Certificate): string =>
  serialNumber.toLowerCase().replace(/^0+(?=.)/, "");

/** OpenSSL reads a certificate whole and its key only when it is asked for, such as a point that is on no curve. */
function publicKeyOf(certificate: X509Certificate): KeyObject | undefined {
  try {
    return certificate.publicKey;
  } catch {
    return undefined;
  }
}

/** The first certificate of a PEM text; `undefined` if there is none that can be read. */
export function firstOf(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

function isExpected(name: AgentSubject, expected: Expected): boolean {
  const { trustDomain = name.trustDomain, tenant, agent } = expected;
  return name.trustDomain === trustDomain && name.tenant === tenant && name.agent === agent;
}

const refused = (flaw: IssuedFlaw): ProfileResult => ({ kind: "refused", flaw });
