/** Digests of certificates, as tokens and fingerprints have them. @module */
import { createHash, X509Certificate } from "node:crypto";

/** SHA-256 of the SubjectPublicKeyInfo, lower-case hexadecimal. */
export function spkiSha256(pem: string): string {
  const spki = new X509Certificate(pem).publicKey.export({ format: "der", type: "spki" });
  return createHash("sha256").update(spki).digest("hex");
}
