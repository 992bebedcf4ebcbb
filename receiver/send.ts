/**
 * Messages for hospital systems: how platform code and operators hand them over (TP34), and what became
 * of them.
 *
 * @module
 */
import { hash } from "node:crypto";
import { CHANNEL_NAME_MAX_BYTES } from "#protocol/limits.ts";
import { ReceiverError } from "./errors.ts";
import { SEND_MAX_BYTES } from "./limits.ts";
import type { EnqueueCall, OutgoingRecord, OutgoingStore } from "./store/outgoing.ts";
import type { AgentName, Store } from "./store/store.ts";

export interface Sending extends AgentName {
  /** Of the agent's configuration; a name that it does not serve is held there and alarmed (TP16). */
  readonly channel: string;
  /** Not interpreted here: what goes in comes out of the agent's `mllp-sender`, byte by byte. */
  readonly body: Uint8Array;
  /** The caller's own name for it: with the same one it is taken once. */
  readonly key?: string;
  readonly atMs: number;
}

export interface Sent {
  /** Stays the same whatever happens to its channel. */
  readonly id: number;
  readonly epoch: bigint;
  readonly seq: bigint;
  /** It had been taken before, under the same key. */
  readonly known: boolean;
}

const KEY_MAX_CHARACTERS = 128;
const KEY = /^[^\p{Cc}]+$/u;
/** What TP35 reserves is not for callers. */
const CHANNEL = /^[^$\p{Cc}][^\p{Cc}]*$/u;

/**
 * Takes a message for a hospital system. It is durable when this resolves, and goes to the agent when
 * that is connected.
 *
 * @throws {ReceiverError} `AGENT_UNKNOWN`, `SEND_REFUSED`, `SEND_KEY_CONFLICT`, `STORE_FULL`
 */
export async function send(store: Store & OutgoingStore, sending: Sending): Promise<Sent> {
  const { tenant, name, channel, body, key = null, atMs } = sending;
  const isKey = key === null || (KEY.test(key) && key.length <= KEY_MAX_CHARACTERS);
  const isChannel =
    CHANNEL.test(channel) &&
    channel.isWellFormed() &&
    Buffer.byteLength(channel) <= CHANNEL_NAME_MAX_BYTES;
  if (body.length === 0 || body.length > SEND_MAX_BYTES || !isChannel || !isKey) {
    throw new ReceiverError("SEND_REFUSED", { facts: { bytes: body.length } });
  }
  return await enqueue(store, { tenant, name, channel, key, meta: "{}", body, atMs });
}

/** {@inheritDoc send} Whatever the channel. */
export async function enqueue(
  store: Store & OutgoingStore,
  { tenant, name, ...call }: AgentName & Omit<EnqueueCall, "agent" | "sha256">,
): Promise<Sent> {
  const agent = await store.findAgent({ tenant, name });
  if (agent === null) throw new ReceiverError("AGENT_UNKNOWN");
  const sha256 = hash("sha256", call.body, "buffer");
  const result = await store.enqueue({ agent: agent.id, sha256, ...call });
  if (result.kind === "busy") throw new ReceiverError("STORE_FULL");
  const { id, epoch, seq } = result.message;
  if (result.kind === "conflict") {
    throw new ReceiverError("SEND_KEY_CONFLICT", { facts: { id } });
  }
  return { id, epoch, seq, known: result.known };
}

/** What became of the messages of one channel, in the order in which they were handed over. */
export async function* sentMessages(
  store: Store & OutgoingStore,
  { tenant, name, channel }: AgentName & { readonly channel: string },
): AsyncGenerator<OutgoingRecord> {
  const agent = await store.findAgent({ tenant, name });
  if (agent === null) throw new ReceiverError("AGENT_UNKNOWN");
  for (let after = 0; ; ) {
    const page = await store.listOutgoing(agent.id, channel, after);
    yield* page;
    const last = page.at(-1);
    if (last === undefined) return;
    after = last.id;
  }
}
