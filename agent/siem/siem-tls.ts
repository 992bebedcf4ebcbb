/** TLS towards the hospital's SIEM (RFC 5425): only the CAs of the named file are trusted, the name is checked. @module */
import type { ConnectionOptions } from "node:tls";
import { TlsFileReader } from "../host/tls-file-reader.ts";

/** The `siem` block of `local.yaml`; paths are absolute, files are PEM. */
export interface SiemSettings {
  readonly host: string;
  readonly port: number;
  /** The only CAs whose certificates are accepted. */
  readonly caFile: string;
  /** Our client certificate; both or neither. */
  readonly certificateFile: string | undefined;
  readonly keyFile: string | undefined;
  /** Signed heads alone, or every entry besides. */
  readonly content: "heads" | "entries";
}

const FILES = new TlsFileReader("SIEM_TLS_MATERIAL");

/** @throws {AgentError} `SIEM_TLS_MATERIAL` with `part`, `reason` and, where there is one, `sysCode` */
export function siemTls({ caFile, certificateFile, keyFile }: SiemSettings): ConnectionOptions {
  const ca = FILES.certificates(caFile, "serverCa").map(String);
  // Written out: an environment variable of Node's changes the default. RFC 5425 asks for 1.2, SIEMs have it.
  const verified = { ca, rejectUnauthorized: true, minVersion: "TLSv1.2" } as const;
  if (certificateFile === undefined || keyFile === undefined) return verified;
  const { certificatePem: cert, privateKeyPem: key } = FILES.certifiedKey(certificateFile, keyFile);
  FILES.probe({ cert, key });
  return { ...verified, cert, key };
}
