/**
 * The DSSE envelope: who claims to have signed which bytes. Nothing in it is believed yet.
 *
 * @see https://github.com/secure-systems-lab/dsse/blob/master/envelope.md
 * @module
 */
import { decodeBase64, encodeBase64 } from "./base64.ts";
import { type DocumentType, PAYLOAD_MAX_BYTES, payloadTypeOf } from "./document-types.ts";
import { ENVELOPE_MAX_BYTES, SIGNATURES_MAX_COUNT } from "./limits.ts";
import type { KeyId } from "./public-key.ts";
import { type Refused, refused } from "./refusal.ts";
import { isObject, type JsonObject, readStrictJson } from "./strict-json.ts";

export interface ClaimedSignature {
  readonly keyId: KeyId;
  /** 64 bytes. */
  readonly signature: Uint8Array;
}

export interface Envelope {
  readonly type: DocumentType;
  /** As signed; not parsed before its signatures are verified. */
  readonly payload: Uint8Array;
  /** 1 to 16. */
  readonly signatures: readonly ClaimedSignature[];
}

const SIGNATURE_BYTES = 64;
const MEMBERS = ["payloadType", "payload", "signatures"];
/** Four characters for three bytes, the last group padded. */
const base64Length = (bytes: number): number => Math.ceil(bytes / 3) * 4;

/** V1 to V6. Never throws. */
export function readEnvelope(bytes: Uint8Array, type: DocumentType): Envelope | Refused {
  // V1 Length before any parsing.
  if (bytes.length > ENVELOPE_MAX_BYTES) return refused("TOO_LARGE", "V1");
  // V2 UTF-8, V3 strict JSON.
  const json = readStrictJson(bytes);
  if (json.kind === "broken") return refused("MALFORMED", json.step, json.detail);
  if (!hasOnly(json.value, MEMBERS)) return refused("MALFORMED", "V3", "unknown-member");
  // V4 The type that the caller expects.
  if (json.value["payloadType"] !== payloadTypeOf(type)) return refused("WRONG_TYPE", "V4");
  // V5 Payload.
  const payload = readPayload(json.value["payload"], type);
  if (!(payload instanceof Uint8Array)) return payload;
  // V6 Signatures of the right shape.
  const signatures = readSignatures(json.value["signatures"]);
  if (signatures === undefined) return refused("MALFORMED", "V6");
  return { type, payload, signatures };
}

/** One line of JSON, ended by a line feed. */
export function writeEnvelope({ type, payload, signatures }: Envelope): Uint8Array {
  const json = {
    payloadType: payloadTypeOf(type),
    payload: encodeBase64(payload),
    signatures: signatures.map(({ keyId, signature }) => ({
      keyid: keyId,
      sig: encodeBase64(signature),
    })),
  };
  return new TextEncoder().encode(`${JSON.stringify(json)}\n`);
}

function hasOnly(value: JsonObject, members: readonly string[]): boolean {
  return Object.keys(value).every((key) => members.includes(key));
}

function readPayload(value: unknown, type: DocumentType): Uint8Array | Refused {
  if (typeof value !== "string") return refused("MALFORMED", "V5");
  const most = PAYLOAD_MAX_BYTES[type];
  if (value.length > base64Length(most)) return refused("TOO_LARGE", "V5");
  const payload = decodeBase64(value);
  if (payload === undefined) return refused("MALFORMED", "V5", "not-base64");
  return payload.length > most ? refused("TOO_LARGE", "V5") : payload;
}

function readSignatures(value: unknown): ClaimedSignature[] | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  if (value.length > SIGNATURES_MAX_COUNT) return undefined;
  const signatures = value.map(readSignature);
  return signatures.every((signature) => signature !== undefined) ? signatures : undefined;
}

function readSignature(value: unknown): ClaimedSignature | undefined {
  if (!isObject(value) || !hasOnly(value, ["keyid", "sig"])) return undefined;
  const { keyid, sig } = value;
  if (typeof keyid !== "string" || !/^[0-9a-f]{64}$/.test(keyid)) return undefined;
  const signature = typeof sig === "string" ? decodeBase64(sig) : undefined;
  return signature?.length === SIGNATURE_BYTES ? { keyId: keyid, signature } : undefined;
}
