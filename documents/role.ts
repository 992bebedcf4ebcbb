/** Who may sign: keys, and how many of them (07 2.3). @module */
import type { KeyId } from "./public-key.ts";

export interface Role {
  /** Raw public keys, 32 bytes each. */
  readonly keys: ReadonlyMap<KeyId, Uint8Array>;
  /** Counted in distinct public keys; at least 1. */
  readonly threshold: number;
}
