/** Making envelopes: several people sign one file in turn, in any order (07 2.3). @module */
import { type KeyObject, sign, verify } from "node:crypto";
import { type DocumentType, PAYLOAD_MAX_BYTES, payloadTypeOf } from "./document-types.ts";
import { type Envelope, writeEnvelope } from "./envelope.ts";
import { SIGNATURES_MAX_COUNT } from "./limits.ts";
import { preAuthEncoding } from "./pae.ts";
import { parsePayload } from "./payload.ts";
import { ed25519FromRaw, keyIdOf, rawOf } from "./public-key.ts";

/**
 * Makes a document.
 *
 * @param payload written as JSON and signed as those bytes; must fit the schema of its type
 * @param keys Ed25519 private keys, 1 to 16
 * @returns the bytes of the envelope
 * @throws {RangeError} for a payload that no one would accept; the error names the field
 */
export function signDocument(
  type: DocumentType,
  payload: object,
  keys: readonly KeyObject[],
): Uint8Array {
  const unsigned = { type, payload: encodePayload(type, payload), signatures: [] };
  return writeEnvelope(keys.reduce(withSignature, unsigned));
}

/**
 * The bytes that are signed.
 *
 * @throws {RangeError} for a payload that does not fit its type
 */
export function encodePayload(type: DocumentType, payload: object): Uint8Array {
  const bytes = new TextEncoder().encode(JSON.stringify(payload));
  if (bytes.length > PAYLOAD_MAX_BYTES[type]) {
    throw new RangeError(`Cannot sign ${bytes.length} bytes as ${type}`);
  }
  const parsed = parsePayload(type, bytes);
  if (parsed.kind === "refused") throw new RangeError(`Cannot sign as ${type}: ${parsed.detail}`);
  return bytes;
}

/** What a signature of an envelope is over: for keys that sign elsewhere, such as in hardware. */
export function bytesToSign({ type, payload }: Pick<Envelope, "type" | "payload">): Uint8Array {
  return preAuthEncoding(payloadTypeOf(type), payload);
}

/** Signs with one more key. A signature of the same key is replaced. @throws {RangeError} beyond 16 */
export function withSignature(envelope: Envelope, key: KeyObject): Envelope {
  return withAttached(envelope, rawOf(key), sign(null, bytesToSign(envelope), key));
}

/**
 * Attaches a signature that was made elsewhere.
 *
 * @param raw the public key whose private half signed {@link bytesToSign}
 * @throws {RangeError} if the signature is not of this key over these bytes
 */
export function withAttached(envelope: Envelope, raw: Uint8Array, signature: Uint8Array): Envelope {
  const key = ed25519FromRaw(raw);
  if (key === undefined || !verify(null, bytesToSign(envelope), key, signature)) {
    throw new RangeError("Cannot attach a signature that is not of this key over these bytes");
  }
  const keyId = keyIdOf(raw);
  const others = envelope.signatures.filter((other) => other.keyId !== keyId);
  if (others.length >= SIGNATURES_MAX_COUNT) throw new RangeError("Cannot attach a 17th signature");
  const own = { keyId, signature: new Uint8Array(signature) };
  return { ...envelope, signatures: [...others, own] };
}
