/**
 * Who this agent is, and whom it trusts: a certificate, its key, and the receiver's CA, from files.
 *
 * Enrolment and renewal put them there (07); the development CA does so for trials and tests.
 *
 * @module
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { AgentError, codeOf, identifierFrom } from "#agent/errors.ts";

export interface IdentityFiles {
  readonly certificate: string;
  readonly key: string;
  /** The only CA whose certificates are accepted for the receiver (07 1.9). */
  readonly receiverCa: string;
}

export interface Identity {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
  readonly receiverCaPem: string;
  /** End of the certificate's validity, ms since 1970. */
  readonly notAfterMs: number;
  readonly serialHex: string;
}

/**
 * Reads an identity and checks that its parts belong together.
 *
 * @throws {AgentError} `IDENTITY_UNREADABLE`, `IDENTITY_MISMATCH`, or `IDENTITY_EXPOSED` where other
 *   accounts could read the key
 */
export function loadIdentity(files: IdentityFiles): Identity {
  const certificatePem = read(files.certificate, "certificate");
  const privateKeyPem = read(files.key, "key");
  const receiverCaPem = read(files.receiverCa, "receiverCa");
  refuseIfExposed(files.key);
  parsed("receiverCa", () => new X509Certificate(receiverCaPem));
  const certificate = parsed("certificate", () => new X509Certificate(certificatePem));
  const key = parsed("key", () => createPrivateKey(privateKeyPem));
  if (!certificate.checkPrivateKey(key)) throw new AgentError("IDENTITY_MISMATCH", {});
  return {
    certificatePem,
    privateKeyPem,
    receiverCaPem,
    notAfterMs: certificate.validToDate.getTime(),
    serialHex: certificate.serialNumber.toLowerCase(),
  };
}

function parsed<T>(part: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw unreadable(part, error);
  }
}

function read(file: string, part: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw unreadable(part, error);
  }
}

function unreadable(part: string, cause: unknown): AgentError {
  const facts = { part: identifierFrom(part), sysCode: codeOf(cause) };
  return new AgentError("IDENTITY_UNREADABLE", facts, { cause });
}

/** Rights on Windows are an access list, which the installer sets (09). */
function refuseIfExposed(keyFile: string): void {
  const mode = statSync(keyFile).mode & 0o777;
  if (process.platform !== "win32" && (mode & 0o077) !== 0) {
    throw new AgentError("IDENTITY_EXPOSED", { mode });
  }
}
