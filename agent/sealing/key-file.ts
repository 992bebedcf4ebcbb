/**
 * One key in one file, wrapped by the key-encryption key (KEK; 08 2.2).
 *
 * Key files are files and never rows: a deleted row lives on in the log and in free pages, and deleting
 * a key is how messages are shredded.
 *
 * ```
 *  0 magic "HOLDKEY" and version 1     8      28 nonce          12
 *  8 id of the KEK                     8      40 tag            16
 * 16 key epoch u32; 0 the index key    4      56 wrapped key    32
 * 20 made at, ms since 1970, u64       8      88 end
 * ```
 *
 * @module
 */
import { createSecretKey, hash, type KeyObject, randomBytes } from "node:crypto";
import { decrypt, encryptInto, type GcmContext, lengthPrefixed, NONCE_BYTES } from "./gcm.ts";

export const KEY_BYTES = 32;
/** The epoch under which the index key is wrapped; data keys count from 1. */
export const INDEX_KEY_EPOCH = 0;

const MAGIC = Buffer.from("HOLDKEY\x01", "latin1");
const LABEL = Buffer.from("holdfast-key/1");
const KEK_LABEL = Buffer.from("holdfast-kek-id/1");
const KEK_ID_AT = 8;
const KEK_ID_BYTES = 8;
const KEY_EPOCH_AT = 16;
const MADE_AT = 20;
const NONCE_AT = 28;
const TAG_AT = NONCE_AT + NONCE_BYTES;
const KEY_AT = 56;
const FILE_BYTES = KEY_AT + KEY_BYTES;

/** A key of the store, as it is while the program runs. */
export interface StoreKey {
  readonly key: KeyObject;
  readonly epoch: number;
  readonly madeAtMs: number;
}

/** What a key file turned out to be. */
export type UnwrapResult =
  | { readonly outcome: "opened"; readonly key: StoreKey }
  /** It names a KEK that is not among those given, and none of those opens it. */
  | { readonly outcome: "otherKek" }
  /** It is no key file, of another store or epoch, or altered. */
  | { readonly outcome: "damaged" };

/**
 * @param kek 32 bytes
 * @param storeId 16 bytes: the file opens for no other store
 * @returns the content of the key's file
 */
export function wrapKey(
  { key, epoch, madeAtMs }: StoreKey,
  kek: Uint8Array,
  storeId: Uint8Array,
): Buffer {
  const file = Buffer.alloc(FILE_BYTES);
  file.set(MAGIC, 0);
  file.set(kekId(kek), KEK_ID_AT);
  file.writeUInt32BE(epoch, KEY_EPOCH_AT);
  file.writeBigUInt64BE(BigInt(madeAtMs), MADE_AT);
  file.set(randomBytes(NONCE_BYTES), NONCE_AT);
  const plain = key.export();
  file.set(encryptInto(file, KEY_AT, [plain], contextOf(file, kek, storeId)), TAG_AT);
  plain.fill(0);
  return file;
}

/**
 * @param epoch which key the file's name says it holds
 * @param keks each is tried: the id in the file only tells, where none fits, whether a KEK is missing
 *   or the file is damaged
 */
export function unwrapKey(
  file: Uint8Array,
  epoch: number,
  keks: readonly Uint8Array[],
  storeId: Uint8Array,
): UnwrapResult {
  const bytes = Buffer.from(file);
  const fits = bytes.length === FILE_BYTES && bytes.subarray(0, MAGIC.length).equals(MAGIC);
  if (!fits || bytes.readUInt32BE(KEY_EPOCH_AT) !== epoch) return { outcome: "damaged" };
  const madeAtMs = Number(bytes.readBigUInt64BE(MADE_AT));
  for (const kek of keks) {
    const tag = bytes.subarray(TAG_AT, KEY_AT);
    const plain = decrypt(bytes.subarray(KEY_AT), tag, contextOf(bytes, kek, storeId));
    if (plain === undefined) continue;
    const key = createSecretKey(plain);
    plain.fill(0);
    return { outcome: "opened", key: { key, epoch, madeAtMs } };
  }
  const named = bytes.subarray(KEK_ID_AT, KEY_EPOCH_AT);
  return { outcome: keks.some((kek) => named.equals(kekId(kek))) ? "damaged" : "otherKek" };
}

/** Tells KEKs apart without telling anything of them: they are random. */
export function kekId(kek: Uint8Array): Buffer {
  return hash("sha256", Buffer.concat([KEK_LABEL, kek]), "buffer").subarray(0, KEK_ID_BYTES);
}

function contextOf(file: Buffer, kek: Uint8Array, storeId: Uint8Array): GcmContext {
  return {
    key: createSecretKey(kek),
    nonce: file.subarray(NONCE_AT, TAG_AT),
    aad: lengthPrefixed(LABEL, storeId, file.subarray(KEY_EPOCH_AT, NONCE_AT)),
  };
}
