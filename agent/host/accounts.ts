/** Accounts of this machine by name, as installers make them: in the system's own files (passwd(5)). @module */
import { readFileSync } from "node:fs";

export interface Account {
  readonly name: string;
  readonly uid: number;
  /** Of its own group. */
  readonly gid: number;
}

const PASSWD = "/etc/passwd";
const ROOT = 0;
const DIGITS = /^\d{1,10}$/;

/**
 * @param passwd accounts of a directory service are in no file, and no service account
 * @returns `undefined` if there is none of this name
 */
export function accountNamed(name: string, passwd = PASSWD): Account | undefined {
  const line = readFileSync(passwd, "utf8")
    .split("\n")
    .find((one) => one.startsWith(`${name}:`));
  const [, , uid = "", gid = ""] = line?.split(":") ?? [];
  if (!DIGITS.test(uid) || !DIGITS.test(gid)) return undefined;
  return { name, uid: Number(uid), gid: Number(gid) };
}

export const isRoot = (): boolean => process.geteuid?.() === 0;

/**
 * Does something as the account that owns a file, if this is root: what is made on the way is not root's then, which
 * would keep that account out. For commands that do one thing at a time.
 */
export function asOwner<T>(owner: { readonly uid: number; readonly gid: number }, act: () => T): T {
  const { setegid, seteuid } = process;
  if (setegid === undefined || seteuid === undefined || !isRoot()) return act();
  setegid(owner.gid);
  seteuid(owner.uid);
  try {
    return act();
  } finally {
    seteuid(ROOT);
    setegid(ROOT);
  }
}
