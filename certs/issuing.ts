/**
 * Makes CAs and what they issue, by the profile 07 1.3. The receiver's embedded CA and the development CA
 * stand on it; never loaded by the agent (07, Libraries), and the only importer of `@peculiar/x509`.
 *
 * @module
 */
import "./reflect-metadata.ts";
import { createPrivateKey, type KeyObject, randomBytes, webcrypto } from "node:crypto";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { BACKDATED_MS } from "./agent-profile.ts";

export const P256 = { name: "ECDSA", namedCurve: "P-256" } as const;
const SIGNING = { name: "ECDSA", hash: "SHA-256" } as const;
const CA_LIFETIME_MS = 3_650 * 24 * 3_600_000;

/** A CA that can sign. */
export interface Issuer {
  readonly certificate: X509Certificate;
  readonly signingKey: webcrypto.CryptoKey;
}

export interface LeafName {
  readonly type: "dns" | "ip" | "url";
  readonly value: string;
}

export interface Leaf {
  readonly commonName: string;
  readonly names: readonly LeafName[];
  readonly usage: "clientAuth" | "serverAuth";
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly publicKey: webcrypto.CryptoKey;
}

export interface IssuedLeaf {
  readonly certificatePem: string;
  /** Lower-case hexadecimal without leading zeros. */
  readonly serialHex: string;
}

/** Makes a self-signed CA on P-256. @param commonName shown as the issuer of what it issues */
export async function createIssuer(commonName: string, nowMs: number) {
  const keys = await webcrypto.subtle.generateKey(P256, true, ["sign", "verify"]);
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: randomSerial(),
      name: [{ CN: [commonName] }],
      notBefore: new Date(nowMs - BACKDATED_MS),
      notAfter: new Date(nowMs + CA_LIFETIME_MS),
      signingAlgorithm: SIGNING,
      keys,
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
        await SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  const issuer: Issuer = { certificate, signingKey: keys.privateKey };
  return { issuer, privateKeyPem: await pkcs8Of(keys.privateKey) };
}

/** @param key a private one on P-256 @throws whatever OpenSSL or the parser says of what does not fit */
export async function importIssuer(certificatePem: string, key: KeyObject): Promise<Issuer> {
  const pkcs8 = key.export({ type: "pkcs8", format: "der" });
  const signingKey = await webcrypto.subtle.importKey("pkcs8", pkcs8, P256, false, ["sign"]);
  return { certificate: new X509Certificate(certificatePem), signingKey };
}

export async function issueLeaf(
  { certificate, signingKey }: Issuer,
  { commonName, names, usage, publicKey, ...validity }: Leaf,
): Promise<IssuedLeaf> {
  const serialHex = randomSerial();
  const extensions: Extension[] = [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension([ExtendedKeyUsage[usage]]),
    new SubjectAlternativeNameExtension([...names]),
    await SubjectKeyIdentifierExtension.create(publicKey, false, webcrypto),
    await issuerIdentifier(certificate),
  ];
  const issued = await X509CertificateGenerator.create(
    {
      serialNumber: serialHex,
      subject: [{ CN: [commonName] }],
      issuer: certificate.subjectName,
      ...validity,
      signingAlgorithm: SIGNING,
      publicKey,
      signingKey,
      extensions,
    },
    webcrypto,
  );
  return { certificatePem: `${issued.toString("pem")}\n`, serialHex };
}

/** PKCS#8 in PEM. */
export async function pkcs8Of(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", key));
  const read = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  return read.export({ type: "pkcs8", format: "pem" }).toString();
}

/** As the CA's certificate names its key: with another name OpenSSL would not find it. */
function issuerIdentifier(certificate: X509Certificate): Promise<Extension> | Extension {
  const own = certificate.getExtension(SubjectKeyIdentifierExtension);
  if (own === null) {
    return AuthorityKeyIdentifierExtension.create(certificate.publicKey, false, webcrypto);
  }
  return new AuthorityKeyIdentifierExtension(own.keyId);
}

/**
 * 128 random bits; drawn again while the first four are zero, so that all serials have 32 digits.
 * In DER those with the highest bit set take 17 octets.
 */
function randomSerial(): string {
  for (;;) {
    const serial = randomBytes(16);
    if ((serial[0] ?? 0) >= 0x10) return serial.toString("hex");
  }
}
