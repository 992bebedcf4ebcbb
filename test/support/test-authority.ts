/**
 * An issuer of agents' certificates for any public key, by the profile 07 1.3 or with one thing changed.
 *
 * @module
 */
import "#certs/reflect-metadata.ts";
import { createPublicKey, type KeyObject, randomBytes, webcrypto } from "node:crypto";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type JsonGeneralNames,
  KeyUsageFlags,
  KeyUsagesExtension,
  Pkcs10CertificateRequest,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";

const P256 = { name: "ECDSA", namedCurve: "P-256" } as const;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export interface TestCertificate {
  readonly trustDomain: string;
  readonly tenant: string;
  readonly agent: string;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly subject?: string;
  readonly names?: JsonGeneralNames;
  readonly usages?: readonly string[];
  readonly isCa?: boolean;
  readonly hash?: "SHA-256" | "SHA-384";
}

export interface TestAuthority {
  readonly certificatePem: string;
  /** @param key public or private: its public half is certified @returns PEM */
  issue(key: KeyObject, certificate: TestCertificate): Promise<string>;
}

export async function createTestAuthority(name: string): Promise<TestAuthority> {
  const keys = await webcrypto.subtle.generateKey(P256, true, ["sign", "verify"]);
  const own = await X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: randomBytes(8).toString("hex"),
      name: [{ CN: [name] }],
      notBefore: new Date(Date.now() - HOUR_MS),
      notAfter: new Date(Date.now() + 3_650 * DAY_MS),
      signingAlgorithm: { name: "ECDSA", hash: "SHA-256" },
      keys,
      extensions: [new BasicConstraintsExtension(true, undefined, true)],
    },
    webcrypto,
  );
  return {
    certificatePem: `${own.toString("pem")}\n`,
    async issue(key, certificate) {
      const { tenant, agent, trustDomain, isCa = false, hash = "SHA-256" } = certificate;
      const value = `spiffe://${trustDomain}/tenant/${tenant}/agent/${agent}`;
      const issued = await X509CertificateGenerator.create(
        {
          serialNumber: `4${randomBytes(16).toString("hex").slice(1)}`,
          subject: [{ CN: [certificate.subject ?? agent] }],
          issuer: own.subject,
          notBefore: certificate.notBefore ?? new Date(Date.now() - HOUR_MS),
          notAfter: certificate.notAfter ?? new Date(Date.now() + 30 * DAY_MS),
          signingAlgorithm: { name: "ECDSA", hash },
          publicKey: await subtleKey(key),
          signingKey: keys.privateKey,
          extensions: [
            new BasicConstraintsExtension(isCa, undefined, true),
            new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
            new ExtendedKeyUsageExtension([
              ...(certificate.usages ?? [ExtendedKeyUsage.clientAuth]),
            ]),
            new SubjectAlternativeNameExtension(certificate.names ?? [{ type: "url", value }]),
          ],
        },
        webcrypto,
      );
      return `${issued.toString("pem")}\n`;
    },
  };
}

/** The public key of a certificate request whose signature holds. @throws {Error} if it does not */
export async function keyOfRequest(der: Uint8Array): Promise<KeyObject> {
  const request = new Pkcs10CertificateRequest(new Uint8Array(der).buffer);
  if (!(await request.verify(webcrypto))) throw new Error("the request is not signed by its key");
  return createPublicKey({
    key: Buffer.from(request.publicKey.rawData),
    format: "der",
    type: "spki",
  });
}

function subtleKey(key: KeyObject): Promise<webcrypto.CryptoKey> {
  const whole = key.type === "private" ? createPublicKey(key) : key;
  const spki = new Uint8Array(whole.export({ format: "der", type: "spki" }));
  return webcrypto.subtle.importKey("spki", spki, P256, true, ["verify"]);
}
