/** A block of quarantine that a person lets out, as a message. @module */

import type { SetAsideRow } from "./quarantine-reader.ts";
import type { TicketedEntry } from "./writing/append-batch.ts";
import { COMPLETE_UPLOAD } from "./writing/uploads.ts";

/** Nobody waits for a reply, and it is no repeat. */
export function releasedEntry(block: SetAsideRow, body: Uint8Array, nowMs: number): TicketedEntry {
  return {
    ticket: 0,
    channel: block.channel,
    quarantine: undefined,
    ackOwed: false,
    duplicates: "off",
    duplicateWindowMs: 0,
    receivedAtMs: nowMs,
    length: block.length,
    sha256: block.sha256,
    controlKey: block.controlKey,
    controlId: block.controlId,
    source: block.source,
    body,
    upload: block.upload,
    uploadAt: block.uploadAt,
    uploadBytes: COMPLETE_UPLOAD,
    attributes: releasedAttributes(block),
    claim: undefined,
  };
}

/** The receiver learns that it was set aside, why and when it came. */
function releasedAttributes({ attributes, reason, receivedAtMs }: SetAsideRow): string {
  const before = attributes === "" ? {} : (JSON.parse(attributes) as Record<string, string>);
  const receivedAt = new Date(receivedAtMs).toISOString();
  return JSON.stringify({
    ...before,
    "quarantine.reason": reason,
    "quarantine.receivedAt": receivedAt,
  });
}
