/** What the file of a message is called (04 P55): from its row, or as the receiver proposes. @module */
import type { OutletFile } from "../folders/outlet-messages.ts";
import { extOf, fillIn, idOf, safeName } from "../folders/outlet-names.ts";
import type { FolderSettings } from "./folder-settings.ts";
import type { Delivery, DeliveryHead } from "./queue.ts";

/** The attribute by which a receiver proposes a name. */
export const SUGGESTED_NAME_ATTRIBUTE = "file.name";

/**
 * @param first the beginning of its bytes, at least 6 where it has them
 * @param nowMs wall time
 */
export function fileOf(
  channel: string,
  { nameTemplate, useSuggestedName, ext, outlet, sentinelName }: FolderSettings,
  { id, epoch, seq, bytes, receivedAtMs }: Delivery,
  { sha256, meta }: DeliveryHead,
  first: Uint8Array,
  nowMs: number,
): OutletFile {
  const suggested = suggestedName(meta);
  const parts = { createdAtMs: receivedAtMs, sequence: id, epoch, seq, channel };
  const fallback = isHl7(first) ? "hl7" : (extOf(suggested ?? "") ?? "bin");
  const isProposed = useSuggestedName && suggested !== undefined && suggested !== "";
  const text = isProposed ? suggested : fillIn(nameTemplate, { ...parts, ext: ext ?? fallback });
  const suffixes = [outlet.tempSuffix, outlet.controlSuffix].filter((one) => one !== undefined);
  const names = sentinelName === undefined ? [] : [sentinelName];
  return {
    key: id,
    name: safeName(text, { suffixes, names }),
    id: !isProposed && nameTemplate.includes("{id}") ? idOf(parts) : undefined,
    ...{ bytes, sha256, createdAtMs: receivedAtMs, sentAtMs: nowMs },
  };
}

/** Whether bytes begin like an HL7 message or batch: header, then a separator. Nothing more is read of them. */
export function isHl7(first: Uint8Array): boolean {
  const text = Buffer.from(first.subarray(0, 7)).toString("latin1");
  return /^(?:\xef\xbb\xbf)?(?:MSH|FHS|BHS)[^A-Za-z0-9\s]/.test(text);
}

/** Whoever wrote it may have written anything. */
function suggestedName(meta: string): string | undefined {
  try {
    const { attributes } = JSON.parse(meta) as { attributes?: Record<string, unknown> | [] };
    // A list of pairs where some name needs an escape: `streams/sink/stored-meta.ts`.
    const named = Array.isArray(attributes) ? Object.fromEntries(attributes) : attributes;
    const name = named?.[SUGGESTED_NAME_ATTRIBUTE];
    return typeof name === "string" ? name : undefined;
  } catch {
    // Optional: the template has a name for every message.
    return undefined;
  }
}
