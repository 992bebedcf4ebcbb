/**
 * What agents tell of their hours on `$status` (06 TP35, 03 D4): kept beside what is stored here. It proves nothing by
 * itself: who told it is known from its connection, and each report compares it with the messages.
 *
 * @module
 */
import { z } from "zod";
import { HOURS_SCHEMA, RECORD_MAX_COUNT } from "#reconcile/hour-record.ts";
import { type Facts, ReceiverError } from "../errors.ts";
import type { OutletMessage } from "../outlets/event.ts";
import { isReserved, isServed } from "../served-channels.ts";
import type { HourStore } from "../store/hours.ts";
import type { AgentRecord } from "../store/store.ts";

/** What a store can hold. */
const NUMBER_MAX = 2n ** 63n - 1n;
const NUMBER = z
  .string()
  .regex(/^\d{1,19}$/)
  .refine((text) => BigInt(text) <= NUMBER_MAX);
const CHANNEL = z
  .string()
  .max(128)
  .refine((name) => isServed(name) && !isReserved(name) && name.isWellFormed());
const COUNT = z.int().min(0);
const HASH = z.base64().length(44).nullable();

const STRETCH = z.object({
  ...{ direction: z.enum(["up", "down"]), channel: CHANNEL, epoch: NUMBER },
  ...{ first: NUMBER, last: NUMBER, expected: NUMBER.exactOptional() },
  ...{ hour: COUNT, copies: COUNT, before: HASH, after: HASH },
});
const COUNTS = z.object({
  ...{ channel: CHANNEL, hour: COUNT, duplicates: COUNT, quarantined: COUNT },
  ...{ refused: COUNT, rejected: COUNT },
});
/** Members that are not known are passed over: a later agent may say more. */
const RECORD = z.object({
  schema: z.literal(HOURS_SCHEMA),
  store: z.string().regex(/^[0-9a-f]{32}$/),
  ...{ sinceHour: COUNT, throughHour: COUNT },
  stretches: z.array(STRETCH).max(RECORD_MAX_COUNT),
  counts: z.array(COUNTS).max(RECORD_MAX_COUNT),
});

export interface HoursOptions {
  readonly store: HourStore;
  readonly nowMs: () => number;
  /** One that is not kept. */
  readonly refused: (facts: Facts) => void;
}

/** @throws {ReceiverError} `STORE_FULL`: tried again by whoever hands on */
export async function takeHours(
  { store, nowMs, refused }: HoursOptions,
  agent: AgentRecord,
  event: OutletMessage,
): Promise<void> {
  const record = RECORD.safeParse(jsonOf(await event.body()));
  if (!record.success) {
    refused({ epoch: event.epoch, seq: event.seq });
    return;
  }
  const call = { agent: agent.id, record: record.data, atMs: nowMs() };
  const { kind } = await store.hours.noteHours(call);
  if (kind === "busy") throw new ReceiverError("STORE_FULL");
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return undefined;
  }
}
