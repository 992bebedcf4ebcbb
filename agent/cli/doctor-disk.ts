/**
 * What the store lies on (05 S3, S4): whose the folder is, what file system, how much room, how fast a flush. Before there
 * is a store, the folder that it will be made in is looked at.
 *
 * @module
 */
import { accessSync, constants, existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { LocalConfig } from "#config/local.ts";
import { codeOf, type Identifier, identifierFrom } from "../errors.ts";
import { diskSpace } from "../host/disk-space.ts";
import { storageKind } from "../host/file-system.ts";
import {
  type FlushLatency,
  measureFlush,
  type StorageDevice,
  storageDevice,
} from "../host/flush-latency.ts";
import { mountOf } from "../host/mounts.ts";
import { BALLAST_BYTES, DISK_BUDGET_BYTES } from "../limits.ts";
import { type Finding, fault, notice, ok, warning } from "./finding.ts";
import { escaped, readableBytes } from "./terminal.ts";

/** Where the store is, or will be. */
export interface StorePlace
  extends Pick<
    LocalConfig,
    "stateDir" | "allowVolatileState" | "diskBudgetBytes" | "ballastBytes"
  > {
  readonly outbox: string;
  /** The store's folder, or the nearest one above it that exists: what is made later will be on the same disk. */
  readonly where: string;
}

export type StoreSettings = Omit<StorePlace, "outbox" | "where">;

/** Before there is a `local.yaml`: what it will say, if nobody says otherwise. */
export const USUAL_STORE: StoreSettings = {
  stateDir: "/var/lib/holdfast",
  allowVolatileState: false,
  diskBudgetBytes: DISK_BUDGET_BYTES,
  ballastBytes: BALLAST_BYTES,
};

export function storePlace(settings: StoreSettings): StorePlace {
  const { stateDir, allowVolatileState, diskBudgetBytes, ballastBytes } = settings;
  const outbox = join(stateDir, "outbox");
  let where = outbox;
  while (!existsSync(where) && dirname(where) !== where) where = dirname(where);
  return { stateDir, allowVolatileState, diskBudgetBytes, ballastBytes, outbox, where };
}

/** S4: faster than that, a flush of 4 KiB ends in a memory. */
const BELIEVABLE_FLUSH_MS = 0.05;
/** Each acknowledgment waits for at least one. */
const SLOW_FLUSH_MS = 20;

/** The rule of `agent/outbox/format/database`, S3: owned by the account that runs, writable by nobody else. */
export function lookAtFolder({ stateDir, outbox, where }: StorePlace): Finding {
  if (statSync(stateDir, { throwIfNoEntry: false }) === undefined) return notMade(stateDir, where);
  for (const path of [stateDir, outbox].filter((one) => existsSync(one))) {
    const status = statSync(path);
    if (!status.isDirectory()) return fault("STORE_CANNOT_OPEN", {});
    const facts = { uid: status.uid, mode: octal(status.mode) };
    const account = process.getuid?.();
    if (account === undefined) continue;
    if (status.uid !== account || (status.mode & 0o022) !== 0) {
      return fault("STORE_NOT_PERMITTED", { ...facts, account });
    }
  }
  if (isReadOnly(stateDir)) return fault("STORE_READ_ONLY", {});
  const { uid, mode } = statSync(stateDir);
  return ok(escaped(stateDir), { exists: true, uid, mode: octal(mode) });
}

function isReadOnly(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return false;
  } catch (error) {
    return codeOf(error) === "EROFS";
  }
}

const octal = (mode: number): Identifier => identifierFrom((mode & 0o777).toString(8));

function notMade(stateDir: string, where: string): Finding {
  const text = `${escaped(stateDir)} does not exist yet; looked at ${escaped(where)} in its place`;
  try {
    accessSync(where, constants.W_OK);
    return ok(text, { exists: false, canMake: true });
  } catch {
    // Expected before it is installed: whoever installs makes the folder.
    const remedy = "Make it for the service account with mode 0700: this account may not";
    return warning(text, { exists: false, canMake: false }, remedy);
  }
}

export function lookAtFileSystem({ allowVolatileState, where }: StorePlace): Finding {
  const kind = storageKind(where);
  const type = safeName(mountOf(where)?.type);
  const facts = { kind: identifierFrom(kind), ...(type === undefined ? {} : { type }) };
  if (kind === "remote") return fault("STORE_REMOTE", facts);
  if (kind === "local") return ok(`${type ?? "of a kind not known by name"}, a local disk`, facts);
  if (!allowVolatileState) return fault("STORE_VOLATILE", facts);
  const text = `${type ?? "It"} does not survive a reboot, as allowVolatileState allows`;
  return warning(text, facts, "For trials only: put stateDir on a disk before real messages come");
}

