/**
 * The chain of TP15, by which two ends learn that their histories have parted. Hashing is the
 * caller's: chain[n] = SHA-256(chainInput(chain[n - 1], epoch, seq, sha256 of message n)).
 *
 * @module
 */
import { hash, seq as seqKind, uint63 } from "./kind.ts";

const EPOCH_AT = 32;
const SEQ_AT = 40;
const SHA256_AT = 48;
const INPUT_BYTES = 80;

/** chain[0] of every epoch. Shared: not to be written to. */
export const CHAIN_START: Uint8Array = new Uint8Array(32);

/**
 * @param previous the chain before this message, 32 bytes
 * @param seq from 1
 * @param sha256 of the original bytes of this message, 32 bytes
 * @returns the 80 bytes to hash
 * @throws {RangeError} on a size or a number outside of its range
 */
export function chainInput(
  previous: Uint8Array,
  epoch: bigint,
  seq: bigint,
  sha256: Uint8Array,
): Uint8Array {
  hash.write(previous);
  uint63.write(epoch);
  seqKind.write(seq);
  hash.write(sha256);
  const input = new Uint8Array(INPUT_BYTES);
  const view = new DataView(input.buffer);
  input.set(previous);
  view.setBigUint64(EPOCH_AT, epoch);
  view.setBigUint64(SEQ_AT, seq);
  input.set(sha256, SHA256_AT);
  return input;
}
