/**
 * Who issues certificates for agents, by the configuration (07 1.3).
 *
 * @module
 */
import { X509Certificate } from "node:crypto";
import type { AgentRequest } from "#certs/authority.ts";
import type { Configuration } from "../configuration.ts";
import { identifierFrom, ReceiverError } from "../errors.ts";
import type { Clock } from "../host/clock.ts";
import { agentCasOf, certificatesIn, hasIssued } from "./agent-cas.ts";
import { loadAuthorityFiles } from "./authority-files.ts";
import { authorityFilesIn, type CaConfiguration } from "./configuration.ts";
import { type Issuing, issuingWith } from "./issuing.ts";
import { signWith } from "./signing-command.ts";

export interface OpenEnrolment {
  readonly issuing: Issuing;
  readonly recoveryMaxCount: number;
}

/**
 * @param pem the files of `tls`, read
 * @returns undefined where the configuration enrols nobody
 * @throws {ReceiverError} `CA_FILE`, `TLS_FILE`: before the first agent would find out
 */
export async function openEnrolment(
  { enrolment, stateDir }: Pick<Configuration, "enrolment" | "stateDir">,
  pem: Configuration["tls"],
  clock: Clock,
): Promise<OpenEnrolment | undefined> {
  if (enrolment === undefined) return undefined;
  const { ca, recoveryMaxCount } = enrolment;
  refuseUnlessIssuer(pem);
  const sign = await signerOf(ca, { stateDir, agentCa: pem.agentCa, clock });
  return { issuing: issuingWith(sign, agentCasOf(pem.agentCa)), recoveryMaxCount };
}

interface Surroundings {
  readonly stateDir: string;
  readonly agentCa: string;
  readonly clock: Clock;
}

async function signerOf(
  ca: CaConfiguration,
  { stateDir, agentCa, clock }: Surroundings,
): Promise<(request: AgentRequest) => Promise<string>> {
  if (ca.kind === "command") return (request) => signWith(ca.command, request, clock);
  const standard = authorityFilesIn(stateDir);
  const { certificate = standard.certificate, key = standard.key } = ca;
  const authority = await loadAuthorityFiles({ certificate, key });
  const own = new X509Certificate(authority.certificatePem);
  // What it issues, the gate would not know.
  if (!agentCasOf(agentCa).some(({ raw }) => raw.equals(own.raw))) {
    throw new ReceiverError("CA_FILE", { facts: { part: identifierFrom("tls.agentCa") } });
  }
  return (request) => authority.issueAgent(request);
}

/** An agent that pins `tls.ca` would find that the receiver's certificate is from another one. */
function refuseUnlessIssuer(pem: Configuration["tls"]): void {
  const [ca, ...others] = certificatesIn(pem.ca ?? "", "tls.ca");
  const top = certificatesIn(pem.certificate, "tls.certificate").at(-1);
  const fits = ca !== undefined && top !== undefined && hasIssued(ca, top);
  if (!fits || others.length > 0) {
    throw new ReceiverError("TLS_FILE", { facts: { key: identifierFrom("tls.ca") } });
  }
}
