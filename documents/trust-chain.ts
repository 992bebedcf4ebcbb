/**
 * From one trust document to the next (07 2.4 VT1 to VT6, 2.6). Pure: VT7, the transaction, is the caller's.
 *
 * @module
 */
import { readEnvelope } from "./envelope.ts";
import { parsePayload } from "./payload.ts";
import { type Refused, refused } from "./refusal.ts";
import type { Role } from "./role.ts";
import { checkTrust, roleOf } from "./trust-rules.ts";
import type { TrustDocument } from "./types/trust.ts";
import { isThresholdMet, signersOf, verifyDocument } from "./verify.ts";

export interface TrustStep {
  /** The document in force; undefined before the first. */
  readonly stored: TrustDocument | undefined;
  /** Compiled in; used for the first document only. */
  readonly anchor: Role;
  readonly envelope: Uint8Array;
  readonly tenant: string;
  /** Raw keys that no trust document may name: the hospital's, and the device key. */
  readonly forbiddenKeys: readonly Uint8Array[];
}

export interface AcceptedTrust {
  readonly kind: "accepted";
  readonly document: TrustDocument;
  /** Hex SHA-256 of the payload. */
  readonly digest: string;
  readonly payload: Uint8Array;
  /** VT6: the epoch is higher than before (or the first), so `seqHigh` begins again at 0. */
  readonly startsEpoch: boolean;
}

/** VT1 to VT6. The clock is not asked: withdrawing a stolen key must not depend on it. */
export function acceptTrust(step: TrustStep): AcceptedTrust | Refused {
  const { stored, envelope, forbiddenKeys } = step;
  // VT1 The old role, or the anchor, has signed it.
  const role = stored === undefined ? step.anchor : roleOf(stored, "trust");
  const recipient = { tenant: step.tenant };
  const verified = verifyDocument({ envelope, type: "trust", role, recipient });
  if (verified.kind === "refused") return verified;
  const { document: claims, digest, payload } = verified;
  // VT2 No step is skipped or repeated.
  if (stored !== undefined && claims.version !== stored.version + 1) {
    return refused("ROLLBACK", "VT2", `version-${claims.version}-after-${stored.version}`);
  }
  // VT3 Keys, VT4 roles.
  const document = checkTrust(claims, forbiddenKeys);
  if ("kind" in document) return document;
  // VT5 The new role has signed it, too: who loses a key cannot be locked out by it.
  if (!isSignedByItself(envelope, document)) return refused("SIGNATURES", "VT5");
  // VT6 Epochs only rise.
  const { configEpoch } = document;
  if (stored !== undefined && configEpoch < stored.configEpoch) {
    return refused("ROLLBACK", "VT6", `epoch-${configEpoch}-after-${stored.configEpoch}`);
  }
  const startsEpoch = stored === undefined || configEpoch > stored.configEpoch;
  return { kind: "accepted", document, digest, payload, startsEpoch };
}

function isSignedByItself(bytes: Uint8Array, document: TrustDocument): boolean {
  const envelope = readEnvelope(bytes, "trust");
  const role = roleOf(document, "trust");
  return !("kind" in envelope) && isThresholdMet(signersOf(envelope, role), role);
}

/** Where a chain broke off: the documents before `index` are good. */
export interface BrokenChain {
  readonly kind: "broken";
  /** From 0. */
  readonly index: number;
  readonly refused: Refused;
  readonly accepted: readonly AcceptedTrust[];
}

export interface WholeChain {
  readonly kind: "whole";
  readonly accepted: readonly AcceptedTrust[];
}

/**
 * Several steps in order, however many (07 2.6, 2.13).
 *
 * At the beginning, documents that are not newer than the stored one are passed over, without effect: a stick
 * carries a chain from its beginning, whatever the agent has of it already.
 *
 * @param start without the envelope; `stored` is what the first step goes on from
 */
export function acceptTrustChain(
  start: Omit<TrustStep, "envelope">,
  envelopes: readonly Uint8Array[],
): WholeChain | BrokenChain {
  const accepted: AcceptedTrust[] = [];
  for (const [index, envelope] of envelopes.entries()) {
    if (accepted.length === 0 && isPassedOver(envelope, start.stored)) continue;
    const stored = accepted.at(-1)?.document ?? start.stored;
    const step = acceptTrust({ ...start, stored, envelope });
    if (step.kind === "refused") return { kind: "broken", index, refused: step, accepted };
    accepted.push(step);
  }
  return { kind: "whole", accepted };
}

/** By what it says itself: whoever lies there is only not heard. */
function isPassedOver(bytes: Uint8Array, stored: TrustDocument | undefined): boolean {
  const envelope = readEnvelope(bytes, "trust");
  if (stored === undefined || "kind" in envelope) return false;
  const parsed = parsePayload("trust", envelope.payload);
  return parsed.kind === "parsed" && parsed.document.version <= stored.version;
}

/**
 * Reads a trust document back that was accepted before.
 *
 * @param payload the bytes of {@link AcceptedTrust.payload}; signatures are not asked again
 */
export function readAcceptedTrust(payload: Uint8Array): TrustDocument | Refused {
  const parsed = parsePayload("trust", payload);
  return parsed.kind === "refused" ? parsed : checkTrust(parsed.document, []);
}
