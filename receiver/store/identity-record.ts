/**
 * What the receiver knows of an agent's identity beside its name and current serial (07 1.4 to 1.7). Both
 * stores keep it as JSON in the agent's row; a change is written only over the revision that was read, so
 * that what is decided outside of a store is decided once, however many ask at once.
 *
 * @module
 */
import { z } from "zod";

const HEX_16 = z.string().regex(/^[0-9a-f]{32}$/);
const HEX_32 = z.string().regex(/^[0-9a-f]{64}$/);
const SERIAL = z.string().regex(/^[0-9a-f]{1,40}$/);

/** What was issued for a request: the same request is answered with the same certificate. */
const ISSUED = z.strictObject({
  csrSha256Hex: HEX_32,
  /** PEM, the agent's own first. */
  certificatePem: z.string(),
});

const TOKEN = z.strictObject({
  idHex: HEX_16,
  /** Of the pair that its seed makes, raw Ed25519. The seed is nowhere here (07 1.4). */
  publicKeyHex: HEX_32,
  expiresMs: z.int(),
  /** Bad signatures so far. */
  failedTries: z.int().min(0),
  /** Who has claimed it: nobody else may (EN6). */
  claim: z
    .strictObject({
      csrSha256Hex: HEX_32,
      deviceKeyHex: HEX_32,
      /** What both consoles show (EN7). */
      code: z.string().regex(/^\d{6}$/),
      atMs: z.int(),
    })
    .nullable(),
  /** A person has compared the code (EN7). */
  confirmedAtMs: z.int().nullable(),
  issued: ISSUED.nullable(),
});

const IDENTITY = z.strictObject({
  /** Raw Ed25519; null for an agent that never enrolled. */
  deviceKeyHex: HEX_32.nullable(),
  /** Of the certificate that was issued last and not seen yet (N7). */
  nextSerialHex: SERIAL.nullable(),
  /** Counts renewals (1.7). */
  generation: z.int().min(0),
  /** The last renewal, and the generation that it was asked with (N4). */
  renewed: ISSUED.extend({ generation: z.int().min(0) }).nullable(),
  /** Renewals with an expired certificate. */
  recoveryCount: z.int().min(0),
  /** Those that may be used for a renewal (N2), each with the certificate that asked for it. */
  nonces: z.array(z.strictObject({ serialHex: SERIAL, hex: HEX_32, expiresMs: z.int() })).max(3),
  token: TOKEN.nullable(),
});

export type Identity = z.infer<typeof IDENTITY>;
export type EnrolmentState = z.infer<typeof TOKEN>;

export const NO_IDENTITY: Identity = {
  deviceKeyHex: null,
  nextSerialHex: null,
  generation: 0,
  renewed: null,
  recoveryCount: 0,
  nonces: [],
  token: null,
};

/** @param text what {@link identityText} made, or null @throws if it is not that: the store is damaged */
export function identityOf(text: string | null): Identity {
  return text === null ? NO_IDENTITY : IDENTITY.parse(JSON.parse(text));
}

export function identityText(identity: Identity): string {
  return JSON.stringify(identity);
}
