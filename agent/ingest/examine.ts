/**
 * What a block is: one message, several (03 F12), nothing, or something to set aside (03 E2). Changes nothing.
 *
 * @module
 */
import { hash } from "node:crypto";
import { BATCH_ENVELOPE_MAX_BYTES, BATCH_ENVELOPES_MAX_BYTES, BATCH_MAX_COUNT } from "../limits.ts";
import type { QuarantineReason } from "../outbox/writing/append-batch.ts";
import type { Arrival, ChannelRules } from "./channel.ts";
import { isAcknowledgmentType } from "./hl7/ack-policy.ts";
import { type Scan, scanBytes } from "./hl7/charset.ts";
import { checkEnvelope, type EnvelopeSegment } from "./hl7/envelope.ts";
import { type Part, splitMessages } from "./hl7/message-splitter.ts";
import { type Msh, type MshReading, readMsh } from "./hl7/msh.ts";

/** One message, or one thing to set aside. Byte arrays are views: valid until `accept` returns. */
export interface Item {
  readonly msh: Msh | undefined;
  /** Why it is no message; `undefined` if it is one. */
  readonly refusal: QuarantineReason | undefined;
  /** False for what is left over between messages: nobody waits for a word about it (04 P39). */
  readonly isMessage: boolean;
  /** How many messages of the block come before it. */
  readonly index: number;
  /** Where in the block it is. */
  readonly start: number;
  readonly length: number;
  readonly sha256: Uint8Array;
  /** Its bytes, or empty where they lie in slices; of a fragment as much as is kept. */
  readonly body: Uint8Array;
  readonly scan: Scan | undefined;
  /** MSA-1 where the message is an acknowledgment. */
  readonly acknowledges: string;
}

/** What the parts of one block have in common. */
export interface Batch {
  /** BHS, or FHS where there is no BHS; `undefined` for messages without an envelope. */
  readonly header: Uint8Array | undefined;
  readonly envelope: readonly EnvelopeSegment[];
  readonly sha256: Uint8Array;
  /** Messages, bad ones included. */
  readonly count: number;
  readonly countMismatch: boolean;
}

export type Examined =
  | { readonly kind: "empty" }
  | {
      readonly kind: "items";
      readonly items: readonly Item[];
      readonly batch: Batch | undefined;
      /** Of all items: they lie in the slices of `Arrival.large`. */
      readonly inSlices: boolean;
    };

/** @param arrival its `large` is finished here, and must not be added to afterwards */
export function examine(arrival: Arrival): Examined {
  const { kind, large, bytes, channel } = arrival;
  // A block over the limit is not kept whole, and its slices go (03 F7).
  const inSlices = large !== undefined && kind !== "tooLarge";
  if (kind !== "block") {
    const reason = kind === "malformed" ? "embeddedFraming" : kind;
    return single(setAside(arrival, reason), inSlices);
  }
  const reading = readMsh(large?.head ?? bytes);
  // Nothing in it can be told apart, and its bytes could look like anything.
  const wide = reading.kind === "unreadable" && reading.reason === "wideCharacters";
  if (wide) return single(setAside(arrival, "wideCharacters"), inSlices);
  if (large !== undefined) return examineLarge(arrival, reading);
  const sha256 = hash("sha256", bytes, "buffer");
  const whole = { body: bytes, length: bytes.length, sha256, head: bytes };
  if (reading.kind === "message" && !holdsAnotherHeader(bytes, reading.msh)) {
    return single(wholeItem(reading, channel.rules, whole, scanBytes(bytes)));
  }
  const parts = splitMessages(bytes);
  if (parts.length === 0) return { kind: "empty" };
  if (!isBatch(parts)) return single(wholeItem(reading, channel.rules, whole, scanBytes(bytes)));
  // Before anything is read of them: a block of nothing but headers has a hundred thousand parts.
  if (parts.length > 2 * BATCH_MAX_COUNT || messageCount(parts) > BATCH_MAX_COUNT) {
    const first = parts.find(({ kind }) => kind === "message");
    const head = readMsh(first === undefined ? bytes : bytes.subarray(first.start));
    const asOne = wholeItem(head, channel.rules, whole, scanBytes(bytes));
    return single({ ...asOne, refusal: "batchTooLarge" });
  }
  const read = (part: Part): PartContent => {
    const body = bytes.subarray(part.start, part.start + part.length);
    const digest = hash("sha256", body, "buffer");
    return { ...part, body, head: body, sha256: digest, scan: scanBytes(body) };
  };
  return batchOf(arrival, parts.map(read), sha256, false);
}

