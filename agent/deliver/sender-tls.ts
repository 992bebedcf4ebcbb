/**
 * TLS towards a hospital system: whom we trust there, and who we are (03 O8, C4).
 *
 * Certificates of clinical systems often name something else than the host that is dialled: `serverName`,
 * a subject or a pin then says who it must be. Never nobody.
 *
 * @module
 */
import type { WatchedMaterial } from "../health/watched-certificate.ts";
import { TlsFileReader } from "../host/tls-file-reader.ts";

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

export interface SenderTlsMaterial extends WatchedMaterial {
  readonly trustedPem: readonly string[];
  readonly privateKeyPem: string | undefined;
}

const FILES = new TlsFileReader("SENDER_TLS_MATERIAL");

/** Whether subjects or pins say who the server must be. */
export const hasServerRules = (tls: SenderTls): boolean =>
  tls.allowedSubjects.length + tls.pinnedCertificates.length > 0;

/** @throws {AgentError} `SENDER_TLS_MATERIAL` with `part`, `reason` and, where there is one, `sysCode` */
export function loadSenderTls({ serverCa, certificate, key }: SenderTls): SenderTlsMaterial {
  const trustedPem = FILES.certificates(serverCa, "serverCa").map(String);
  if (certificate === undefined) {
    const none = { certificatePem: undefined, privateKeyPem: undefined, notAfterMs: undefined };
    return { trustedPem, ...none };
  }
  if (key === undefined) throw FILES.flawed("key", "unreadable");
  const own = FILES.certifiedKey(certificate, key);
  const { certificatePem, privateKeyPem } = own;
  FILES.probe({ cert: certificatePem, key: privateKeyPem });
  const notAfterMs = own.certificate.validToDate.getTime();
  return { trustedPem, certificatePem, privateKeyPem, notAfterMs };
}
