/** `holdfast-receiver agent …`: who may connect. @module */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { agentOf, parseAgentName, serialOf } from "../agent-certificate.ts";
import type { AgentLine } from "../agent-line.ts";
import { loadConfiguration } from "../configuration.ts";
import { foreignCode, ReceiverError } from "../errors.ts";
import { systemClock } from "../host/clock.ts";
import { ask } from "../local-client.ts";
import type { DenialLine, HeadLine, Question } from "../questions.ts";
import type { AgentName } from "../store/store.ts";
import { makeToken } from "./enrolment-token.ts";
import type { Output } from "./output.ts";

export interface CommandOptions {
  readonly config: string;
  readonly json?: boolean;
}

export interface AgentAddOptions extends CommandOptions {
  /** A certificate that is at hand, for trials; otherwise a token is made. */
  readonly certificate?: string;
  /** Where the token goes; standard output if absent. */
  readonly out?: string;
}

/**
 * Lets one machine enrol under a name (07 1.4); or, for a trial, lets an agent in whose certificate is at hand.
 *
 * @param name TENANT/AGENT
 */
export async function addAgent(
  output: Output,
  name: string,
  { certificate, ...options }: AgentAddOptions,
): Promise<void> {
  const agent = namedAgent(name);
  if (certificate === undefined) await makeToken(output, agent, options);
  else await addCertificate(output, agent, { ...options, certificate });
}

/** A known agent gets the new certificate. */
async function addCertificate(
  output: Output,
  agent: AgentName,
  options: CommandOptions & { readonly certificate: string },
): Promise<void> {
  const { trustDomain } = loadConfiguration(options.config);
  const certificate = readCertificate(options.certificate);
  const named = agentOf(certificate, trustDomain);
  if (named?.tenant !== agent.tenant || named.name !== agent.name) {
    throw new ReceiverError("AGENT_CERTIFICATE_PROFILE");
  }
  const serialHex = serialOf(certificate);
  const question = { ask: "addAgent", ...agent, serialHex, atMs: systemClock.nowMs() } as const;
  await tell(output, options, question, (line) => {
    // Our own line, made by `answerTo`.
    const { agent: name, known, serial } = JSON.parse(line) as AgentLine;
    const what = known === true ? "has the certificate" : "was added with the certificate";
    return `${name} ${what} ${serial}`;
  });
}

/** Prints the agents that are known, in order of tenant and name. */
export function listAgents(output: Output, options: CommandOptions): Promise<void> {
  return tell(output, options, { ask: "listAgents" }, (line) => {
    // Our own line, made by `answerTo`.
    const { agent, serial, lastSeenAt, lockedAt, enrolment } = JSON.parse(line) as AgentLine;
    const parts = [agent, serial === "" ? "no certificate" : serial];
    parts.push(`last seen ${lastSeenAt ?? "never"}`);
    if (enrolment !== null) parts.push(WAITING[enrolment.state](enrolment));
    if (lockedAt !== null) parts.push(`LOCKED since ${lockedAt}: two copies were alive`);
    return parts.join("  ");
  });
}

type Waiting = NonNullable<AgentLine["enrolment"]>;

const WAITING: Readonly<Record<Waiting["state"], (enrolment: Waiting) => string>> = {
  tokenMade: ({ expiresAt }) => `token not used yet, valid until ${expiresAt}`,
  waiting: ({ code }) => `WAITS for confirmation with code ${code}`,
  confirmed: () => "confirmed, fetches its certificate",
  lockedByTries: () => "token LOCKED: five bad signatures",
};

/**
 * A person has compared the code that the hospital sees with the one that `agent list` shows (07 EN7).
 *
 * @param name TENANT/AGENT
 * @param typed the code; the hospital's console shows it as two groups of three
 * @throws {ReceiverError} `CONFIRM_MALFORMED`: a slip of the keyboard must not look like an attack
 */
