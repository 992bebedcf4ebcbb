/**
 * A secret in a file of its own, sealed under the key-encryption key (KEK): the identity's private keys
 * (07 1.1, 08 2.2).
 *
 * ```
 *  0 magic "HOLDSEC" and version 1     8      16 nonce          12
 *  8 id of the KEK                     8      28 tag            16
 *                                             44 ciphertext
 * ```
 *
 * @module
 */
import { createSecretKey, randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { AgentError } from "../errors.ts";
import { replaceFile } from "../host/atomic-file.ts";
import { decrypt, encryptInto, type GcmContext, lengthPrefixed, NONCE_BYTES } from "./gcm.ts";
import { kekId } from "./key-file.ts";
import type { Kek } from "./key-ring.ts";

const MAGIC = Buffer.from("HOLDSEC\x01", "latin1");
const LABEL = Buffer.from("holdfast-secret/1");
const KEK_ID_AT = 8;
const NONCE_AT = 16;
const TAG_AT = NONCE_AT + NONCE_BYTES;
const SECRET_AT = 44;

export const SECRET_MODE = 0o400;

/** What a file turned out to be. */
export type OpenedSecret =
  | { readonly outcome: "opened"; readonly secret: Buffer }
  /** It names a KEK that is not among those given. */
  | { readonly outcome: "otherKek" }
  /** It is no sealed secret, one of another place, or altered. */
  | { readonly outcome: "damaged" };

export const keksOf = ({ current, previous }: Kek): readonly Uint8Array[] =>
  previous === undefined ? [current] : [current, previous];

/**
 * @param kek 32 bytes
 * @param place where the file is: it opens nowhere else
 * @returns the content of the file
 */
export function sealSecret(secret: Uint8Array, kek: Uint8Array, place: string): Buffer {
  const file = Buffer.alloc(SECRET_AT + secret.length);
  file.set(MAGIC, 0);
  file.set(kekId(kek), KEK_ID_AT);
  file.set(randomBytes(NONCE_BYTES), NONCE_AT);
  file.set(encryptInto(file, SECRET_AT, [secret], contextOf(file, kek, place)), TAG_AT);
  return file;
}

/** @param keks each is tried: the id in the file only tells whether one is missing or it is damaged */
export function openSecret(
  file: Uint8Array,
  keks: readonly Uint8Array[],
  place: string,
): OpenedSecret {
  const bytes = Buffer.from(file);
  const fits = bytes.length > SECRET_AT && bytes.subarray(0, MAGIC.length).equals(MAGIC);
  if (!fits) return { outcome: "damaged" };
  const tag = bytes.subarray(TAG_AT, SECRET_AT);
  for (const kek of keks) {
    const secret = decrypt(bytes.subarray(SECRET_AT), tag, contextOf(bytes, kek, place));
    if (secret !== undefined) return { outcome: "opened", secret };
  }
  const named = bytes.subarray(KEK_ID_AT, NONCE_AT);
  return { outcome: keks.some((kek) => named.equals(kekId(kek))) ? "damaged" : "otherKek" };
}

/**
 * Seals every secret below a folder under another KEK, one a step; interrupted anywhere, each opens with
 * one of the two (08 2.3). A folder that does not exist holds none.
 *
 * @param folder has folders, and these `*.key` files; a secret's place is `FOLDER/FILE`
 * @throws {AgentError} `KEK_WRONG`, `IDENTITY_DAMAGED` if one does not open: the old KEK must then stay
 * @throws the operating system's error, untranslated
 */
export function* resealSecrets(folder: string, kek: Kek): Generator<void> {
  for (const place of placesIn(folder)) {
    const file = join(folder, place);
    const secret = opened(readFileSync(file), keksOf(kek), place);
    replaceFile(file, sealSecret(secret, kek.current, place), SECRET_MODE);
    secret.fill(0);
    yield;
  }
  // Whoever calls destroys the old KEK now: what came meanwhile is found here.
  for (const place of placesIn(folder)) {
    opened(readFileSync(join(folder, place)), [kek.current], place).fill(0);
  }
}

/** @throws {AgentError} `KEK_WRONG`, `IDENTITY_DAMAGED` */
export function opened(file: Uint8Array, keks: readonly Uint8Array[], place: string): Buffer {
  const result = openSecret(file, keks, place);
  if (result.outcome === "opened") return result.secret;
  throw new AgentError(result.outcome === "otherKek" ? "KEK_WRONG" : "IDENTITY_DAMAGED", {});
}

function placesIn(folder: string): string[] {
  return entries(folder)
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) =>
      entries(join(folder, name))
        .filter((file) => file.isFile() && file.name.endsWith(".key"))
        .map((file) => `${name}/${file.name}`),
    );
}

function entries(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

function contextOf(file: Buffer, kek: Uint8Array, place: string): GcmContext {
  return {
    key: createSecretKey(kek),
    nonce: file.subarray(NONCE_AT, TAG_AT),
    aad: lengthPrefixed(LABEL, Buffer.from(place, "utf8"), file.subarray(KEK_ID_AT, NONCE_AT)),
  };
}