/** Whether the splitter is needed at all: one native search tells, for nearly all of the traffic, that it is not. */
function holdsAnotherHeader(bytes: Uint8Array, { segment }: Msh): boolean {
  const from = segment.byteOffset - bytes.byteOffset + HEADER_NAME.length;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(HEADER_NAME, from);
}

/** 03 F12: it starts with FHS or BHS, or holds more than one MSH. Anything else is taken as one. */
function isBatch(parts: readonly Part[]): boolean {
  const [first] = parts;
  if (first?.segment === "FHS" || first?.segment === "BHS") return true;
  return messageCount(parts) > 1;
}

const messageCount = (parts: readonly Part[]): number =>
  parts.reduce((count, { kind }) => (kind === "message" ? count + 1 : count), 0);

function examineLarge(arrival: Arrival, reading: MshReading): Examined {
  const { large, bytes, channel } = arrival;
  if (large === undefined) return { kind: "empty" };
  const { parts, scan, sha256, tooManyParts } = large.finish(bytes);
  const whole = { body: EMPTY, length: arrival.totalBytes, sha256, head: large.head };
  const asOne = wholeItem(reading, channel.rules, whole, scan);
  if (tooManyParts) return single({ ...asOne, refusal: "batchTooLarge" }, true);
  if (parts.length === 0) {
    large.discard();
    return { kind: "empty" };
  }
  if (!isBatch(parts)) return single(asOne, true);
  return batchOf(arrival, parts, sha256, true);
}

export interface PartContent extends Part {
  readonly body: Uint8Array;
  /** The whole part, or its first segment. */
  readonly head: Uint8Array;
  readonly sha256: Uint8Array;
  readonly scan: Scan;
}

function batchOf(
  arrival: Arrival,
  parts: readonly PartContent[],
  sha256: Uint8Array,
  inSlices: boolean,
): Examined {
  const { rules } = arrival.channel;
  const envelope = envelopeOf(parts);
  const items = parts
    .filter(({ kind }) => kind !== "envelope")
    .map((part) => (part.kind === "message" ? messageItem(part, rules) : leftoverItem(part)));
  const count = items.filter(({ isMessage }) => isMessage).length;
  const refusal = count === 0 ? "noHeader" : tooLargeBatch(envelope, count);
  if (refusal !== undefined) {
    const { bytes, totalBytes } = arrival;
    const body = inSlices ? EMPTY : bytes;
    const whole = {
      msh: items.find(({ isMessage }) => isMessage)?.msh,
      isMessage: true,
      index: 0,
      start: 0,
      length: totalBytes,
      acknowledges: "",
    };
    return single({ ...whole, refusal, sha256, body, scan: undefined }, inSlices);
  }
  const headers = envelope.filter(({ segment }) => segment === "BHS" || segment === "FHS");
  const header = headers.find(({ segment }) => segment === "BHS") ?? headers[0];
  const check = checkEnvelope(envelope);
  const batch = {
    header: header?.bytes,
    envelope,
    sha256,
    count,
    countMismatch: check.countMismatch || check.unclosed,
  };
  return { kind: "items", items, batch, inSlices };
}

export function envelopeOf(parts: readonly PartContent[]): EnvelopeSegment[] {
  return parts.flatMap(({ segment, head, index, length, kind }) =>
    kind === "envelope" && segment !== undefined && segment !== "MSH"
      ? [{ segment, bytes: head.subarray(0, length), index }]
      : [],
  );
}

function tooLargeBatch(
  envelope: readonly EnvelopeSegment[],
  count: number,
): QuarantineReason | undefined {
  const envelopeBytes = envelope.reduce((sum, { bytes }) => sum + bytes.length, 0);
  // As it is stored with each message: a control byte takes six characters there.
  const storedBytes = envelope.reduce(
    (sum, { bytes }) =>
      sum + (bytes.length > BATCH_ENVELOPE_MAX_BYTES ? 0 : JSON.stringify(textOf(bytes)).length),
    0,
  );
  const tooLarge =
    count > BATCH_MAX_COUNT ||
    envelopeBytes > BATCH_ENVELOPE_MAX_BYTES ||
    storedBytes * count > BATCH_ENVELOPES_MAX_BYTES;
  return tooLarge ? "batchTooLarge" : undefined;
}

