/** PKCS#12 files as OpenSSL exports them. @module */
import { spawnSync } from "node:child_process";
import { createPrivateKey, type KeyObject } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** @param more further arguments of `openssl pkcs12 -export` */
export function exportP12(
  content: { readonly key?: KeyObject; readonly certificatePem: string; readonly caPem?: string },
  password: string,
  more: readonly string[] = [],
): Buffer {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-p12-"));
  try {
    const file = (name: string): string => join(folder, name);
    const { key, certificatePem, caPem } = content;
    writeFileSync(file("cert.pem"), certificatePem);
    if (key !== undefined) {
      writeFileSync(file("key.pem"), key.export({ format: "pem", type: "pkcs8" }));
    }
    if (caPem !== undefined) writeFileSync(file("ca.pem"), caPem);
    const { status, stderr } = spawnSync("openssl", [
      ...["pkcs12", "-export", "-in", file("cert.pem"), "-out", file("out.p12")],
      ...(key === undefined ? ["-nokeys"] : ["-inkey", file("key.pem")]),
      ...(caPem === undefined ? [] : ["-certfile", file("ca.pem")]),
      ...["-passout", `pass:${password}`, ...more],
    ]);
    if (status !== 0) throw new Error(`openssl: ${stderr}`);
    return readFileSync(file("out.p12"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A key on another curve, with a certificate that it signed itself. */
export function selfSignedP384(): { readonly key: KeyObject; readonly certificatePem: string } {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-p384-"));
  try {
    const [key, certificate] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    const { status, stderr } = spawnSync("openssl", [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp384r1", "-nodes"],
      ...["-subj", "/CN=ward-1", "-days", "2", "-keyout", key, "-out", certificate],
    ]);
    if (status !== 0) throw new Error(`openssl: ${stderr}`);
    return {
      key: createPrivateKey(readFileSync(key)),
      certificatePem: readFileSync(certificate, "utf8"),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
