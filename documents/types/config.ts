/** `config`: one whole configuration for one agent (07 2.2). @module */
import { z } from "zod";
import { count, digest, label, positive, recipient, time, version } from "./fields.ts";

export const configSchema = z.strictObject({
  ...recipient,
  epoch: count,
  seq: positive,
  /** Digest of the configuration that the author saw; null in the first of an epoch. */
  base: digest.nullable(),
  issuedAt: time,
  offerExpires: time,
  minAgent: version,
  maxAgent: version,
  /** Version of the schema that `body` follows. */
  schema: positive,
  ticket: label,
  /** Judged by the schema of the configuration (VC8), not here. */
  body: z.record(z.string(), z.unknown()),
});
export type ConfigDocument = z.infer<typeof configSchema>;
