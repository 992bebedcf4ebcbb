/** A stored message as the tunnel takes it. @module */
import { createHash } from "node:crypto";
import { AgentError } from "../errors.ts";
import { SLICE_BYTES } from "../limits.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type { StoredMessage } from "../outbox/reader.ts";
import type { OutgoingMessage } from "../tunnel/source-stream.ts";

/** Under this name the control id travels with a message, latin1: every byte is one character. */
export const CONTROL_ID_ATTRIBUTE = "hl7.controlId";

/**
 * @param message its body was checked against its digest by the read, unless it lies in slices
 * @param onDamaged told when slices do not have the digest; the part that was asked for never comes
 */
export function outgoingMessage(
  outbox: Outbox,
  message: StoredMessage,
  onDamaged: () => void,
): OutgoingMessage {
  const { seq, sha256, receivedAtMs, length, controlId } = message;
  const named =
    controlId.length === 0
      ? {}
      : { attributes: { [CONTROL_ID_ATTRIBUTE]: Buffer.from(controlId).toString("latin1") } };
  return {
    seq,
    meta: { sha256, receivedAtMs, ...named },
    total: length,
    body: message.body ?? sliceReader(outbox, message, onDamaged),
  };
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
  let ordinal = 0;
  let readBytes = 0;
  return async () => {
    const slices = await outbox.slices(message.upload, ordinal, SLICE_BYTES);
    ordinal += slices.length;
    const part = Buffer.concat(slices);
    digest.update(part);
    readBytes += part.length;
    const ended = readBytes >= message.length;
    const whole =
      !ended || (readBytes === message.length && digest.digest().equals(message.sha256));
    if (part.length === 0 || !whole) {
      onDamaged();
      // The receiver has a part of it: a new connection makes it forget.
      throw new AgentError("STORE_BODY_DAMAGED", { seq: message.seq });
    }
    return part;
  };
}
