/** `holdfast identity show|renew|import-p12`: who this agent is. @module */
import { readFileSync } from "node:fs";
import type { Slot, SlotMeta } from "#certs/slot.ts";
import type { IdentityStore } from "#certs/slots.ts";
import { loadLocalConfig } from "#config/local.ts";
import { AgentError, codeOf, type ErrorCode } from "../errors.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { systemClock } from "../host/clock.ts";
import { identityOf, identityStore } from "../identity-desk.ts";
import { receiverOptions } from "../receiver-options.ts";
import type { AgentStatus } from "../status.ts";
import { question } from "./question.ts";
import { identityLines } from "./status.ts";
import { takeOver } from "./take-over.ts";
import { printFacts } from "./terminal.ts";
import { askUpkeep } from "./upkeep-question.ts";

export interface IdentityOptions {
  readonly config: string;
  readonly json: boolean;
  readonly credentials: string | undefined;
}

type SlotRole = "current" | "next" | "previous";

/** What lies on the disk, and what the running agent says of it. Shows no key. */
export async function identityShow(options: IdentityOptions): Promise<ExitCode> {
  const config = loadLocalConfig(options.config);
  const running = await runningIdentity(config.stateDir);
  if (config.identity !== undefined) {
    const { serialHex: serial, notAfterMs } = identityOf(config, options.credentials);
    const notAfter = new Date(notAfterMs).toISOString();
    printFacts(options.json, { source: "files", serial, notAfter }, () => [
      `imported: certificate ${serial}, until ${notAfter}; not renewed by the agent`,
    ]);
    return EXIT.ok;
  }
  const slots = slotsOf(identityStore(config, options.credentials));
  if (slots.length === 0) throw new AgentError("IDENTITY_MISSING", {});
  const facts = Object.fromEntries(slots.map(([role, meta]) => [role, meta ?? "keys"]));
  printFacts(options.json, { source: "enrolled", ...facts, running }, () => [
    ...slots.flatMap(([role, meta]) => slotLines(role, meta)),
    ...(running === undefined ? ["no agent runs"] : identityLines(running)),
  ]);
  return EXIT.ok;
}

/** @throws {AgentError} `AGENT_NOT_RUNNING`, or why it was not renewed */
export async function identityRenew(options: IdentityOptions): Promise<ExitCode> {
  const { stateDir } = loadLocalConfig(options.config);
  const ask = { ask: "identityRenew" };
  const identity = await askUpkeep<AgentStatus["identity"]>(stateDir, ask);
  printFacts(options.json, identity, () => [
    "A new certificate is here; it is in use as soon as the receiver has welcomed it",
    ...identityLines(identity),
  ]);
  return EXIT.ok;
}

export interface ImportOptions extends IdentityOptions {
  readonly file: string;
  /** A file with the password alone on one line; `-` for standard input. */
  readonly passwordFile: string;
  /** PEM: the receiver's CA. */
  readonly receiverCa: string;
}

/** For an identity whose key and certificate somebody else has made. It is not renewed by the agent. */
export async function identityImport(options: ImportOptions): Promise<ExitCode> {
  const config = loadLocalConfig(options.config);
  if (config.identity !== undefined) throw new AgentError("IDENTITY_IMPORTED", {});
  const p12 = bytesOf(options.file, "P12_UNREADABLE");
  const { passwordFile } = options;
  const password = bytesOf(passwordFile === "-" ? 0 : passwordFile, "P12_UNREADABLE");
  const receiverCaPem = bytesOf(options.receiverCa, "IDENTITY_UNREADABLE").toString("utf8");
  // Loaded here alone: it brings a library that parses what strangers made (07, Libraries).
  const { importP12 } = await import("../identity/import.ts");
  const store = identityStore(config, options.credentials);
  const meta = importP12({ p12, password: lineOf(password), receiverCaPem, store });
  const { receiverUrl, proxy } = receiverOptions(config);
  const { signal } = new AbortController();
  const way = { receiverUrl, proxy, clock: systemClock, signal };
  const taken = await takeOver({ config, store, way, serialHex: meta.serialHex });
  const notAfter = new Date(meta.notAfterMs).toISOString();
  const facts = { serial: meta.serialHex, notAfter, isWelcomed: taken.isWelcomed };
  printFacts(options.json, facts, () => [
    `Imported certificate ${meta.serialHex} of agent ${meta.agent}, until ${notAfter}`,
    "  The agent cannot renew it: import the next one before it ends.",
    taken.isWelcomed
      ? "The receiver takes it."
      : `It waits to be used${taken.error === undefined ? "" : `: ${taken.error.summary} [${taken.error.code}]`}`,
  ]);
  return EXIT.ok;
}

function slotsOf(store: IdentityStore): readonly (readonly [SlotRole, SlotMeta | undefined])[] {
  const { current, next, prev: previous } = store;
  const slots: readonly (readonly [SlotRole, Slot | undefined])[] = [
    ["current", current],
    ["next", next],
    ["previous", previous],
  ];
  return slots.flatMap(([role, slot]) => (slot === undefined ? [] : [[role, slot.readMeta()]]));
}

function slotLines(role: SlotRole, meta: SlotMeta | undefined): string[] {
  if (meta === undefined) return [`${role}: a key, and no certificate yet`];
  const { tenant, agent, trustDomain, serial, generation, notAfterMs, devicePublicKey } = meta;
  return [
    `${role}: certificate ${serial}, generation ${generation}, until ${new Date(notAfterMs).toISOString()}`,
    `  agent ${agent} of tenant ${tenant} at ${trustDomain}; device key ${devicePublicKey ?? "none: it was imported"}`,
  ];
}

async function runningIdentity(stateDir: string): Promise<AgentStatus["identity"] | undefined> {
  try {
    return ((await question(stateDir, { ask: "status" })) as AgentStatus).identity;
  } catch (error) {
    if (error instanceof AgentError && error.code === "AGENT_NOT_RUNNING") return undefined;
    throw error;
  }
}

function bytesOf(file: string | number, code: ErrorCode): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw unreadable(code, error);
  }
}

const unreadable = (code: ErrorCode, cause: unknown): AgentError =>
  new AgentError(code, { sysCode: codeOf(cause) }, { cause });

const lineOf = (bytes: Buffer): string => bytes.toString("utf8").replace(/\r?\n$/, "");
