/** By what a file is recognised (04 P7, P21, P23). @module */
import type { BigIntStats } from "node:fs";
import type { FileState } from "./messages.ts";

const MIN = -(2n ** 63n);
const MAX = 2n ** 63n - 1n;

/**
 * Both in 64 bits with a sign, as everyone who keeps them has: some servers number files from the other end, and
 * a file may be of the year 1601 (04 attack 28).
 */
export function fileStateOf(status: BigIntStats): FileState {
  const { size, mtimeNs, ino } = status;
  const modifiedNs = mtimeNs < MIN ? MIN : mtimeNs > MAX ? MAX : mtimeNs;
  return { size: Number(size), modifiedNs, inode: BigInt.asIntN(64, ino) };
}

export const isSameState = (a: FileState, b: FileState): boolean =>
  a.size === b.size && a.modifiedNs === b.modifiedNs && a.inode === b.inode;

/** A regular file, of one name if `rejectHardLinks` (04 P21). */
export const isPlainFile = (status: BigIntStats, rejectHardLinks: boolean): boolean =>
  status.isFile() && (!rejectHardLinks || status.nlink === 1n);

/** Such as keeps a name of ours until a file is renamed over it. */
export const isEmpty = (status: BigIntStats | undefined): boolean =>
  status?.isFile() === true && status.size === 0n;
