/**
 * MSH, read on bytes: enough to answer a message, no character set needed (03 X4). Imports nothing.
 *
 * Source: HL7 v2.5.1 chapter 2 §2.5 (delimiters), §2.15.9 (MSH). MSH-1 is the byte after "MSH", the
 * field separator itself; so the first separator after MSH-2 ends field 2.
 *
 * @module
 */

const CR = 0x0d;
const LF = 0x0a;
const NUL = 0x00;
const SEARCH_BYTES = 64;
/** "MSH", a separator, at least four bytes more: shorter ones name no field (03 E2). */
const HEADER_MIN_BYTES = 8;
const EMPTY = new Uint8Array(0);
/** UTF-8's byte order mark, one character a byte. */
const UTF8_MARK = "\xef\xbb\xbf";

const asText = (bytes: Uint8Array): string => String.fromCharCode(...bytes);

/** The header segment of one message, as ranges of the message's own bytes. */
export interface Msh {
  /** MSH-1, one byte. */
  readonly fieldSeparator: number;
  /** The whole segment without its end, from "MSH" on. A view into the message. */
  readonly segment: Uint8Array;
  /**
   * The bytes of field `n`, n ≥ 2, exactly as sent; empty where the segment ends before it. A view
   * into the message: copy it to keep it.
   */
  field(n: number): Uint8Array;
  /** The first component of field `n`: up to the component separator that MSH-2 names. */
  component(n: number): Uint8Array;
}

export type MshReading =
  | { readonly kind: "message"; readonly msh: Msh }
  /** FHS or BHS: a batch, which has no MSH of its own. */
  | { readonly kind: "batch" }
  | {
      readonly kind: "unreadable";
      readonly reason: MshFault;
      /** Whatever could be read, so that a refusal can name the control id. */
      readonly msh: Msh | undefined;
    };

export type MshFault =
  | "empty"
  | "noHeader"
  | "headerTooShort"
  | "noMessageType"
  | "noControlId"
  | "wideCharacters";

const CONTROL_ID_FIELD = 10;
const MESSAGE_TYPE_FIELD = 9;

/**
 * Reads the header of one message.
 *
 * @param message the bytes between VT and FS, or their beginning as far as the end of MSH
 * @see 03 F8 for where the header may begin, 03 E2 for what makes it unreadable
 */
export function readMsh(message: Uint8Array): MshReading {
  if (isWide(message)) return { kind: "unreadable", reason: "wideCharacters", msh: undefined };
  const start = headerStart(message);
  if (start === -1) {
    const reason = isBlank(message) ? "empty" : "noHeader";
    return { kind: "unreadable", reason, msh: undefined };
  }
  if (message[start] !== 0x4d) return { kind: "batch" };
  const msh = new MshSegment(message, start);
  if (msh.segment.length < HEADER_MIN_BYTES) {
    return { kind: "unreadable", reason: "headerTooShort", msh: undefined };
  }
  if (msh.component(MESSAGE_TYPE_FIELD).length === 0) {
    return { kind: "unreadable", reason: "noMessageType", msh };
  }
  if (msh.field(CONTROL_ID_FIELD).length === 0) {
    return { kind: "unreadable", reason: "noControlId", msh };
  }
  return { kind: "message", msh };
}

/**
 * Where MSH, FHS or BHS begins: after an optional UTF-8 byte order mark, white space and line breaks.
 *
 * @returns its index, or -1 if something else comes first or nothing within 64 bytes
 */
export function headerStart(bytes: Uint8Array, from = 0): number {
  const start = skipBlank(bytes, from);
  if (start === -1 || bytes.length - start < 3) return -1;
  return isHeaderName(bytes, start) ? start : -1;
}

/** Whether the bytes may still turn out to begin a header once more of them are here (03 F4). */
export function mayBeginHeader(bytes: Uint8Array): boolean {
  const start = skipBlank(bytes, 0);
  if (start === -1) return bytes.length <= SEARCH_BYTES;
  if (bytes.length < UTF8_MARK.length && UTF8_MARK.startsWith(asText(bytes))) return true;
  const name = asText(bytes.subarray(start, start + 3));
  return ["MSH", "FHS", "BHS"].some((header) => header.startsWith(name));
}

function isHeaderName(bytes: Uint8Array, at: number): boolean {
  const first = bytes[at];
  const second = bytes[at + 1];
  const third = bytes[at + 2];
  if (third !== 0x53 && third !== 0x48) return false;
  if (first === 0x4d) return second === 0x53 && third === 0x48; // MSH
  return (first === 0x46 || first === 0x42) && second === 0x48 && third === 0x53; // FHS, BHS
}

/** Index of the first byte that is neither mark nor blank, or -1 if there is none within the limit. */
function skipBlank(bytes: Uint8Array, from: number): number {
  let at = from;
  if (bytes[at] === 0xef && bytes[at + 1] === 0xbb && bytes[at + 2] === 0xbf) at += 3;
  const end = Math.min(bytes.length, from + SEARCH_BYTES + 1);
  for (; at < end; at++) {
    if (!isBlankByte(bytes[at] ?? 0)) return at;
  }
  return -1;
}

const isBlankByte = (byte: number): boolean =>
  byte === 0x20 || byte === 0x09 || byte === CR || byte === LF;

const isBlank = (bytes: Uint8Array): boolean => bytes.every(isBlankByte);

/** UTF-16 and UTF-32 put a NUL beside each letter of the header, or begin with their own mark. */
function isWide(bytes: Uint8Array): boolean {
  const [first, second, third, fourth] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) return true;
  if (first === NUL && second === NUL && third === 0xfe && fourth === 0xff) return true;
  if (first === NUL) return second === 0x4d || (second === NUL && fourth === 0x4d);
  return first === 0x4d && second === NUL;
}

class MshSegment implements Msh {
  readonly fieldSeparator: number;
  readonly segment: Uint8Array;
  readonly #bytes: Uint8Array;
  /** `#ends[n]` is where field n ends; field 1 is the separator at `start + 3`. */
  readonly #ends: number[];

  constructor(bytes: Uint8Array, start: number) {
    const separator = bytes[start + 3] ?? CR;
    const ends = [start + 3, start + 4];
    // A segment that ends right after its name has no field separator, and so no fields.
    let at = separator === CR || separator === LF ? start + 3 : start + 4;
    for (; at < bytes.length; at++) {
      const byte = bytes[at];
      if (byte === CR || byte === LF) break;
      if (byte === separator) ends.push(at);
    }
    ends.push(at);
    this.fieldSeparator = separator;
    this.segment = bytes.subarray(start, at);
    this.#bytes = bytes;
    this.#ends = ends;
  }

  field(n: number): Uint8Array {
    const end = this.#ends[n];
    const previous = this.#ends[n - 1];
    if (end === undefined || previous === undefined) return EMPTY;
    // Field 2 begins right after MSH-1, which is itself the separator; the others after theirs.
    return this.#bytes.subarray(n === 2 ? previous : previous + 1, end);
  }

  component(n: number): Uint8Array {
    const field = this.field(n);
    const separator = this.field(2)[0];
    const end = separator === undefined ? -1 : field.indexOf(separator);
    return end === -1 ? field : field.subarray(0, end);
  }
}
