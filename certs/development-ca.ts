/**
 * A certificate authority in memory: identities for trying Holdfast out, for tests and for
 * integrators. Its key is never written anywhere; whoever needs another certificate later makes
 * another CA. Never loaded by the agent (07, Libraries).
 *
 * Agents' CA and receiver's CA are different CAs (07 1.3): create two.
 *
 * @module
 */
import { webcrypto } from "node:crypto";
import { isIP } from "node:net";
import { AGENT_LIFETIME_MS, BACKDATED_MS } from "./agent-profile.ts";
import { createIssuer, issueLeaf, type Leaf, type LeafName, P256, pkcs8Of } from "./issuing.ts";

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

interface Wanted extends Pick<Leaf, "commonName" | "names" | "usage"> {
  readonly validity: Validity;
}

/** @param commonName shown as the issuer of what it issues */
export async function createDevelopmentCa(commonName: string): Promise<DevelopmentCa> {
  const { issuer } = await createIssuer(commonName, Date.now());

  async function issue({ validity, ...wanted }: Wanted): Promise<IssuedIdentity> {
    const own = await webcrypto.subtle.generateKey(P256, true, ["sign", "verify"]);
    const nowMs = Date.now();
    const issued = await issueLeaf(issuer, {
      ...wanted,
      notBefore: validity.notBefore ?? new Date(nowMs - BACKDATED_MS),
      notAfter: validity.notAfter ?? new Date(nowMs + AGENT_LIFETIME_MS),
      publicKey: own.publicKey,
    });
    return { ...issued, privateKeyPem: await pkcs8Of(own.privateKey) };
  }

  return {
    certificatePem: `${issuer.certificate.toString("pem")}\n`,
    async issueServer(hosts, validity = {}) {
      const [commonName] = hosts;
      if (commonName === undefined) throw new RangeError("Cannot issue a server without a host");
      const names: LeafName[] = hosts.map((host) => ({
        type: isIP(host) === 0 ? "dns" : "ip",
        value: host,
      }));
      return issue({ commonName, names, usage: "serverAuth", validity });
    },
    async issueAgent({ trustDomain, tenant, agent, ...validity }) {
      if (!NAME.test(tenant) || !NAME.test(agent)) {
        throw new RangeError("Cannot name a tenant or an agent other than in [a-z0-9-], 1 to 63");
      }
      const value = `spiffe://${trustDomain}/tenant/${tenant}/agent/${agent}`;
      const names: LeafName[] = [{ type: "url", value }];
      return issue({ commonName: agent, names, usage: "clientAuth", validity });
    },
  };
}
