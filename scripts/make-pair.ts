/**
 * An agent and a receiver that belong together, for trying, for tests and for integrators.
 *
 * Development identities from two throw-away CAs whose keys are not kept: not for production (07).
 *
 * @module
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createKek } from "#agent/sealing/kek.ts";
import { createDevelopmentCa } from "#certs/development-ca.ts";
import { DEFAULT_KEK_FILE } from "#config/local.ts";
import { addAgent } from "#receiver/cli/agent.ts";
import { createCa } from "#receiver/cli/authority.ts";
import { developmentTrust } from "./development-trust.ts";
import { freePort } from "./free-port.ts";

export interface Pair {
  readonly agentConfig: string;
  readonly receiverConfig: string;
  readonly mllp: { readonly host: string; readonly port: number };
  /** The MLLP port of each channel; `adt` is that of `mllp`. */
  readonly ports: Readonly<Record<string, number>>;
  /** The drop folder of the channel `files`, where there is one. */
  readonly folder?: string;
  /** The URL of the agent's local page, without a path. */
  readonly statusPage: string;
  /** The receiver's URL. */
  readonly receiver: string;
}

export interface PairOptions {
  readonly folder: string;
  /** Extra lines for the agent's `local.yaml`, top level. */
  readonly agentYaml?: string;
  /** Extra lines for each channel, four spaces deep. */
  readonly channelYaml?: string;
  /** Channels beside `adt`, each with a port of its own. */
  readonly moreChannels?: readonly string[];
  /** Whether there is a channel `files` of kind `file-drop` on the folder `in`. */
  readonly files?: boolean;
  /** Extra lines for it, four spaces deep. */
  readonly filesYaml?: string;
  readonly receiverYaml?: string;
  /** Nobody is known yet: the agent enrols (`enrol-pair.ts`) once the receiver runs. */
  readonly enrolling?: boolean;
  /** Whether no receiver will run: then its store, which would know the agent, is not made. */
  readonly alone?: boolean;
}

const TRUST_DOMAIN = "holdfast.local";
export const AGENT = { tenant: "demo", agent: "hospital" };
const HOST = "127.0.0.1";
const CHANNEL = "adt";
const DROP = "in";

/** Writes everything below `folder` and lets the receiver know the agent. Starts nothing. */
export async function makePair(options: PairOptions): Promise<Pair> {
  const { folder } = options;
  const [mllpPort, receiverPort] = [await freePort(), await freePort()];
  const pagePort = await freePort();
  const ports: Record<string, number> = { [CHANNEL]: mllpPort };
  for (const name of options.moreChannels ?? []) ports[name] = await freePort();
  const receiver = `wss://${HOST}:${receiverPort}`;
  for (const part of ["agent/state", "agent/identity", "receiver/state", "receiver/tls"]) {
    mkdirSync(join(folder, part), { recursive: true, mode: 0o700 });
  }
  if (options.enrolling === true) await writeReceiverIdentity(folder);
  else await writeIdentities(folder);
  createKek(join(folder, "agent", DEFAULT_KEK_FILE));
  const agentConfig = join(folder, "agent/local.yaml");
  const receiverConfig = join(folder, "receiver/receiver.yaml");
  writeFileSync(agentConfig, agentYaml({ receiver, ports, pagePort, ...options }));
  writeFileSync(receiverConfig, receiverYaml(receiverPort, options));
  const quiet = { print: () => Promise.resolve(true) };
  if (options.enrolling === true) await createCa(quiet, { config: receiverConfig, name: "Agents" });
  else if (options.alone !== true) {
    const certificate = join(folder, "agent/identity/agent.crt");
    const name = `${AGENT.tenant}/${AGENT.agent}`;
    await addAgent(quiet, name, { config: receiverConfig, certificate });
  }
  const mllp = { host: HOST, port: mllpPort };
  const drop = join(folder, DROP);
  if (options.files === true) mkdirSync(drop, { mode: 0o700 });
  const files = options.files === true ? { folder: drop } : {};
  const statusPage = `http://${HOST}:${pagePort}`;
  return { agentConfig, receiverConfig, mllp, ports, ...files, statusPage, receiver };
}

