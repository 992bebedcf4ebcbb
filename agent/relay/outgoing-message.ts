/** A stored message as the tunnel takes it. @module */
import { createHash } from "node:crypto";
import { AgentError } from "../errors.ts";
import { SLICE_BYTES } from "../limits.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type { StoredMessage } from "../outbox/reader.ts";
import type { OutgoingMessage } from "../tunnel/source-stream.ts";

/** Under this name the control id travels with a message, latin1: every byte is one character. */
export const CONTROL_ID_ATTRIBUTE = "hl7.controlId";
/** 03 D2: the control id came before with other content. */
const CONTROL_ID_REUSED_ATTRIBUTE = "controlIdReused";
/** 03 D3 `forwardFlagged`: the same message came before. */
const DUPLICATE_ATTRIBUTE = "duplicate";

/**
 * @param message its body was checked against its digest by the read, unless it lies in slices
 * @param onDamaged told when slices do not have the digest; the part that was asked for never comes
 */
export function outgoingMessage(
  outbox: Outbox,
  message: StoredMessage,
  onDamaged: () => void,
): OutgoingMessage {
  const { seq, sha256, receivedAtMs, length, replaces } = message;
  const attributes = attributesOf(message);
  const more = {
    ...(Object.keys(attributes).length === 0 ? {} : { attributes }),
    // The receiver may have it under that number (06 TP18).
    ...(replaces === undefined ? {} : { replaces }),
  };
  return {
    seq,
    meta: { sha256, receivedAtMs, ...more },
    total: length,
    body: message.body ?? sliceReader(outbox, message, onDamaged),
  };
}

function attributesOf(message: StoredMessage): Record<string, string> {
  const { controlId, controlIdReused, duplicate, attributes } = message;
  const found: Record<string, string> =
    attributes === "" ? {} : (JSON.parse(attributes) as Record<string, string>);
  if (controlId.length > 0) {
    found[CONTROL_ID_ATTRIBUTE] = Buffer.from(controlId).toString("latin1");
  }
  if (controlIdReused) found[CONTROL_ID_REUSED_ATTRIBUTE] = "1";
  if (duplicate) found[DUPLICATE_ATTRIBUTE] = "1";
  return found;
}

/**
 * Reads a large body slice by slice. The last slice is given out only once the digest over all of them
 * fits, so that a damaged body can never be completed at the receiver (05 S16, 06 TP9).
 */
function sliceReader(
  outbox: Outbox,
  message: StoredMessage,
  onDamaged: () => void,
): () => Promise<Uint8Array> {
  const digest = createHash("sha256");
  const { upload, uploadAt, length } = message;
  let readBytes = 0;
  return async () => {
    const most = Math.min(SLICE_BYTES, length - readBytes);
    const part = await outbox.slices(upload, uploadAt + readBytes, most);
    digest.update(part);
    readBytes += part.length;
    const ended = readBytes >= length;
    const whole = !ended || digest.digest().equals(message.sha256);
    if (part.length === 0 || !whole) {
      onDamaged();
      // The receiver has a part of it: a new connection makes it forget.
      throw new AgentError("STORE_BODY_DAMAGED", { seq: message.seq });
    }
    return part;
  };
}
