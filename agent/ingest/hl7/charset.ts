/**
 * Character sets: what the bytes of a message are, whether that is what was declared, and how to show them (03 X1 to X5).
 *
 * Nothing here stands between socket and store, and nothing here can refuse a message: verdicts are
 * recorded and counted, text is for display and search only.
 *
 * @module
 */
import { type Encoding, encodingNamed } from "./charset-names.ts";

const DECLARED_MAX_CHARACTERS = 64;
const FALLBACK: Encoding = "windows-1252";
const REPLACEMENT = "\ufffd";
/** Bits 9, 10 and 13: TAB, LF and CR are no control bytes in the sense of 03 F9. */
const LAYOUT = (1 << 0x09) | (1 << 0x0a) | (1 << 0x0d);

/** What one look at every byte of a message tells. */
export interface Scan {
  /** No byte above 0x7F. */
  readonly ascii: boolean;
  /** The whole is valid UTF-8 by RFC 3629 §4; so is ASCII, and so is nothing at all. */
  readonly utf8: boolean;
  /** Bytes below 0x20 other than TAB, LF and CR (03 F9). */
  readonly controlBytes: number;
}

/** Looks at a message that comes in slices, cut anywhere, in order. Holds a few numbers, never bytes. */
export class EncodingScan {
  #controlBytes = 0;
  #ascii = true;
  #utf8 = true;
  /** Bytes still missing from the UTF-8 sequence that the last slice broke off. */
  #missing = 0;
  /** The next byte of that sequence lies between these two. */
  #low = 0x80;
  #high = 0xbf;

  /** @param bytes the next slice, of any length; only read, and not kept */
  add(bytes: Uint8Array): void {
    // Every byte of every message passes here before its acknowledgment: four at a time cost a
    // fifth less than one, and a word view would save as much again but needs aligned slices.
    const last = bytes.length - 3;
    let seen = 0;
    let at = 0;
    for (; at < last; at += 4) {
      const a = bytes[at] ?? 0;
      const b = bytes[at + 1] ?? 0;
      const c = bytes[at + 2] ?? 0;
      const d = bytes[at + 3] ?? 0;
      seen |= a | b | c | d;
      if (((a - 0x20) | (b - 0x20) | (c - 0x20) | (d - 0x20)) < 0) {
        this.#controlBytes += isControl(a) + isControl(b) + isControl(c) + isControl(d);
      }
    }
    for (; at < bytes.length; at++) {
      const byte = bytes[at] ?? 0;
      seen |= byte;
      this.#controlBytes += isControl(byte);
    }
    if (seen >= 0x80) this.#ascii = false;
    if (this.#utf8 && (seen >= 0x80 || this.#missing > 0)) this.#utf8 = this.#continuesUtf8(bytes);
  }

  /** The verdict on all slices so far; a sequence that is still broken off is not valid. */
  finish(): Scan {
    return {
      ascii: this.#ascii,
      utf8: this.#utf8 && this.#missing === 0,
      controlBytes: this.#controlBytes,
    };
  }

  /** RFC 3629 §4, line by line: the narrower second bytes keep out overlong forms, surrogates and what is above U+10FFFF. */
  #continuesUtf8(bytes: Uint8Array): boolean {
    let missing = this.#missing;
    let low = this.#low;
    let high = this.#high;
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at] ?? 0;
      if (missing > 0) {
        if (byte < low || byte > high) return false;
        missing -= 1;
        low = 0x80;
        high = 0xbf;
      } else if (byte >= 0x80) {
        if (byte < 0xc2 || byte > 0xf4) return false;
        missing = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
        if (byte === 0xe0) low = 0xa0;
        else if (byte === 0xed) high = 0x9f;
        else if (byte === 0xf0) low = 0x90;
        else if (byte === 0xf4) high = 0x8f;
      }
    }
    this.#missing = missing;
    this.#low = low;
    this.#high = high;
    return true;
  }
}

/** `EncodingScan` for a message that is whole. */
export function scanBytes(bytes: Uint8Array): Scan {
  const scan = new EncodingScan();
  scan.add(bytes);
  return scan.finish();
}

const isControl = (byte: number): number => (byte < 0x20 ? (~LAYOUT >>> byte) & 1 : 0);

/**
 * The character set that a message claims: the first repetition of MSH-18, further ones being switched to by
 * escapes (03 X5).
 *
 * @param field MSH-18 as sent
 * @param repetitionSeparator the second byte of MSH-2, `undefined` where MSH-2 is too short to have one
 * @returns latin1 text, trimmed, at most 64 characters: a sender's words, so not safe to print as they
 *   are. Empty where the first repetition is, which means ASCII
 */
export function declaredCharset(
  field: Uint8Array,
  repetitionSeparator: number | undefined,
): string {
  if (field.length === 0) return "";
  const end = repetitionSeparator === undefined ? -1 : field.indexOf(repetitionSeparator);
  const first = end === -1 ? field : field.subarray(0, end);
  return String.fromCharCode(...first.subarray(0, DECLARED_MAX_CHARACTERS)).trim();
}

