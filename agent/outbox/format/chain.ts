/** The digest chain of a channel: one value that stands for everything up to a seq (06 TP15). @module */
import { hash } from "node:crypto";

/** `chain[0]` of every epoch. */
export const CHAIN_START: Uint8Array = new Uint8Array(32);

const input = Buffer.alloc(80);

/**
 * `chain[n] = SHA-256(chain[n−1] ‖ epoch u64 ‖ seq u64 ‖ sha256[n])`.
 *
 * The receiver computes the same from `protocol/chain.ts`; this stage must not know that a protocol
 * exists, so the five lines stand twice and one vector holds both (`test/agent/outbox/format/chain.test.ts`).
 */
export function nextChain(
  previous: Uint8Array,
  epoch: bigint,
  seq: bigint,
  sha256: Uint8Array,
): Uint8Array {
  // One shared buffer: this function is synchronous and its thread is alone.
  input.set(previous, 0);
  input.writeBigUInt64BE(epoch, 32);
  input.writeBigUInt64BE(seq, 40);
  input.set(sha256, 48);
  return hash("sha256", input, "buffer");
}
