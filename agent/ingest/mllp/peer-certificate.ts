/**
 * Which client certificates may send on a listener with TLS (03 C4).
 *
 * Both lists narrow the trust in the client CA, neither replaces it: a CA of the hospital often issues to
 * far more than the systems of one interface.
 *
 * @module
 */
import type { X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";
import { type Identifier, identifierFrom } from "../../errors.ts";

export interface PeerRules {
  /** PEM file with the only CAs whose client certificates are accepted; without it none is asked for. */
  readonly clientCa: string | undefined;
  readonly clientCertificate: "required" | "optional";
  /**
   * Who may send; empty: every certificate of the CA. An entry that begins like `CN=` is a whole subject
   * (RFC 4514 escapes, order as in the certificate, separated by `,` or `, `); any other is a common name,
   * exactly, or a DNS subject alternative name, without case. No entry is a pattern.
   */
  readonly allowedSubjects: readonly string[];
  /** SHA-256 of the certificates that may send: hexadecimal, any case, colons or none; empty: not pinned. */
  readonly pinnedCertificates: readonly string[];
}

/** Why a peer whose handshake went well may not send. */
export type PeerRefusal =
  | "noCertificate"
  | "peerUntrusted"
  | "peerCertificateExpired"
  | "subjectNotAllowed"
  | "certificateNotPinned";

/** An attribute type and `=`, as a written-out subject begins and a name of a system does not. */
const WHOLE_SUBJECT = /^[A-Za-z][A-Za-z0-9.-]*=/;
/** `checkHost` takes a leading dot for "any host below", and throws on NUL: neither is let through. */
const DNS_NAME = /^[A-Za-z0-9_*-][A-Za-z0-9_.*-]*$/;
const EXACT_NAME = {
  subject: "never",
  wildcards: false,
  partialWildcards: false,
  multiLabelWildcards: false,
  singleLabelSubdomains: false,
} as const;
const NAME_SHOWN_MAX = 64;

/** Whether the peer of a finished handshake may send here: trust, then subjects and pins. */
export function refusalOfPeer(socket: TLSSocket, rules: PeerRules): PeerRefusal | undefined {
  if (rules.clientCertificate === "optional" && rules.clientCa === undefined && !hasRules(rules)) {
    return undefined;
  }
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) {
    return rules.clientCertificate === "required" || hasRules(rules) ? "noCertificate" : undefined;
  }
  if (!socket.authorized) return trustFault(socket.authorizationError);
  return refusalOfCertificate(certificate, rules);
}

/**
 * Holds a certificate against the lists. Whether a CA vouches for it was decided before.
 *
 * @returns undefined if it may send; with both lists it must be on both
 */
export function refusalOfCertificate(
  certificate: X509Certificate,
  {
    allowedSubjects,
    pinnedCertificates,
  }: Pick<PeerRules, "allowedSubjects" | "pinnedCertificates">,
): "subjectNotAllowed" | "certificateNotPinned" | undefined {
  const named = allowedSubjects.some((entry) => isSubject(certificate, entry));
  if (allowedSubjects.length > 0 && !named) return "subjectNotAllowed";
  const own = plainFingerprint(certificate.fingerprint256);
  const pinned = pinnedCertificates.some((pin) => plainFingerprint(pin) === own);
  if (pinnedCertificates.length > 0 && !pinned) return "certificateNotPinned";
  return undefined;
}

/** The name of an authenticated peer, for display only; see `shownName`. */
export function peerName(socket: TLSSocket): Identifier | undefined {
  const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined;
  return certificate === undefined ? undefined : shownName(certificate);
}

/** SHA-256 of a certificate, 64 lower-case hexadecimal digits. */
export function fingerprintOf(certificate: X509Certificate): Identifier {
  return identifierFrom(plainFingerprint(certificate.fingerprint256));
}

/**
 * The common name of a certificate, for display only: what an identifier cannot carry becomes `_`, and it
 * is cut to 64 characters, so two names can look alike here.
 *
 * @returns undefined if it has no common name
 */
export function shownName(certificate: X509Certificate): Identifier | undefined {
  const [name = ""] = commonNames(certificate);
  const shown = name.replace(/[^A-Za-z0-9_.:-]/gu, "_").slice(0, NAME_SHOWN_MAX);
  return shown === "" ? undefined : identifierFrom(shown);
}

/**
 * What a certificate that no client CA vouches for is called.
 *
 * @param authorizationError of the TLS socket: a code, whatever the types of Node say
 */
export function trustFault(
  authorizationError: unknown,
): "peerCertificateExpired" | "peerUntrusted" {
  return authorizationError === "CERT_HAS_EXPIRED" ? "peerCertificateExpired" : "peerUntrusted";
}

/** Whether more than the trust of a client CA is asked of a peer. */
export function hasRules({ allowedSubjects, pinnedCertificates }: PeerRules): boolean {
  return allowedSubjects.length > 0 || pinnedCertificates.length > 0;
}

function isSubject(certificate: X509Certificate, entry: string): boolean {
  // Never both readings: a common name may hold the text of somebody else's subject.
  if (WHOLE_SUBJECT.test(entry)) {
    // One relative name a line; line breaks and commas within a value are escaped.
    const names = certificate.subject?.split("\n") ?? [];
    return entry === names.join(",") || entry === names.join(", ");
  }
  if (commonNames(certificate).includes(entry)) return true;
  return DNS_NAME.test(entry) && certificate.checkHost(entry, EXACT_NAME) !== undefined;
}

/** Unescaped, in the order of the certificate; usually one. */
function commonNames(certificate: X509Certificate): readonly string[] {
  const names: unknown = certificate.toLegacyObject().subject?.CN;
  const all: readonly unknown[] = Array.isArray(names) ? names : [names];
  return all.filter((name) => typeof name === "string");
}

function plainFingerprint(text: string): string {
  return text.replaceAll(":", "").toLowerCase();
}
