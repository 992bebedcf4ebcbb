/** Ed25519 public keys as 32 bytes, and the names by which documents call them (07 2.1). @module */
import { createHash, createPublicKey, type KeyObject } from "node:crypto";
import { isUnusablePoint } from "./small-order.ts";

/** Lower-case hex SHA-256 of the 32 raw bytes of a public key. */
export type KeyId = string;

/** DER of SubjectPublicKeyInfo for Ed25519, up to the key itself (RFC 8410 section 4). */
const SPKI_PREFIX = Buffer.from("302a300506032b6570032100", "hex");
const KEY_BYTES = 32;

export function keyIdOf(raw: Uint8Array): KeyId {
  return createHash("sha256").update(raw).digest("hex");
}

/**
 * @param raw as RFC 8032 5.1.5 encodes it
 * @returns undefined for a wrong length, a point of small order, or an encoding that is not canonical
 */
export function ed25519FromRaw(raw: Uint8Array): KeyObject | undefined {
  if (raw.length !== KEY_BYTES || isUnusablePoint(raw)) return undefined;
  try {
    const der = Buffer.concat([SPKI_PREFIX, raw]);
    return createPublicKey({ key: der, format: "der", type: "spki" });
  } catch {
    return undefined;
  }
}

/**
 * @param key an Ed25519 key, public or private
 * @throws {TypeError} for any other key
 */
export function rawOf(key: KeyObject): Uint8Array {
  if (key.asymmetricKeyType !== "ed25519")
    throw new TypeError("Cannot use a key that is no Ed25519 key");
  const publicKey = key.type === "private" ? createPublicKey(key) : key;
  const der = publicKey.export({ format: "der", type: "spki" });
  return new Uint8Array(der.subarray(SPKI_PREFIX.length));
}

/** Whether two keys are the same bytes. Public keys are no secret: time does not matter. */
export function isSameKey(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
