/**
 * The identities of a receiver and its agents, made once a test file.
 *
 * @module
 */
import { createDevelopmentCa, type IssuedIdentity, type Validity } from "#certs/development-ca.ts";

export const TRUST_DOMAIN = "holdfast.local";

const agentCa = await createDevelopmentCa("Agents of the test");
const receiverCa = await createDevelopmentCa("Receiver of the test");

export const AGENT_CA_PEM = agentCa.certificatePem;
export const RECEIVER_CA_PEM = receiverCa.certificatePem;
export const RECEIVER_IDENTITY = await receiverCa.issueServer(["localhost", "127.0.0.1"]);
/** Certificates of the receiver's CA for other hosts and times. */
export const issueReceiver = receiverCa.issueServer;

/** A client certificate for `tenant/agent`, from the CA that the receiver trusts. */
export function issueAgent(name: string, options: Validity & { trustDomain?: string } = {}) {
  const [tenant = "", agent = ""] = name.split("/");
  return agentCa.issueAgent({ trustDomain: TRUST_DOMAIN, tenant, agent, ...options });
}

/** A certificate of the right CA for the wrong purpose. */
export function issueServerAsAgent(): Promise<IssuedIdentity> {
  return agentCa.issueServer(["localhost"]);
}

/** A client certificate from a CA that nobody trusts. */
export async function issueForeign(name: string): Promise<IssuedIdentity> {
  const [tenant = "", agent = ""] = name.split("/");
  const foreign = await createDevelopmentCa("Somebody else");
  return foreign.issueAgent({ trustDomain: TRUST_DOMAIN, tenant, agent });
}
