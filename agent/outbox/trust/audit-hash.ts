/** How entries of the audit hang together (08 6). @module */
import { createHash } from "node:crypto";

/** SHA-256(prev ‖ bytes), 32 bytes. */
export function chainHash(prev: Uint8Array, bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(prev).update(bytes).digest());
}
