/**
 * `holdfast doctor`: whether this machine is fit for the store, and whether the receiver is reached from it,
 * before and after it is installed (05 S4).
 *
 * A check looks, and changes nothing: files that it makes are gone when it is done. It starts no program but workers for
 * folders, and loads nothing that `status` does not load but what dials the receiver.
 *
 * @module
 */
import { accessSync, constants, existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { type LocalConfig, loadLocalConfig } from "#config/local.ts";
import { kekCustody } from "../channel-options.ts";
import { AgentError, codeOf, type Identifier, identifierFrom } from "../errors.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { diskSpace } from "../host/disk-space.ts";
import { storageKind } from "../host/file-system.ts";
import {
  type FlushLatency,
  measureFlush,
  type StorageDevice,
  storageDevice,
} from "../host/flush-latency.ts";
import { mountOf } from "../host/mounts.ts";
import { loadKek, loadOwnKek } from "../sealing/kek.ts";
import type { AgentStatus } from "../status.ts";
import { lookAtFolders } from "./doctor-folders.ts";
import { lookAtReceiver } from "./doctor-receiver.ts";
import { lookAtService } from "./doctor-service.ts";
import { kekOrNone, lookAtDatabase, lookAtIdentity, lookAtKeyFiles } from "./doctor-store.ts";
import { type Finding, fault, ok, VERDICTS, warning } from "./finding.ts";
import { question } from "./question.ts";
import { joined, runningSet } from "./running-set.ts";
import { escaped, printFacts, readableBytes, table } from "./terminal.ts";

export interface Check extends Finding {
  readonly section: string;
  readonly name: string;
}

/** What the checks look at. */
interface Site {
  readonly config: LocalConfig;
  /** `$CREDENTIALS_DIRECTORY`. */
  readonly creds: string | undefined;
  readonly outbox: string;
  /** The store's folder, or the nearest one above it that exists: what is made later will be on the same disk. */
  readonly where: string;
}

type Look = (site: Site) => Finding | Promise<Finding>;

const SECTIONS: Readonly<Record<string, Readonly<Record<string, Look>>>> = {
  store: {
    folder: lookAtFolder,
    "file system": lookAtFileSystem,
    space: lookAtSpace,
    flush: lookAtFlush,
    key: lookAtKey,
    "key files": lookAtKeys,
    database: ({ outbox }) => lookAtDatabase(outbox),
    identity: ({ outbox }) => lookAtIdentity(outbox),
    agent: lookAtAgent,
    files: lookAtFiles,
  },
};

/** S4: faster than that, a flush of 4 KiB ends in a memory. */
const BELIEVABLE_FLUSH_MS = 0.05;
/** Each acknowledgment waits for at least one. */
const SLOW_FLUSH_MS = 20;

export interface DoctorOptions {
  readonly config: string;
  readonly json: boolean;
  /** `$CREDENTIALS_DIRECTORY`, which systemd sets in a service that is given credentials. */
  readonly creds: string | undefined;
  /** Variables of the environment that other programs take a proxy or a CA from, by name. */
  readonly ignored?: readonly string[];
}

/** @returns 0 if nothing failed, with or without warnings; 78 if a person must act before the agent runs */
export async function doctor(options: DoctorOptions): Promise<ExitCode> {
  const { config: file, json, creds, ignored = [] } = options;
  const config = loadLocalConfig(file);
  const outbox = join(config.stateDir, "outbox");
  const site = { config, creds, outbox, where: nearestFolder(outbox) };
  const checks: Check[] = [];
  for (const [section, looks] of Object.entries(SECTIONS)) {
    for (const [name, look] of Object.entries(looks)) {
      checks.push({ section, name, ...(await found(look, site)) });
    }
  }
  const channels = joined(config, await runningSet(config.stateDir));
  for (const [name, finding] of Object.entries(await lookAtFolders(channels))) {
    checks.push({ section: "folders", name, ...finding });
  }
  for (const [name, finding] of Object.entries(await lookAtReceiver(config, ignored, creds))) {
    checks.push({ section: "receiver", name, ...finding });
  }
  for (const [name, finding] of Object.entries(await lookAtService(config, channels))) {
    checks.push({ section: "service", name, ...finding });
  }
  const verdict = VERDICTS.findLast((one) => checks.some((check) => check.verdict === one)) ?? "ok";
  printFacts(json, { verdict, checks }, () => lines(checks));
  return verdict === "failed" ? EXIT.configuration : EXIT.ok;
}

function lines(checks: readonly Check[]): string[] {
  const rows = table(checks.map(({ verdict, name, text }) => [`  ${verdict}`, name, text]));
  return checks.flatMap(({ section, remedy }, index) => [
    ...(section === checks[index - 1]?.section ? [] : [`${section}:`]),
    rows[index] ?? "",
    ...(remedy === undefined ? [] : [`           ${remedy}`]),
  ]);
}

/** What cannot be looked at is not well: this account could not run the agent either. */
async function found(look: Look, site: Site): Promise<Finding> {
  try {
    return await look(site);
  } catch (error) {
    return notFound(error);
  }
}

function notFound(error: unknown): Finding {
  if (error instanceof AgentError) return fault(error.code, error.facts);
  const sysCode = codeOf(error);
  if (sysCode === "unknown") throw error;
  const remedy = "Run it as the service account, for example with: sudo -u holdfast";
  return { verdict: "failed", facts: { sysCode }, text: `Cannot look (${sysCode})`, remedy };
}

function nearestFolder(folder: string): string {
  let nearest = folder;
  while (!existsSync(nearest) && dirname(nearest) !== nearest) nearest = dirname(nearest);
  return nearest;
}

/** The rule of `agent/outbox/format/database`, S3: owned by the account that runs, writable by nobody else. */
function lookAtFolder({ config, outbox, where }: Site): Finding {
  const { stateDir } = config;
  if (statSync(stateDir, { throwIfNoEntry: false }) === undefined) return notMade(stateDir, where);
  for (const path of [stateDir, outbox].filter((one) => existsSync(one))) {
    const status = statSync(path);
    if (!status.isDirectory()) return fault("STORE_CANNOT_OPEN", {});
    const facts = { uid: status.uid, mode: octal(status.mode) };
    const account = process.getuid?.();
    if (account === undefined) continue;
    if (status.uid !== account || (status.mode & 0o022) !== 0) {
      return fault("STORE_NOT_PERMITTED", { ...facts, account });
    }
  }
  if (isReadOnly(stateDir)) return fault("STORE_READ_ONLY", {});
  const { uid, mode } = statSync(stateDir);
  return ok(escaped(stateDir), { exists: true, uid, mode: octal(mode) });
}

function isReadOnly(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return false;
  } catch (error) {
    return codeOf(error) === "EROFS";
  }
}

