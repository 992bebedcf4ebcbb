/**
 * What a reply says: MSA-1, MSA-2 and MSA-3, read on bytes, and whether it names our message (03 O3).
 *
 * Source: HL7 v2.5.1 chapter 2 §2.15.8 (MSA), table 0008. Segments may end in CR, LF or CRLF (03 F8).
 *
 * @module
 */
import { readMsh } from "../ingest/hl7/msh.ts";
import { REPLY_TEXT_KEPT_BYTES } from "../limits.ts";
import { REPLY_CODES, type ReplyCode } from "./queue.ts";
import type { ControlIdMatch } from "./sender-settings.ts";

const CR = 0x0d;
const LF = 0x0a;
const NAME = Buffer.from("MSA", "latin1");
/** 03 O3: MSH-10 had 20 characters at most before HL7 v2.7, and some systems still keep no more. */
const TRUNCATED_BYTES = 20;

export interface AcknowledgmentFields {
  readonly code: ReplyCode;
  /** MSA-2 byte for byte; a copy. */
  readonly controlId: Uint8Array;
  /** MSA-3, cut to `REPLY_TEXT_KEPT_BYTES`; a copy. */
  readonly text: Uint8Array;
}

/**
 * Reads an acknowledgment.
 *
 * @param block the content of one block, or its beginning
 * @returns `undefined` if it has no MSH, no MSA, or a code that table 0008 does not have. What MSH says
 *   about its own type and control id does not matter: many replies leave them empty
 */
export function readAcknowledgment(block: Uint8Array): AcknowledgmentFields | undefined {
  const reading = readMsh(block);
  const msh = reading.kind === "batch" ? undefined : reading.msh;
  if (msh === undefined) return undefined;
  const msa = segmentNamed(block, msh.fieldSeparator);
  if (msa === undefined) return undefined;
  const [, code, controlId, text] = fieldsOf(msa, msh.fieldSeparator);
  const known = codeOf(code);
  if (known === undefined) return undefined;
  return {
    code: known,
    controlId: new Uint8Array(controlId ?? []),
    text: new Uint8Array(text?.subarray(0, REPLY_TEXT_KEPT_BYTES) ?? []),
  };
}

/** Whether a reply with this MSA-2 answers the message with this MSH-10 (03 O3). */
export function namesMessage(
  msa2: Uint8Array,
  controlId: Uint8Array,
  match: ControlIdMatch,
): boolean {
  if (match === "off" || areEqual(msa2, controlId)) return true;
  return (
    match === "truncated" &&
    controlId.length > TRUNCATED_BYTES &&
    areEqual(msa2, controlId.subarray(0, TRUNCATED_BYTES))
  );
}

/** The first segment that begins with MSA and the separator, without its end. */
function segmentNamed(block: Uint8Array, separator: number): Uint8Array | undefined {
  let start = 0;
  for (let at = 0; at <= block.length; at++) {
    const byte = block[at];
    if (byte !== CR && byte !== LF && byte !== undefined) continue;
    const segment = block.subarray(start, at);
    if (segment[3] === separator && areEqual(segment.subarray(0, 3), NAME)) return segment;
    start = at + 1;
  }
  return undefined;
}

function fieldsOf(segment: Uint8Array, separator: number): Uint8Array[] {
  const fields: Uint8Array[] = [];
  let start = 0;
  for (let at = segment.indexOf(separator); at !== -1; at = segment.indexOf(separator, start)) {
    fields.push(segment.subarray(start, at));
    start = at + 1;
  }
  return [...fields, segment.subarray(start)];
}

/** Without the blanks and the case that some replies have. */
function codeOf(field: Uint8Array | undefined): ReplyCode | undefined {
  const text = Buffer.from(field?.subarray(0, 8) ?? [])
    .toString("latin1")
    .trim()
    .toUpperCase();
  return REPLY_CODES.find((code) => code === text);
}

const areEqual = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
