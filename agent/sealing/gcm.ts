/**
 * AES-256-GCM (NIST SP 800-38D), the one cipher of this part, with a full tag both ways.
 *
 * Every use of it is here, because it has one trap: without `authTagLength` some versions of the
 * runtime take a tag of 4 bytes, which an attacker guesses in 2^32 tries (08 2.1).
 *
 * @module
 */
import { createCipheriv, createDecipheriv, type KeyObject } from "node:crypto";
import { freeMemory } from "../host/free-memory.ts";

export const NONCE_BYTES = 12;
export const TAG_BYTES = 16;

/**
 * Parts up to this size are gathered before they are encrypted: a call of the cipher costs as much as
 * copying some KiB, and a segment of the store has hundreds of parts (174 µs for 64 KiB; 50 µs so).
 */
const GATHERED_PART_BYTES = 8_192;
/** One shared buffer: encrypting is synchronous and its thread is alone. */
const gathered = Buffer.alloc(8 * GATHERED_PART_BYTES);

const CIPHER = "aes-256-gcm";
const FULL_TAG = { authTagLength: TAG_BYTES } as const;

/** What a ciphertext needs beside itself. A (key, nonce) pair encrypts once, ever. */
export interface GcmContext {
  /** 32 bytes. */
  readonly key: KeyObject;
  /** {@link NONCE_BYTES} long. */
  readonly nonce: Uint8Array;
  /** Authenticated, not encrypted, not stored: whoever opens must know it. */
  readonly aad: Uint8Array;
}

/**
 * Encrypts parts, one behind another, into `target` from `at` on.
 *
 * @param target has room for all parts: the ciphertext is as long as they are
 * @returns the tag, 16 bytes
 */
export function encryptInto(
  target: Uint8Array,
  at: number,
  parts: readonly Uint8Array[],
  { key, nonce, aad }: GcmContext,
): Buffer {
  const cipher = createCipheriv(CIPHER, key, nonce, FULL_TAG);
  cipher.setAAD(aad);
  let end = at;
  let waiting = 0;
  const encrypt = (plaintext: Uint8Array): void => {
    const ciphertext = cipher.update(plaintext);
    target.set(ciphertext, end);
    freeMemory(ciphertext);
    end += plaintext.length;
  };
  for (const part of parts) {
    const gathers = part.length <= GATHERED_PART_BYTES;
    if (waiting > 0 && (!gathers || waiting + part.length > gathered.length)) {
      encrypt(gathered.subarray(0, waiting));
      waiting = 0;
    }
    if (gathers) {
      gathered.set(part, waiting);
      waiting += part.length;
    } else {
      encrypt(part);
    }
  }
  if (waiting > 0) encrypt(gathered.subarray(0, waiting));
  cipher.final();
  return cipher.getAuthTag();
}

/**
 * Decrypts and verifies.
 *
 * @returns the plaintext, or `undefined` where anything about it is not as it was encrypted: key,
 *   nonce, associated data, tag, ciphertext, or the length of the tag
 */
export function decrypt(
  ciphertext: Uint8Array,
  tag: Uint8Array,
  { key, nonce, aad }: GcmContext,
): Buffer | undefined {
  if (tag.length !== TAG_BYTES) return undefined;
  const decipher = createDecipheriv(CIPHER, key, nonce, FULL_TAG);
  decipher.setAAD(aad);
  decipher.setAuthTag(tag);
  const plaintext = decipher.update(ciphertext);
  try {
    decipher.final();
  } catch {
    // The only thing that `final` checks is the tag.
    return undefined;
  }
  return plaintext;
}

/** Associated data: parts, each behind its length as u16BE, so that no two lists of parts give the same bytes. */
export function lengthPrefixed(...parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    parts.flatMap((part) => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(part.length);
      return [length, part];
    }),
  );
}
