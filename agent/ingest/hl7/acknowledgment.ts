/**
 * The acknowledgment message itself: bytes of the original in, bytes of the reply out (03 A10, A11).
 *
 * Fields are carried as latin1, which maps every byte to one character and back: MSH-10 comes out byte
 * for byte, whatever its character set. Source: HL7 v2.5.1 chapter 2 §2.9, §2.15.8 (MSA), §2.15.5 (ERR).
 *
 * @module
 */
import type { AckCode } from "./ack-policy.ts";
import type { Msh } from "./msh.ts";

/** Why a message is refused: HL7 table 0357 code, and a fixed phrase that names no content. */
export interface AckReason {
  readonly conditionCode: string;
  readonly phrase: string;
}

export const ACK_REASONS = {
  noHeader: { conditionCode: "100", phrase: "No MSH segment found" },
  headerTooShort: { conditionCode: "100", phrase: "MSH segment too short" },
  noMessageType: { conditionCode: "101", phrase: "MSH-9 message type missing" },
  noControlId: { conditionCode: "101", phrase: "MSH-10 message control id missing" },
  notAllowed: { conditionCode: "202", phrase: "Processing id or version not allowed here" },
  embeddedFraming: { conditionCode: "207", phrase: "MLLP framing bytes inside the message" },
  wideCharacters: { conditionCode: "207", phrase: "UTF-16 and UTF-32 cannot be sent over MLLP" },
  tooLarge: { conditionCode: "207", phrase: "Message larger than the configured limit" },
  batchTooLarge: { conditionCode: "207", phrase: "Batch larger than the limit" },
  receiverRefused: { conditionCode: "207", phrase: "The receiving system refused the message" },
  receiverSilent: { conditionCode: "207", phrase: "The receiving system has not answered yet" },
  cannotStore: { conditionCode: "207", phrase: "Message cannot be stored at the moment" },
} as const satisfies Record<string, AckReason>;

export interface AckRequest {
  /** The original's header; `undefined` where it could not be read. */
  readonly msh: Msh | undefined;
  readonly code: AckCode;
  /** Set on every negative code. */
  readonly reason: AckReason | undefined;
  /** MSH-7 of the reply: `YYYYMMDDHHMMSS+0000`. */
  readonly timestamp: string;
  /** MSH-10 of the reply: unique, ASCII, at most 20 characters. */
  readonly controlId: string;
}

const NO_HEADER = "MSH|^~\\&|||||||||P|2.3";

/** Builds the reply, segments ended by CR, without MLLP framing. */
export function buildAcknowledgment(request: AckRequest): Uint8Array {
  const { msh, code, reason } = request;
  const original = msh === undefined ? NO_HEADER : latin1(msh.segment);
  const separator = original[3] ?? "|";
  // MSH-1 is the separator itself, even where it is one of the letters of the name: field n stands at n − 2.
  const fields = original.slice(4).split(separator);
  const field = (n: number): string => fields[n - 2] ?? "";
  const encoding = field(2);
  const minor = minorVersion(field(12));
  const header = [
    "MSH",
    encoding,
    field(5),
    field(6),
    field(3),
    field(4),
    request.timestamp,
    "",
    messageType(field(9), encoding[0] ?? "^", minor),
    request.controlId,
    field(11),
    field(12),
    "",
    "",
    "",
    "",
    "",
    field(18),
  ];
  const phrase = reason === undefined || minor >= 7 ? "" : reason.phrase;
  const msa = trimmedSegment(["MSA", code, field(10), phrase], separator, 3);
  const err = reason === undefined ? "" : `${errSegment(reason, separator, encoding, minor)}\r`;
  return Buffer.from(`${trimmedSegment(header, separator)}\r${msa}\r${err}`, "latin1");
}

/** Without empty fields at the end, but never shorter than `keep` fields. */
function trimmedSegment(fields: readonly string[], separator: string, keep = 0): string {
  let length = fields.length;
  while (length > keep && fields[length - 1] === "") length -= 1;
  return fields.slice(0, length).join(separator);
}

/** `ACK^<trigger>^ACK` from v2.4 on, `ACK^<trigger>` in v2.3, `ACK` before and where unreadable. */
function messageType(field: string, separator: string, minor: number): string {
  const [, trigger] = field.split(separator);
  if (trigger === undefined || trigger === "" || minor < 3) return "ACK";
  const parts = ["ACK", trigger, ...(minor >= 4 ? ["ACK"] : [])];
  return parts.join(separator);
}

/** v2.5 and later name code and severity in fields of their own; before, ERR-1 held it all. */
function errSegment(reason: AckReason, separator: string, encoding: string, minor: number): string {
  const component = encoding[0] ?? "^";
  if (minor < 5) {
    const subcomponent = encoding[3] ?? "&";
    const code = [reason.conditionCode, reason.phrase, "HL70357"].join(subcomponent);
    return ["ERR", ["", "", "", code].join(component)].join(separator);
  }
  const code = [reason.conditionCode, reason.phrase, "HL70357"].join(component);
  return ["ERR", "", "", code, "E", "", "", "", reason.phrase].join(separator);
}

/** `2.5.1` → 5; 0 where it cannot be read. */
function minorVersion(version: string): number {
  const minor = version.startsWith("2.") ? Number(version[2]) : 0;
  return Number.isInteger(minor) ? minor : 0;
}

const latin1 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
