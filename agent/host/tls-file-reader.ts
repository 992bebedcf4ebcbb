/**
 * The PEM files that TLS with hospital systems needs, on a listener as on a sender (03 C4, O8), and towards a SIEM.
 *
 * @module
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { createSecureContext, type SecureContextOptions } from "node:tls";
import { AgentError, codeOf, type Facts, identifierFrom } from "../errors.ts";

/** Whose files they are. */
export type TlsFilesCode = "LISTEN_TLS_MATERIAL" | "SENDER_TLS_MATERIAL" | "SIEM_TLS_MATERIAL";
export type TlsFilePart = "certificate" | "key" | "clientCa" | "serverCa";
export type TlsFileFlaw =
  | "unreadable"
  | "noCertificate"
  | "damaged"
  | "exposed"
  | "ofAnotherCertificate"
  | "notUsable"
  | "noRoot"
  | "missing";

/** A certificate with what chains it to its CA, and its private key. */
export interface CertifiedKey {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
  readonly certificate: X509Certificate;
}

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** Every fault is an {@link AgentError} of `code` with `part`, `reason` and, where there is one, `sysCode`. */
export class TlsFileReader {
  readonly #code: TlsFilesCode;

  constructor(code: TlsFilesCode) {
    this.#code = code;
  }

  /** Every certificate of a file, at least one; private keys and comments beside them are passed over. */
  certificates(file: string, part: TlsFilePart): readonly X509Certificate[] {
    return this.#certificatesOf(this.#read(file, part), part);
  }

  /** @returns a key that only its owner can read, and belongs to the first certificate of its file */
  certifiedKey(certificateFile: string, keyFile: string): CertifiedKey {
    const certificatePem = this.#read(certificateFile, "certificate");
    const [certificate] = this.#certificatesOf(certificatePem, "certificate");
    const privateKeyPem = this.#read(keyFile, "key");
    this.#refuseIfExposed(keyFile);
    const key = this.#attempt("key", "damaged", () => createPrivateKey(privateKeyPem));
    if (certificate?.checkPrivateKey(key) !== true)
      throw this.flawed("key", "ofAnotherCertificate");
    return { certificatePem, privateKeyPem, certificate };
  }

  /** Refuses what OpenSSL would refuse at the first connection, such as a key that is too short. */
  probe(options: SecureContextOptions): void {
    this.#attempt("certificate", "notUsable", () => createSecureContext(options));
  }

  flawed(part: TlsFilePart, flaw: TlsFileFlaw, more: Facts = {}, cause?: unknown): AgentError {
    const facts = { part: identifierFrom(part), reason: identifierFrom(flaw), ...more };
    return new AgentError(this.#code, facts, { cause });
  }

  #certificatesOf(pem: string, part: TlsFilePart): readonly X509Certificate[] {
    const blocks = pem.match(PEM_CERTIFICATE);
    if (blocks === null) throw this.flawed(part, "noCertificate");
    return blocks.map((block) => this.#attempt(part, "damaged", () => new X509Certificate(block)));
  }

  #read(file: string, part: TlsFilePart): string {
    return this.#attempt(part, "unreadable", () => readFileSync(file, "utf8"));
  }

  /** Where there are no user ids, on Windows, rights are an access list, which the installer sets (09). */
  #refuseIfExposed(keyFile: string): void {
    if (process.getuid === undefined) return;
    const mode = this.#attempt("key", "unreadable", () => statSync(keyFile).mode & 0o777);
    if ((mode & 0o077) !== 0) throw this.flawed("key", "exposed", { mode });
  }

  #attempt<T>(part: TlsFilePart, flaw: TlsFileFlaw, act: () => T): T {
    try {
      return act();
    } catch (cause) {
      throw this.flawed(part, flaw, { sysCode: codeOf(cause) }, cause);
    }
  }
}
