/**
 * The profile of an agent's certificate, in full (07 1.3). The receiver's gate asks for it (G5), whoever
 * issues asks for it afterwards, and the agent asks for it before it uses what it was given (EN8, N5).
 *
 * @module
 */
import type { X509Certificate } from "node:crypto";
import { childrenOf, contentOf, type Element, oidOf, readDer, TAG } from "./der.ts";

const HOUR_MS = 3_600_000;
/** Back-dated, so that a clock that is a little slow does not refuse a new certificate. */
export const BACKDATED_MS = HOUR_MS;
/** From the issue to the end. */
export const AGENT_LIFETIME_MS = 30 * 24 * HOUR_MS;
/** Of the serial: random ones are shorter by chance, but never by half. */
const SERIAL_MAX_BITS = 128;
const SERIAL_MIN_BITS = 64;

const NAME = "[a-z0-9][a-z0-9-]{0,62}";
/** The whole text has to match: a second name, or one that is quoted, is another text. */
const ONE_NAME = new RegExp(
  `^URI:spiffe://([a-z0-9]|[a-z0-9][a-z0-9.-]{0,253}[a-z0-9])/tenant/(${NAME})/agent/(${NAME})$`,
);

const OID = {
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  extendedKeyUsage: "2.5.29.37",
  clientAuth: "1.3.6.1.5.5.7.3.2",
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
} as const;

export interface AgentSubject {
  readonly trustDomain: string;
  readonly tenant: string;
  readonly agent: string;
}

/** The line of the table in 07 1.3 that a certificate does not fit. */
export type ProfileFlaw = "encoding" | "key" | "serial" | "validity" | "subject" | "usage";

export type ProfileReading =
  | ({ readonly kind: "fits" } & AgentSubject)
  | { readonly kind: "flawed"; readonly flaw: ProfileFlaw };

/** Judges a certificate by its content alone: not by who issued it, nor by the time. */
export function readProfile(certificate: X509Certificate): ProfileReading {
  try {
    return judge(certificate);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { kind: "flawed", flaw: "encoding" };
  }
}

function judge(certificate: X509Certificate): ProfileReading {
  const flawed = (flaw: ProfileFlaw): ProfileReading => ({ kind: "flawed", flaw });
  // Some texts of Node depend on how it was built; what can be read from the bytes is read there.
  const [tbs, algorithm] = childrenOf(readDer(certificate.raw), TAG.sequence);
  const [version, serial, innerAlgorithm, , , subject, , ...more] = childrenOf(tbs, TAG.sequence);
  if (numberOf(childrenOf(version, TAG.context0)[0]) !== 2) return flawed("encoding");
  if (!isSignedAsProfiled(algorithm) || !isSignedAsProfiled(innerAlgorithm)) return flawed("key");
  const { publicKey, validFromDate, validToDate } = certificate;
  const isP256 =
    publicKey.asymmetricKeyType === "ec" &&
    publicKey.asymmetricKeyDetails?.namedCurve === "prime256v1";
  if (!isP256) return flawed("key");
  const bits = bitsOf(contentOf(serial, TAG.integer));
  if (bits <= SERIAL_MIN_BITS || bits > SERIAL_MAX_BITS) return flawed("serial");
  const lifetimeMs = validToDate.getTime() - validFromDate.getTime();
  // Shorter harms nobody: a CA near its end cannot give 30 days.
  if (!(lifetimeMs > 0 && lifetimeMs <= AGENT_LIFETIME_MS + BACKDATED_MS)) {
    return flawed("validity");
  }
  const [, trustDomain, tenant, agent] = ONE_NAME.exec(certificate.subjectAltName ?? "") ?? [];
  if (trustDomain === undefined || tenant === undefined || agent === undefined) {
    return flawed("subject");
  }
  const isNamed = certificate.subject === `CN=${agent}` && isOneName(subject);
  if (!isNamed) return flawed("subject");
  // Optional unique identifiers are of version 2, and nobody has them: extensions come next.
  const [extensions, ...rest] = more;
  if (rest.length > 0 || !fitExtensions(extensionsOf(extensions))) return flawed("usage");
  return { kind: "fits", trustDomain, tenant, agent };
}

function isSignedAsProfiled(algorithm: Element | undefined): boolean {
  const [oid, ...parameters] = childrenOf(algorithm, TAG.sequence);
  // RFC 5758 3.2: no parameters.
  return oidOf(oid) === OID.ecdsaWithSha256 && parameters.length === 0;
}

/** One relative name with one attribute: a text of several lines could look like one. */
function isOneName(subject: Element | undefined): boolean {
  const sets = childrenOf(subject, TAG.sequence);
  return sets.length === 1 && childrenOf(sets[0], TAG.set).length === 1;
}

interface CertificateExtension {
  readonly critical: boolean;
  readonly value: Uint8Array;
}

function extensionsOf(element: Element | undefined): ReadonlyMap<string, CertificateExtension> {
  const found = new Map<string, CertificateExtension>();
  const [list, ...beside] = childrenOf(element, TAG.context3);
  if (beside.length > 0) throw new RangeError("Cannot read two lists of extensions");
  for (const one of childrenOf(list, TAG.sequence)) {
    const parts = childrenOf(one, TAG.sequence);
    const oid = oidOf(parts[0]);
    // A Boolean that is there is true: the default is left out in DER (X.690 11.5).
    const isCritical = parts.length === 3;
    if (isCritical && !isEqual(contentOf(parts[1], TAG.boolean), [0xff])) {
      throw new RangeError("Cannot read a default that is written out");
    }
    if (parts.length < 2 || parts.length > 3 || found.has(oid)) {
      throw new RangeError("Cannot read an extension that is there twice");
    }
    found.set(oid, { critical: isCritical, value: contentOf(parts.at(-1), TAG.octetString) });
  }
  return found;
}

function fitExtensions(extensions: ReadonlyMap<string, CertificateExtension>): boolean {
  const constraints = extensions.get(OID.basicConstraints);
  const usage = extensions.get(OID.keyUsage);
  const purposes = extensions.get(OID.extendedKeyUsage);
  const names = extensions.get(OID.subjectAltName);
  if (constraints?.critical !== true || usage?.critical !== true) return false;
  if (purposes === undefined || names === undefined) return false;
  // CA:FALSE is the default, and so an empty sequence.
  if (childrenOf(readDer(constraints.value), TAG.sequence).length > 0) return false;
  // digitalSignature is bit 0; seven bits of the octet are unused.
  if (!isEqual(contentOf(readDer(usage.value), TAG.bitString), [0x07, 0x80])) return false;
  const [purpose, ...morePurposes] = childrenOf(readDer(purposes.value), TAG.sequence);
  if (oidOf(purpose) !== OID.clientAuth || morePurposes.length > 0) return false;
  if (childrenOf(readDer(names.value), TAG.sequence).length !== 1) return false;
  const known: ReadonlySet<string> = new Set(Object.values(OID));
  return [...extensions].every(([oid, { critical }]) => !critical || known.has(oid));
}

function numberOf(element: Element | undefined): number | undefined {
  const content = contentOf(element, TAG.integer);
  return content.length === 1 ? content[0] : undefined;
}

/** @returns 0 for a number that is not positive */
function bitsOf(content: Uint8Array): number {
  const [first = 0x80] = content;
  return first >= 0x80 ? 0 : BigInt(`0x${Buffer.from(content).toString("hex")}`).toString(2).length;
}

function isEqual(bytes: Uint8Array, expected: readonly number[]): boolean {
  return bytes.length === expected.length && expected.every((octet, at) => bytes[at] === octet);
}
