/** How much room a folder's file system has (05 S12, S13). @module */
import { type BigIntStatsFs, statfsSync } from "node:fs";
import { statfs } from "node:fs/promises";

export interface DiskSpace {
  readonly totalBytes: number;
  /** For an account without privileges: what a file system keeps back for root is not counted. */
  readonly freeBytes: number;
}

/**
 * Asks the operating system, which answers from memory on a local disk.
 *
 * @throws the operating system's error, untranslated
 */
export function diskSpace(folder: string): DiskSpace {
  return spaceOf(statfsSync(folder, { bigint: true }));
}

/** The same without waiting in this thread. Rejects as `diskSpace` throws. */
export async function diskSpaceOf(folder: string): Promise<DiskSpace> {
  return spaceOf(await statfs(folder, { bigint: true }));
}

/** Whole numbers up to 2^53: 9 PB. */
function spaceOf({ blocks, bavail, frsize, bsize }: BigIntStatsFs): DiskSpace {
  // The unit of both counts, which `bsize` may differ from; zero where the system has no such field.
  const unit = frsize === 0n ? bsize : frsize;
  return { totalBytes: Number(blocks * unit), freeBytes: Number(bavail * unit) };
}
