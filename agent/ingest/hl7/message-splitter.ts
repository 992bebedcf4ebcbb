/**
 * Finds the messages of a batch, of a file, or of plain messages one after another, without keeping the bytes.
 *
 * A boundary is a line start that reads `MSH`, `FHS` or `BHS`, a field separator and an encoding
 * character, or `BTS` or `FTS` and a separator that a header before it has declared (04 P35): a line
 * of wrapped base64 that happens to begin with `BTS/` must not cut a message in two. All fields of BTS
 * and FTS are optional, so each may also stand alone on its line. The same text anywhere else is content.
 *
 * What lies between boundaries (04 P37, P39):
 *
 * - A message is everything from its MSH to the next boundary, blank lines at its end included.
 * - An envelope segment is its line with its line end: CR, LF or CRLF.
 * - Between an envelope segment and the next boundary, and before the first, blanks and line breaks
 *   are ignored, as is a UTF-8 byte order mark at the very beginning. Anything else is left over, from
 *   its first byte that is not blank to the next boundary.
 *
 * In a file (04 P37) the framing of MLLP is taken out, too. VT is framing between messages, and at a line
 * start where a boundary follows at once. FS is framing where CR, LF, VT or the end of the file follows, as on a
 * connection (03 F3): no character set of HL7 has that byte in a character, so such a file is a recorded
 * connection, and what comes next is never a part of the message before it. Both are content anywhere else.
 *
 * Source: HL7 v2.5.1 chapter 2 §2.10.3.1 (a batch file; every envelope segment is optional), §2.15.3
 * (BTS), §2.15.7 (FTS).
 *
 * @module
 */

const TAB = 0x09;
const LF = 0x0a;
const VT = 0x0b;
const CR = 0x0d;
const FS = 0x1c;
const SPACE = 0x20;
/** The letters of the five names. */
const [B, F, H, M, S, T] = [0x42, 0x46, 0x48, 0x4d, 0x53, 0x54] as const;
/** 03 F8: within so many bytes the first header may stand behind blanks, not only at a line start. */
const SEARCH_BYTES = 64;
/** A name, a separator, an encoding character: with so many bytes it is clear what a line begins. */
const LOOKAHEAD_BYTES = 5;
const MARK_BYTES = 3;
const NOTHING = Buffer.alloc(0);

export type EnvelopeName = "FHS" | "BHS" | "BTS" | "FTS";
export type SegmentName = "MSH" | EnvelopeName;

/** From `at` on, up to the next boundary, the stream holds what `begins` says. */
export interface Boundary {
  /** In bytes from the beginning of the stream. */
  readonly at: number;
  readonly begins: SegmentName | "leftover" | "blank";
}

export type PartKind = "message" | "envelope" | "leftover";

export interface Part {
  readonly kind: PartKind;
  /** `undefined` for what is left over. */
  readonly segment: SegmentName | undefined;
  /** In bytes from the beginning of the stream. */
  readonly start: number;
  readonly length: number;
  /** How many messages come before it; so for a message its own index, from 0. */
  readonly index: number;
}

/**
 * Finds where parts begin, however the stream is cut.
 *
 * Keeps at most four bytes between calls, and costs time linear in the bytes. What it gives back can be
 * much: the caller bounds the number of boundaries, not only that of messages (04 P40).
 */
export class BoundaryScan {
  #inside: "blank" | "envelope" | "content" = "blank";
  /** Whether the next byte to look at begins a line. */
  #lineStarts = false;
  #undecided: Buffer = NOTHING;
  /** Where in the stream the next byte to look at is. */
  #offset = 0;
  /** MSH-1, FHS-1 and BHS-1 as far as seen. */
  readonly #separators: number[] = [];
  readonly #isFile: boolean;
  #startMarks = 0;
  #endMarks = 0;

  /** @param stream in a file framing is no content */
  constructor(stream: "block" | "file" = "block") {
    this.#isFile = stream === "file";
  }

  /** How many messages had framing around them, so far: an end, or only a start. */
  get framedCount(): number {
    return Math.max(this.#startMarks, this.#endMarks);
  }

  /**
   * @param chunk the next bytes of the stream, any number of them; not kept
   * @returns the boundaries that are clear by now, in order
   */
  push(chunk: Uint8Array): Boundary[] {
    return this.#scan(chunk, false);
  }

  /** Takes the last bytes of the stream, if there are more, and gives back what was still unclear. */
  finish(chunk: Uint8Array = NOTHING): Boundary[] {
    return this.#scan(chunk, true);
  }

  #scan(chunk: Uint8Array, last: boolean): Boundary[] {
    const bytes =
      this.#undecided.length === 0 ? asBuffer(chunk) : Buffer.concat([this.#undecided, chunk]);
    const found: Boundary[] = [];
    const decided = this.#walk(bytes, last, found);
    this.#offset += decided;
    this.#undecided = decided === bytes.length ? NOTHING : Buffer.from(bytes.subarray(decided));
    return found;
  }

