/** One value for all messages of an hour, the same on both sides if they hold the same. @module */
import { createHash } from "node:crypto";

export interface DigestedStretch {
  readonly epoch: bigint;
  readonly first: bigint;
  readonly last: bigint;
  /** The chain behind `last` (TP15); null where it is not known. */
  readonly after: Uint8Array | null;
}

/**
 * @param stretches of one channel, direction and hour, in any order
 * @returns the first 16 hexadecimal digits of SHA-256 over epoch, first and last seq as u64 and chain of each, by epoch
 *   and seq; null where one of them is not known
 */
export function lineDigest(stretches: readonly DigestedStretch[]): string | null {
  const digest = createHash("sha256");
  const numbers = Buffer.alloc(24);
  for (const { epoch, first, last, after } of [...stretches].sort(inOrder)) {
    if (after === null) return null;
    numbers.writeBigUInt64BE(epoch, 0);
    numbers.writeBigUInt64BE(first, 8);
    numbers.writeBigUInt64BE(last, 16);
    digest.update(numbers).update(after);
  }
  return stretches.length === 0 ? null : digest.digest("hex").slice(0, 16);
}

function inOrder(a: DigestedStretch, b: DigestedStretch): number {
  if (a.epoch !== b.epoch) return a.epoch < b.epoch ? -1 : 1;
  return a.first < b.first ? -1 : 1;
}
