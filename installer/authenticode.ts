/** Signs files for Windows, as its own `signtool` would (09 1.3, steps 2, 6 and 9). @module */
import { spawnSync } from "node:child_process";
import { renameSync } from "node:fs";

/** Of those who release; a release has its key in hardware, and a timestamp. */
export interface WindowsSigner {
  /** PEM, with those up to the root. */
  readonly certificate: string;
  /** A file, or `pkcs11:…`. */
  readonly key: string;
  /** The driver of the hardware. */
  readonly pkcs11Module?: string | undefined;
  /** Of the service, RFC 3161. */
  readonly timestampUrl?: string | undefined;
}

/** In place. @throws {Error} with what osslsigncode said */
export function signForWindows(file: string, signer: WindowsSigner): void {
  const { certificate, key, pkcs11Module, timestampUrl } = signer;
  const signed = `${file}.signed`;
  const args = [
    ...["sign", "-h", "sha256", "-certs", certificate, "-key", key],
    ...(pkcs11Module === undefined ? [] : ["-pkcs11module", pkcs11Module]),
    ...(timestampUrl === undefined ? [] : ["-ts", timestampUrl]),
    ...["-n", "Holdfast", "-in", file, "-out", signed],
  ];
  const { status, stdout, stderr, error } = spawnSync("osslsigncode", args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`osslsigncode: ${error?.message ?? `${stdout}${stderr}`}`);
  renameSync(signed, file);
}