const octal = (mode: number): Identifier => identifierFrom((mode & 0o777).toString(8));

function notMade(stateDir: string, where: string): Finding {
  const text = `${escaped(stateDir)} does not exist yet; looked at ${escaped(where)} in its place`;
  try {
    accessSync(where, constants.W_OK);
    return ok(text, { exists: false, canMake: true });
  } catch {
    // Expected before it is installed: whoever installs makes the folder.
    const remedy = "Make it for the service account with mode 0700: this account may not";
    return warning(text, { exists: false, canMake: false }, remedy);
  }
}

function lookAtFileSystem({ config, where }: Site): Finding {
  const kind = storageKind(where);
  const type = safeName(mountOf(where)?.type);
  const facts = { kind: identifierFrom(kind), ...(type === undefined ? {} : { type }) };
  if (kind === "remote") return fault("STORE_REMOTE", facts);
  if (kind === "local") return ok(`${type ?? "of a kind not known by name"}, a local disk`, facts);
  if (!config.allowVolatileState) return fault("STORE_VOLATILE", facts);
  const text = `${type ?? "It"} does not survive a reboot, as allowVolatileState allows`;
  return warning(text, facts, "For trials only: put stateDir on a disk before real messages come");
}

/** A name that the system reports, if it is plain: whoever mounted a FUSE chose a part of it. */
function safeName(name: string | undefined): Identifier | undefined {
  return name !== undefined && /^[\w.-]{1,64}$/.test(name) ? identifierFrom(name) : undefined;
}

function lookAtSpace({ config, outbox, where }: Site): Finding {
  const { totalBytes, freeBytes } = diskSpace(where);
  const { diskBudgetBytes, ballastBytes } = config;
  const sizes = Object.values(storeSizes(outbox));
  const storeBytes = sizes.reduce((sum, size) => sum + size, 0);
  const facts = { totalBytes, freeBytes, storeBytes, diskBudgetBytes, ballastBytes };
  const [free, budget] = [readableBytes(freeBytes), readableBytes(diskBudgetBytes + ballastBytes)];
  if (diskBudgetBytes + ballastBytes <= freeBytes + storeBytes) {
    return ok(`${free} free, the store may take ${budget}`, facts);
  }
  return warning(
    `${free} free and ${readableBytes(storeBytes)} taken by the store, which may take ${budget}`,
    facts,
    "Free disk space, or set diskBudgetBytes to what the disk can give: a full disk stops every sender",
  );
}

