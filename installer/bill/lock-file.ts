/** What the lock file says of a package: its version, and the digest of what the registry gave (09 PK14, 08 H09). @module */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../root.ts";
import type { Hash } from "./part.ts";

export interface LockEntry {
  readonly version: string;
  /** `sha512-` and base64. */
  readonly integrity?: string;
  readonly resolved?: string;
  readonly license?: string;
  readonly hasInstallScript?: boolean;
  readonly link?: boolean;
}

export type LockFile = Readonly<Record<string, LockEntry>>;

/** @returns entries by folder (`node_modules/ws`), without the project itself */
export function readLockFile(file = join(ROOT, "package-lock.json")): LockFile {
  const { packages } = JSON.parse(readFileSync(file, "utf8")) as { packages: LockFile };
  return Object.fromEntries(Object.entries(packages).filter(([folder]) => folder !== ""));
}

/** @throws {Error} for a folder that the lock file does not know, or without a digest */
export function lockedEntry(
  lock: LockFile,
  folder: string,
): { readonly version: string; readonly hash: Hash } {
  const entry = Object.hasOwn(lock, folder) ? lock[folder] : undefined;
  if (entry === undefined) throw new Error(`${folder}: not in the lock file`);
  const digest = /^sha512-([A-Za-z0-9+/]{86}==)$/.exec(entry.integrity ?? "")?.[1];
  if (digest === undefined) throw new Error(`${folder}: the lock file has no SHA-512 of it`);
  const hex = Buffer.from(digest, "base64").toString("hex");
  return { version: entry.version, hash: { algorithm: "SHA-512", hex, of: "package" } };
}
