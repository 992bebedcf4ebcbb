/**
 * The bodies of enrolment and renewal (07 1.5, 1.6): JSON over HTTPS on the receiver's port, read strictly at
 * both ends.
 *
 * ```
 * POST /v1/enroll        enrollRequest   200 enrollAnswer · 202 waitingAnswer · 4xx refusalAnswer
 * POST /v1/renew/nonce   {}              200 nonceAnswer  · 401 by the gate
 * POST /v1/renew         renewRequest    200 renewAnswer  · 401 with Holdfast-Reason
 * ```
 *
 * @module
 */
import { z } from "zod";
import { ED25519_BYTES, ED25519_SIGNATURE_BYTES } from "./ed25519.ts";

export const ENROLL_PATH = "/v1/enroll";
export const RENEW_NONCE_PATH = "/v1/renew/nonce";
export const RENEW_PATH = "/v1/renew";

/** Of a request. */
export const REQUEST_MAX_BYTES = 65_536;
/** Of an answer: a certificate, and a trust chain of documents of 64 KiB each. */
export const ANSWER_MAX_BYTES = 4_194_304;
/** A request for a P-256 key has 200 bytes. */
export const CSR_MAX_BYTES = 8_192;
/** 07 EN7: how often the agent asks again until a person has confirmed. */
export const POLL_MS = 5_000;
/** 07 N2. */
export const NONCE_BYTES = 32;
export const NONCE_LIFETIME_MS = 300_000;
/** Of the identity that enrolment gives; each renewal adds 1. */
export const FIRST_GENERATION = 1;

export const REASON_HEADER = "holdfast-reason";
export const TIME_HEADER = "holdfast-time";

/** Why an enrolment is refused (07 1.5). */
export const ENROLL_REFUSALS = [
  "TOKEN_UNKNOWN",
  "TOKEN_USED",
  "TOKEN_EXPIRED",
  "TOKEN_LOCKED",
  "SIGNATURE",
  "CSR_REFUSED",
  "RATE",
] as const;
export type EnrollRefusal = (typeof ENROLL_REFUSALS)[number];

/** Why a renewal is refused, beside the reasons of the gate (07 1.6). */
export const RENEW_REFUSALS = ["RECOVERY_REFUSED", "SIGNATURE", "NONCE", "CSR_REFUSED"] as const;
export type RenewRefusal = (typeof RENEW_REFUSALS)[number];

/** Standard base64 that comes out the same again: no second text for the same bytes. */
const base64 = (least: number, most = least): z.ZodString =>
  z.string().refine((text) => {
    if (text.length > 4 * Math.ceil(most / 3)) return false;
    const bytes = Buffer.from(text, "base64");
    return bytes.length >= least && bytes.length <= most && bytes.toString("base64") === text;
  });

const time = z
  .string()
  .max(40)
  .refine((text) => /^\d{4}-\d{2}-\d{2}T/.test(text) && !Number.isNaN(Date.parse(text)));

/** PEM, the agent's own first. */
const certificate = z.string().max(65_536).startsWith("-----BEGIN CERTIFICATE-----\n");
const generation = z.int().min(0);

export const enrollRequest = z.strictObject({
  tokenId: z.string().regex(/^[0-9a-f]{32}$/),
  csr: base64(1, CSR_MAX_BYTES),
  deviceKey: base64(ED25519_BYTES),
  tokenSignature: base64(ED25519_SIGNATURE_BYTES),
  deviceSignature: base64(ED25519_SIGNATURE_BYTES),
});
export type EnrollRequest = z.infer<typeof enrollRequest>;

export const waitingAnswer = z.strictObject({ state: z.literal("waiting"), serverTime: time });

export const enrollAnswer = z.strictObject({
  certificate,
  /** Envelopes, oldest first; each is verified by its reader. */
  trustChain: z.array(z.record(z.string(), z.unknown())).max(1_000),
  serverTime: time,
});
export type EnrollAnswer = z.infer<typeof enrollAnswer>;

export const refusalAnswer = z.strictObject({ reason: z.string().max(64) });

export const nonceAnswer = z.strictObject({
  nonce: z.string().regex(/^[0-9a-f]{64}$/),
  serverTime: time,
});

export const renewRequest = z.strictObject({
  csr: base64(1, CSR_MAX_BYTES),
  generation,
  nonce: z.string().regex(/^[0-9a-f]{64}$/),
  signature: base64(ED25519_SIGNATURE_BYTES),
});
export type RenewRequest = z.infer<typeof renewRequest>;

export const renewAnswer = z.strictObject({ certificate, generation, serverTime: time });
export type RenewAnswer = z.infer<typeof renewAnswer>;

/** @param text of a field that one of these schemas has checked */
export const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "base64"));

export const base64Of = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