async function writeIdentities(folder: string): Promise<void> {
  const agentCa = await createDevelopmentCa("Holdfast development agents");
  const receiverCa = await createDevelopmentCa("Holdfast development receiver");
  const agent = await agentCa.issueAgent({ trustDomain: TRUST_DOMAIN, ...AGENT });
  const server = await receiverCa.issueServer([HOST, "localhost"]);
  const files: readonly (readonly [string, string])[] = [
    ["agent/identity/agent.crt", agent.certificatePem],
    ["agent/identity/agent.key", agent.privateKeyPem],
    ["agent/identity/receiver-ca.crt", receiverCa.certificatePem],
    ["receiver/tls/server.crt", server.certificatePem],
    ["receiver/tls/server.key", server.privateKeyPem],
    ["receiver/tls/agent-ca.crt", agentCa.certificatePem],
  ];
  for (const [file, pem] of files) writeFileSync(join(folder, file), pem, { mode: 0o600 });
}

/** The rest comes by enrolment. */
async function writeReceiverIdentity(folder: string): Promise<void> {
  const receiverCa = await createDevelopmentCa("Holdfast development receiver");
  const server = await receiverCa.issueServer([HOST, "localhost"]);
  const { trust, anchor } = developmentTrust(AGENT.tenant, receiverCa.certificatePem);
  const files: readonly (readonly [string, string | Uint8Array])[] = [
    ["receiver/tls/server.crt", server.certificatePem],
    ["receiver/tls/server.key", server.privateKeyPem],
    ["receiver/tls/ca.crt", receiverCa.certificatePem],
    ["receiver/trust.json", trust],
    ["agent/anchor.json", anchor],
  ];
  for (const [file, content] of files) writeFileSync(join(folder, file), content, { mode: 0o600 });
}

function agentYaml({
  receiver,
  ports,
  pagePort,
  ...options
}: Pick<Pair, "receiver" | "ports"> & PairOptions & { readonly pagePort: number }): string {
  const channels = Object.entries(ports).map(([name, port]) => channelYaml(name, port));
  return `stateDir: state
allowVolatileState: true   # a trial may live in /tmp
ballastBytes: 1048576      # and need not hold on to 128 MiB of it
statusPage: { host: ${HOST}, port: ${pagePort} }
receiver:
  url: ${receiver}
${options.enrolling === true ? "" : IMPORTED}${options.agentYaml ?? ""}channels:
${channels.map((channel) => `${channel}${options.channelYaml ?? ""}`).join("")}${filesYaml(options)}`;
}

const IMPORTED = `identity:
  certificate: identity/agent.crt
  key: identity/agent.key
  receiverCa: identity/receiver-ca.crt
`;

function filesYaml({ files, filesYaml: extra = "" }: PairOptions): string {
  if (files !== true) return "";
  return `  - name: files
    kind: file-drop
    folder: ../${DROP}
${extra}`;
}

function channelYaml(name: string, port: number): string {
  return `  - name: ${name}
    kind: mllp-listener
    host: ${HOST}
    port: ${port}
`;
}

function receiverYaml(port: number, options: PairOptions): string {
  return `stateDir: state
listen:
  host: ${HOST}
  port: ${port}
tls:
  certificate: tls/server.crt
  key: tls/server.key
${options.enrolling === true ? "  agentCa: state/agent-ca.crt\n  ca: tls/ca.crt" : "  agentCa: tls/agent-ca.crt"}
trustDomain: ${TRUST_DOMAIN}
${options.enrolling === true ? `enrolment:\n  url: https://${HOST}:${port}\n` : ""}${options.receiverYaml ?? ""}`;
}
