/** Ed25519 over a transcript, and digests as the register keeps them. @module */
import { createHash, verify } from "node:crypto";
import { ed25519FromRaw } from "#documents/public-key.ts";

/** @param raw public key; one of small order has signed nothing */
export function isSignedBy(
  raw: Uint8Array,
  { transcript, signature }: { readonly transcript: Uint8Array; readonly signature: Uint8Array },
): boolean {
  const key = ed25519FromRaw(raw);
  return key !== undefined && verify(null, transcript, key, signature);
}

export function sha256Hex(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
