/**
 * How a message is built, and nothing of what it says (08 5.3): names that are in the lists of HL7, how many fields, and
 * lengths as buckets. No byte of a field leaves this file, whatever the message is. Imports only the lists.
 *
 * @module
 */
import { MESSAGE_CODES, SEGMENT_IDS, TRIGGER_EVENTS, VERSIONS } from "./hl7-names.ts";

/** Bytes of a field. */
export const LENGTH_BUCKETS = ["0", "1-8", "9-32", "33-128", "129-"] as const;
export type LengthBucket = (typeof LENGTH_BUCKETS)[number];

/** What a name becomes that is in no list. */
export const UNKNOWN = "?";

export interface SegmentShape {
  /** Three characters of the list, `Z` and two of A-Z0-9, or {@link UNKNOWN}. */
  readonly id: string;
  readonly fieldCount: number;
  /** Of the first fields, in order; MSH begins with MSH-2. */
  readonly lengths: readonly LengthBucket[];
}

export interface MessageShape {
  /** MSH-9, each part by its list. */
  readonly code: string;
  readonly event: string;
  readonly structure: string;
  /** MSH-12. */
  readonly version: string;
  readonly segments: readonly SegmentShape[];
  /** Of all; more than `segments` has where there are too many. */
  readonly segmentCount: number;
}

/** Of one answer: a message may have millions. */
export const SEGMENTS_MAX_COUNT = 2_000;
export const FIELDS_MAX_COUNT = 64;

const CR = 0x0d;
const LF = 0x0a;
const ID_BYTES = 3;
const TYPE_FIELD = 9;
const VERSION_FIELD = 12;
const DEFAULT_SEPARATOR = 0x7c;
const DEFAULT_COMPONENT = 0x5e;

/** @param bytes a message or its beginning, whatever it really is. Never throws */
export function shapeOf(bytes: Uint8Array): MessageShape {
  const isHeader = latin1(bytes.subarray(0, ID_BYTES)) === "MSH";
  const separator = (isHeader ? bytes[ID_BYTES] : undefined) ?? DEFAULT_SEPARATOR;
  const component = (isHeader ? bytes[ID_BYTES + 1] : undefined) ?? DEFAULT_COMPONENT;
  const segments: SegmentShape[] = [];
  let segmentCount = 0;
  let header: readonly Uint8Array[] = [];
  for (const segment of segmentsIn(bytes)) {
    segmentCount += 1;
    if (segments.length >= SEGMENTS_MAX_COUNT) continue;
    const [id = EMPTY, ...fields] = split(segment, separator);
    if (segmentCount === 1 && isHeader) header = fields;
    segments.push({
      id: shownId(id),
      fieldCount: fields.length,
      lengths: fields.slice(0, FIELDS_MAX_COUNT).map(({ length }) => bucketOf(length)),
    });
  }
  // MSH-1 is the separator itself: MSH-n is the field before.
  const [code, event, structure] = split(header[TYPE_FIELD - 2] ?? EMPTY, component).map(latin1);
  const version = latin1(split(header[VERSION_FIELD - 2] ?? EMPTY, component)[0] ?? EMPTY);
  return {
    code: shown(code, MESSAGE_CODES),
    event: shown(event, TRIGGER_EVENTS),
    structure: shownStructure(structure),
    version: shown(version, VERSIONS),
    ...{ segments, segmentCount },
  };
}

export function bucketOf(length: number): LengthBucket {
  if (length === 0) return "0";
  if (length <= 8) return "1-8";
  if (length <= 32) return "9-32";
  return length <= 128 ? "33-128" : "129-";
}

const EMPTY = new Uint8Array(0);

function* segmentsIn(bytes: Uint8Array): Generator<Uint8Array> {
  let start = 0;
  for (let at = 0; at <= bytes.length; at++) {
    const byte = bytes[at];
    if (byte !== undefined && byte !== CR && byte !== LF) continue;
    if (at > start) yield bytes.subarray(start, at);
    start = at + 1;
  }
}

function split(bytes: Uint8Array, separator: number): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let start = 0;
  for (let at = bytes.indexOf(separator); at !== -1; at = bytes.indexOf(separator, start)) {
    parts.push(bytes.subarray(start, at));
    start = at + 1;
  }
  parts.push(bytes.subarray(start));
  return parts;
}

function shownId(bytes: Uint8Array): string {
  const id = bytes.length === ID_BYTES ? latin1(bytes) : "";
  // A pattern alone would let a name of three letters through.
  return SEGMENT_IDS.has(id) || /^Z[A-Z0-9]{2}$/.test(id) ? id : UNKNOWN;
}

const shown = (text: string | undefined, list: ReadonlySet<string>): string =>
  text !== undefined && list.has(text) ? text : UNKNOWN;

function shownStructure(text: string | undefined): string {
  const [code = "", event = "", ...more] = (text ?? "").split("_");
  const isKnown = MESSAGE_CODES.has(code) && (event === "" || TRIGGER_EVENTS.has(event));
  return isKnown && more.length === 0 ? (text ?? UNKNOWN) : UNKNOWN;
}

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");