/** A name that the system reports, if it is plain: whoever mounted a FUSE chose a part of it. */
function safeName(name: string | undefined): Identifier | undefined {
  return name !== undefined && /^[\w.-]{1,64}$/.test(name) ? identifierFrom(name) : undefined;
}

export function lookAtSpace(place: StorePlace): Finding {
  const { diskBudgetBytes, ballastBytes, outbox, where } = place;
  const { totalBytes, freeBytes } = diskSpace(where);
  const sizes = Object.values(storeSizes(outbox));
  const storeBytes = sizes.reduce((sum, size) => sum + size, 0);
  const facts = { totalBytes, freeBytes, storeBytes, diskBudgetBytes, ballastBytes };
  const [free, budget] = [readableBytes(freeBytes), readableBytes(diskBudgetBytes + ballastBytes)];
  if (diskBudgetBytes + ballastBytes <= freeBytes + storeBytes) {
    return ok(`${free} free, the store may take ${budget}`, facts);
  }
  return warning(
    `${free} free and ${readableBytes(storeBytes)} taken by the store, which may take ${budget}`,
    facts,
    "Free disk space, or set diskBudgetBytes to what the disk can give: a full disk stops every sender",
  );
}

export function lookAtFlush({ where }: StorePlace): Finding {
  if (storageKind(where) === "remote") return ok("Not measured on such a file system", {});
  try {
    return judgeFlush(measureFlush(where), storageDevice(where));
  } catch (error) {
    // Before it is installed: whoever installs makes the folder.
    if (codeOf(error) !== "EACCES") throw error;
    const remedy = "Measure it as root, or once the folder is there as the service account";
    return notice(`Not measured: this account may not write to ${escaped(where)}`, {}, remedy);
  }
}

/** T-S17. Pure, so that storage which nobody has can be judged. */
export function judgeFlush(latency: FlushLatency, device: StorageDevice | undefined): Finding {
  const { count, medianMs, p99Ms } = latency;
  const name = safeName(device?.name);
  const facts = {
    count,
    medianMs: rounded(medianMs),
    p99Ms: rounded(p99Ms),
    ...(name === undefined ? {} : { device: name }),
    ...(device === undefined ? {} : { deviceKind: identifierFrom(device.kind) }),
  };
  const on = name === undefined ? "" : ` on ${name} (${device?.kind})`;
  const text = `median ${facts.medianMs} ms, p99 ${facts.p99Ms} ms of ${count}${on}`;
  if (medianMs < BELIEVABLE_FLUSH_MS && device?.kind !== "nvme") {
    return warning(
      `${text}: it probably ignores flush`,
      facts,
      "Unless its write cache survives a power cut (battery, capacitor): switch that cache off, in the hypervisor, too, and mount without nobarrier",
    );
  }
  if (medianMs > SLOW_FLUSH_MS) {
    const remedy = "Every acknowledgment waits for a flush: put stateDir on a faster disk";
    return warning(`${text}: slow`, facts, remedy);
  }
  return ok(text, facts);
}

const rounded = (milliseconds: number): number => Math.round(milliseconds * 1_000) / 1_000;

export function lookAtFiles({ outbox, ballastBytes: whole }: StorePlace): Finding {
  const sizes = storeSizes(outbox);
  const { databaseBytes, walBytes, ballastBytes, highWaterBytes } = sizes;
  if (databaseBytes === 0) return ok("No store yet", sizes);
  const ballast = ballastBytes < whole ? " (not whole)" : "";
  const parts = [
    `database ${readableBytes(databaseBytes)}`,
    `log ${readableBytes(walBytes)}`,
    `ballast ${readableBytes(ballastBytes)}${ballast}`,
    `high-water ${readableBytes(highWaterBytes)}`,
  ];
  return ok(parts.join(", "), sizes);
}

/** Bytes of each file of the store; 0 for one that is not there. */
function storeSizes(outbox: string): {
  readonly databaseBytes: number;
  readonly walBytes: number;
  readonly ballastBytes: number;
  readonly highWaterBytes: number;
} {
  const sizeOf = (name: string): number =>
    statSync(join(outbox, name), { throwIfNoEntry: false })?.size ?? 0;
  return {
    databaseBytes: sizeOf("holdfast.db"),
    walBytes: sizeOf("holdfast.db-wal"),
    ballastBytes: sizeOf("ballast"),
    highWaterBytes: sizeOf("high-water"),
  };
}
