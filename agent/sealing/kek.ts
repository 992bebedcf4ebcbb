/**
 * Where the key-encryption key (KEK) is kept, and how it is read (08 2.2).
 *
 * It is the one secret that opens a copy of the state folder. So it lies elsewhere, private to the
 * service account, and the agent never makes one by itself: a new KEK in the place of a lost one would
 * hide the loss.
 *
 * @module
 */
import { existsSync, readdirSync, realpathSync, type Stats } from "node:fs";
import { dirname, join, resolve, sep } from "node:path";
import { AgentError, codeOf, type Identifier, identifierFrom } from "../errors.ts";
import { createFile, makeFolder } from "../host/atomic-file.ts";
import { KEK_MODE, newKekText, nextKekFile, readKek, realPathOf, statusOf } from "./kek-file.ts";
import type { Kek } from "./key-ring.ts";
import { newWrappedKek, readWrappedKek, refuseWithoutDpapi } from "./wrapped-kek.ts";

/** Of a state folder. */
const SEALED_FOLDERS = ["outbox", "keys", "identity"] as const;

/** Rights that nobody but the account itself may have. */
const OTHERS = 0o077;
/** systemd lets the service's account in by an access list, which shows in the group's bits. */
const EVERYBODY = 0o007;

/** How the KEK is kept (`kek` in `local.yaml`). */
export type KekCustody =
  | { readonly custody: "file"; readonly file: string }
  /** Wrapped by Windows for this machine. */
  | { readonly custody: "dpapi"; readonly file: string }
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
  if (custody.custody === "dpapi") refuseWithoutDpapi();
  const read = custody.custody === "dpapi" ? readWrappedKek : readKek;
  const file = realPathOf(custody.file);
  const current = readPrivately(file, stateDir, read);
  const next = nextKekFile(file);
  return existsSync(next)
    ? { current, previous: readPrivately(next, stateDir, read) }
    : { current };
}

/**
 * The same for this machine's own store and identity: of a key that is missing it says whether it was ever made.
 *
 * @throws {AgentError} as {@link loadKek}; `KEK_NOT_MADE` if there is no file, and nothing that was sealed with one
 */
export function loadOwnKek(custody: KekCustody, stateDir: string): Kek {
  const isFile = custody.custody !== "credential";
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
 * @throws {AgentError} in custody `dpapi`: `DPAPI_UNSUPPORTED`, `WINDOWS_CALL_FAILED`, `KEK_NOT_UNWRAPPED`
 */
export function createKek(file: string, custody: "file" | "dpapi" = "file"): void {
  const content = custody === "dpapi" ? newWrappedKek() : newKekText();
  makeFolder(dirname(file), 0o700);
  createFile(file, content, KEK_MODE);
}

function readCredential(name: string, stateDir: string): Uint8Array {
  const file = realPathOf(name);
  refuseWithin(file, stateDir);
  refuseRights(statusOf(file), EVERYBODY);
  return readKek(file);
}

function readPrivately(
  file: string,
  stateDir: string,
  read: (file: string) => Uint8Array,
): Uint8Array {
  refuseWithin(file, stateDir);
  for (const path of [dirname(file), file]) {
    const status = statusOf(path);
    refuseRights(status, OTHERS);
    refuseOwner(status);
  }
  return read(file);
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
