/**
 * Signed documents on their way to an agent (06 TP35). Nothing is verified here: the agent believes no receiver, and
 * judges each by itself (07 2.4). What is no envelope of a kind that it takes is not queued, that is all.
 *
 * @module
 */
import { readBundle } from "#documents/bundle.ts";
import { documentTypeOf } from "#documents/document-types.ts";
import { ENVELOPE_MAX_BYTES } from "#documents/limits.ts";
import { isObject, readStrictJson } from "#documents/strict-json.ts";
import { ReceiverError } from "./errors.ts";
import { enqueue, type Sent } from "./send.ts";
import { DOCUMENTS_CHANNEL } from "./served-channels.ts";
import type { OutgoingStore } from "./store/outgoing.ts";
import type { AgentName, Store } from "./store/store.ts";

const CARRIED: readonly (string | undefined)[] = ["trust", "config", "approval", "head"];

/**
 * @param bytes an envelope, or a bundle (07 2.13)
 * @returns each envelope, in the order in which an agent must take them
 * @throws {ReceiverError} `DOCUMENT_MALFORMED`
 */
export function envelopesIn(bytes: Uint8Array): readonly Uint8Array[] {
  const bundle = readBundle(bytes);
  if (!("kind" in bundle)) {
    const { trustChain, config, approvals, head } = bundle;
    return [...trustChain, config, ...approvals, head].filter((one) => one !== undefined);
  }
  if (!isEnvelope(bytes)) throw new ReceiverError("DOCUMENT_MALFORMED");
  return [bytes];
}

/**
 * Queues one envelope for an agent; durable when this resolves.
 *
 * @throws {ReceiverError} `AGENT_UNKNOWN`, `DOCUMENT_MALFORMED`, `STORE_FULL`
 */
export async function sendDocument(
  store: Store & OutgoingStore,
  { tenant, name, envelope, atMs }: AgentName & { envelope: Uint8Array; atMs: number },
): Promise<Sent> {
  if (!isEnvelope(envelope)) throw new ReceiverError("DOCUMENT_MALFORMED");
  const call = { channel: DOCUMENTS_CHANNEL, key: null, meta: "{}", body: envelope, atMs };
  return await enqueue(store, { tenant, name, ...call });
}

function isEnvelope(bytes: Uint8Array): boolean {
  if (bytes.length > ENVELOPE_MAX_BYTES) return false;
  const json = readStrictJson(bytes);
  if (json.kind === "broken" || !isObject(json.value)) return false;
  return CARRIED.includes(documentTypeOf(json.value["payloadType"]));
}
