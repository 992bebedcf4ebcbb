/** `head`: which configuration is the newest, said again every few days (07 2.2). @module */
import { z } from "zod";
import { count, digest, positive, recipient, time } from "./fields.ts";

export const headSchema = z.strictObject({
  ...recipient,
  epoch: count,
  seq: count,
  /** Of the config document's payload; null while there is none in the epoch (`seq` 0). */
  digest: digest.nullable(),
  trustVersion: positive,
  issuedAt: time,
  expires: time,
});
export type HeadDocument = z.infer<typeof headSchema>;
