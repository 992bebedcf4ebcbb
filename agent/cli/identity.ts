/** `holdfast identity show|renew|import-p12`: who this agent is. @module */
import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import type { Slot, SlotMeta } from "#certs/slot.ts";
import type { IdentityStore } from "#certs/slots.ts";
import { loadLocalConfig } from "#config/local.ts";
import { AgentError, codeOf, type ErrorCode, identifierFrom } from "../errors.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { systemClock } from "../host/clock.ts";
import { silentLog } from "../host/silent-log.ts";
import { loadIdentities, noneNamed } from "../identity/loading.ts";
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

/**
 * What lies on the disk, whether a start could use it, and what the running agent says of it. Shows no key.
 *
 * @throws {AgentError} once all is shown, why `run` would end: `IDENTITY_…`, `KEK_…`
 */
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
  const store = identityStore(config, options.credentials);
  // What systemd loads for the service, nobody has at a prompt.
  const isKeyHere = config.kek.custody !== "credential" || options.credentials !== undefined;
  const slots = slotsOf(store).map((one) => looked(one, isKeyHere));
  if (slots.length === 0) throw noneNamed(store);
  const facts = Object.fromEntries(slots.map(({ role, meta }) => [role, meta ?? "keys"]));
  const faults = Object.fromEntries(slots.map(({ role, fault }) => [role, fault?.code]));
  printFacts(options.json, { source: "enrolled", ...facts, faults, isKeyHere, running }, () => [
    ...slots.flatMap(slotLines),
    ...(isKeyHere
      ? []
      : ["the keys were not opened: the key-encryption key is a credential of the service"]),
    ...(running === undefined ? ["no agent runs"] : identityLines(running)),
  ]);
  if (isKeyHere) loadIdentities(store, silentLog);
  const fault = slots.find((one) => one.fault !== undefined)?.fault;
  if (!isKeyHere && fault !== undefined) throw fault;
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
  const p12 = bytesOf(options.file, "P12_UNREADABLE", "p12");
  const password = passwordIn(options.passwordFile);
  const receiverCaPem = bytesOf(options.receiverCa, "IDENTITY_UNREADABLE", "receiverCa");
  // Loaded here alone: it brings a library that parses what strangers made (07, Libraries).
  const { importP12 } = await import("../identity/import.ts");
  const store = identityStore(config, options.credentials);
  const meta = importP12({ p12, password, receiverCaPem: receiverCaPem.toString("utf8"), store });
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

interface ShownSlot {
  readonly role: SlotRole;
  readonly meta: SlotMeta | undefined;
  /** Why it cannot be used. */
  readonly fault: AgentError | undefined;
}

function slotsOf(store: IdentityStore): readonly (readonly [SlotRole, Slot])[] {
  const { current, next, prev: previous } = store;
  const slots: readonly (readonly [SlotRole, Slot | undefined])[] = [
    ["current", current],
    ["next", next],
    ["previous", previous],
  ];
  return slots.flatMap(([role, slot]) => (slot === undefined ? [] : [[role, slot]]));
}

/** `meta.json` alone says nothing about the rest of the slot. */
function looked([role, slot]: readonly [SlotRole, Slot], isKeyHere: boolean): ShownSlot {
  let meta: SlotMeta | undefined;
  try {
    meta = slot.readMeta();
    if (meta !== undefined && isKeyHere) slot.load();
    return { role, meta, fault: undefined };
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    return { role, meta, fault: error };
  }
}

function slotLines({ role, meta, fault }: ShownSlot): string[] {
  return [...metaLines(role, meta, fault), ...(fault === undefined ? [] : [faultLine(fault)])];
}

function faultLine({ summary, facts, code }: AgentError): string {
  const said = Object.entries(facts).map(([name, value]) => `, ${name}=${value}`);
  return `  CANNOT BE USED: ${summary} [${code}${said.join("")}]`;
}

function metaLines(role: SlotRole, meta: SlotMeta | undefined, fault: AgentError | undefined) {
  if (meta === undefined) {
    return [
      fault === undefined ? `${role}: a key, and no certificate yet` : `${role}: not readable`,
    ];
  }
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

/** From a file that nobody else can read, or from standard input. */
function passwordIn(file: string): string {
  if (file === "-") return lineOf(bytesOf(0, "P12_UNREADABLE", "password"));
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, "r");
    const { mode } = fstatSync(descriptor);
    if (process.getuid !== undefined && (mode & 0o077) !== 0) {
      const octal = identifierFrom(`0${(mode & 0o777).toString(8)}`);
      throw new AgentError("P12_PASSWORD_EXPOSED", { mode: octal });
    }
    return lineOf(readFileSync(descriptor));
  } catch (error) {
    throw error instanceof AgentError ? error : unreadable("P12_UNREADABLE", "password", error);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** @param part which of the files it is, as its error says */
function bytesOf(file: string | number, code: ErrorCode, part: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw unreadable(code, part, error);
  }
}

const unreadable = (code: ErrorCode, part: string, cause: unknown): AgentError =>
  new AgentError(code, { part: identifierFrom(part), sysCode: codeOf(cause) }, { cause });

const lineOf = (bytes: Buffer): string => bytes.toString("utf8").replace(/\r?\n$/, "");
