/**
 * Commands for agents (06 TP36): documents that were signed elsewhere, and what the agents answered. They are
 * kept like messages, on a channel on which no caller can send (TP35), and leave as CMD.
 *
 * @module
 */
import { ID_BYTES } from "#protocol/limits.ts";
import { ReceiverError } from "./errors.ts";
import { COMMAND_MAX_BYTES } from "./limits.ts";
import { enqueue, type Sent, sentMessages } from "./send.ts";
import { COMMANDS_CHANNEL } from "./served-channels.ts";
import type { OutgoingRecord, OutgoingStore } from "./store/outgoing.ts";
import type { AgentName, Store } from "./store/store.ts";

export interface Command extends AgentName {
  /** The nonce of the document, {@link ID_BYTES} bytes: by it the agent knows a repeat. */
  readonly id: Uint8Array;
  /** A signed `command` document (07 2.2), not looked into here: the agent judges it. */
  readonly document: Uint8Array;
  readonly atMs: number;
}

/**
 * Takes a command. It is durable when this resolves, and goes to the agent when that is connected and takes
 * commands; the same id again is the same command.
 *
 * @throws {ReceiverError} `AGENT_UNKNOWN`, `COMMAND_REFUSED`, `SEND_KEY_CONFLICT`, `STORE_FULL`
 */
export async function command(store: Store & OutgoingStore, asked: Command): Promise<Sent> {
  const { tenant, name, id, document, atMs } = asked;
  const isDocument = document.length > 0 && document.length <= COMMAND_MAX_BYTES;
  if (id.length !== ID_BYTES || !isDocument) {
    throw new ReceiverError("COMMAND_REFUSED", { facts: { bytes: document.length } });
  }
  const content = { key: Buffer.from(id).toString("hex"), meta: "{}", body: document };
  return await enqueue(store, { tenant, name, channel: COMMANDS_CHANNEL, ...content, atMs });
}

/**
 * The commands of an agent in the order in which they were taken. `key` is the id in hexadecimal, `outcome` a
 * `CommandOutcome` as JSON; null until the agent has answered.
 */
export const commands = (
  store: Store & OutgoingStore,
  agent: AgentName,
): AsyncGenerator<OutgoingRecord> => sentMessages(store, { ...agent, channel: COMMANDS_CHANNEL });
