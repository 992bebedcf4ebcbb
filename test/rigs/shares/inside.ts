/**
 * For programs inside the machine of the shares: what can happen to a share. Nothing here touches the share as
 * its clients see it, so nothing hangs, except where that is said.
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import { chownSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

export type Share = "smb" | "nfs";
export const SHARES = ["smb", "nfs"] as const satisfies readonly Share[];

/** Where it is mounted, in the hospital. */
export const MOUNTED = { smb: "/mnt/smb", nfs: "/mnt/nfs" } as const satisfies Record<
  Share,
  string
>;
/** The same folder on the disk of its server. */
export const EXPORTED = { smb: "/disk/smb", nfs: "/disk/nfs" } as const satisfies Record<
  Share,
  string
>;
/** An ext4 on no share, for a store: everywhere else changes are kept in memory here. */
export const LOCAL_FOLDER = "/disk/local";
/** On the server everything belongs to this account, as on a NAS that maps all clients to one. */
export const SERVER_ACCOUNT = 7_700;

const VM = join(import.meta.dirname, "vm");

function run(program: string, ...args: readonly string[]): void {
  execFileSync(program, args, { stdio: ["ignore", "inherit", "inherit"] });
}

/** From now on every packet is lost, both ways, without a word: as when a switch dies. */
export function cutNetwork(): void {
  run("sh", join(VM, "network.sh"), "cut");
}

/** The same from the server to the hospital alone: it does what it is asked, and nobody hears of it (P51). */
export function cutReplies(): void {
  run("sh", join(VM, "network.sh"), "cut-replies");
}

/** Ends both. What waits comes back when TCP sends again: after about as long as the cut has lasted. */
export function restoreNetwork(): void {
  run("sh", join(VM, "network.sh"), "restore");
}

/** Kills Samba, or stops the kernel's NFS server: connections end, and new ones are refused. */
export function stopServer(share: Share): void {
  run("sh", join(VM, `${share}-server.sh`), "stop");
}

/** Returns when it listens. */
export function startServer(share: Share): void {
  run("sh", join(VM, `${share}-server.sh`), "start");
}

/** @param options as mount's `-o`; absent: as the machine was started with. Hangs if the server is not reached */
export function mount(share: Share, options?: string): void {
  run("sh", join(VM, "mount.sh"), share, ...(options === undefined ? [] : [options]));
}

/** @param flags such as `-l`, which leaves at once what is still open; without them it can hang */
export function unmount(share: Share, ...flags: readonly string[]): void {
  run("umount", ...flags, MOUNTED[share]);
}

/**
 * A file that comes to be on the server, in the exported folder and not through the share. Samba does not notice
 * such changes: clients that have the file open go on with what they know. `open-elsewhere.ts` has the other way.
 *
 * @returns its path there
 */
export function writeElsewhere(share: Share, name: string, content: string | Uint8Array): string {
  const path = join(EXPORTED[share], name);
  const folder = dirname(path);
  mkdirSync(folder, { recursive: true });
  writeFileSync(path, content);
  for (const one of [folder, path]) chownSync(one, SERVER_ACCOUNT, SERVER_ACCOUNT);
  return path;
}