export function messageItem(part: PartContent, rules: ChannelRules): Item {
  const { msh, refusal } = judged(readMsh(part.head), rules);
  const acknowledged = acknowledges(msh, part.head);
  return { ...part, msh, refusal, isMessage: true, acknowledges: acknowledged };
}

export function leftoverItem({ body, index, start, length, sha256 }: PartContent): Item {
  const nothing = { msh: undefined, scan: undefined, acknowledges: "", isMessage: false };
  return { ...nothing, refusal: "leftover", index, start, length, sha256, body };
}

interface Whole {
  readonly body: Uint8Array;
  readonly length: number;
  readonly sha256: Uint8Array;
  readonly head: Uint8Array;
}

function wholeItem(reading: MshReading, rules: ChannelRules, whole: Whole, scan: Scan): Item {
  const { body, length, sha256, head } = whole;
  const { msh, refusal } = judged(reading, rules);
  return {
    msh,
    refusal,
    isMessage: true,
    index: 0,
    start: 0,
    length,
    sha256,
    body,
    scan,
    acknowledges: acknowledges(msh, head),
  };
}

/** 03 E2. A batch without a message has no header either. */
export function judged(
  reading: MshReading,
  rules: ChannelRules,
): { readonly msh: Msh | undefined; readonly refusal: QuarantineReason | undefined } {
  if (reading.kind === "batch") return { msh: undefined, refusal: "noHeader" };
  const { msh } = reading;
  if (reading.kind === "unreadable") {
    const tolerated = reading.reason === "noControlId" && rules.allowEmptyControlId;
    const refusal = reading.reason === "empty" ? "noHeader" : reading.reason;
    if (!tolerated || msh === undefined) return { msh, refusal };
  }
  return { msh, refusal: isAllowed(msh, rules) ? undefined : "notAllowed" };
}

const HEADER_NAME = "MSH";
const MESSAGE_TYPE_FIELD = 9;
const PROCESSING_ID_FIELD = 11;
const VERSION_FIELD = 12;

function isAllowed(msh: Msh | undefined, rules: ChannelRules): boolean {
  if (rules.allowedProcessingIds.length + rules.allowedVersions.length === 0) return true;
  const allows = (allowed: readonly string[], field: number): boolean =>
    allowed.length === 0 || allowed.includes(textOf(msh?.component(field)).trim());
  return (
    allows(rules.allowedProcessingIds, PROCESSING_ID_FIELD) &&
    allows(rules.allowedVersions, VERSION_FIELD)
  );
}

/** MSA-1 of an acknowledgment; only those have their MSA looked for. */
function acknowledges(msh: Msh | undefined, bytes: Uint8Array): string {
  if (msh === undefined || !isAcknowledgmentType(msh.component(MESSAGE_TYPE_FIELD))) return "";
  const separator = String.fromCharCode(msh.fieldSeparator);
  const segments = textOf(bytes.subarray(0, ACKNOWLEDGMENT_LOOKED_AT_BYTES)).split(/[\r\n]+/);
  const msa = segments.find((segment) => segment.startsWith(`MSA${separator}`));
  return msa?.split(separator)[1] ?? "";
}

/** MSA follows MSH; only SFT and UAC may stand between. */
const ACKNOWLEDGMENT_LOOKED_AT_BYTES = 4_096;

/** What has no message in it: its bytes as far as they are kept. */
function setAside(arrival: Arrival, refusal: QuarantineReason): Item {
  const { large, bytes, totalBytes, kind } = arrival;
  const reading = readMsh(large?.head ?? bytes);
  const msh = reading.kind === "batch" ? undefined : reading.msh;
  const place = { index: 0, start: 0, length: totalBytes };
  const common = { msh, refusal, isMessage: true, ...place, acknowledges: "" };
  // A block over the limit is not kept whole: its beginning is, and its length (03 F7).
  if (large !== undefined && kind === "tooLarge") {
    large.discard();
    const body = large.head;
    return { ...common, body, sha256: hash("sha256", body, "buffer"), scan: undefined };
  }
  const sha256 = large === undefined ? hash("sha256", bytes, "buffer") : large.finish(bytes).sha256;
  return { ...common, body: large === undefined ? bytes : EMPTY, sha256, scan: undefined };
}

function single(item: Item, inSlices = false): Examined {
  return { kind: "items", items: [item], batch: undefined, inSlices };
}

const EMPTY = new Uint8Array(0);
const textOf = (bytes: Uint8Array | undefined): string =>
  Buffer.from(bytes ?? EMPTY).toString("latin1");
