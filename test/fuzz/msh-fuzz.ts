/**
 * The reader of MSH against any bytes: it never throws, finds what a naive reading of the text finds, and
 * an acknowledgment made from what it read carries the control id byte for byte in one block.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { AckCode } from "#agent/ingest/hl7/ack-policy.ts";
import {
  ACK_REASONS,
  type AckReason,
  buildAcknowledgment,
} from "#agent/ingest/hl7/acknowledgment.ts";
import {
  headerStart,
  type Msh,
  type MshReading,
  mayBeginHeader,
  readMsh,
} from "#agent/ingest/hl7/msh.ts";
import { latin1, textOf } from "#test/support/messages.ts";
import { HEADER, hasFraming, mayBecomeHeader } from "./naive-blocks.ts";
import { anyBytes, beforeHeader, headerSegment, mutatedCorpus, wideText } from "./wire-bytes.ts";

export interface HeaderCase {
  /** One character a byte. */
  readonly text: string;
  readonly code: AckCode;
  /** On a negative code. */
  readonly reason: AckReason | undefined;
}

const segmentEnd = fc.constantFrom("\r", "\n", "\r\n", "");
const structured = fc
  .tuple(beforeHeader, headerSegment, segmentEnd, anyBytes(20))
  .map((parts) => parts.join(""));
const text = fc.oneof(
  { weight: 6, arbitrary: structured },
  { weight: 3, arbitrary: mutatedCorpus },
  { weight: 1, arbitrary: wideText },
  { weight: 1, arbitrary: anyBytes(80) },
  { weight: 1, arbitrary: beforeHeader },
);
const reasons = Object.values(ACK_REASONS);

export const headerCase: fc.Arbitrary<HeaderCase> = fc
  .tuple(
    text,
    fc.constantFrom<AckCode>("AA", "CA", "AR", "CR", "AE", "CE"),
    fc.nat(reasons.length - 1),
  )
  .map(([text, code, at]) => ({
    text,
    code,
    reason: code.endsWith("A") ? undefined : reasons[at],
  }));

/** @throws {AssertionError} */
export function checkHeader(input: HeaderCase): void {
  const bytes = latin1(input.text);
  const reading = readMsh(bytes);
  const found = HEADER.exec(input.text)?.[0];
  assert.equal(headerStart(bytes), found === undefined ? -1 : found.length - 3);
  assert.equal(mayBeginHeader(bytes), mayBecomeHeader(input.text));
  assert.equal(labelOf(reading), naiveLabel(input.text));
  const msh = reading.kind === "batch" ? undefined : reading.msh;
  if (msh !== undefined) assertFields(bytes, msh);
  assertAcknowledged(input, msh);
}

const labelOf = (reading: MshReading): string =>
  reading.kind === "unreadable" ? reading.reason : reading.kind;

/** 03 E2, F8 and F9 on text. */
function naiveLabel(text: string): string {
  if (/^(?:\xff\xfe|\xfe\xff|\0\0\xfe\xff|\0M|\0\0.M|M\0)/s.test(text)) return "wideCharacters";
  const start = HEADER.exec(text)?.[0].length;
  if (start === undefined) return /^[ \t\r\n]*$/.test(text) ? "empty" : "noHeader";
  if (text[start - 3] !== "M") return "batch";
  const [segment = ""] = text.slice(start - 3).split(/[\r\n]/);
  if (segment.length < 8) return "headerTooShort";
  const fields = fieldsOf(segment);
  const [type] = (fields[9] ?? "").split((fields[2] ?? "")[0] ?? "\u2205");
  if (type === "") return "noMessageType";
  return (fields[10] ?? "") === "" ? "noControlId" : "message";
}

/** By their number; `[0]` is the name, `[1]` the separator. */
function fieldsOf(segment: string): string[] {
  const separator = segment[3] ?? "";
  return [segment.slice(0, 3), separator, ...segment.slice(4).split(separator)];
}

function assertFields(bytes: Uint8Array, msh: Msh): void {
  const segment = textOf(msh.segment);
  const separator = String.fromCharCode(msh.fieldSeparator);
  const expected = fieldsOf(segment);
  const fields = expected.map((_, n) => (n < 2 ? new Uint8Array(0) : msh.field(n)));
  for (const [n, field] of fields.entries()) {
    const within = field.byteOffset >= bytes.byteOffset && field.buffer === bytes.buffer;
    assert.ok(n < 2 || field.length === 0 || within, `field ${n} is a view of the message`);
    assert.ok(
      field.byteOffset + field.length <= bytes.byteOffset + bytes.length || field.length === 0,
    );
    if (n < 2) continue;
    assert.equal(textOf(field), expected[n], `field ${n}`);
    assert.ok(textOf(field).startsWith(textOf(msh.component(n))), `component of field ${n}`);
  }
  const joined = fields.slice(2).map(textOf).join(separator);
  assert.equal(`MSH${separator}${joined}`, segment, "the fields make the segment");
  assert.equal(msh.field(fields.length).length, 0, "past the end a field is empty");
}

/** A separator and at least one encoding character, none of which stands in a reply's own values. */
const PLAIN = /^[^0-9A-Za-z+. ]{2,}$/;

function assertAcknowledged({ code, reason }: HeaderCase, msh: Msh | undefined): void {
  const request = { code, reason, timestamp: "20250101120000+0000", controlId: "HF1" };
  const separator = msh === undefined ? "|" : String.fromCharCode(msh.fieldSeparator);
  const echo = textOf(buildAcknowledgment({ ...request, msh }));
  // As the doorway does: a header with framing bytes cannot be echoed.
  const echoes = !hasFraming(echo);
  const reply = echoes ? echo : textOf(buildAcknowledgment({ ...request, msh: undefined }));
  assert.ok(!hasFraming(reply) && !reply.includes("\n"), "one block, segments ended by CR");
  const segments = reply.split("\r");
  assert.equal(segments.pop(), "", "the last segment is ended, too");
  assert.equal(segments.length, reason === undefined ? 2 : 3);
  const controlId = echoes && msh !== undefined ? textOf(msh.field(10)) : "";
  const used = echoes ? separator : "|";
  const start = ["MSA", code, controlId].join(used);
  const [, msa = ""] = segments;
  assert.ok(
    msa.startsWith(start) && (msa.length === start.length || msa[start.length] === used),
    msa,
  );
  if (msh !== undefined && PLAIN.test(separator + textOf(msh.field(2)))) assertReads(reply);
}

/** Whoever reads HL7 with these delimiters can read the reply; another Holdfast does. */
function assertReads(reply: string): void {
  const reading = readMsh(latin1(reply));
  assert.equal(labelOf(reading), "message");
  if (reading.kind === "message") {
    assert.equal(textOf(reading.msh.component(9)), "ACK");
    assert.equal(textOf(reading.msh.field(10)), "HF1");
  }
}

/** One line that repeats it by hand. */
export function showHeader({ text, code, reason }: HeaderCase): string {
  return `${code} ${reason?.conditionCode ?? ""}: ${latin1(text).toString("hex")}`;
}
