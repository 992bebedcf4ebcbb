/**
 * What a hospital system said of a message, as it lies sealed beside it (`inbox.answer`, 03 O10).
 *
 * ```
 * 0 u16 control id · 2 u32 text, both lengths · 6 the two, then the reply's bytes
 * ```
 *
 * @module
 */
import type { SealPlace } from "../../sealing/seal-place.ts";
import type { Sealer } from "../../sealing/sealer.ts";

const HEADER_BYTES = 6;

export interface StoredAnswer {
  /** MSH-10 of the message as sent, while its application acknowledgment is due (03 O6); else empty. */
  readonly controlId: Uint8Array;
  readonly text: Uint8Array;
  readonly bytes: Uint8Array;
}

/** Which message it belongs to. */
export interface AnsweredRow {
  readonly id: number;
  readonly channel: number;
}

const placeOf = ({ id, channel }: AnsweredRow): SealPlace => ({
  ...{ column: "inbox.answer", channel, row: id },
});

export function sealAnswer(sealer: Sealer, row: AnsweredRow, answer: StoredAnswer): Buffer {
  const { controlId, text, bytes } = answer;
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16BE(controlId.length, 0);
  header.writeUInt32BE(text.length, 2);
  return sealer.seal([header, controlId, text, bytes], placeOf(row));
}

/** @returns `undefined` if there is none, or it does not open */
export function openAnswer(
  sealer: Sealer,
  row: AnsweredRow,
  sealed: Uint8Array | null,
): StoredAnswer | undefined {
  const plain = sealed === null ? undefined : sealer.open(sealed, placeOf(row));
  if (plain === undefined || plain.length < HEADER_BYTES) return undefined;
  const textAt = HEADER_BYTES + plain.readUInt16BE(0);
  const bytesAt = textAt + plain.readUInt32BE(2);
  if (bytesAt > plain.length) return undefined;
  return {
    controlId: new Uint8Array(plain.subarray(HEADER_BYTES, textAt)),
    text: new Uint8Array(plain.subarray(textAt, bytesAt)),
    bytes: new Uint8Array(plain.subarray(bytesAt)),
  };
}