function lookAtFlush({ where }: Site): Finding {
  if (storageKind(where) === "remote") return ok("Not measured on such a file system", {});
  return judgeFlush(measureFlush(where), storageDevice(where));
}

/** T-S17. Pure, so that storage which nobody has can be judged. */
export function judgeFlush(latency: FlushLatency, device: StorageDevice | undefined): Finding {
  const { count, medianMs, p99Ms } = latency;
  const name = safeName(device?.name);
  const facts = {
    count,
    medianMs: rounded(medianMs),
    p99Ms: rounded(p99Ms),
    ...(name === undefined ? {} : { device: name }),
    ...(device === undefined ? {} : { deviceKind: identifierFrom(device.kind) }),
  };
  const on = name === undefined ? "" : ` on ${name} (${device?.kind})`;
  const text = `median ${facts.medianMs} ms, p99 ${facts.p99Ms} ms of ${count}${on}`;
  if (medianMs < BELIEVABLE_FLUSH_MS && device?.kind !== "nvme") {
    return warning(
      `${text}: it probably ignores flush`,
      facts,
      "Unless its write cache survives a power cut (battery, capacitor): switch that cache off, in the hypervisor, too, and mount without nobarrier",
    );
  }
  if (medianMs > SLOW_FLUSH_MS) {
    const remedy = "Every acknowledgment waits for a flush: put stateDir on a faster disk";
    return warning(`${text}: slow`, facts, remedy);
  }
  return ok(text, facts);
}

const rounded = (milliseconds: number): number => Math.round(milliseconds * 1_000) / 1_000;

/** 08 2.2. The key itself goes nowhere. */
function lookAtKey({ config, creds }: Site): Finding {
  const { kek, stateDir } = config;
  const facts = { custody: identifierFrom(kek.custody) };
  if (kek.custody === "file") {
    loadOwnKek(kek, stateDir);
    const where = "in a file: a copy of the whole disk holds it, unless the disk is encrypted";
    return ok(`Found ${where}`, facts);
  }
  if (creds === undefined) {
    const remedy = "Run doctor in a service with the same LoadCredentialEncrypted= to look at it";
    return warning("A credential of the service, which is not shown to others", facts, remedy);
  }
  loadKek({ custody: "credential", folder: creds }, stateDir);
  return ok("Found as a credential; with a host key it is as safe as the disk under it", facts);
}

function lookAtKeys({ config: { kek, stateDir }, creds }: Site): Finding {
  return lookAtKeyFiles(
    stateDir,
    kekOrNone(() => loadKek(kekCustody(kek, creds), stateDir)),
  );
}

async function lookAtAgent({ config }: Site): Promise<Finding> {
  try {
    const { pid, health } = (await question(config.stateDir, { ask: "status" })) as AgentStatus;
    const facts = { running: true, pid };
    if (health === "ok") return ok(`Runs as process ${pid}`, facts);
    return warning(`Runs as process ${pid}, needs attention`, facts, "See: holdfast status");
  } catch (error) {
    if (!(error instanceof AgentError) || error.code !== "AGENT_NOT_RUNNING") throw error;
    return ok("None runs on this folder", { running: false });
  }
}

function lookAtFiles({ config, outbox }: Site): Finding {
  const sizes = storeSizes(outbox);
  const { databaseBytes, walBytes, ballastBytes, highWaterBytes } = sizes;
  if (databaseBytes === 0) return ok("No store yet", sizes);
  const ballast = ballastBytes < config.ballastBytes ? " (not whole)" : "";
  const parts = [
    `database ${readableBytes(databaseBytes)}`,
    `log ${readableBytes(walBytes)}`,
    `ballast ${readableBytes(ballastBytes)}${ballast}`,
    `high-water ${readableBytes(highWaterBytes)}`,
  ];
  return ok(parts.join(", "), sizes);
}

/** Bytes of each file of the store; 0 for one that is not there. */
function storeSizes(outbox: string): {
  readonly databaseBytes: number;
  readonly walBytes: number;
  readonly ballastBytes: number;
  readonly highWaterBytes: number;
} {
  const sizeOf = (name: string): number =>
    statSync(join(outbox, name), { throwIfNoEntry: false })?.size ?? 0;
  return {
    databaseBytes: sizeOf("holdfast.db"),
    walBytes: sizeOf("holdfast.db-wal"),
    ballastBytes: sizeOf("ballast"),
    highWaterBytes: sizeOf("high-water"),
  };
}
