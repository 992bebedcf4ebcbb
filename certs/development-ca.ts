/**
 * A certificate authority in memory: identities for trying Holdfast out, for tests and for
 * integrators. Its key is never written anywhere; whoever needs another certificate later makes
 * another CA. Never loaded by the agent (07, Libraries).
 *
 * Agents' CA and receiver's CA are different CAs (07 1.3): create two.
 *
 * @module
 */
import "./reflect-metadata.ts";
import { randomBytes, webcrypto } from "node:crypto";
import { isIP } from "node:net";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  type JsonGeneralNames,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";

const P256 = { name: "ECDSA", namedCurve: "P-256" } as const;
const SIGNING = { name: "ECDSA", hash: "SHA-256" } as const;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** 07 1.3: back-dated an hour, so that a clock that is a little slow does not refuse a new one. */
const BACKDATED_MS = HOUR_MS;
const LEAF_LIFETIME_MS = 30 * DAY_MS;
const CA_LIFETIME_MS = 3_650 * DAY_MS;
/** Tenant and agent names, 07 1.3. */
const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** When a certificate holds; absent ends are those of the profile 07 1.3. */
export interface Validity {
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

export interface AgentName {
  readonly trustDomain: string;
  readonly tenant: string;
  readonly agent: string;
}

export interface IssuedIdentity {
  readonly certificatePem: string;
  /** PKCS#8. Whoever writes it to a file gives the file mode 0400. */
  readonly privateKeyPem: string;
  /** Lower-case hexadecimal without leading zeros. */
  readonly serialHex: string;
}

export interface DevelopmentCa {
  readonly certificatePem: string;
  /**
   * Issues a certificate for a TLS server.
   *
   * @param hosts DNS names and IP addresses it answers to; the first is also its common name
   * @throws {RangeError} if `hosts` is empty
   */
  issueServer(hosts: readonly string[], validity?: Validity): Promise<IssuedIdentity>;
  /**
   * Issues a client certificate by the profile 07 1.3.
   *
   * @throws {RangeError} if tenant or agent do not match 07 1.3
   */
  issueAgent(name: AgentName & Validity): Promise<IssuedIdentity>;
}

interface Leaf {
  readonly commonName: string;
  readonly names: JsonGeneralNames;
  readonly usage: ExtendedKeyUsage;
  readonly validity: Validity;
}

/** @param commonName shown as the issuer of what it issues */
export async function createDevelopmentCa(commonName: string): Promise<DevelopmentCa> {
  const keys = await webcrypto.subtle.generateKey(P256, true, ["sign", "verify"]);
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: randomSerial(),
      name: [{ CN: [commonName] }],
      notBefore: new Date(Date.now() - BACKDATED_MS),
      notAfter: new Date(Date.now() + CA_LIFETIME_MS),
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

  async function issue(leaf: Leaf): Promise<IssuedIdentity> {
    const own = await webcrypto.subtle.generateKey(P256, true, ["sign", "verify"]);
    const serialHex = randomSerial();
    const issued = await X509CertificateGenerator.create(
      {
        serialNumber: serialHex,
        subject: [{ CN: [leaf.commonName] }],
        issuer: certificate.subject,
        notBefore: leaf.validity.notBefore ?? new Date(Date.now() - BACKDATED_MS),
        notAfter: leaf.validity.notAfter ?? new Date(Date.now() + LEAF_LIFETIME_MS),
        signingAlgorithm: SIGNING,
        publicKey: own.publicKey,
        signingKey: keys.privateKey,
        extensions: await leafExtensions(leaf, own.publicKey, keys.publicKey),
      },
      webcrypto,
    );
    const pkcs8 = await webcrypto.subtle.exportKey("pkcs8", own.privateKey);
    return {
      certificatePem: `${issued.toString("pem")}\n`,
      privateKeyPem: pemOf("PRIVATE KEY", new Uint8Array(pkcs8)),
      serialHex,
    };
  }

  return {
    certificatePem: `${certificate.toString("pem")}\n`,
    async issueServer(hosts, validity = {}) {
      const [commonName] = hosts;
      if (commonName === undefined) throw new RangeError("Cannot issue a server without a host");
      const names: JsonGeneralNames = hosts.map((host) => ({
        type: isIP(host) === 0 ? "dns" : "ip",
        value: host,
      }));
      return issue({ commonName, names, usage: ExtendedKeyUsage.serverAuth, validity });
    },
    async issueAgent({ trustDomain, tenant, agent, ...validity }) {
      if (!NAME.test(tenant) || !NAME.test(agent)) {
        throw new RangeError("Cannot name a tenant or an agent other than in [a-z0-9-], 1 to 63");
      }
      const value = `spiffe://${trustDomain}/tenant/${tenant}/agent/${agent}`;
      const names: JsonGeneralNames = [{ type: "url", value }];
      return issue({ commonName: agent, names, usage: ExtendedKeyUsage.clientAuth, validity });
    },
  };
}

async function leafExtensions(
  leaf: Leaf,
  own: webcrypto.CryptoKey,
  issuer: webcrypto.CryptoKey,
): Promise<Extension[]> {
  return [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension([leaf.usage]),
    new SubjectAlternativeNameExtension(leaf.names),
    await SubjectKeyIdentifierExtension.create(own, false, webcrypto),
    await AuthorityKeyIdentifierExtension.create(issuer, false, webcrypto),
  ];
}

/** 126 random bits between 2^126 and 2^127: 16 bytes, positive in DER, no leading zero in hex. */
function randomSerial(): string {
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  return serial.toString("hex");
}

function pemOf(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
