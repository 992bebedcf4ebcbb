/** A stored message as the tunnel takes it. @module */
import type { OutgoingMessage } from "#streams/source/source-stream.ts";
import type { StoredMessage } from "../outbox/reader.ts";
import type { SlicedBody, SliceReader } from "./slice-reader.ts";

/** Under this name the control id travels with a message, latin1: every byte is one character. */
const CONTROL_ID_ATTRIBUTE = "hl7.controlId";
/** 03 D2: the control id came before with other content. */
const CONTROL_ID_REUSED_ATTRIBUTE = "controlIdReused";
/** 03 D3 `forwardFlagged`: the same message came before. */
const DUPLICATE_ATTRIBUTE = "duplicate";

/**
 * @param reader of a body that lies in slices
 * @param body its message's body was checked against its digest by the read, unless it lies in slices
 */
export function outgoingMessage(reader: SliceReader, body: SlicedBody): OutgoingMessage {
  const { message, from } = body;
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
    from,
    body: message.body ?? reader.open(body),
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
