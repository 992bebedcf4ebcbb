/** Ed25519 keys as the 32 bytes that tokens and requests carry (RFC 8032). @module */
import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";

export const ED25519_BYTES = 32;
export const ED25519_SIGNATURE_BYTES = 64;

/** RFC 8410: what stands before the 32 bytes in PKCS#8 and in SPKI. */
const PKCS8_HEAD = Buffer.from("302e020100300506032b657004220420", "hex");
const SPKI_HEAD = Buffer.from("302a300506032b6570032100", "hex");

/** @param seed 32 bytes @throws {RangeError} if it is of another length */
export function ed25519OfSeed(seed: Uint8Array): KeyObject {
  refuseLength(seed);
  const key = Buffer.concat([PKCS8_HEAD, seed]);
  return createPrivateKey({ key, format: "der", type: "pkcs8" });
}

/** @param raw 32 bytes; whether they are a point is found when a signature is verified @throws {RangeError} if it is of another length */
export function ed25519OfRaw(raw: Uint8Array): KeyObject {
  refuseLength(raw);
  const key = Buffer.concat([SPKI_HEAD, raw]);
  return createPublicKey({ key, format: "der", type: "spki" });
}

/** The 32 bytes of the public key that belongs to `key`, public or private. */
export function ed25519Raw(key: KeyObject): Uint8Array {
  const whole = key.type === "private" ? createPublicKey(key) : key;
  const spki = whole.export({ format: "der", type: "spki" });
  return new Uint8Array(spki.subarray(SPKI_HEAD.length));
}

function refuseLength({ length }: Uint8Array): void {
  if (length !== ED25519_BYTES) throw new RangeError(`Cannot make a key of ${length} bytes`);
}
