/**
 * A message that the receiver will never take goes to quarantine, so that its channel goes on (06 TP30): only
 * where the configuration says so, for it is delivered to nobody until a person releases it.
 *
 * The row stays, marked: the relay closes its seq with a SKIP, now and whenever the receiver asks again, and
 * `trace` says what became of it. All of it is one transaction.
 *
 * @module
 */

import { readRange, type StoredMessage } from "../reader.ts";
import { CONTROL_KEY_BYTES, type TicketedEntry } from "../writing/append-batch.ts";
import { FLAG_ACK_NOT_OWED } from "../writing/appender.ts";
import type { GroupCommit } from "../writing/group-commit.ts";
import { COMPLETE_UPLOAD } from "../writing/uploads.ts";
import type { RefusedMessage, RefusedVerdict } from "./epoch-messages.ts";

/** @throws what the commit throws; nothing has changed then */
export function setAsideRefused(
  store: GroupCommit,
  { channel, epoch, seq }: RefusedMessage,
): RefusedVerdict {
  const range = { channel, epoch, afterSeq: seq - 1n, maxBytes: 1, maxCount: 1 };
  const [message] = readRange(store.readParts, range, seq).messages;
  if (message === undefined) return "gone";
  if (message.refused) return "setAside";
  const entry = refusedEntry(channel, message);
  const isThere = store.setAside(entry, message.id, { epoch, seq }, message.replaces);
  return isThere ? "setAside" : "full";
}

/** The resend of its sender is recognised by the row that stays, not by the copy. */
function refusedEntry(channel: number, message: StoredMessage): TicketedEntry {
  const { receivedAtMs, length, sha256, controlId, source, upload, uploadAt, attributes } = message;
  return {
    ...{
      ticket: 0,
      claim: undefined,
      channel,
      quarantine: "refused",
      duplicates: "off",
      duplicateWindowMs: 0,
    },
    ackOwed: (message.flags & FLAG_ACK_NOT_OWED) === 0,
    ...{ receivedAtMs, length, sha256, controlId, source, attributes, upload, uploadAt },
    controlKey: new Uint8Array(CONTROL_KEY_BYTES),
    body: message.body ?? new Uint8Array(0),
    // Of an upload that is whole, what counts against the channel's bound is this message's part.
    uploadBytes: upload === 0 ? COMPLETE_UPLOAD : length,
    claim: undefined,
  };
}
