/** Rig B for tests: builds it where that is possible, says where it is not, and wraps a command in it. @module */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const RIGS = import.meta.dirname;
const RECORD = join(RIGS, "disk/record.sh");

/** A file system as `disk/record.sh` makes and mounts it. */
export interface DiskKind {
  readonly fs: "ext4" | "xfs" | "btrfs";
  /** Of the whole disk, in MB: xfs refuses less than 300, btrfs less than 110. */
  readonly megabytes: number;
  readonly mkfs?: string;
  readonly mountOptions?: string;
}

/** File systems that hospitals have, and options of theirs that weaken the order of writes (T-S02). */
export const DISKS = {
  ext4: { fs: "ext4", megabytes: 64 },
  "ext4-writeback": { fs: "ext4", megabytes: 64, mountOptions: "data=writeback" },
  "ext4-no-journal": {
    ...{ fs: "ext4", megabytes: 64 },
    mkfs: "mkfs.ext4 -q -F -O ^has_journal",
  },
  xfs: { fs: "xfs", megabytes: 320 },
  btrfs: { fs: "btrfs", megabytes: 128 },
} as const satisfies Record<string, DiskKind>;

export type DiskName = keyof typeof DISKS;

/** What `disk/record.sh` is told. */
export interface DiskRecording {
  /** Receives the image before the command, the log, and the image of the cut. */
  readonly out: string;
  readonly disk: DiskKind;
  /** Every flush takes so long. */
  readonly slowFlushMs?: number;
  /** `N[+]`: the Nth flush, with `+` every one from there on, fails with EIO. */
  readonly failFlushAt?: string;
}

/** Where the command finds its file system: known before it is made, so that it can stand in a configuration. */
export const dataFolderOf = (out: string): string => join(out, "mnt/data");

/** Builds the rig and mounts the disk once. @returns why it cannot run here, for the line of a skipped test; else `false` */
export function diskRigMissing(name: DiskName): string | false {
  const line = (why: string): string => `rig B on ${name} not run: ${why}`;
  if (process.platform !== "linux") return line("it needs Linux");
  if (process.getuid?.() !== 0) return line("it needs root, for loop devices and mounts");
  if (!existsSync("/dev/fuse")) return line("it needs /dev/fuse");
  const made = spawnSync("make", ["-s", "-C", RIGS, "disk"], { encoding: "utf8" });
  if (made.error !== undefined || made.status !== 0) {
    return line("it needs Debian's gcc libc6-dev make pkg-config libfuse3-dev fuse3");
  }
  const out = mkdtempSync(join(tmpdir(), "holdfast-disk-rig-"));
  try {
    const [program = "", ...args] = recordedOnDisk({ out, disk: DISKS[name] }, ["true"]);
    const { status, stderr } = spawnSync(program, args, { encoding: "utf8" });
    return status === 0 ? false : line(stderr.trim().split("\n").at(-1) ?? `exit ${status}`);
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

/** The command line that runs `command` on a recorded disk. */
export function recordedOnDisk(
  recording: DiskRecording,
  command: readonly string[],
): readonly string[] {
  const { out, slowFlushMs, failFlushAt } = recording;
  const { fs, megabytes, mkfs, mountOptions }: DiskKind = recording.disk;
  return [
    RECORD,
    ...["--out", out, "--fs", fs, "--size", String(megabytes)],
    ...(mkfs === undefined ? [] : ["--mkfs", mkfs]),
    ...(mountOptions === undefined ? [] : ["--mount-options", mountOptions]),
    ...(slowFlushMs === undefined ? [] : ["--slow-flush-ms", String(slowFlushMs)]),
    ...(failFlushAt === undefined ? [] : ["--fail-flush-at", failFlushAt]),
    "--",
    ...command,
  ];
}
