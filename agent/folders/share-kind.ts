/** What kind of storage a folder is on (04 P48), and where it must be worked on therefore (04 P46). @module */
import { type Mount, mountIn, mountTable } from "../host/mounts.ts";
import { isWindows } from "../host/platform.ts";
import type { Isolation } from "./conversation.ts";
import type { RecordedFolder, ShareKind } from "./messages.ts";

const SMB = /^(?:cifs|smb2|smb3|smbfs|fuse\.smbnetfs)$/;
const NFS = /^nfs4?$/;
/** Behind a network, a host or a daemon: they hang as shares do. */
const OTHER =
  /^(?:9p|virtiofs|afs|ceph|coda|ncpfs|ocfs2|gfs2|lustre|beegfs|vboxsf|vmhgfs|glusterfs|fuse(?:\..*)?)$/;

/** Pure. @param type as Linux's table of mounts has it */
export function kindOfMount(type: string): ShareKind {
  if (NFS.test(type)) return "nfs";
  return SMB.test(type) || OTHER.test(type) ? "smb" : "local";
}

/**
 * P47: a folder that is said to be on a share, and is on a disk of this machine, is the empty folder under a share that
 * is not mounted.
 */
export const isNotTheShare = (wanted: "auto" | ShareKind, mountType: string): boolean =>
  !isWindows && wanted !== "auto" && wanted !== "local" && kindOfMount(mountType) === "local";

/** P7: how long a file must be unchanged, if the channel does not say; what a share shows may be some seconds old. */
export const stableForMsOn = (kind: ShareKind): number => (kind === "local" ? 5_000 : 30_000);

/** Pure: whether Windows takes a path for one of a share. */
export const isUnc = (path: string): boolean => /^(?:\\\\|\/\/)(?:\?\\UNC\\|[^?.])/i.test(path);

/**
 * @param mount where the folder really is
 * @param location its real path, as far as the system tells it
 * @param path the one that is configured
 */
export function shareKindOf(
  wanted: "auto" | ShareKind,
  mount: Mount,
  location: string,
  path = location,
): ShareKind {
  if (wanted !== "auto") return wanted;
  if (isWindows) return isUnc(location) || isUnc(path) ? "smb" : "local";
  return kindOfMount(mount.type);
}

/**
 * Whether any folder of a channel is on a share, so that a thread that hangs there could not be ended (P46).
 *
 * @param wanted said of the first folder; of each other one its mount tells
 */
export const isAnyOnShare = (
  wanted: "auto" | ShareKind,
  folders: readonly Pick<RecordedFolder, "mount" | "location" | "path">[],
): boolean =>
  folders.some(
    ({ mount, location, path }, index) =>
      shareKindOf(index === 0 ? wanted : "auto", mount, location, path) !== "local",
  );

/**
 * Where the folders of a channel must be worked on, by their paths alone: none is touched, for a dead share would
 * hang the thread that asks. A link that leads to a share is found by `open`, in the worker.
 *
 * @param folders absolute; `undefined`: the channel has none of this kind
 * @param wanted said of the first one; one that is on a share is enough
 */
export function isolationFor(
  folders: readonly (string | undefined)[],
  wanted: "auto" | ShareKind,
  table = mountTable(),
): Isolation {
  if (wanted !== "auto" && wanted !== "local") return "process";
  const asked = wanted === "local" ? folders.slice(1) : folders;
  return asked.some((folder) => folder !== undefined && mayBeOnShare(folder, table))
    ? "process"
    : "thread";
}

function mayBeOnShare(folder: string, table: string): boolean {
  if (isWindows) return isUnc(folder);
  const type = mountIn(table, folder)?.type ?? "";
  // What comes up behind an automounter is known only once it is touched.
  return type === "autofs" || kindOfMount(type) !== "local";
}