  /** Line by line. @returns how many bytes are done with; the rest needs what comes after it */
  #walk(bytes: Buffer, last: boolean, found: Boundary[]): number {
    const { length } = bytes;
    let at = 0;
    if (this.#offset === 0) {
      if (length < MARK_BYTES && !last) return 0;
      if (beginsWithMark(bytes)) at = MARK_BYTES;
    }
    // Where the next of each is: an absent one is looked for once, not once a line.
    let cr = -1;
    let lf = -1;
    let fs = this.#isFile ? -1 : length;
    for (;;) {
      if (this.#inside === "blank") at = this.#skipBlank(bytes, at, last);
      if (at === length) return length;
      if (this.#isFile && isUnclearEnd(bytes, at, last)) return at;
      if (this.#isStart(bytes, at)) {
        if (length - at <= LOOKAHEAD_BYTES && !last) return at;
        if (this.#nameAt(bytes, at + 1) !== undefined) {
          this.#mark(at, "blank", found);
          continue;
        }
      }
      if (this.#mayBegin(bytes, at)) {
        if (length - at < LOOKAHEAD_BYTES && !last) return at;
        this.#begin(bytes, at, found);
      }
      this.#lineStarts = false;
      if (this.#inside === "blank") this.#mark(at, "leftover", found);
      if (cr < at) cr = indexOrEnd(bytes, CR, at);
      if (lf < at) lf = indexOrEnd(bytes, LF, at);
      if (fs < at) fs = endMarkOrEnd(bytes, at, last);
      const end = Math.min(cr, lf, fs);
      if (end === length) return length;
      if (end === fs) {
        if (isUnclearEnd(bytes, end, last)) return end;
        this.#mark(end, "blank", found);
        at = end;
        continue;
      }
      // Whether an LF follows decides where an envelope segment ends.
      if (end === cr && end + 1 === length && !last) return end;
      at = end === cr && bytes[end + 1] === LF ? end + 2 : end + 1;
      this.#lineStarts = true;
      if (this.#inside === "envelope") this.#mark(at, "blank", found);
    }
  }

  #skipBlank(bytes: Buffer, from: number, last: boolean): number {
    let at = from;
    for (; at < bytes.length; at++) {
      const byte = bytes[at] ?? 0;
      if (this.#isFile && byte === VT) this.#startMarks += 1;
      else if (this.#isFile && byte === FS && isEndMark(bytes, at, last)) this.#endMarks += 1;
      else if (!isBlank(byte)) break;
      this.#lineStarts = byte !== SPACE && byte !== TAB;
    }
    return at;
  }

  /** Whether VT stands here, and perhaps begins a message of a file. */
  #isStart(bytes: Buffer, at: number): boolean {
    return this.#isFile && this.#lineStarts && this.#inside === "content" && bytes[at] === VT;
  }

  /** Whether a boundary can stand here, going by the first letter alone: no other line costs more. */
  #mayBegin(bytes: Buffer, at: number): boolean {
    const letter = bytes[at];
    if (letter !== M && letter !== F && letter !== B) return false;
    if (this.#lineStarts) return true;
    const beforeAll = this.#inside === "blank" && this.#separators.length === 0;
    return beforeAll && this.#offset + at <= SEARCH_BYTES;
  }

  #begin(bytes: Buffer, at: number, found: Boundary[]): void {
    const name = this.#nameAt(bytes, at);
    if (name === undefined) return;
    const separator = bytes[at + 3] ?? CR;
    const declares = name !== "BTS" && name !== "FTS";
    if (declares && !this.#separators.includes(separator)) this.#separators.push(separator);
    this.#mark(at, name, found);
  }

  /** What begins at `at`, if it is one of the five. */
  #nameAt(bytes: Buffer, at: number): SegmentName | undefined {
    const name = nameAt(bytes, at);
    if (name === "BTS" || name === "FTS") {
      const separator = bytes[at + 3] ?? CR;
      const alone = separator === CR || separator === LF || (this.#isFile && separator === FS);
      const isKnown = this.#separators.includes(separator);
      return isKnown || (alone && this.#separators.length > 0) ? name : undefined;
    }
    return name !== undefined && declaresDelimiters(bytes, at) ? name : undefined;
  }

  #mark(at: number, begins: Boundary["begins"], found: Boundary[]): void {
    found.push({ at: this.#offset + at, begins });
    if (begins === "blank") this.#inside = "blank";
    else this.#inside = begins === "MSH" || begins === "leftover" ? "content" : "envelope";
  }
}

/**
 * The parts of a whole stream, in order; bytes in none of them are ignored ones.
 *
 * A message with no other part beside it is the whole stream, whatever blanks it has in front: its bytes
 * are stored as they came (03 F8). So is what is left over where there is no boundary at all.
 *
 * @param boundaries all that `BoundaryScan` gave
 * @param totalBytes length of the stream
 */
export function partsOf(boundaries: readonly Boundary[], totalBytes: number): Part[] {
  const parts = filePartsOf(boundaries, totalBytes);
  const [only] = parts;
  if (only === undefined || parts.length > 1 || only.kind === "envelope") return parts;
  return [{ ...only, start: 0, length: totalBytes }];
}

/** The same of a file: a message that is alone in it begins with its MSH all the same (04 P37). */
export function filePartsOf(boundaries: readonly Boundary[], totalBytes: number): Part[] {
  const parts: Part[] = [];
  let index = 0;
  for (const [number, { at: start, begins }] of boundaries.entries()) {
    if (begins === "blank") continue;
    const length = (boundaries[number + 1]?.at ?? totalBytes) - start;
    const segment = begins === "leftover" ? undefined : begins;
    parts.push({ kind: kindOf(begins), segment, start, length, index });
    if (begins === "MSH") index += 1;
  }
  return parts;
}

/**
 * The parts of a body in memory. None where it is empty or blank; one, which is all of it, where it is
 * a single message or holds no boundary: then `readMsh` says what is wrong with it.
 */
export function splitMessages(body: Uint8Array): Part[] {
  const { length } = body;
  if (isPlainMessage(asBuffer(body))) {
    return [{ kind: "message", segment: "MSH", start: 0, length, index: 0 }];
  }
  return partsOf(new BoundaryScan().finish(body), length);
}

/** Nearly every block, at half the cost: MSH first, CR as line end, no other line with such a name. */
function isPlainMessage(body: Buffer): boolean {
  if (nameAt(body, 0) !== "MSH" || !declaresDelimiters(body, 0)) return false;
  if (body.indexOf(LF) !== -1) return false;
  for (let end = body.indexOf(CR); end !== -1; end = body.indexOf(CR, end + 1)) {
    if (nameAt(body, end + 1) !== undefined) return false;
  }
  return true;
}

function kindOf(begins: SegmentName | "leftover"): PartKind {
  if (begins === "leftover") return "leftover";
  return begins === "MSH" ? "message" : "envelope";
}

function nameAt(bytes: Uint8Array, at: number): SegmentName | undefined {
  const first = bytes[at];
  const second = bytes[at + 1];
  const third = bytes[at + 2];
  if (first === M) return second === S && third === H ? "MSH" : undefined;
  if (third !== S || !(first === F || first === B)) return undefined;
  if (second === H) return first === F ? "FHS" : "BHS";
  if (second === T) return first === F ? "FTS" : "BTS";
  return undefined;
}

/** Whether the name at `at` is followed by a field separator and an encoding character. */
function declaresDelimiters(bytes: Uint8Array, at: number): boolean {
  const separator = bytes[at + 3] ?? CR;
  const encoding = bytes[at + 4] ?? CR;
  return isDelimiter(separator) && isDelimiter(encoding) && separator !== encoding;
}

function asBuffer(bytes: Uint8Array): Buffer {
  if (bytes instanceof Buffer) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function indexOrEnd(bytes: Buffer, byte: number, from: number): number {
  const found = bytes.indexOf(byte, from);
  return found === -1 ? bytes.length : found;
}

/** FS that ends a message; where nothing follows it yet, only at the end of the stream. */
function isEndMark(bytes: Uint8Array, at: number, last: boolean): boolean {
  const next = bytes[at + 1];
  if (next === undefined) return last;
  return next === CR || next === LF || next === VT;
}

/** Whether the next byte, which is not here, decides what FS is. */
const isUnclearEnd = (bytes: Uint8Array, at: number, last: boolean): boolean =>
  bytes[at] === FS && at + 1 === bytes.length && !last;

/** The next FS that ends a message or may do so. */
function endMarkOrEnd(bytes: Buffer, from: number, last: boolean): number {
  let at = bytes.indexOf(FS, from);
  while (at !== -1 && !isEndMark(bytes, at, last) && !isUnclearEnd(bytes, at, last)) {
    at = bytes.indexOf(FS, at + 1);
  }
  return at === -1 ? bytes.length : at;
}

const beginsWithMark = (bytes: Uint8Array): boolean =>
  bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;

const isBlank = (byte: number): boolean =>
  byte === SPACE || byte === TAB || byte === CR || byte === LF;

/** What may stand as a separator or an encoding character. */
function isDelimiter(byte: number): boolean {
  const letter = (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a;
  const digit = byte >= 0x30 && byte <= 0x39;
  return !letter && !digit && !isBlank(byte);
}
