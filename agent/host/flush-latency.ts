/**
 * How long storage takes to flush, and what storage that is (05 S4).
 *
 * A disk that answers faster than its medium can be did not flush, and loses acknowledged messages in a
 * power cut. It cannot be defended against; it can be noticed.
 *
 * @module
 */
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { systemClock } from "./clock.ts";
import { mountOf } from "./mounts.ts";

export interface FlushLatency {
  /** How many were measured: fewer than asked for where they take long. */
  readonly count: number;
  readonly medianMs: number;
  readonly p99Ms: number;
}

/** One page, as SQLite's log writes it at least. */
const WRITE_BYTES = 4_096;
const FLUSH_COUNT = 200;
/** A person waits for it; storage so slow is known by fewer. */
const MEASURE_MAX_MS = 5_000;

/**
 * Overwrites 4 KiB of a new file and flushes them, again and again; removes the file.
 *
 * @param count how often at most; at least 1
 * @throws the operating system's error, untranslated
 */
export function measureFlush(folder: string, count = FLUSH_COUNT): FlushLatency {
  const file = join(folder, "flush-latency");
  const page = Buffer.alloc(WRITE_BYTES);
  const tookMs: number[] = [];
  // Left by one that was killed. It keeps its name while it is measured: btrfs flushes no nameless file.
  rmSync(file, { force: true });
  const descriptor = openSync(file, "wx", 0o600);
  try {
    // Room is found for it once, and not measured.
    writeSync(descriptor, page, 0, WRITE_BYTES, 0);
    fsyncSync(descriptor);
    const startMs = systemClock.monotonicMs();
    for (let nowMs = startMs; tookMs.length < count && nowMs - startMs < MEASURE_MAX_MS; ) {
      page.fill(tookMs.length + 1);
      writeSync(descriptor, page, 0, WRITE_BYTES, 0);
      fdatasyncSync(descriptor);
      const doneMs = systemClock.monotonicMs();
      tookMs.push(doneMs - nowMs);
      nowMs = doneMs;
    }
  } finally {
    closeSync(descriptor);
    rmSync(file, { force: true });
  }
  tookMs.sort((a, b) => a - b);
  return { count: tookMs.length, medianMs: rank(tookMs, 0.5), p99Ms: rank(tookMs, 0.99) };
}

/** The smallest value that at least this part of all does not exceed. */
function rank(sorted: readonly number[], part: number): number {
  return sorted[Math.ceil(sorted.length * part) - 1] ?? 0;
}

/** What a flush goes to. Of several disks in one volume, the least trusted counts. */
export type DeviceKind =
  /** A file, memory, a network, or what a hypervisor shows as a disk: its flush may end anywhere. */
  | "virtual"
  /** A disk that turns, or hides what it is behind a controller. */
  | "rotational"
  /** Flash behind SATA or SAS. */
  | "solid"
  /** Flash on the bus of this machine, which may have nothing to flush. */
  | "nvme";

const LEAST_TRUSTED_FIRST: readonly DeviceKind[] = ["virtual", "rotational", "solid", "nvme"];

export interface StorageDevice {
  /** Linux's name of the block device, such as `sda` or `dm-0`. */
  readonly name: string;
  readonly kind: DeviceKind;
}

/** By names that Linux gives to disks that are none: virtio, Xen, loop, memory, network. */
const VIRTUAL_NAME = /^(?:vd|xvd|loop|ram|zram|nbd|rbd|zd|pmem)/;

/** Pure, so that every row can be tested. @param underHypervisor this machine is a virtual one */
export function deviceKindOf(
  name: string,
  isRotational: boolean,
  underHypervisor: boolean,
): DeviceKind {
  if (underHypervisor || VIRTUAL_NAME.test(name)) return "virtual";
  if (isRotational) return "rotational";
  return name.startsWith("nvme") ? "nvme" : "solid";
}

/**
 * The block device that `folder` is on.
 *
 * @returns nothing where the system does not say: file systems without one device, other platforms
 */
export function storageDevice(folder: string): StorageDevice | undefined {
  if (process.platform !== "linux") return undefined;
  try {
    return deviceAt(`/sys/dev/block/${deviceNumber(folder)}`, isVirtualMachine());
  } catch {
    // Optional: without it a fast flush is doubted, as on any disk that is not known.
    return undefined;
  }
}

/** Major and minor as `8:1`. */
function deviceNumber(folder: string): string {
  const { dev } = statSync(folder);
  const mounted = mountOf(folder);
  // btrfs and its like give their files a number of their own; the mount names a device.
  const isAnonymous = majorOf(dev) === 0;
  const number = isAnonymous && mounted !== undefined ? statSync(mounted.source).rdev : dev;
  return `${majorOf(number)}:${minorOf(number)}`;
}

// makedev(3) of glibc: 12 bits of major above 8 of minor, the rest of both above them.
const majorOf = (dev: number): number => Math.floor(dev / 2 ** 8) & 0xfff;
const minorOf = (dev: number): number => (dev & 0xff) | (Math.floor(dev / 2 ** 12) & 0xfff00);

function deviceAt(path: string, underHypervisor: boolean): StorageDevice {
  const real = realpathSync(path);
  // A partition has no queue of its own.
  const disk = existsSync(join(real, "queue")) ? real : dirname(real);
  const name = basename(disk);
  const below = slavesOf(disk).map((slave) =>
    deviceAt(join(disk, "slaves", slave), underHypervisor),
  );
  const isRotational = readFileSync(join(disk, "queue/rotational"), "latin1").trim() === "1";
  const own = deviceKindOf(name, isRotational, underHypervisor);
  const kinds = below.length === 0 ? [own] : below.map(({ kind }) => kind);
  return { name, kind: LEAST_TRUSTED_FIRST.find((kind) => kinds.includes(kind)) ?? own };
}

/** What a device mapper or a RAID lies on. */
function slavesOf(disk: string): readonly string[] {
  const folder = join(disk, "slaves");
  return existsSync(folder) ? readdirSync(folder) : [];
}

/** x86 says so to its programs; Xen has a folder. */
function isVirtualMachine(): boolean {
  return (
    /^flags\s*:.*\bhypervisor\b/m.test(readFileSync("/proc/cpuinfo", "latin1")) ||
    existsSync("/sys/hypervisor/type")
  );
}
