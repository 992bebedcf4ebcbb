/**
 * Key files, read from their description alone, for the oracle.
 *
 * ```
 *  0 "HOLDKEY" 0x01 · 8 id of the KEK · 16 key epoch u32, 0 the index key · 20 made at u64
 * 28 nonce 12 · 40 tag 16 · 56 wrapped key 32                AAD: "holdfast-key/1" · store id · bytes 16 to 27
 * ```
 *
 * @module
 */
import { createDecipheriv } from "node:crypto";

const MAGIC = "HOLDKEY\x01";
const FILE_BYTES = 88;

/** @returns the key, or `undefined` if the file is none of this store, epoch and KEK */
export function unwrapKey(
  file: Buffer,
  kek: Uint8Array,
  storeId: Uint8Array,
  epoch: number,
): Buffer | undefined {
  const begins = file.subarray(0, MAGIC.length).toString("latin1") === MAGIC;
  if (file.length !== FILE_BYTES || !begins || file.readUInt32BE(16) !== epoch) return undefined;
  const nonce = file.subarray(28, 40);
  const decipher = createDecipheriv("aes-256-gcm", kek, nonce, { authTagLength: 16 });
  decipher.setAuthTag(file.subarray(40, 56));
  decipher.setAAD(prefixed([Buffer.from("holdfast-key/1"), storeId, file.subarray(16, 28)]));
  const key = decipher.update(file.subarray(56));
  try {
    decipher.final();
  } catch {
    return undefined;
  }
  return key;
}

/** Each part behind its length as u16, big endian. */
export function prefixed(parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    parts.flatMap((part) => [Buffer.of(part.length >> 8, part.length & 0xff), part]),
  );
}
