/**
 * What a file is: the messages of an HL7 file and what is set aside of it (04 P35 to P40), or one binary
 * message (P42). Changes nothing.
 *
 * @module
 */
import { hash } from "node:crypto";
import {
  BATCH_ENVELOPE_MAX_BYTES,
  FILE_HEADS_MAX_BYTES,
  FILE_MAX_MESSAGES,
  FILE_MESSAGE_MAX_BYTES,
} from "../limits.ts";
import type { ChannelRules, FileArrival, FileVerdict } from "./channel.ts";
import {
  type Batch,
  envelopeOf,
  type Item,
  judged,
  leftoverItem,
  messageItem,
  type PartContent,
} from "./examine.ts";
import { scanBytes } from "./hl7/charset.ts";
import { checkEnvelope } from "./hl7/envelope.ts";
import { BoundaryScan, filePartsOf, type Part } from "./hl7/message-splitter.ts";
import { readMsh } from "./hl7/msh.ts";
import type { BodyForm, LargeBody } from "./large-body.ts";

export type UnfitReason = Extract<FileVerdict, { kind: "unfit" }>["reason"];

export interface FileContent {
  readonly kind: "items";
  /** Made one after the other: a hundred thousand headers that were read take much memory. */
  readonly items: Iterable<Item>;
  /** How many there are. */
  readonly count: number;
  /** `undefined` for a binary file. */
  readonly batch: Batch | undefined;
  /** FHS without FTS, or BHS without BTS. */
  readonly unclosed: boolean;
  /** Messages with framing around them. */
  readonly framedCount: number;
}

export type ExaminedFile =
  | { readonly sha256: Uint8Array; readonly content: FileContent }
  | { readonly sha256: Uint8Array; readonly content: UnfitReason };

/** An HL7 file, told apart. */
interface Told {
  readonly sha256: Uint8Array;
  readonly framedCount: number;
  /** `undefined`: more than are told apart. */
  readonly parts: readonly Part[] | undefined;
  /** With its beginning and its digest, by its place among `parts`. */
  readonly read: (place: number) => PartContent | undefined;
}

const DEFAULT_LIMITS = { maxMessages: FILE_MAX_MESSAGES, maxMessageBytes: FILE_MESSAGE_MAX_BYTES };
/** Envelope segments have at least four bytes each, and are each followed by something that is ignored. */
const ENVELOPE_BOUNDARIES = (2 * BATCH_ENVELOPE_MAX_BYTES) / 4;
const EMPTY = new Uint8Array(0);

type FileLimits = NonNullable<ChannelRules["file"]>;

const limitsOf = ({ file = DEFAULT_LIMITS }: ChannelRules): FileLimits => file;

/** A message, or what is left over, may be followed by framing. */
const boundariesMaxCount = ({ maxMessages }: FileLimits): number =>
  2 * maxMessages + ENVELOPE_BOUNDARIES;

/** What is told apart in a file that comes in slices. */
export function fileForm(rules: ChannelRules, content: FileArrival["content"]): BodyForm {
  return {
    kind: content === "hl7" ? "file" : "opaque",
    boundariesMaxCount: boundariesMaxCount(limitsOf(rules)),
    headsMaxBytes: FILE_HEADS_MAX_BYTES,
    isBad: (beginning) => judged(readMsh(beginning), rules).refusal !== undefined,
  };
}

/** @param arrival its `large` is finished here, and must not be added to afterwards */
export function examineFile(arrival: FileArrival): ExaminedFile {
  if (arrival.content === "binary") return binary(arrival);
  const { channel, large, bytes } = arrival;
  const { rules } = channel;
  const told = large === undefined ? split(bytes, limitsOf(rules)) : finished(large, bytes);
  // Only now: the rest may be all there is.
  const reading = readMsh(large === undefined ? bytes : large.head);
  const isWide = reading.kind === "unreadable" && reading.reason === "wideCharacters";
  const content = isWide ? "wideCharacters" : contentOf(told, rules);
  return { sha256: told.sha256, content };
}

/** Opaque bytes from the first to the last (04 P42). */
function binary({ large, bytes, totalBytes }: FileArrival): ExaminedFile {
  const sha256 = large === undefined ? hash("sha256", bytes, "buffer") : large.finish(bytes).sha256;
  const item: Item = {
    ...{ msh: undefined, refusal: undefined, isMessage: true, index: 0, start: 0 },
    ...{ length: totalBytes, sha256, body: large === undefined ? bytes : EMPTY },
    ...{ scan: undefined, acknowledges: "" },
  };
  const one = { items: [item], count: 1, batch: undefined, unclosed: false, framedCount: 0 };
  return { sha256, content: { kind: "items", ...one } };
}

function finished(large: LargeBody, rest: Uint8Array): Told {
  const { sha256, framedCount, parts, tooManyParts } = large.finish(rest);
  const told = { sha256, framedCount, read: (place: number) => parts[place] };
  return { ...told, parts: tooManyParts ? undefined : parts };
}

function split(bytes: Uint8Array, limits: FileLimits): Told {
  const scan = new BoundaryScan("file");
  const boundaries = scan.finish(bytes);
  const tooMany = boundaries.length > boundariesMaxCount(limits);
  const parts = tooMany ? undefined : filePartsOf(boundaries, bytes.length);
  return {
    ...{ sha256: hash("sha256", bytes, "buffer"), framedCount: scan.framedCount, parts },
    read: (place) => {
      const part = parts?.[place];
      if (part === undefined) return undefined;
      const body = bytes.subarray(part.start, part.start + part.length);
      const sha256 = hash("sha256", body, "buffer");
      return { ...part, body, head: body, sha256, scan: scanBytes(body) };
    },
  };
}

function contentOf(told: Told, rules: ChannelRules): FileContent | UnfitReason {
  const { parts, sha256, framedCount } = told;
  if (parts === undefined) return "tooManyMessages";
  const messageCount = parts.filter(({ kind }) => kind === "message").length;
  if (messageCount === 0) return "noHeader";
  const envelopes = parts.flatMap(({ kind }, place) => (kind === "envelope" ? [place] : []));
  const count = parts.length - envelopes.length;
  if (count > limitsOf(rules).maxMessages) return "tooManyMessages";
  const envelope = envelopeOf(envelopes.flatMap((place) => told.read(place) ?? []));
  const envelopeBytes = envelope.reduce((sum, { bytes }) => sum + bytes.length, 0);
  if (envelopeBytes > BATCH_ENVELOPE_MAX_BYTES) return "tooManyMessages";
  const { countMismatch, unclosed } = checkEnvelope(envelope);
  const batch = { header: undefined, envelope, sha256, count: messageCount, countMismatch };
  const items = itemsOf(told, parts, rules);
  return { kind: "items", items, count, batch, unclosed, framedCount };
}

function* itemsOf(told: Told, parts: readonly Part[], rules: ChannelRules): Generator<Item> {
  const { maxMessageBytes } = limitsOf(rules);
  for (const [place, { kind, length }] of parts.entries()) {
    const part = kind === "envelope" ? undefined : told.read(place);
    if (part === undefined) continue;
    const item = kind === "message" ? messageItem(part, rules) : leftoverItem(part);
    // Where it is, and how long: the file itself has it (04 P38).
    yield length > maxMessageBytes ? { ...item, refusal: "tooLarge", body: EMPTY } : item;
  }
}
