/**
 * What `init` makes as root is handed to the account that the service runs as: it reads its configuration, and cannot
 * write it; it owns its state and its key (09 2.1).
 *
 * @module
 */
import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fchownSync,
  fstatSync,
  openSync,
  readdirSync,
} from "node:fs";
import { dirname } from "node:path";
import { AgentError } from "../../errors.ts";
import { type Account, accountNamed, isRoot } from "../../host/accounts.ts";
import { makeFolder } from "../../host/atomic-file.ts";
import { SERVICE_ACCOUNT } from "./unit-places.ts";

const ROOT = 0;

/**
 * Who gets the files: the account that is named, else that of the service if this is the service's configuration.
 *
 * @param isServices whether the file is the one that the unit names
 * @returns `undefined`: they stay with whoever runs the command
 * @throws {AgentError} `NOT_ROOT`, `ACCOUNT_ABSENT` for one that is named
 */
export function heir(named: string | undefined, isServices: boolean): Account | undefined {
  if (named === undefined) {
    return isServices && isRoot() ? accountNamed(SERVICE_ACCOUNT) : undefined;
  }
  if (!isRoot()) throw new AgentError("NOT_ROOT", {});
  const account = accountNamed(named);
  if (account === undefined) throw new AgentError("ACCOUNT_ABSENT", {});
  return account;
}

/** The folder of `local.yaml`: root's, and the account may look into it. Rights of one that others use are left. */
export function makeConfigFolder(folder: string, { gid }: Account, isServices: boolean): void {
  const isNew = !existsSync(folder);
  if (isNew) makeFolder(folder, 0o750);
  if (!isNew && !isServices) return;
  handOne(folder, ROOT, gid);
  // Whatever the umask took.
  chmodSync(folder, 0o750);
}

/** `local.yaml`: what the account is held to, so that it may not write it (07 2.7). */
export function handConfig(file: string, { gid }: Account): void {
  handOne(file, ROOT, gid);
  chmodSync(file, 0o640);
}

/** The key in a file, and its folder, in which a rotation puts the next one. */
export function handKek(file: string, { uid, gid }: Account): void {
  for (const path of [file, dirname(file)]) handOne(path, uid, gid);
}

/**
 * The state folder, made if it is absent.
 *
 * @returns whether it is the account's now: in one that root has used, each file would have to be
 */
export function handState(folder: string, { uid, gid }: Account): boolean {
  makeFolder(dirname(folder), 0o755);
  makeFolder(folder, 0o700);
  if (readdirSync(folder).length === 0) handOne(folder, uid, gid);
  return ownerOf(folder) === uid;
}

const ownerOf = (path: string): number => withDescriptor(path, (fd) => fstatSync(fd).uid);

/** Only what is root's: whoever owns it already could have put a link to anything in its place. */
function handOne(path: string, uid: number, gid: number): void {
  withDescriptor(path, (fd) => {
    const status = fstatSync(fd);
    const isSound = status.isDirectory() || (status.isFile() && status.nlink === 1);
    if (status.uid === ROOT && isSound) fchownSync(fd, uid, gid);
  });
}

function withDescriptor<T>(path: string, use: (fd: number) => T): T {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}
