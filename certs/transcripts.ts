/**
 * What is signed when an agent enrols and renews (07 1.5 EN5, 1.6 N3), byte for byte the same at both ends.
 *
 * @module
 */
import { hash } from "node:crypto";

const ENROLL_LABEL = Buffer.from("holdfast-enroll/1", "latin1");
const RENEW_LABEL = Buffer.from("holdfast-renew/1", "latin1");
const CODE_DIGITS = 6;

export interface EnrolmentClaim {
  /** 16 bytes, lower-case hexadecimal. */
  readonly tokenId: string;
  /** The certificate request (PKCS#10), DER. */
  readonly csr: Uint8Array;
  /** The device key's public half: 32 bytes. */
  readonly devicePublicKey: Uint8Array;
}

export interface RenewalClaim {
  readonly tenant: string;
  readonly agent: string;
  /** The generation that the agent holds. */
  readonly generation: number;
  /** 32 bytes, from the receiver. */
  readonly nonce: Uint8Array;
  readonly csr: Uint8Array;
}

/** `"holdfast-enroll/1" ‖ tokenId (16) ‖ SHA-256(CSR) ‖ devicePublicKey (32)`: every part of fixed length. */
export function enrolmentTranscript(claim: EnrolmentClaim): Uint8Array {
  const { tokenId, csr, devicePublicKey } = claim;
  refuseUnless(/^[0-9a-f]{32}$/.test(tokenId) && devicePublicKey.length === 32);
  return Buffer.concat([
    ENROLL_LABEL,
    Buffer.from(tokenId, "hex"),
    hash("sha256", csr, "buffer"),
    devicePublicKey,
  ]);
}

/**
 * What both consoles show (07 EN7): the first 8 bytes of the transcript's SHA-256, as a number, modulo a
 * million.
 *
 * @returns six digits
 */
export function confirmationCode(transcript: Uint8Array): string {
  const number =
    hash("sha256", transcript, "buffer").readBigUInt64BE() % 10n ** BigInt(CODE_DIGITS);
  return String(number).padStart(CODE_DIGITS, "0");
}

/**
 * `"holdfast-renew/1" ‖ u16be length ‖ tenant ‖ u16be length ‖ agent ‖ u64be generation ‖ nonce (32) ‖
 * SHA-256(CSR)`.
 */
export function renewalTranscript(claim: RenewalClaim): Uint8Array {
  const { tenant, agent, generation, nonce, csr } = claim;
  refuseUnless(nonce.length === 32 && Number.isSafeInteger(generation) && generation >= 0);
  const counted = Buffer.alloc(8);
  counted.writeBigUInt64BE(BigInt(generation));
  return Buffer.concat([
    RENEW_LABEL,
    ...prefixed(tenant),
    ...prefixed(agent),
    counted,
    nonce,
    hash("sha256", csr, "buffer"),
  ]);
}

function prefixed(text: string): readonly Uint8Array[] {
  const bytes = Buffer.from(text, "utf8");
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return [length, bytes];
}

/** A caller's mistake: both ends have parsed what they put in. */
function refuseUnless(fits: boolean): void {
  if (!fits) throw new RangeError("Cannot sign for a claim whose parts have other lengths");
}
