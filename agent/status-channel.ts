/** The reserved channel on which signed heads and alarms go up, like any message (06 TP35). @module */
import type { MadeHead } from "./audit/heads.ts";
import type { Outbox } from "./outbox/outbox.ts";
import { appendOwn } from "./own-messages.ts";

/** No hospital system has a channel of this name. */
export const STATUS_CHANNEL = "$status";

/** One record on it: a head, or what is open of alarms. */
export interface StatusRecord {
  /** `trace` finds it by this. */
  readonly controlId: string;
  readonly atMs: number;
  readonly bytes: Uint8Array;
}

/** @returns when it is durable here @throws {AgentError} `STORE_*` */
export const sendHead = (outbox: Outbox, { counter, atMs, envelope }: MadeHead): Promise<void> =>
  sendRecord(outbox, { controlId: `status/${counter}`, atMs, bytes: envelope });

/** @returns when it is durable here @throws {AgentError} `STORE_*`; `CHANNEL_UNKNOWN` without the channel */
export async function sendRecord(
  outbox: Outbox,
  { bytes, ...record }: StatusRecord,
): Promise<void> {
  await appendOwn(outbox, { channel: STATUS_CHANNEL, ...record, body: bytes });
}
