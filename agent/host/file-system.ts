/** What kind of storage a folder is on (05 S4). @module */
import { statfsSync } from "node:fs";

/** How far a store on a file system can be trusted. */
export type StorageKind =
  /** A disk. */
  | "local"
  /** Gone after a reboot, or a layer whose flushes promise nothing: tmpfs, overlay. */
  | "volatile"
  /** Behind a network, a host system or a user-space daemon: NFS, SMB, 9p, FUSE, AFS, Ceph, vboxsf. */
  | "remote";

/** `f_type` of statfs(2), from Linux's magic.h. Absent means an ordinary disk file system. */
const LINUX_KINDS: ReadonlyMap<number, StorageKind> = new Map([
  [0x01021994, "volatile"], // TMPFS_MAGIC
  [0x858458f6, "volatile"], // RAMFS_MAGIC
  [0x794c7630, "volatile"], // OVERLAYFS_SUPER_MAGIC
  [0x6969, "remote"], // NFS_SUPER_MAGIC
  [0x517b, "remote"], // SMB_SUPER_MAGIC
  [0xff534d42, "remote"], // CIFS_SUPER_MAGIC
  [0xfe534d42, "remote"], // SMB2_SUPER_MAGIC
  [0x01021997, "remote"], // V9FS_MAGIC
  [0x65735546, "remote"], // FUSE_SUPER_MAGIC
  [0x5346414f, "remote"], // AFS_SUPER_MAGIC
  [0x6b414653, "remote"], // AFS_FS_MAGIC
  [0x00c36400, "remote"], // CEPH_SUPER_MAGIC
  [0x73757245, "remote"], // CODA_SUPER_MAGIC
  [0x564c, "remote"], // NCP_SUPER_MAGIC
  [0x7461636f, "remote"], // OCFS2_SUPER_MAGIC
  [0x786f4256, "remote"], // VBOXSF_SUPER_MAGIC
  [0xbacbacbc, "remote"], // VMware's shared folders
]);

/** The kind for a statfs type number. Pure, so that every row can be tested. */
export function storageKindOf(statfsType: number): StorageKind {
  // statfs(2) fills a signed long on some platforms: compare the low 32 bits.
  return LINUX_KINDS.get(statfsType >>> 0) ?? "local";
}

/** The kind of storage that `folder` is on. Windows drive types are checked with 09; "local" there. */
export function storageKind(folder: string): StorageKind {
  return process.platform === "linux" ? storageKindOf(statfsSync(folder).type) : "local";
}
