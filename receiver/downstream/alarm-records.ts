/**
 * Alarms on `$status` (08 PL9): what an agent says is open with it. It is checked here, at the door, as codes and
 * numbers; what is no such record is left to whoever asks.
 *
 * @module
 */
import { z } from "zod";
import { ReceiverError } from "../errors.ts";
import type { AlarmStore } from "../store/alarms.ts";

const CODE = z.string().regex(/^[A-Za-z]{1,64}$/);
const TIME = z.iso.datetime();
const FACT = z.union([z.number(), z.boolean(), z.string().regex(/^[\w.:$-]{1,64}$/)]);
const MOST_COUNT = 1_000;
const FACTS_MOST_COUNT = 32;

const ALARM = z.strictObject({
  /** The agent's; never used for another alarm. */
  id: z.string().min(1).max(256),
  code: CODE,
  /** Empty: it is about the agent. */
  channel: z.string().max(128),
  severity: z.enum(["critical", "warning", "information"]),
  since: TIME,
  /** How many more are explained by it. */
  suppressed: z.int().min(0),
  facts: z
    .record(z.string().regex(/^\w{1,64}$/), FACT)
    .refine((facts) => Object.keys(facts).length <= FACTS_MOST_COUNT),
});

const RECORD = z.strictObject({
  record: z.literal("alarms"),
  version: z.literal(1),
  at: TIME,
  alarms: z.array(ALARM).max(MOST_COUNT),
});

/** One that is open at an agent. Times are RFC 3339, by the agent's clock. */
export type AgentAlarm = z.infer<typeof ALARM>;

/** @returns `undefined` for what is no record of alarms */
export function readAlarms(bytes: Uint8Array): z.infer<typeof RECORD> | undefined {
  try {
    const text = Buffer.from(bytes).toString("utf8");
    return RECORD.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/**
 * Keeps what an agent says, in the place of what it said before.
 *
 * @returns false for what is no record of alarms
 * @throws {ReceiverError} `STORE_FULL`: tried again by whoever hands on
 */
export async function takeAlarms(
  store: AlarmStore,
  from: { readonly agent: number; readonly bytes: Uint8Array; readonly atMs: number },
): Promise<boolean> {
  const found = readAlarms(from.bytes);
  if (found === undefined) return false;
  const { agent, atMs } = from;
  const report = JSON.stringify(found.alarms);
  const call = { agent, atMs, reportedMs: Date.parse(found.at), report };
  const result = await store.alarms.setAlarms(call);
  if (result.kind === "busy") throw new ReceiverError("STORE_FULL");
  return true;
}
