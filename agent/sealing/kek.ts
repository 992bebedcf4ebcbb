/**
 * Where the key-encryption key (KEK) is kept, and how it is read (08 2.2).
 *
 * It is the one secret that opens a copy of the state folder. So it lies elsewhere, private to the
 * service account, and the agent never makes one by itself: a new KEK in the place of a lost one would
 * hide the loss.
 *
 * @module
 */
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync, realpathSync, type Stats, statSync } from "node:fs";
import { dirname, join, resolve, sep } from "node:path";
import { AgentError, codeOf, type Identifier, identifierFrom } from "../errors.ts";
import { createFile, makeFolder } from "../host/atomic-file.ts";
import type { Kek } from "./key-ring.ts";

export const KEK_BYTES = 32;
/** A text, so that a person can copy it to paper or a safe. */
const AS_TEXT = /^([0-9a-f]{64})\r?\n?$/i;
const TEXT_MAX_BYTES = 66;
const KEK_MODE = 0o400;
/** Of a state folder. */
const SEALED_FOLDERS = ["outbox", "keys", "identity"] as const;

/** Rights that nobody but the account itself may have. */
const OTHERS = 0o077;
/** systemd lets the service's account in by an access list, which shows in the group's bits. */
const EVERYBODY = 0o007;

/** How the KEK is kept (`kek` in `local.yaml`). */
export type KekCustody =
  | { readonly custody: "file"; readonly file: string }
  /** `folder` is `$CREDENTIALS_DIRECTORY`, which systemd fills; absent outside such a service. */
  | { readonly custody: "credential"; readonly folder: string | undefined };

/**
 * Reads the KEK: 64 hexadecimal digits and a line end, or 32 bytes as they are.
 *
 * In custody of a file, what a rotation was putting in its place when it was interrupted (`FILE.next`)
 * is `previous`; in custody of a credential, the credential `kek-previous`, if it is given.
 *
 * @throws {AgentError} `KEK_MISSING` if it cannot be read; `KEK_EXPOSED` if it or its folder is open to
 *   other accounts or of another one, or it lies in `stateDir`; `KEK_MALFORMED` if it is no KEK
 */
export function loadKek(custody: KekCustody, stateDir: string): Kek {
  if (custody.custody === "credential") {
    const { folder } = custody;
    if (folder === undefined) throw new AgentError("KEK_MISSING", {});
    const current = readCredential(join(folder, "kek"), stateDir);
    const previous = join(folder, "kek-previous");
    return existsSync(previous)
      ? { current, previous: readCredential(previous, stateDir) }
      : { current };
  }
  const file = realPathOf(custody.file);
  const current = readPrivately(file, stateDir);
  const next = nextKekFile(file);
  return existsSync(next) ? { current, previous: readPrivately(next, stateDir) } : { current };
}

/**
 * The same for this machine's own store and identity: of a key that is missing it says whether it was ever made.
 *
 * @throws {AgentError} as {@link loadKek}; `KEK_NOT_MADE` if there is no file, and nothing that was sealed with one
 */
export function loadOwnKek(custody: KekCustody, stateDir: string): Kek {
  const isFile = custody.custody === "file";
  if (isFile && !existsSync(custody.file) && !isAnythingSealed(stateDir)) {
    throw new AgentError("KEK_NOT_MADE", {});
  }
  return loadKek(custody, stateDir);
}

/**
 * Whether a machine was in use: its state folder holds a store, keys of one, or an identity, which only its KEK opens.
 * Folders alone are none of them. What cannot be looked at counts as such.
 */
export function isAnythingSealed(stateDir: string): boolean {
  return SEALED_FOLDERS.some((name) => {
    try {
      const found = readdirSync(join(stateDir, name), { recursive: true, withFileTypes: true });
      return found.some((one) => !one.isDirectory());
    } catch (error) {
      return codeOf(error) !== "ENOENT";
    }
  });
}

/**
 * Makes the KEK's file, for `init`: folder 0700, file 0400, both flushed.
 *
 * @throws EEXIST, among others of the operating system: a KEK is never overwritten
 */
export function createKek(file: string): void {
  makeFolder(dirname(file), 0o700);
  createFile(file, newKekText(), KEK_MODE);
}

/**
 * What a rotation puts beside the KEK's file until every key is wrapped by it.
 *
 * @param file not a link: what is put in its place must replace the KEK itself
 */
export const nextKekFile = (file: string): string => `${file}.next`;

/** A new KEK as the content of its file. */
export const newKekText = (): string => `${randomBytes(KEK_BYTES).toString("hex")}\n`;

/** @throws {AgentError} `KEK_MISSING`, `KEK_MALFORMED`. Rights are not looked at */
export function readKek(file: string): Uint8Array {
  // A wrong path may lead to anything.
  const { size } = statusOf(file);
  if (size > TEXT_MAX_BYTES) throw new AgentError("KEK_MALFORMED", { bytes: size });
  const content = contentOf(file);
  if (content.length === KEK_BYTES) return new Uint8Array(content);
  const digits = AS_TEXT.exec(content.toString("latin1"))?.[1];
  if (digits === undefined) throw new AgentError("KEK_MALFORMED", { bytes: content.length });
  return new Uint8Array(Buffer.from(digits, "hex"));
}

function readCredential(name: string, stateDir: string): Uint8Array {
  const file = realPathOf(name);
  refuseWithin(file, stateDir);
  refuseRights(statusOf(file), EVERYBODY);
  return readKek(file);
}

function readPrivately(file: string, stateDir: string): Uint8Array {
  refuseWithin(file, stateDir);
  for (const path of [dirname(file), file]) {
    const status = statusOf(path);
    refuseRights(status, OTHERS);
    refuseOwner(status);
  }
  return readKek(file);
}

/** A copy of the state folder would take the KEK along. */
function refuseWithin(realFile: string, stateDir: string): void {
  const folder = existsSync(stateDir) ? realpathSync(stateDir) : resolve(stateDir);
  if (realFile.startsWith(folder + sep)) throw new AgentError("KEK_EXPOSED", { inStateDir: true });
}

/** Rights on Windows are an access list, checked by the installer (09). */
function refuseRights({ mode }: Stats, refused: number): void {
  if (process.getuid === undefined || (mode & refused) === 0) return;
  throw new AgentError("KEK_EXPOSED", { mode: octal(mode) });
}

/** As `chmod` takes it. */
const octal = (mode: number): Identifier => identifierFrom(`0${(mode & 0o777).toString(8)}`);

function refuseOwner({ uid }: Stats): void {
  if (process.getuid === undefined || uid === process.getuid()) return;
  throw new AgentError("KEK_EXPOSED", { uid });
}

/** @throws {AgentError} `KEK_MISSING` */
export function realPathOf(file: string): string {
  return found(() => realpathSync(file));
}

function statusOf(file: string): Stats {
  return found(() => statSync(file));
}

function contentOf(file: string): Buffer {
  return found(() => readFileSync(file));
}

function found<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw missing(error);
  }
}

const missing = (cause: unknown): AgentError =>
  new AgentError("KEK_MISSING", { sysCode: codeOf(cause) }, { cause });
