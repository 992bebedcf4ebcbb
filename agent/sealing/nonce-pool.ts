/** Random nonces, drawn from the system many at a time: a call for each would cost more than sealing does. @module */
import { randomFillSync } from "node:crypto";
import { NONCE_BYTES } from "./gcm.ts";

/** One refill is 12 KiB and some microseconds. */
const POOL_NONCES = 1_024;

/**
 * 96 random bits each, never derived from a row id, a counter or a time: a store that was restored would
 * repeat those (08 2.1). At 2^32 seals of one key the chance of a repeat is 2^-33.
 */
export class NoncePool {
  readonly #pool = Buffer.alloc(POOL_NONCES * NONCE_BYTES);
  /** Everything before it has been given away. */
  #at = this.#pool.length;

  /** @returns a view on {@link NONCE_BYTES} bytes that no other call gets; valid until the next call */
  next(): Uint8Array {
    if (this.#at === this.#pool.length) {
      randomFillSync(this.#pool);
      // Only now: had the system no randomness to give, the old bytes would count as used up still.
      this.#at = 0;
    }
    const start = this.#at;
    this.#at = start + NONCE_BYTES;
    return this.#pool.subarray(start, this.#at);
  }
}
