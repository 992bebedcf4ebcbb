/**
 * The receiver's embedded CA of agents: from a request whose names are ignored it makes a certificate of
 * the profile 07 1.3. Never loaded by the agent (07, Libraries).
 *
 * @module
 */
import { createPrivateKey, X509Certificate as NodeCertificate, webcrypto } from "node:crypto";
import type { AgentCsr } from "./agent-csr.ts";
import { AGENT_LIFETIME_MS, type AgentSubject, BACKDATED_MS } from "./agent-profile.ts";
import { createIssuer, type Issuer, importIssuer, issueLeaf, P256 } from "./issuing.ts";

export interface AgentRequest extends AgentSubject {
  readonly csr: AgentCsr;
  readonly atMs: number;
}

export interface Authority {
  readonly certificatePem: string;
  /** @returns the certificate, PEM */
  issueAgent(request: AgentRequest): Promise<string>;
}

export interface AuthorityFiles {
  readonly certificatePem: string;
  /** PKCS#8. Whoever writes it to a file gives the file mode 0600. */
  readonly privateKeyPem: string;
}

/** Makes a CA: ten years, a key on P-256. */
export async function createAuthority(commonName: string, nowMs: number): Promise<AuthorityFiles> {
  const { issuer, privateKeyPem } = await createIssuer(commonName, nowMs);
  return { certificatePem: pemOf(issuer), privateKeyPem };
}

/**
 * Takes a CA up again.
 *
 * @throws {RangeError} if certificate and key are no CA on P-256 that belong together
 */
export async function loadAuthority(files: AuthorityFiles): Promise<Authority> {
  const issuer = await read(files);
  return {
    certificatePem: pemOf(issuer),
    async issueAgent({ csr, trustDomain, tenant, agent, atMs }) {
      const spki = csr.publicKey.export({ type: "spki", format: "der" });
      const value = `spiffe://${trustDomain}/tenant/${tenant}/agent/${agent}`;
      const { certificatePem } = await issueLeaf(issuer, {
        commonName: agent,
        names: [{ type: "url", value }],
        usage: "clientAuth",
        notBefore: new Date(atMs - BACKDATED_MS),
        notAfter: new Date(atMs + AGENT_LIFETIME_MS),
        publicKey: await webcrypto.subtle.importKey("spki", spki, P256, true, ["verify"]),
      });
      return certificatePem;
    },
  };
}

async function read({ certificatePem, privateKeyPem }: AuthorityFiles): Promise<Issuer> {
  try {
    const certificate = new NodeCertificate(certificatePem);
    const key = createPrivateKey(privateKeyPem);
    if (!certificate.ca || !certificate.checkPrivateKey(key)) throw unfit();
    return await importIssuer(certificatePem, key);
  } catch (error) {
    throw unfit(error);
  }
}

function unfit(cause?: unknown): RangeError {
  return new RangeError("Cannot issue with a certificate and a key that are no CA on P-256", {
    cause,
  });
}

const pemOf = ({ certificate }: Issuer): string => `${certificate.toString("pem")}\n`;