export async function confirmAgent(
  output: Output,
  [name, typed]: readonly [string, string],
  options: CommandOptions,
): Promise<void> {
  const code = typed.replaceAll(/\s/g, "");
  if (!/^\d{6}$/.test(code)) throw new ReceiverError("CONFIRM_MALFORMED");
  const atMs = systemClock.nowMs();
  const question = { ask: "confirmAgent", ...namedAgent(name), code, atMs } as const;
  await tell(output, options, question, () => `${name} is confirmed: its certificate is issued`);
}

/**
 * Lets an agent in again that was locked because two copies of it were alive (TP33, 07 1.7). Only after one of
 * them is gone for good: with both alive it is locked again.
 *
 * @param name TENANT/AGENT
 */
export function unlockAgent(output: Output, name: string, options: CommandOptions): Promise<void> {
  const question = { ask: "unlockAgent", ...namedAgent(name) } as const;
  return tell(output, options, question, () => `${name} may connect`);
}

/** Lets an agent renew with an expired certificate as often as is allowed, again (07 1.6). */
export function resetRecovery(
  output: Output,
  name: string,
  options: CommandOptions,
): Promise<void> {
  const question = { ask: "resetRecovery", ...namedAgent(name) } as const;
  return tell(output, options, question, () => `${name} may recover again`);
}

export interface DenyOptions extends CommandOptions {
  readonly serial?: string;
  readonly deviceKey?: boolean;
  readonly undo?: boolean;
}

/** Keeps out an agent, one of its certificates, or the machine that it is (07 1.8); at once. */
export function denyAgent(output: Output, name: string, options: DenyOptions): Promise<void> {
  const { serial, deviceKey = false, undo = false } = options;
  const what = serial !== undefined ? "serial" : deviceKey ? "deviceKey" : "agent";
  const question: Question = {
    ask: "denyAgent",
    ...{ ...namedAgent(name), what, serialHex: serial ?? null, isUndo: undo },
    atMs: systemClock.nowMs(),
  };
  return tell(output, options, question, (line) => {
    // Our own line, made by `answerTo`.
    const { kind, value } = JSON.parse(line) as DenialLine;
    return `${kind} ${value} is ${undo ? "not denied any more" : "denied"}`;
  });
}

/** Prints the deny list. */
export function listDenied(output: Output, options: CommandOptions): Promise<void> {
  return tell(output, options, { ask: "listDenied" }, (line) => {
    // Our own line, made by `answerTo`.
    const { kind, value, deniedAt } = JSON.parse(line) as DenialLine;
    return `${kind}  ${value}  since ${deniedAt}`;
  });
}

/**
 * Prints the heads of an agent's audit, as they came: one a line, as `holdfast audit verify --head` reads them.
 *
 * @param name TENANT/AGENT
 */
export function listHeads(output: Output, name: string, options: CommandOptions): Promise<void> {
  const question = { ask: "listHeads", ...namedAgent(name) } as const;
  // Our own line, made by `answerTo`.
  return tell(output, options, question, (line) => (JSON.parse(line) as HeadLine).envelope.trim());
}

/** Asks, and prints each line of the answer: as it is, or as a person reads it. */
async function tell(
  output: Output,
  { config, json }: CommandOptions,
  question: Question,
  read: (line: string) => string,
): Promise<void> {
  const { stateDir, store } = loadConfiguration(config);
  for await (const line of ask(stateDir, question, store)) {
    if (!(await output.print(json === true ? line : read(line)))) return;
  }
}

function namedAgent(name: string): AgentName {
  const agent = parseAgentName(name);
  if (agent === null) throw new ReceiverError("AGENT_NAME");
  return agent;
}

function readCertificate(file: string): X509Certificate {
  try {
    return new X509Certificate(readFileSync(file));
  } catch (error) {
    const facts = { error: foreignCode(error) };
    throw new ReceiverError("AGENT_CERTIFICATE_UNREADABLE", { cause: error, facts });
  }
}
