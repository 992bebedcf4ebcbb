/**
 * `holdfast init`: writes a first `local.yaml`, makes the key that its store will be sealed with, and, as root, hands
 * both to the account that the service runs as (09 2.1, SV9).
 *
 * @module
 */
import { accessSync, constants, existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { DEFAULT_KEK_FILE, DISK_BUDGET_MIN_BYTES, loadLocalConfig } from "#config/local.ts";
import { AgentError } from "../errors.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import type { Account } from "../host/accounts.ts";
import { createFile } from "../host/atomic-file.ts";
import { diskSpace } from "../host/disk-space.ts";
import { DISK_BUDGET_BYTES } from "../limits.ts";
import { createKek, isAnythingSealed } from "../sealing/kek.ts";
import { newKekText } from "../sealing/kek-file.ts";
import { refuseWithoutDpapi, wrapKekFile } from "../sealing/wrapped-kek.ts";
import {
  CREDENTIAL_FILE,
  makeCredential,
  refuseWithoutCredentials,
} from "../service/linux/credential.ts";
import {
  handConfig,
  handKek,
  handState,
  heir,
  makeConfigFolder,
} from "../service/linux/hand-over.ts";
import { SERVICE_CONFIG } from "../service/linux/unit-places.ts";
import { type FirstConfig, firstConfig } from "./first-config.ts";
import { notWritten } from "./not-written.ts";
import { printFacts } from "./terminal.ts";

export interface InitOptions extends FirstConfig {
  readonly config: string;
  /** To whom root hands the files; absent: the service's account, if it is the service's configuration. */
  readonly account: string | undefined;
  readonly json: boolean;
}

type FileCustody = Exclude<FirstConfig["custody"], "credential">;
/** One that is kept may be wrapped by Windows from now on. */
type KeyDone = "made" | "kept" | "wrapped";

/** What was made, and for whom. */
interface Made {
  readonly config: string;
  /** The key's file, or its credential. */
  readonly kek: string;
  readonly kekDone: KeyDone;
  readonly diskBudgetBytes: number;
  /** Who may read what was made, if not only whoever ran the command. */
  readonly account: string | undefined;
  /** Absent: nobody's state folder was looked at. */
  readonly stateHanded: boolean | undefined;
}

/** 05 S12: the rest stays free for whatever else lives on the disk. */
const DISK_SHARE = 0.8;
const MIB = 1_048_576;

/**
 * Never overwrites; a key-encryption key that is there already is kept, for a store may be sealed with it.
 *
 * @throws {AgentError} `FILE_EXISTS`, `FILE_NOT_WRITABLE`, `NOT_ROOT`, `ACCOUNT_ABSENT`, `CREDENTIALS_UNSUPPORTED`,
 *   `KEK_MISSING`, `SERVICE_TOOL_FAILED`
 */
export function init(options: InitOptions): ExitCode {
  let made: Made;
  try {
    made = write(options);
  } catch (error) {
    throw notWritten(error);
  }
  const { kekDone, ...facts } = made;
  printFacts(options.json, { ...facts, ...factsOf(kekDone) }, () => [
    `Wrote ${made.config}`,
    ...keyLines(made.kek, options.custody, kekDone),
    ...ownerLines(made, resolve(dirname(resolve(options.config)), options.stateDir)),
    ...nextLines(options, made.account),
  ]);
  return EXIT.ok;
}

function write(options: InitOptions): Made {
  const { custody } = options;
  const config = resolve(options.config);
  const folder = dirname(config);
  const stateDir = resolve(folder, options.stateDir);
  const isServices = config === SERVICE_CONFIG;
  // First: no key is made beside a configuration that exists, nor where none can be.
  const account = heir(options.account, isServices);
  if (custody === "credential") refuseWithoutCredentials();
  if (custody === "dpapi") refuseWithoutDpapi();
  if (existsSync(config)) throw new AgentError("FILE_EXISTS", {});
  if (account !== undefined) {
    // What is made on the way must be open to the account, whatever root's own mask takes away.
    process.umask(0o022);
    makeConfigFolder(folder, account, isServices);
  }
  accessSync(folder, constants.W_OK);
  const diskBudgetBytes = budgetFor(stateDir);
  const [kek, kekDone] =
    custody === "credential" ? sealedCredential(stateDir) : keyFile(folder, custody, account);
  const stateHanded = account && handState(stateDir, account);
  createFile(config, firstConfig(options, diskBudgetBytes), 0o640);
  if (account !== undefined) handConfig(config, account);
  return {
    ...{ config: options.config, kek, kekDone, diskBudgetBytes },
    ...{ account: account?.name, stateHanded },
  };
}

function keyFile(
  folder: string,
  custody: FileCustody,
  account: Account | undefined,
): readonly [string, KeyDone] {
  const file = resolve(folder, DEFAULT_KEK_FILE);
  const done = makeKek(file, custody);
  if (account !== undefined) handKek(file, account);
  return [file, done];
}

/** One that is lost is not replaced: another would open nothing of what is sealed there. */
function sealedCredential(stateDir: string): readonly [string, KeyDone] {
  if (!existsSync(CREDENTIAL_FILE) && isAnythingSealed(stateDir)) {
    throw new AgentError("KEK_MISSING", {});
  }
  return [CREDENTIAL_FILE, makeCredential(newKekText()) ? "made" : "kept"];
}

/**
 * `holdfast init --key`: the key-encryption key that a `local.yaml` names which is there already. Never on a machine
 * that was in use: another key would open nothing of what is sealed there. In custody `dpapi` it wraps one that lies
 * there in clear.
 *
 * @throws {AgentError} as {@link init}
 */
export function initKey(options: Pick<InitOptions, "config" | "account" | "json">): ExitCode {
  const { kek, stateDir } = loadLocalConfig(options.config);
  const account = heir(options.account, resolve(options.config) === SERVICE_CONFIG);
  let made: readonly [string, KeyDone];
  try {
    if (kek.custody === "credential") {
      refuseWithoutCredentials();
      made = sealedCredential(stateDir);
    } else {
      made = [kek.file, lostOrMade(kek, stateDir)];
      if (account !== undefined) handKek(kek.file, account);
    }
  } catch (error) {
    throw notWritten(error);
  }
  const [file, done] = made;
  const facts = { kek: file, ...factsOf(done) };
  printFacts(options.json, facts, () => keyLines(file, kek.custody, done));
  return EXIT.ok;
}

function lostOrMade(
  { file, custody }: { readonly file: string; readonly custody: FileCustody },
  stateDir: string,
): KeyDone {
  if (!existsSync(file) && isAnythingSealed(stateDir)) throw new AgentError("KEK_MISSING", {});
  return makeKek(file, custody);
}

const factsOf = (done: KeyDone) => ({ kekMade: done === "made", kekWrapped: done === "wrapped" });

const DONE: Readonly<Record<KeyDone, string>> = { made: "Made", kept: "Kept", wrapped: "Wrapped" };

function keyLines(kek: string, custody: FirstConfig["custody"], done: KeyDone): string[] {
  const made = `${DONE[done]} the key-encryption key ${kek}`;
  if (custody === "dpapi") {
    return [
      made,
      "  Stored messages open with this key alone, and it opens on this machine alone. If either is lost, they are",
      "  lost: docs/install-windows.md says how a copy is kept offline. The disk must be encrypted (BitLocker).",
      ...(done === "wrapped"
        ? ["  It lay on the disk in clear: once the agent runs, holdfast rekey"]
        : []),
    ];
  }
  if (custody === "credential") {
    return [
      made,
      "  Stored messages open with this key alone, and this machine's host key opens it. If either is lost,",
      "  they are lost: docs/linux-service.md says how a copy is kept offline. The disk must be encrypted.",
    ];
  }
  return [
    made,
    "  Stored messages open with this key alone: if it is lost, they are lost. Keep a copy of it",
    "  offline, never with a copy of the state directory. It must belong to the service account.",
  ];
}

function ownerLines({ account, stateHanded }: Made, stateDir: string): string[] {
  if (account === undefined) return [];
  if (stateHanded === true) return [`Handed them, and the state directory, to ${account}`];
  return [
    `Handed them to ${account}. The state directory was in use and belongs to another account; the service needs:`,
    `  chown -R ${account}: ${stateDir}`,
  ];
}

function nextLines({ config, custody }: InitOptions, account: string | undefined): string[] {
  const first =
    "Next: check receiver.url and the channel, ask the vendor for an enrolment token, then";
  const enroll = `holdfast enroll --token-file FILE --config ${config}`;
  if (account === undefined) {
    return [first, `  ${enroll}`, `  holdfast run --config ${config}`];
  }
  const asAccount =
    custody !== "credential"
      ? `sudo -u ${account} ${enroll}`
      : `systemd-run --pty --uid ${account} -p LoadCredentialEncrypted=kek:${CREDENTIAL_FILE} ${enroll}`;
  return [first, `  ${asAccount}`, "  holdfast service start"];
}

function makeKek(file: string, custody: FileCustody): KeyDone {
  if (existsSync(file)) return custody === "dpapi" && wrapKekFile(file) ? "wrapped" : "kept";
  createKek(file, custody);
  return "made";
}

/** @param stateDir need not exist yet: the folder that it will be made in is asked */
function budgetFor(stateDir: string): number {
  let folder = stateDir;
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  const share = Math.floor((diskSpace(folder).freeBytes * DISK_SHARE) / MIB) * MIB;
  return Math.max(DISK_BUDGET_MIN_BYTES, Math.min(DISK_BUDGET_BYTES, share));
}
