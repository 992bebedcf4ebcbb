/** Which identity the tunnel shows: asked anew for each dial, for it is renewed while the tunnel lives (07 1.6). @module */
import type { Identity } from "#certs/identity.ts";
import type { RefusalReason } from "./refusal-reasons.ts";

export interface Identities {
  /** For the next dial. */
  identity(): Identity;
  /**
   * A receiver has welcomed it.
   *
   * @param receiverNowMs its clock, ms since 1970
   */
  welcomed(identity: Identity, receiverNowMs: number): void;
  /**
   * A receiver has refused it.
   *
   * @param receiverNowMs its clock, where it said so
   * @returns whether there is another one that is worth a dial at once
   */
  refused(identity: Identity, reason: RefusalReason, receiverNowMs: number | undefined): boolean;
}

/** One identity for good: imported files (`identity` in `local.yaml`). */
export function oneIdentity(identity: Identity): Identities {
  return { identity: () => identity, welcomed: () => {}, refused: () => false };
}
