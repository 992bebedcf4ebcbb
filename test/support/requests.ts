/**
 * Certificate requests as agents make them, and as they must not be.
 *
 * @module
 */
import "#certs/reflect-metadata.ts";
import { webcrypto } from "node:crypto";
import { type Extension, Pkcs10CertificateRequestGenerator } from "@peculiar/x509";
import { pkcs8Of } from "#certs/issuing.ts";

export interface MadeRequest {
  readonly der: Uint8Array;
  readonly privateKeyPem: string;
}

export interface RequestOptions {
  /** A name as in RFC 4514. ["CN=whoever"] */
  readonly subject?: string;
  readonly extensions?: readonly Extension[];
  /** [P-256 with SHA-256] */
  readonly algorithm?: "P-384" | "RSA-1024" | "P-256 with SHA-384";
}

const P256 = { name: "ECDSA", namedCurve: "P-256" };
const ALGORITHMS = {
  "P-384": { key: { name: "ECDSA", namedCurve: "P-384" }, hash: "SHA-256" },
  "P-256 with SHA-384": { key: P256, hash: "SHA-384" },
  "RSA-1024": {
    key: {
      name: "RSASSA-PKCS1-v1_5",
      hash: "SHA-256",
      publicExponent: new Uint8Array([1, 0, 1]),
      modulusLength: 1_024,
    },
    hash: "SHA-256",
  },
} as const;

export async function makeRequest({
  subject = "CN=whoever",
  extensions = [],
  algorithm,
}: RequestOptions = {}): Promise<MadeRequest> {
  const { key, hash } =
    algorithm === undefined ? { key: P256, hash: "SHA-256" } : ALGORITHMS[algorithm];
  const keys = await webcrypto.subtle.generateKey(key, true, ["sign", "verify"]);
  const request = await Pkcs10CertificateRequestGenerator.create(
    {
      name: subject,
      keys,
      signingAlgorithm: { name: key.name, hash },
      extensions: [...extensions],
    },
    webcrypto,
  );
  return { der: new Uint8Array(request.rawData), privateKeyPem: await pkcs8Of(keys.privateKey) };
}
