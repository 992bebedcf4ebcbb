/** Accounts of this machine by name, as installers make them: in the system's own files (passwd(5)). @module */
import { readFileSync } from "node:fs";

export interface Account {
  readonly name: string;
  readonly uid: number;
  /** Of its own group. */
  readonly gid: number;
}

const PASSWD = "/etc/passwd";
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
