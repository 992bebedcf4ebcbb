/**
 * A {@link LifeCycle} as bytes, for whoever keeps it.
 *
 * Written by this program and read by the next version of it, so the shape is strict: what does not fit is damage
 * (07 2.12), and nothing is guessed from it.
 *
 * @module
 */
import { z } from "zod";
import { REFUSAL_CODES } from "#documents/refusal.ts";
import { type LifeCycle, NO_EPOCH } from "./life-cycle-state.ts";

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.int().min(0);

const offer = z.strictObject({
  digest,
  epoch: z.int().min(NO_EPOCH),
  seq: z.int().min(1),
  base: digest.nullable(),
  offerExpiresMs: z.int(),
  risk: z.enum(["low", "medium", "high"]),
});

const approved = z.strictObject({ notBeforeMs: z.int(), notAfterMs: z.int() });

const current = z.discriminatedUnion("state", [
  z.strictObject({ state: z.enum(["VERIFIED", "AWAITING_APPROVAL"]), offer }),
  z.strictObject({
    ...{ state: z.enum(["SCHEDULED", "PREFLIGHT"]), offer, approved },
    by: z.enum(["person", "documents", "rule"]).optional(),
  }),
  z.strictObject({ state: z.enum(["APPLYING", "PROBATION"]), offer, hasEnded: z.boolean() }),
]);

const ended = z.discriminatedUnion("state", [
  z.strictObject({ state: z.literal("COMMITTED"), offer }),
  z.strictObject({
    state: z.literal("ROLLED_BACK"),
    offer,
    reason: z.enum(["apply", "probation", "restarts", "asked", "epoch", "frozen"]),
  }),
  z.strictObject({
    state: z.literal("REFUSED"),
    offer,
    code: z.enum([...REFUSAL_CODES, "REJECTED", "SUPERSEDED"]),
  }),
]);

const lifeCycle: z.ZodType<LifeCycle> = z
  .strictObject({
    format: z.literal(1),
    epoch: count,
    seqHigh: count,
    received: digest.nullable(),
    current: current.nullable(),
    lastGood: offer.nullable(),
    ended: ended.nullable(),
    rollbacksInARow: count,
    crashedAtMs: z.int().nullable(),
    freeze: z.enum(["safeMode", "trustState"]).nullable(),
  })
  .transform(({ epoch, seqHigh, rollbacksInARow, ...rest }) => ({
    ...{ epoch, seqHigh, rollbacksInARow },
    received: rest.received ?? undefined,
    current: rest.current ?? undefined,
    lastGood: rest.lastGood ?? undefined,
    ended: rest.ended ?? undefined,
    crashedAtMs: rest.crashedAtMs ?? undefined,
    freeze: rest.freeze ?? undefined,
  }));

export function lifeCycleBytes(state: LifeCycle): Uint8Array {
  const { received, current, lastGood, ended, crashedAtMs, freeze, ...rest } = state;
  const record = {
    ...{ format: 1, ...rest, received: received ?? null, current: current ?? null },
    ...{ lastGood: lastGood ?? null, ended: ended ?? null },
    ...{ crashedAtMs: crashedAtMs ?? null, freeze: freeze ?? null },
  };
  return new TextEncoder().encode(JSON.stringify(record));
}

/** @returns nothing if it is damaged */
export function lifeCycleFrom(bytes: Uint8Array): LifeCycle | undefined {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
  const read = lifeCycle.safeParse(value);
  return read.success ? read.data : undefined;
}
