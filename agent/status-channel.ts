/** The reserved channel on which signed heads go up, like any message (06 TP35). @module */
import type { MadeHead } from "./audit/heads.ts";
import type { Outbox } from "./outbox/outbox.ts";
import { appendOwn } from "./own-messages.ts";

/** No hospital system has a channel of this name. */
export const STATUS_CHANNEL = "$status";

/** @returns when it is durable here @throws {AgentError} `STORE_*` */
export async function sendHead(
  outbox: Outbox,
  { counter, atMs, envelope }: MadeHead,
): Promise<void> {
  const controlId = `status/${counter}`;
  await appendOwn(outbox, { channel: STATUS_CHANNEL, controlId, atMs, body: envelope });
}
