/**
 * What a verified config document must satisfy before its body is looked at (07 2.4, VC2 to VC7). Pure.
 *
 * VC1 is `verifyDocument`; VC8 to VC11 are the configuration's own.
 *
 * @module
 */
import { OFFER_MAX_LIFETIME_MS, SEQ_MAX_STEP } from "./limits.ts";
import { type Refused, refused } from "./refusal.ts";
import { type TimeBase, whatExpired, whatIsFromFuture, whatLivesTooLong } from "./time.ts";
import type { ConfigDocument } from "./types/config.ts";

/** What became of the document that has `seqHigh`. */
export type KnownOutcome =
  | "committed"
  /** Anywhere between VERIFIED and PROBATION. */
  | "in-progress"
  | "rolled-back"
  /** Preflight said no: nothing was switched, and the offer may run again. */
  | "preflight-refused"
  /** Rejected, expired or superseded. */
  | "refused";

export interface ConfigStanding {
  readonly isFrozen: boolean;
  /** `configEpoch` of the trust document in force. */
  readonly configEpoch: number;
  /** Highest sequence number of this epoch; 0 before the first. */
  readonly seqHigh: number;
  /** The document that has `seqHigh`; undefined before the first of an epoch. */
  readonly newest: { readonly digest: string; readonly outcome: KnownOutcome } | undefined;
  /** Digest of the configuration that is in effect; undefined before the first of all. */
  readonly effectiveDigest: string | undefined;
  /** And its epoch: after a new one has begun, that is the one before. */
  readonly effectiveEpoch: number | undefined;
  readonly ownVersion: string;
  readonly knownSchemas: readonly number[];
}

export type OfferJudgement =
  /** To be judged further: VC8 on. */
  | { readonly kind: "new" }
  /** The very document whose preflight said no: it may run again. */
  | { readonly kind: "again" }
  | Refused;

/**
 * VC2 to VC7, in order.
 *
 * @param digest of the payload
 */
export function judgeOffer(
  config: ConfigDocument,
  digest: string,
  standing: ConfigStanding,
  time: TimeBase,
): OfferJudgement {
  // VC2 Changes are not frozen.
  if (standing.isFrozen) return refused("FROZEN", "VC2");
  // VC3 The epoch is the trust document's.
  if (config.epoch !== standing.configEpoch) return refused("EPOCH", "VC3");
  // VC4 Sequence.
  const sequence = judgeSequence(config.seq, digest, standing);
  if (sequence.kind === "refused") return sequence;
  // VC5 Base, VC6 times, VC7 versions.
  const objection =
    whatBaseForbids(config.base, standing) ??
    whatOfferTimesForbid(config, time) ??
    whatVersionForbids(config, standing);
  return objection ?? sequence;
}

/** VC4. */
export function judgeSequence(
  seq: number,
  digest: string,
  { seqHigh, newest }: Pick<ConfigStanding, "seqHigh" | "newest">,
): OfferJudgement {
  if (seq === seqHigh && newest?.digest === digest) return judgeKnown(newest.outcome);
  if (seq <= seqHigh) return refused("ROLLBACK", "VC4", `seq-${seq}-high-${seqHigh}`);
  if (seq > seqHigh + SEQ_MAX_STEP) return refused("FAST_FORWARD", "VC4");
  return { kind: "new" };
}

function judgeKnown(outcome: KnownOutcome): OfferJudgement {
  switch (outcome) {
    case "committed":
      return refused("ALREADY_APPLIED", "VC4");
    case "in-progress":
      return refused("IN_PROGRESS", "VC4");
    case "preflight-refused":
      return { kind: "again" };
    // A no is not asked again with the same bytes, and needs a higher number, like a rollback.
    case "rolled-back":
    case "refused":
      return refused("BURNT", "VC4", outcome);
  }
}

/**
 * VC5; asked again before APPLYING.
 *
 * The first of an epoch is the first that takes effect: after a first one that was refused, or replaced before it ran,
 * there is still nothing that the next could name.
 */
export function whatBaseForbids(
  base: string | null,
  {
    configEpoch,
    effectiveEpoch,
    effectiveDigest,
  }: Pick<ConfigStanding, "configEpoch" | "effectiveEpoch" | "effectiveDigest">,
): Refused | undefined {
  const isFirst = effectiveEpoch !== configEpoch;
  const fits = base === null ? isFirst : base === effectiveDigest;
  return fits ? undefined : refused("BASE_MISMATCH", "VC5");
}

/** VC6. */
export function whatOfferTimesForbid(
  { issuedAt, offerExpires: expires }: Pick<ConfigDocument, "issuedAt" | "offerExpires">,
  time: TimeBase,
): Refused | undefined {
  return (
    whatExpired(expires, time, "VC6") ??
    whatLivesTooLong({ issuedAt, expires }, OFFER_MAX_LIFETIME_MS, "VC6") ??
    whatIsFromFuture(issuedAt, time, "VC6")
  );
}

/** VC7. */
function whatVersionForbids(
  { minAgent, maxAgent, schema }: ConfigDocument,
  { ownVersion, knownSchemas }: ConfigStanding,
): Refused | undefined {
  if (!isUpTo(minAgent, ownVersion)) return refused("VERSION", "VC7", `min-${minAgent}`);
  if (!isUpTo(ownVersion, maxAgent)) return refused("VERSION", "VC7", `max-${maxAgent}`);
  return knownSchemas.includes(schema) ? undefined : refused("VERSION", "VC7", `schema-${schema}`);
}

/** Whether version `a` ≤ `b`; three numbers each, compared as numbers. What follows `-` is not compared. */
export function isUpTo(a: string, b: string): boolean {
  const [left, right] = [a, b].map((text) => (text.split("-")[0] ?? "").split(".").map(Number));
  for (const index of [0, 1, 2]) {
    const difference = (left?.[index] ?? 0) - (right?.[index] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return true;
}
