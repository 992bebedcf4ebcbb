/** `holdfast init`: writes a first `local.yaml`, and the key that its store will be sealed with. @module */
import { accessSync, constants, existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { DEFAULT_KEK_FILE, DISK_BUDGET_MIN_BYTES, loadLocalConfig } from "#config/local.ts";
import { AgentError, codeOf } from "../errors.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { createFile } from "../host/atomic-file.ts";
import { diskSpace } from "../host/disk-space.ts";
import { DISK_BUDGET_BYTES } from "../limits.ts";
import { createKek, isAnythingSealed } from "../sealing/kek.ts";
import { printFacts } from "./terminal.ts";

export interface InitOptions {
  readonly config: string;
  readonly stateDir: string;
  readonly receiver: string;
  readonly port: number;
  readonly json: boolean;
}

/** 05 S12: the rest stays free for whatever else lives on the disk. */
const DISK_SHARE = 0.8;
const MIB = 1_048_576;

/**
 * Never overwrites; a key-encryption key that is there already is kept, for a store may be sealed with it.
 *
 * @throws {AgentError} `FILE_EXISTS`, `FILE_NOT_WRITABLE`
 */
export function init(options: InitOptions): ExitCode {
  const folder = dirname(resolve(options.config));
  const kek = resolve(folder, DEFAULT_KEK_FILE);
  let diskBudgetBytes: number;
  let kekMade: boolean;
  try {
    // First: no key is made beside a configuration that exists, nor where none can be.
    refuseUnlessFree(options.config, folder);
    diskBudgetBytes = budgetFor(resolve(folder, options.stateDir));
    kekMade = makeKek(kek);
    createFile(options.config, localYaml(options, diskBudgetBytes), 0o640);
  } catch (error) {
    throw notWritten(error);
  }
  printFacts(options.json, { config: options.config, kek, kekMade, diskBudgetBytes }, () => [
    `Wrote ${options.config}`,
    ...keyLines(kek, kekMade),
    "Next: check receiver.url and the channel, ask the vendor for an enrolment token, then",
    `  holdfast enroll --token-file FILE --config ${options.config}`,
    `  holdfast run --config ${options.config}`,
  ]);
  return EXIT.ok;
}

/**
 * `holdfast init --key`: the key-encryption key that a `local.yaml` names which is there already. Never on a machine
 * that was in use: another key would open nothing of what is sealed there.
 *
 * @throws {AgentError} `KEK_MISSING`, `FILE_NOT_WRITABLE`
 */
export function initKey(options: Pick<InitOptions, "config" | "json">): ExitCode {
  const { kek, stateDir } = loadLocalConfig(options.config);
  // A service manager's credential is made by its tools.
  if (kek.custody !== "file") throw new AgentError("KEK_MISSING", {});
  if (!existsSync(kek.file) && isAnythingSealed(stateDir)) throw new AgentError("KEK_MISSING", {});
  let kekMade: boolean;
  try {
    kekMade = makeKek(kek.file);
  } catch (error) {
    throw notWritten(error);
  }
  printFacts(options.json, { kek: kek.file, kekMade }, () => keyLines(kek.file, kekMade));
  return EXIT.ok;
}

const keyLines = (kek: string, kekMade: boolean): string[] => [
  `${kekMade ? "Made" : "Kept"} the key-encryption key ${kek}`,
  "  Stored messages open with this key alone: if it is lost, they are lost. Keep a copy of it",
  "  offline, never with a copy of the state directory. It must belong to the service account.",
];

function refuseUnlessFree(file: string, folder: string): void {
  if (existsSync(file)) throw new AgentError("FILE_EXISTS", {});
  accessSync(folder, constants.W_OK);
}

/** @returns whether there was none */
function makeKek(file: string): boolean {
  if (existsSync(file)) return false;
  createKek(file);
  return true;
}

/** @param stateDir need not exist yet: the folder that it will be made in is asked */
function budgetFor(stateDir: string): number {
  let folder = stateDir;
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  const share = Math.floor((diskSpace(folder).freeBytes * DISK_SHARE) / MIB) * MIB;
  return Math.max(DISK_BUDGET_MIN_BYTES, Math.min(DISK_BUDGET_BYTES, share));
}

function notWritten(cause: unknown): AgentError {
  if (cause instanceof AgentError) return cause;
  const sysCode = codeOf(cause);
  const code = sysCode === "EEXIST" ? "FILE_EXISTS" : "FILE_NOT_WRITABLE";
  return new AgentError(code, { sysCode }, { cause });
}

const quoted = (text: string): string => JSON.stringify(text);

function localYaml({ stateDir, receiver, port }: InitOptions, diskBudgetBytes: number): string {
  return `# Holdfast: the hospital's own file. Remote configuration can never exceed it.
# Paths may be relative to this file. README.md lists every setting with its default.

stateDir: ${quoted(stateDir)}     # the store: on a local disk, private to the service account
diskBudgetBytes: ${diskBudgetBytes}   # what it may take: 80 % of what was free at first, or 20 GiB

kek:                              # the key that opens what is stored; without it nothing does
  custody: file
  file: ${DEFAULT_KEK_FILE}         # mode 0400 in a folder of mode 0700, outside stateDir

receiver:
  url: ${quoted(receiver)}        # the one outbound connection, mutual TLS 1.3
                                  # keys and certificate: holdfast enroll --token-file FILE

channels:
  - name: adt
    kind: mllp-listener
    host: 127.0.0.1               # never all interfaces by default
    port: ${port}
    # allow: [10.20.0.0/16]       # who may connect; required unless host is a loopback address
`;
}
