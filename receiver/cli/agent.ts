/** `holdfast-receiver agent add`, `agent list` and `agent unlock`. @module */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { agentOf, parseAgentName, serialOf } from "../agent-certificate.ts";
import { loadConfiguration } from "../configuration.ts";
import { foreignCode, ReceiverError } from "../errors.ts";
import { systemClock } from "../host/clock.ts";
import { ask } from "../local-client.ts";
import type { AgentLine } from "../questions.ts";
import type { Output } from "./output.ts";

export interface AgentAddOptions {
  readonly config: string;
  readonly certificate: string;
  readonly json?: boolean;
}

/**
 * Lets an agent in whose certificate is at hand; a known agent gets the new certificate.
 *
 * @param name TENANT/AGENT
 */
export async function addAgent(
  output: Output,
  name: string,
  options: AgentAddOptions,
): Promise<void> {
  const agent = parseAgentName(name);
  if (agent === null) throw new ReceiverError("AGENT_NAME");
  const { stateDir, store, trustDomain } = loadConfiguration(options.config);
  const certificate = readCertificate(options.certificate);
  const named = agentOf(certificate, trustDomain);
  if (named?.tenant !== agent.tenant || named.name !== agent.name) {
    throw new ReceiverError("AGENT_CERTIFICATE_PROFILE");
  }
  const serialHex = serialOf(certificate);
  const question = { ask: "addAgent", ...agent, serialHex, atMs: systemClock.nowMs() } as const;
  for await (const line of ask(stateDir, question, store)) {
    if (options.json === true) await output.print(line);
    else {
      // Our own line, made by `answerTo`.
      const { known, serial } = JSON.parse(line) as AgentLine;
      const what = known === true ? "has the certificate" : "was added with the certificate";
      await output.print(`${name} ${what} ${serial}`);
    }
  }
}

/** Prints the agents that are known, in order of tenant and name. */
export async function listAgents(
  output: Output,
  options: { readonly config: string; readonly json?: boolean },
): Promise<void> {
  const { stateDir, store } = loadConfiguration(options.config);
  for await (const line of ask(stateDir, { ask: "listAgents" }, store)) {
    if (options.json === true) await output.print(line);
    else {
      // Our own line, made by `answerTo`.
      const { agent, serial, lastSeenAt, lockedAt } = JSON.parse(line) as AgentLine;
      const locked = lockedAt === null ? "" : `  LOCKED since ${lockedAt}: two copies were alive`;
      await output.print(`${agent}  ${serial}  last seen ${lastSeenAt ?? "never"}${locked}`);
    }
  }
}

/**
 * Lets an agent in again that was locked because two copies of it were alive (TP33). Only after one of
 * them is gone for good: with both alive it is locked again.
 *
 * @param name TENANT/AGENT
 */
export async function unlockAgent(
  output: Output,
  name: string,
  options: { readonly config: string; readonly json?: boolean },
): Promise<void> {
  const agent = parseAgentName(name);
  if (agent === null) throw new ReceiverError("AGENT_NAME");
  const { stateDir, store } = loadConfiguration(options.config);
  for await (const line of ask(stateDir, { ask: "unlockAgent", ...agent }, store)) {
    if (options.json === true) await output.print(line);
    else await output.print(`${name} may connect`);
  }
}

function readCertificate(file: string): X509Certificate {
  try {
    return new X509Certificate(readFileSync(file));
  } catch (error) {
    const facts = { error: foreignCode(error) };
    throw new ReceiverError("AGENT_CERTIFICATE_UNREADABLE", { cause: error, facts });
  }
}
