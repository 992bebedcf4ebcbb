/**
 * Seals what the store holds of messages, and opens it again (08 2.1).
 *
 * An envelope is `0x01 ‖ key epoch u32 ‖ nonce 12 ‖ tag 16 ‖ ciphertext`, big endian.
 *
 * @module
 */
import { createHmac } from "node:crypto";
import { decrypt, encryptInto, NONCE_BYTES, TAG_BYTES } from "./gcm.ts";
import type { KeyRing } from "./key-ring.ts";
import { NoncePool } from "./nonce-pool.ts";
import { PlaceData, type SealPlace } from "./seal-place.ts";

const VERSION = 1;
const NONCE_AT = 5;
const TAG_AT = NONCE_AT + NONCE_BYTES;

/** An envelope is so much longer than what it holds. */
export const SEAL_OVERHEAD_BYTES = TAG_AT + TAG_BYTES;

/** So much of a token is kept: enough that no two values of a store meet by chance. */
const TOKEN_BYTES = 16;

/** One store's. Not for several threads: it shares buffers between its calls. */
export class Sealer {
  readonly #keys: KeyRing;
  readonly #places: PlaceData;
  readonly #nonces = new NoncePool();

  /** @param storeId 16 bytes: what is sealed for one store does not open in another */
  constructor(keys: KeyRing, storeId: Uint8Array) {
    this.#keys = keys;
    this.#places = new PlaceData(storeId);
  }

  /**
   * Seals parts, one behind another, as one value.
   *
   * @param parts are read, not kept
   * @param place where the envelope will be stored; it opens nowhere else
   * @returns an envelope, {@link SEAL_OVERHEAD_BYTES} longer than all parts. Its key is on disk, flushed
   * @throws the operating system's error, untranslated, where a new key was due and could not be
   *   written; then nothing is sealed
   */
  seal(parts: readonly Uint8Array[], place: SealPlace): Buffer {
    let bytes = SEAL_OVERHEAD_BYTES;
    for (const part of parts) bytes += part.length;
    // Counted whole, so that a key's bytes bound its seals as well: 1 GiB is far below 2^32 of them.
    const { epoch, key } = this.#keys.use(bytes);
    const nonce = this.#nonces.next();
    const envelope = Buffer.allocUnsafe(bytes);
    envelope[0] = VERSION;
    envelope.writeUInt32BE(epoch, 1);
    envelope.set(nonce, NONCE_AT);
    const aad = this.#places.of(place);
    const tag = encryptInto(envelope, SEAL_OVERHEAD_BYTES, parts, { key, nonce, aad });
    envelope.set(tag, TAG_AT);
    return envelope;
  }

  /**
   * @param place where the envelope was found
   * @returns what was sealed; `undefined` if it does not open: altered, moved, of another store, its key
   *   deleted, or no envelope. Never throws for what `envelope` holds
   */
  open(envelope: Uint8Array, place: SealPlace): Buffer | undefined {
    // One flipped bit in a row's header makes a text, a number or nothing of a blob.
    if (!(envelope instanceof Uint8Array)) return undefined;
    const key = this.#keys.keyOf(Sealer.keyEpochOf(envelope));
    if (key === undefined) return undefined;
    const nonce = envelope.subarray(NONCE_AT, TAG_AT);
    const tag = envelope.subarray(TAG_AT, SEAL_OVERHEAD_BYTES);
    const aad = this.#places.of(place);
    return decrypt(envelope.subarray(SEAL_OVERHEAD_BYTES), tag, { key, nonce, aad });
  }

  /**
   * Stands for a value where the store looks for it: equal for equal values, and meaningless without the
   * index key, which differs between stores. A bare digest would let anyone confirm a guess (08 2.1).
   *
   * @param kind 1: a control id · 2: the SHA-256 of a body · 3: what a file holds · 4: which file it is
   * @returns the first 16 bytes of HMAC-SHA-256 (RFC 2104) over the kind as one byte and `value`
   */
  token(kind: TokenKind, value: Uint8Array): Buffer {
    const hmac = createHmac("sha256", this.#keys.indexKey);
    return hmac.update(KIND_BYTES[kind]).update(value).digest().subarray(0, TOKEN_BYTES);
  }

  /** The key epoch that an envelope names, from 1; 0 if it is no envelope. Nothing is verified. */
  static keyEpochOf(envelope: Uint8Array): number {
    if (envelope.length < SEAL_OVERHEAD_BYTES || envelope[0] !== VERSION) return 0;
    const [, a = 0, b = 0, c = 0, d = 0] = envelope;
    return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
  }
}

const KIND_BYTES = {
  1: Uint8Array.of(1),
  2: Uint8Array.of(2),
  3: Uint8Array.of(3),
  4: Uint8Array.of(4),
} as const;
export type TokenKind = keyof typeof KIND_BYTES;
