/**
 * 03 F1 to F7 and F10 once more, as unlike `BlockReader` as possible: the whole stream at once, as text,
 * with one regular expression that finds where a block ends. Slow and short; the fuzzer holds both
 * against each other.
 *
 * @module
 */
import { FRAGMENT_KEPT_BYTES, JUNK_MAX_BYTES } from "#agent/limits.ts";

/** Stands in the text where the sender is silent for longer than `endOfBlockWaitMilliseconds`. */
export const SILENCE = "\u2205";

export interface NaiveOptions {
  readonly blockMaxBytes: number;
  readonly lenientEnd: boolean;
  /** `end`: a FIN; `abort`: a RST, or a limit of F5. */
  readonly ending: "end" | "abort";
}

/** One event of the reader, with the slices that belong to it, or what the rules say it should be. */
export interface Seen {
  /** `block`, `lenient block`, `malformed`, `fragment partial`, `tooLarge ended`, `junk`, `notMllp`, … */
  readonly label: string;
  /** One character a byte. Of a block over the limit: the content as far as it is known. */
  readonly text: string;
  /** Bytes of content; of junk, how many. */
  readonly total: number;
}

/** A header (F8): at most 64 bytes of mark and blanks, then its name. */
export const HEADER = /^(?:[ \t\r\n]{0,64}|\xef\xbb\xbf[ \t\r\n]{0,61})(?:MSH|FHS|BHS)/;

const NEW_HEADER = `\\x0b(?=${HEADER.source.slice(1)})`;
const TLS_RECORD = "\x16\x03";
const HTTP_METHOD = /^(?:GET|POST|PUT|HEAD|OPTIONS|CONNECT|DELETE|PATCH|TRACE) /;
const SILENT = /[\0\r\n ]/g;

/** @param text one character a byte, and `SILENCE` */
export function naiveBlocks(text: string, options: NaiveOptions): Seen[] {
  const stream = effective(text, options.lenientEnd);
  const stop = stopper(options);
  const seen: Seen[] = [];
  let at = 0;
  let endedBySilence = false;
  for (let first = true; ; first = false) {
    const vt = stream.indexOf("\x0b", at);
    const between = stream.slice(at, vt === -1 ? undefined : vt).replaceAll(SILENCE, "");
    seen.push(...junkOf(between, endedBySilence));
    if (isForeign(between, first)) return [...seen, { label: "notMllp", text: "", total: 0 }];
    if (vt === -1) return seen;
    // Blocks that follow each other without a byte between them: each abandons the one before.
    for (at = vt + 1; ; ) {
      stop.lastIndex = at;
      const match = stop.exec(stream);
      const content = stream.slice(at, match?.index);
      const end = match?.[0] ?? "";
      const unit = unitOf(content, end, options);
      if (unit !== undefined) seen.push(unit);
      if (match === null || unit?.label.startsWith("tooLarge")) return seen;
      at = stop.lastIndex;
      endedBySilence = end.includes(SILENCE);
      if (!end.startsWith("\x0b")) break;
    }
  }
}

/** Silence means something after FS only, and there only once. */
function effective(text: string, lenientEnd: boolean): string {
  const meaningless = lenientEnd ? new RegExp(`(?<!\\x1c)${SILENCE}`, "g") : /\u2205/g;
  return text.replaceAll(/\u2205+/g, SILENCE).replaceAll(meaningless, "");
}

/** Where a block ends: its end (F3), or a VT before a header (F4). */
function stopper({ lenientEnd, ending }: NaiveOptions): RegExp {
  const fin = ending === "end" ? "|$" : "";
  const end = lenientEnd ? `\\x1c(?:\\r|\\n|${SILENCE}|(?=\\x0b)${fin})` : "\\x1c\\r";
  return new RegExp(`${end}|${NEW_HEADER}`, "g");
}

function unitOf(content: string, end: string, options: NaiveOptions): Seen | undefined {
  const { blockMaxBytes } = options;
  const ended = end.startsWith("\x1c");
  const total = content.length;
  if (total > 2 * blockMaxBytes) return { label: "tooLarge past twice", text: content, total };
  if (total > blockMaxBytes) {
    return { label: ended ? "tooLarge ended" : "tooLarge cut off", text: content, total };
  }
  if (ended) {
    const kind = hasFraming(content) ? "malformed" : "block";
    return { label: end === "\x1c\r" ? kind : `lenient ${kind}`, text: content, total };
  }
  const reason = end === "" ? "partial" : "abandoned";
  return total === 0 ? undefined : { label: `fragment ${reason}`, text: content, total };
}

/** Whether some continuation makes the text begin with a header. */
export function mayBecomeHeader(text: string): boolean {
  const names = ["MSH", "FHS", "BHS"].flatMap((name) => [name, name.slice(1), name.slice(2)]);
  const completions = ["", ...names, "\xbb\xbfMSH", "\xbfMSH"];
  return completions.some((completion) => HEADER.test(`${text}${completion}`));
}

function junkOf(between: string, endedBySilence: boolean): Seen[] {
  const text = between.replaceAll(SILENT, "");
  if (text === "") return [];
  const warning = { label: "bytesAfterLenientEnd", text: "", total: 0 };
  return [...(endedBySilence ? [warning] : []), { label: "junk", text, total: text.length }];
}

function isForeign(between: string, first: boolean): boolean {
  if (between.replaceAll(SILENT, "").length > JUNK_MAX_BYTES) return true;
  return first && (between.startsWith(TLS_RECORD) || HTTP_METHOD.test(between));
}

/** Bytes that only MLLP itself may use (03 O9). */
export const hasFraming = (text: string): boolean => text.includes("\x0b") || text.includes("\x1c");

/** How much of a block over the limit is kept at least (F7). */
export const keptAtLeast = (total: number): number => Math.min(total, FRAGMENT_KEPT_BYTES);
