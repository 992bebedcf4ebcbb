/** What people write: YAML, with every problem by line and column (`config/document.ts`). @module */
import { dirname, resolve } from "node:path";
import { z } from "zod";
import { loadDocument } from "#config/document.ts";
import { count, digest, label, name, positive, time, version } from "../types/fields.ts";

const role = z.strictObject({
  threshold: positive,
  /** Files of public keys, beside the description, or 64 hex digits each. */
  keys: z.array(z.string().min(1)).min(1),
});

const trustDescription = z.strictObject({
  tenant: name,
  /** With `--previous`: one more than there, if it is not said. */
  version: positive.optional(),
  configEpoch: count,
  issuedAt: time.optional(),
  roles: z.strictObject({ trust: role, config: role, head: role, command: role }),
  /** Files of CA certificates, current and next. */
  receiverCas: z.array(z.string().min(1)).min(1).max(4),
  /** File of an X25519 public key, or 64 hex digits. */
  supportKey: z.string().min(1),
});
export type TrustDescription = z.infer<typeof trustDescription>;

export function loadTrustDescription(file: string): TrustDescription {
  return loadDocument(file, trustDescription);
}

const DAYS_MAX = 90;

/** @param body the schema of the configuration itself (VC8) */
const configDescription = (body: z.ZodType<unknown>) =>
  z
    .strictObject({
      tenant: name,
      agent: name,
      /** Absent with `--previous`: that one's epoch, its number and one, and its digest as base. */
      epoch: count.optional(),
      seq: positive.optional(),
      base: digest.nullable().optional(),
      issuedAt: time.optional(),
      offerDays: z.int().min(1).max(DAYS_MAX).optional(),
      offerExpires: time.optional(),
      minAgent: version,
      maxAgent: version,
      ticket: label,
      body,
    })
    .refine(
      ({ offerDays, offerExpires }) => (offerDays === undefined) !== (offerExpires === undefined),
      {
        message: "say offerDays or offerExpires, one of the two",
        path: ["offerDays"],
      },
    );
/** `body` as it was written, without what a schema would fill in: what is signed is what was read. */
export type ConfigDescription = Omit<z.infer<ReturnType<typeof configDescription>>, "body"> & {
  readonly body: Readonly<Record<string, unknown>>;
};

/** @param body judges the body; what it makes of it is not used */
export function loadConfigDescription(file: string, body: z.ZodType<unknown>): ConfigDescription {
  const described = loadDocument(file, configDescription(body));
  const asWritten = loadDocument(file, z.looseObject({ body: z.record(z.string(), z.unknown()) }));
  return { ...described, body: asWritten.body };
}

const anchorDescription = z.strictObject({
  threshold: positive,
  keys: z.array(z.string().min(1)).min(1),
});
export type AnchorDescription = z.infer<typeof anchorDescription>;

/** The trust role of a first document, or the keys of a hospital: `threshold` and `keys`. */
export function loadAnchor(file: string): AnchorDescription {
  return loadDocument(file, anchorDescription);
}

/** Paths in a description are beside it. Hex stays hex. */
export function beside(description: string, path: string): string {
  return /^[0-9a-f]{64}$/.test(path) ? path : resolve(dirname(description), path);
}
