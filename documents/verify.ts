/**
 * The kernel: what makes a document believed (07 2.4, V1 to V10).
 *
 * The steps are in order, and the first that fails refuses. Nothing is parsed before its signatures are
 * verified, and what was verified are the very bytes that are parsed.
 *
 * @module
 */
import { createHash, verify } from "node:crypto";
import { type DocumentType, payloadTypeOf } from "./document-types.ts";
import { type Envelope, readEnvelope } from "./envelope.ts";
import { preAuthEncoding } from "./pae.ts";
import { parsePayload } from "./payload.ts";
import { ed25519FromRaw, type KeyId, keyIdOf } from "./public-key.ts";
import { type Refused, refused } from "./refusal.ts";
import type { Role } from "./role.ts";
import type { DocumentOf } from "./schemas.ts";

/** Whom a document must be for. `agent` may be absent only where no document of the type has one. */
export interface Recipient {
  readonly tenant: string;
  readonly agent?: string;
}

export interface Verified<T> {
  readonly kind: "verified";
  readonly document: T;
  /** The bytes that were signed and parsed. */
  readonly payload: Uint8Array;
  /** Hex SHA-256 of `payload`: the name of the document everywhere else. */
  readonly digest: string;
  /** Key ids of the role's keys that signed, each public key once, in order of the envelope. */
  readonly signers: readonly KeyId[];
}

export interface VerifyQuestion<T extends DocumentType> {
  /** The bytes as they came. */
  readonly envelope: Uint8Array;
  readonly type: T;
  readonly role: Role;
  readonly recipient: Recipient;
}

/**
 * Verifies one document.
 *
 * @returns never throws, whatever the bytes are; takes below 100 ms and a small multiple of 2 MB
 */
export function verifyDocument<T extends DocumentType>(
  question: VerifyQuestion<T>,
): Verified<DocumentOf[T]> | Refused {
  const { type, role, recipient } = question;
  // V1 to V6.
  const envelope = readEnvelope(question.envelope, type);
  if ("kind" in envelope) return envelope;
  const { payload } = envelope;
  // V7 Who signed these bytes.
  const signers = signersOf(envelope, role);
  // V8 Distinct public keys of the role.
  if (!isThresholdMet(signers, role))
    return refused("SIGNATURES", "V8", `${signers.length}-signed`);
  // V9 Only now is the payload parsed.
  const parsed = parsePayload(type, payload);
  if (parsed.kind === "refused") return parsed;
  // V10 For this agent.
  if (!isFor(parsed.document, recipient)) return refused("WRONG_RECIPIENT", "V10");
  return {
    kind: "verified",
    document: parsed.document,
    payload,
    digest: digestOf(payload),
    signers,
  };
}

/** Hex SHA-256. */
export function digestOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** V8. A threshold below 1 is met by nobody: it would be met by nothing. */
export function isThresholdMet(signers: readonly KeyId[], { threshold }: Role): boolean {
  return threshold >= 1 && signers.length >= threshold;
}

/**
 * V7: the keys of a role that signed an envelope.
 *
 * @returns each public key once, even if a role has it under two ids
 */
export function signersOf(envelope: Envelope, { keys }: Role): KeyId[] {
  const message = preAuthEncoding(payloadTypeOf(envelope.type), envelope.payload);
  const signers = new Set<KeyId>();
  for (const { keyId, signature } of envelope.signatures) {
    // A `Map` has own entries only: `constructor` is no key. Unknown ids are skipped.
    const raw = keys.get(keyId);
    const key = raw === undefined ? undefined : ed25519FromRaw(raw);
    if (raw === undefined || key === undefined) continue;
    // The id that counts is computed from the key.
    if (verify(null, message, key, signature)) signers.add(keyIdOf(raw));
  }
  return [...signers];
}

function isFor(
  document: { readonly tenant: string; readonly agent?: string },
  recipient: Recipient,
): boolean {
  if (document.tenant !== recipient.tenant) return false;
  return document.agent === undefined || document.agent === recipient.agent;
}
