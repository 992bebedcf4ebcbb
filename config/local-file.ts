/**
 * Whether `local.yaml` is out of reach of the account that the agent runs as (07 2.7; U33).
 *
 * Whoever took that account over could otherwise write the rules by which it is judged. Rights on Windows are an access
 * list, which the installer sets (09).
 *
 * @module
 */
import { lstatSync, realpathSync, type Stats } from "node:fs";
import { dirname, resolve } from "node:path";
import { DocumentError } from "./document.ts";

export interface Account {
  readonly uid: number;
  readonly gids: readonly number[];
}

const ROOT_ID = 0;
/** login.defs(5), UID_MIN: below are accounts of services, from here on people. */
const PEOPLE_FROM_UID = 1_000;
const GROUP_WRITES = 0o020;
const OTHERS_WRITE = 0o002;
const STICKY = 0o1000;

/** Nothing on Windows. */
export function ownAccount(): Account | undefined {
  const uid = process.geteuid?.();
  if (uid === undefined) return undefined;
  return { uid, gids: [...(process.getgroups?.() ?? []), process.getegid?.() ?? 0] };
}

/** @throws {DocumentError} with the first reason not to believe the file */
export function refuseUnprotected(
  file: string,
  configSource: "local" | "signed",
  account = ownAccount(),
): void {
  const message = account && protectionFault(file, configSource, account);
  if (message !== undefined) {
    throw new DocumentError(file, [{ line: 1, column: 1, path: "", message }]);
  }
}

/**
 * A person who tries the agent out with a file of their own may, as long as no signed configuration has to be kept
 * within it.
 *
 * @returns for people, what is wrong
 */
export function protectionFault(
  file: string,
  configSource: "local" | "signed",
  account: Account,
): string | undefined {
  const path = resolve(file);
  const status = lstatSync(path);
  if (status.isSymbolicLink()) return "the file is a link: give the path of the file itself";
  if (!status.isFile()) return "it is not a regular file";
  const isOwn = status.uid === account.uid && account.uid >= PEOPLE_FROM_UID;
  const isTrial = isOwn && configSource === "local";
  if (status.uid !== ROOT_ID && !isTrial) {
    return "the file must belong to root, and not to the account that the agent runs as: chown root FILE";
  }
  if (mayBeWritten(status, account, isTrial)) {
    return "the file can be written by other accounts than its owner: chmod go-w FILE";
  }
  // Root needs no folder to be open to it.
  if (isTrial || account.uid === ROOT_ID) return undefined;
  const open = foldersOf(path).find((folder) => mayReplace(lstatSync(folder), account));
  return open === undefined
    ? undefined
    : `the agent's account could replace the file: chown root and chmod go-w ${JSON.stringify(open)}`;
}

/** By anybody who is neither root nor, in a trial, its owner. */
function mayBeWritten({ mode, gid }: Stats, account: Account, isTrial: boolean): boolean {
  if ((mode & OTHERS_WRITE) !== 0) return true;
  // In a container the agent's account is often in root's group: there that group is no better than any other.
  const isRoots = gid === ROOT_ID && (account.uid === ROOT_ID || !account.gids.includes(ROOT_ID));
  const isForeign = isTrial ? gid !== account.uid && !account.gids.includes(gid) : !isRoots;
  return (mode & GROUP_WRITES) !== 0 && isForeign;
}

/** Whether the account may put something else under a name in the folder. */
function mayReplace({ mode, uid, gid }: Stats, account: Account): boolean {
  if (uid === account.uid) return true;
  const isOpen =
    (mode & OTHERS_WRITE) !== 0 || ((mode & GROUP_WRITES) !== 0 && account.gids.includes(gid));
  // What lies in a sticky folder can be replaced by its owner only, and that is looked at, too.
  return isOpen && (mode & STICKY) === 0;
}

/** Every folder on the way, as it is written and behind each link of it. */
function foldersOf(path: string): readonly string[] {
  const written = ancestorsOf(path);
  return [...new Set(written.flatMap((folder) => selfAndAncestorsOf(realpathSync(folder))))];
}

function ancestorsOf(path: string): string[] {
  const folder = dirname(path);
  return folder === path ? [] : [folder, ...ancestorsOf(folder)];
}

const selfAndAncestorsOf = (folder: string): string[] => [folder, ...ancestorsOf(folder)];
