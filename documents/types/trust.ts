/** `trust`: whose signatures a tenant's agents believe, and which CAs their receiver has (07 2.2). @module */
import { X509Certificate } from "node:crypto";
import { z } from "zod";
import type { KeyId } from "../public-key.ts";
import { count, digest, name, positive, time } from "./fields.ts";

export const TRUST_ROLES = ["trust", "config", "head", "command"] as const;
export type TrustRole = (typeof TRUST_ROLES)[number];

const KEYS_MAX_COUNT = 64;
const CA_MAX_CHARACTERS = 8_192;

/**
 * Only the shapes of keys and roles are looked at here: whether they make sense is VT3 and VT4, which refuse
 * with their own code.
 */
const roleClaim = z.strictObject({
  keyIds: z.array(z.string()).max(KEYS_MAX_COUNT),
  threshold: z.int(),
});

const certificate = z
  .string()
  .max(CA_MAX_CHARACTERS)
  .refine(isOneCaCertificate, "must be one CA certificate in PEM");

function isOneCaCertificate(pem: string): boolean {
  if (pem.split("-----BEGIN ").length !== 2) return false;
  try {
    return new X509Certificate(pem).ca;
  } catch {
    return false;
  }
}

export const trustSchema = z.strictObject({
  version: positive,
  tenant: name,
  issuedAt: time,
  configEpoch: count,
  keys: z
    .record(z.string(), z.string())
    .refine((keys) => Object.keys(keys).length <= KEYS_MAX_COUNT, "too many keys"),
  roles: z.strictObject({
    trust: roleClaim.optional(),
    config: roleClaim.optional(),
    head: roleClaim.optional(),
    command: roleClaim.optional(),
  }),
  /** Current and next. */
  receiverCas: z.array(certificate).min(1).max(4),
  /** X25519, raw, hex: support bundles are sealed to it (08). */
  supportKey: digest,
});

/** What a trust document says, before VT3 and VT4 have looked at it. */
export type TrustClaims = z.infer<typeof trustSchema>;

export interface RoleClaim {
  readonly keyIds: readonly KeyId[];
  readonly threshold: number;
}

/** A trust document that makes sense. */
export type TrustDocument = Omit<TrustClaims, "roles"> & {
  readonly roles: Readonly<Record<TrustRole, RoleClaim>>;
};
