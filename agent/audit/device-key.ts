/** The device key (07 1.1), as far as the audit needs it: it signs heads, marks and cuts. @module */
import { type KeyObject, sign, verify } from "node:crypto";
import { ed25519FromRaw, rawOf } from "#documents/public-key.ts";

/** An Ed25519 key pair, wherever its private half is kept. */
export interface DeviceKey {
  /** The public half, 32 bytes. */
  readonly raw: Uint8Array;
  /** @returns 64 bytes (RFC 8032) */
  sign(bytes: Uint8Array): Uint8Array;
  verify(bytes: Uint8Array, signature: Uint8Array): boolean;
}

/** @param key the private key */
export function deviceKeyOf(key: KeyObject): DeviceKey {
  const raw = rawOf(key);
  return {
    raw,
    sign: (bytes) => new Uint8Array(sign(null, bytes, key)),
    verify: (bytes, signature) => isSignedBy(raw, bytes, signature),
  };
}

/** Whether the key of these 32 bytes has signed. Never throws. */
export function isSignedBy(raw: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
  const key = ed25519FromRaw(raw);
  return key !== undefined && verify(null, bytes, key, signature);
}