export interface CharsetClaim {
  /** First repetition of MSH-18, see `declaredCharset`; may be empty. */
  readonly declared: string;
  /**
   * Channel key `charset`. It replaces `declared`, because it is set for senders that declare
   * wrongly: no warning then while the bytes fit it. A name that is not known counts as unset.
   */
  readonly setting: string | undefined;
  readonly scan: Scan;
}

export interface CharsetVerdict {
  /** What the bytes say on their own. */
  readonly detected: "ascii" | "utf-8" | "other";
  /** Reading the message as claimed needs replacement characters; only as far as a scan can tell. */
  readonly errors: boolean;
  /** 03 X3: a warning, never a reason to refuse. */
  readonly mismatch: boolean;
}

/**
 * Compares what is claimed with what is there. Seven-bit bytes fit every claim.
 *
 * Not noticed: one single-byte set in place of another, and UTF-8 declared as GB 18030, KS X 1001, Big-5,
 * EUC-JP or Shift_JIS. Two bytes of those are valid UTF-8 now and then, so a message with one short name would
 * warn wrongly.
 */
export function judgeCharset(claim: CharsetClaim): CharsetVerdict {
  const { ascii, utf8 } = claim.scan;
  if (ascii) return { detected: "ascii", errors: false, mismatch: false };
  const detected = utf8 ? "utf-8" : "other";
  switch (encodingNamed(claim.setting ?? "") ?? encodingNamed(claim.declared)) {
    // Nothing declared means ASCII; and a set that nobody knows cannot be shown to fit.
    case undefined:
    case "ascii":
      return { detected, errors: false, mismatch: true };
    case "iso-2022-jp": // All of it is seven-bit.
      return { detected, errors: true, mismatch: true };
    case "utf-8":
      return { detected, errors: !utf8, mismatch: !utf8 };
    case "shift_jis":
    case "euc-jp":
    case "gb18030":
    case "euc-kr":
    case "big5":
      return { detected, errors: false, mismatch: false };
    default:
      // Single-byte sets. Their letters above 0x7F stand alone or beside letters of the same case,
      // UTF-8 wants a lead byte and then bytes that are signs there: "Ã¼" is no word in any of them.
      return { detected, errors: false, mismatch: utf8 };
  }
}

export interface TextViewOptions {
  /** Channel key `charset`. */
  readonly charset?: string | undefined;
  /** First repetition of MSH-18, see `declaredCharset`; may be empty. */
  readonly declared: string;
  /** Channel key `fallbackCharset`; one that is not known counts as windows-1252. */
  readonly fallbackCharset: string;
}

export interface TextView {
  /** For eyes and search. Never to be encoded again: it need not give back the bytes. */
  readonly text: string;
  /** What it was read as. 8859/1 and 8859/9 are read as their Windows supersets. */
  readonly encoding: Encoding;
  /** Some bytes have no character in that encoding; U+FFFD stands for them. */
  readonly errors: boolean;
}

/**
 * A message as text, for display and search only. Cannot fail.
 *
 * A UTF-8 byte order mark is not shown. Escapes of ISO 2022 are followed where ISO IR87 is the
 * first set, and else shown raw (03 X5).
 *
 * @param bytes a whole message: a sequence that is cut off at the end counts as an error
 * @see 03 X2 for the order: `charset`, MSH-18, UTF-8 if valid, `fallbackCharset`
 */
export function textView(bytes: Uint8Array, options: TextViewOptions): TextView {
  const scan = scanBytes(bytes);
  const encoding =
    claimed(options.charset ?? "", scan) ??
    claimed(options.declared, scan) ??
    (scan.utf8 ? "utf-8" : (encodingNamed(options.fallbackCharset) ?? FALLBACK));
  if (encoding === "ascii") return asciiView(bytes, scan);
  const text = new TextDecoder(encoding).decode(bytes);
  // UTF-8 can hold U+FFFD itself, put there by somebody upstream; the older sets have no such character.
  const errors = encoding === "utf-8" ? !scan.utf8 : text.includes(REPLACEMENT);
  return { text, encoding, errors };
}

/** A claim of ASCII says nothing about bytes above 0x7F, so the next in the order is asked. */
function claimed(name: string, scan: Scan): Encoding | undefined {
  const encoding = encodingNamed(name);
  return encoding === "ascii" && !scan.ascii ? undefined : encoding;
}

function asciiView(bytes: Uint8Array, scan: Scan): TextView {
  // Any set with one character a byte will do; what lies above ASCII is replaced.
  const text = new TextDecoder(FALLBACK).decode(bytes).replace(/[\u0080-\uffff]/g, REPLACEMENT);
  return { text, encoding: "ascii", errors: !scan.ascii };
}
