/**
 * TLS towards a hospital system: whom we trust there, and who we are (03 O8, C4).
 *
 * Certificates of clinical systems often name something else than the host that is dialled: `serverName`,
 * a subject or a pin then says who it must be. Never nobody.
 *
 * @module
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { AgentError, codeOf, type Facts, identifierFrom } from "../errors.ts";

/** The `tls` block of a channel; paths are absolute, files are PEM. */
export interface SenderTls {
  /** The only CAs whose server certificates are accepted. */
  readonly serverCa: string;
  /** The name that the server's certificate must have; without it, `host`. */
  readonly serverName: string | undefined;
  /** Our client certificate with what chains it to a CA that the server trusts; both or neither. */
  readonly certificate: string | undefined;
  readonly key: string | undefined;
  /** As on a listener, of the server's certificate; with one of them its name does not matter. */
  readonly allowedSubjects: readonly string[];
  readonly pinnedCertificates: readonly string[];
  readonly handshakeTimeoutMs: number;
}

export interface SenderTlsMaterial {
  readonly serverCaPem: readonly string[];
  readonly certificatePem: string | undefined;
  readonly privateKeyPem: string | undefined;
  /** End of our certificate's validity, ms since 1970. */
  readonly notAfterMs: number | undefined;
}

type Part = "serverCa" | "certificate" | "key";
type Flaw =
  | "unreadable"
  | "noCertificate"
  | "damaged"
  | "exposed"
  | "ofAnotherCertificate"
  | "notUsable";

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** Whether subjects or pins say who the server must be. */
export const hasServerRules = (tls: SenderTls): boolean =>
  tls.allowedSubjects.length + tls.pinnedCertificates.length > 0;

/** @throws {AgentError} `SENDER_TLS_MATERIAL` with `part`, `reason` and, where there is one, `sysCode` */
export function loadSenderTls(tls: SenderTls): SenderTlsMaterial {
  const serverCaPem = certificatesOf(read(tls.serverCa, "serverCa"), "serverCa").map(String);
  const own = tls.certificate === undefined ? undefined : ownPair(tls.certificate, tls.key);
  const material = {
    serverCaPem,
    certificatePem: own?.certificatePem,
    privateKeyPem: own?.privateKeyPem,
    notAfterMs: own?.notAfterMs,
  };
  // What OpenSSL would refuse at the first connection, such as a key that is too short.
  if (own !== undefined) {
    const { certificatePem: cert, privateKeyPem: key } = own;
    attempt("certificate", "notUsable", () => createSecureContext({ cert, key }));
  }
  return material;
}

interface OwnPair {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
  readonly notAfterMs: number;
}

function ownPair(certificateFile: string, keyFile: string | undefined): OwnPair {
  const certificatePem = read(certificateFile, "certificate");
  const [certificate] = certificatesOf(certificatePem, "certificate");
  if (keyFile === undefined) throw flawed("key", "unreadable");
  const privateKeyPem = read(keyFile, "key");
  refuseIfExposed(keyFile);
  const key = attempt("key", "damaged", () => createPrivateKey(privateKeyPem));
  if (certificate?.checkPrivateKey(key) !== true) throw flawed("key", "ofAnotherCertificate");
  return { certificatePem, privateKeyPem, notAfterMs: certificate.validToDate.getTime() };
}

/** Every certificate of a file, at least one; whatever stands beside them is passed over. */
function certificatesOf(pem: string, part: Part): readonly X509Certificate[] {
  const blocks = pem.match(PEM_CERTIFICATE);
  if (blocks === null) throw flawed(part, "noCertificate");
  return blocks.map((block) => attempt(part, "damaged", () => new X509Certificate(block)));
}

function read(file: string, part: Part): string {
  return attempt(part, "unreadable", () => readFileSync(file, "utf8"));
}

/** Where there are no user ids, on Windows, rights are an access list, which the installer sets (09). */
function refuseIfExposed(keyFile: string): void {
  if (process.getuid === undefined) return;
  const mode = attempt("key", "unreadable", () => statSync(keyFile).mode & 0o777);
  if ((mode & 0o077) !== 0) throw flawed("key", "exposed", { mode });
}

function attempt<T>(part: Part, flaw: Flaw, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw foreign(part, flaw, error);
  }
}

function foreign(part: Part, flaw: Flaw, cause: unknown): AgentError {
  return flawed(part, flaw, { sysCode: codeOf(cause) }, cause);
}

function flawed(part: Part, flaw: Flaw, more: Facts = {}, cause?: unknown): AgentError {
  const facts = { part: identifierFrom(part), reason: identifierFrom(flaw), ...more };
  return new AgentError("SENDER_TLS_MATERIAL", facts, { cause });
}
