/**
 * `holdfast service install`: what the packages of systems do, for whoever has the archive (09 2.1). Idempotent; each
 * file is put in its place whole, and what runs goes on until all of them are there.
 *
 * @module
 */
import { createHash } from "node:crypto";
import {
  chmodSync,
  closeSync,
  copyFileSync,
  createReadStream,
  existsSync,
  fsyncSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { OwnProgram } from "#packaged/own-program.ts";
import { AgentError, identifierFrom } from "../../errors.ts";
import { isRoot } from "../../host/accounts.ts";
import { flushFolder, makeFolder, replaceFile } from "../../host/atomic-file.ts";
import { refuseWithoutSystemd, tell } from "./system-tools.ts";
import {
  ADD_ONS,
  DPKG_LIST,
  LINK,
  PACKAGED_BY,
  PROGRAM,
  SERVICE,
  SERVICE_CONFIG,
  SERVICE_FILES,
} from "./unit-places.ts";

/** What became of each path. */
export interface Placed {
  readonly path: string;
  readonly was: "placed" | "kept" | "left";
}

export interface Installed {
  readonly placed: readonly Placed[];
  readonly configured: boolean;
}

/** By which add-ons of this program and of earlier ones are known. */
const ADD_ON_NAME = /^[0-9a-f]{16}-[\w-]+\.node$/;

/** @throws {AgentError} `NOT_ROOT`, `SERVICE_NO_SYSTEMD`, `SERVICE_OF_A_PACKAGE` */
export function refuseUnlessOurs(): void {
  if (!isRoot()) throw new AgentError("NOT_ROOT", {});
  refuseWithoutSystemd();
  const kind = packagedBy();
  if (kind !== undefined)
    throw new AgentError("SERVICE_OF_A_PACKAGE", { kind: identifierFrom(kind) });
}

/** @returns whose package the program belongs to; `undefined`: nobody's */
export function packagedBy(): string | undefined {
  if (existsSync(PACKAGED_BY)) {
    const word = readFileSync(PACKAGED_BY, "utf8").trim();
    return /^[a-z]{1,16}$/.test(word) ? word : "unknown";
  }
  // What a package that was removed has left there names the program no more.
  const isDebs =
    existsSync(DPKG_LIST) && readFileSync(DPKG_LIST, "utf8").split("\n").includes(PROGRAM);
  return isDebs ? "deb" : undefined;
}

/**
 * @param program absent where it runs from source
 * @param shipped the text of a file of the service, such as `holdfast.socket`
 * @throws {AgentError} as {@link refuseUnlessOurs}; `SERVICE_FROM_SOURCE`, `SERVICE_TOOL_FAILED`; the operating
 *   system's error, untranslated
 */
export async function install(
  program: OwnProgram | undefined,
  shipped: (name: string) => Uint8Array,
): Promise<Installed> {
  refuseUnlessOurs();
  if (program === undefined) throw new AgentError("SERVICE_FROM_SOURCE", {});
  // Everybody may run it, whatever root's own mask takes away.
  process.umask(0o022);
  for (const folder of [dirname(PROGRAM), ADD_ONS]) makeFolder(folder, 0o755);
  const placed: Placed[] = [];
  // Beside those of an earlier program, which runs on with its own.
  for (const [name, bytes] of program.addOns) {
    placed.push(placeText(join(ADD_ONS, name), bytes()));
  }
  placed.push(await placeProgram(program.file), placeLink());
  for (const [path, name] of Object.entries(SERVICE_FILES)) {
    makeFolder(dirname(path), 0o755);
    placed.push(placeText(path, shipped(name)));
  }
  tell("systemd-sysusers", ["holdfast.conf"]);
  tell("systemd-tmpfiles", ["--create", "holdfast.conf"]);
  tell("systemctl", ["daemon-reload"]);
  tell("systemctl", ["enable", SERVICE]);
  tell("systemctl", ["try-restart", SERVICE]);
  removeEarlier(program);
  return { placed, configured: existsSync(SERVICE_CONFIG) };
}

function placeText(path: string, bytes: Uint8Array): Placed {
  if (existsSync(path) && readFileSync(path).equals(bytes)) return { path, was: "kept" };
  replaceFile(path, bytes, 0o644);
  chmodSync(path, 0o644);
  return { path, was: "placed" };
}

/** The file of a program that runs cannot be written, and can be replaced. */
async function placeProgram(from: string): Promise<Placed> {
  const path = PROGRAM;
  const isSame =
    existsSync(path) &&
    (realpathSync(path) === realpathSync(from) ||
      (await digestOf(path)) === (await digestOf(from)));
  if (isSame) return { path, was: "kept" };
  const temporary = `${path}.new`;
  rmSync(temporary, { force: true });
  copyFileSync(from, temporary);
  chmodSync(temporary, 0o755);
  flushFile(temporary);
  renameSync(temporary, path);
  flushFolder(dirname(path));
  return { path, was: "placed" };
}

function flushFile(file: string): void {
  const descriptor = openSync(file, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}

/** A program of that name that somebody else put there stays. */
function placeLink(): Placed {
  const found = lstatSync(LINK, { throwIfNoEntry: false });
  if (found?.isSymbolicLink() === true && readlinkSync(LINK) === PROGRAM) {
    return { path: LINK, was: "kept" };
  }
  if (found !== undefined) return { path: LINK, was: "left" };
  symlinkSync(PROGRAM, LINK);
  return { path: LINK, was: "placed" };
}

function removeEarlier({ addOns }: OwnProgram): void {
  const earlier = readdirSync(ADD_ONS).filter(
    (name) => ADD_ON_NAME.test(name) && !addOns.has(name),
  );
  for (const name of earlier) rmSync(join(ADD_ONS, name));
}
