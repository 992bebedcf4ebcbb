/**
 * Certificates for agents, by the embedded CA or by a program that speaks to another one. Whoever issues:
 * what comes back is used only if it is by the profile, for this key and name, and from a CA that the gate
 * lets in (07 1.3, 1.8). So a CA that is set up wrong shows here, and not when an agent is sent away.
 *
 * @module
 */
import { X509Certificate } from "node:crypto";
import { readProfile } from "#certs/agent-profile.ts";
import type { AgentRequest } from "#certs/authority.ts";
import { serialOf } from "../agent-certificate.ts";
import { identifierFrom, ReceiverError } from "../errors.ts";
import { isIssuedBy } from "./agent-cas.ts";

/** A CA elsewhere has a clock of its own, and may not date back. */
const CLOCK_SLACK_MS = 60_000;

export interface Issued {
  /** PEM, the agent's own certificate first. */
  readonly certificatePem: string;
  readonly serialHex: string;
}

export interface Issuing {
  /** @throws {ReceiverError} `CA_FAILED`: nothing was issued that could be used */
  issue(request: AgentRequest): Promise<Issued>;
}

/** @param sign gives PEM, the agent's own certificate first @throws what `sign` throws */
export function issuingWith(
  sign: (request: AgentRequest) => Promise<string>,
  agentCas: readonly X509Certificate[],
): Issuing {
  return {
    async issue(request) {
      const certificatePem = await sign(request);
      const certificate = leafOf(certificatePem);
      refuseUnless("profile", isAsAsked(certificate, request));
      refuseUnless("key", certificate.publicKey.equals(request.csr.publicKey));
      refuseUnless("issuer", isIssuedBy(certificate, agentCas, request.atMs));
      refuseUnless("validity", isValidAt(certificate, request.atMs));
      return { certificatePem, serialHex: serialOf(certificate) };
    },
  };
}

function isAsAsked(certificate: X509Certificate, request: AgentRequest): boolean {
  const profile = readProfile(certificate);
  return (
    profile.kind === "fits" &&
    profile.trustDomain === request.trustDomain &&
    profile.tenant === request.tenant &&
    profile.agent === request.agent
  );
}

function isValidAt({ validFromDate, validToDate }: X509Certificate, atMs: number): boolean {
  return validFromDate.getTime() <= atMs + CLOCK_SLACK_MS && atMs < validToDate.getTime();
}

function leafOf(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw failed("certificate", cause);
  }
}

function refuseUnless(what: string, fits: boolean): void {
  if (!fits) throw failed(what);
}

function failed(what: string, cause?: unknown): ReceiverError {
  return new ReceiverError("CA_FAILED", { cause, facts: { unfit: identifierFrom(what) } });
}
