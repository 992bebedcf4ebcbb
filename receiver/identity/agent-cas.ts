/**
 * Certificates in PEM files, and by hand the question who issued one.
 *
 * @module
 */
import { X509Certificate } from "node:crypto";
import { identifierFrom, ReceiverError } from "../errors.ts";

const ONE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/** The CAs of agents. @param pem the file `tls.agentCa` @throws {ReceiverError} `TLS_FILE` */
export function agentCasOf(pem: string): readonly X509Certificate[] {
  return certificatesIn(pem, "tls.agentCa");
}

/**
 * Every certificate of a PEM text, at least one.
 *
 * @param key of the configuration whose file it is
 * @throws {ReceiverError} `TLS_FILE` if there is none, or one that cannot be read
 */
export function certificatesIn(pem: string, key: string): readonly X509Certificate[] {
  const found = pem.match(ONE) ?? [];
  if (found.length === 0) throw unusable(key);
  return found.map((one) => {
    try {
      return new X509Certificate(one);
    } catch (error) {
      throw unusable(key, error);
    }
  });
}

/**
 * Whether one of `cas` has issued and signed it, looked at by hand: where OpenSSL names one fault, such as
 * that it has expired, it hides others (07 1.8 G3).
 */
export function isIssuedBy(
  certificate: X509Certificate,
  cas: readonly X509Certificate[],
  nowMs: number,
): boolean {
  const inForce = cas.filter(
    ({ validFromDate, validToDate }) =>
      validFromDate.getTime() <= nowMs && nowMs <= validToDate.getTime(),
  );
  return inForce.some((ca) => hasIssued(ca, certificate));
}

/** Whenever that was. */
export function hasIssued(ca: X509Certificate, certificate: X509Certificate): boolean {
  return ca.ca && certificate.checkIssued(ca) && certificate.verify(ca.publicKey);
}

function unusable(key: string, cause?: unknown): ReceiverError {
  const facts = { key: identifierFrom(key) };
  return new ReceiverError("TLS_FILE", { cause, facts });
}
