/** `status`: where an agent stands, signed by its device key (07 2.2, 2.10). @module */
import { z } from "zod";
import { count, digest, random16, recipient, time, version } from "./fields.ts";

/** The states of a configuration document (07 2.10). */
export const LIFE_CYCLE_STATES = [
  "RECEIVED",
  "VERIFIED",
  "AWAITING_APPROVAL",
  "SCHEDULED",
  "PREFLIGHT",
  "APPLYING",
  "PROBATION",
  "COMMITTED",
  "ROLLED_BACK",
  "REFUSED",
] as const;

export const statusSchema = z.strictObject({
  ...recipient,
  /** Only rises: one that goes back is a copy, or a machine that was put back (07 1.7). */
  counter: count,
  /** Drawn at each start of the process. */
  bootId: random16,
  issuedAt: time,
  agentVersion: version,
  /** 0 before the first trust document. */
  trustVersion: count,
  epoch: count,
  seqHigh: count,
  /** Null with `configSource: local`. */
  effectiveDigest: digest.nullable(),
  /** Of the newest configuration document; null if there was none. */
  state: z.enum(LIFE_CYCLE_STATES).nullable(),
  /** Of the identity (07 1.6). */
  generation: count,
  auditSeq: count,
  /** Hash of the newest audit entry; null before the first. */
  auditHead: digest.nullable(),
  /** Own clock minus the receiver's; null while it is not known. */
  clockSkewMs: z.int().nullable(),
});
export type StatusDocument = z.infer<typeof statusSchema>;
