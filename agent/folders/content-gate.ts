/**
 * Whether a file ends as files of its kind do (04 P9): a last word where a writer's time stamps say nothing.
 *
 * @module
 */
import { readSync } from "node:fs";
import { doing } from "./faults.ts";
import type { OpenFile } from "./safe-open.ts";

export type ContentGate = "off" | "hl7" | "pdf" | "zip";

/** What is read at either end; the longest comment of a ZIP file fits in. */
const LOOK_BYTES = 66_000;
const PDF_HEAD_BYTES = 1_024;
const PDF_TAIL_BYTES = 2_048;

/** Both ends of a file, as one character a byte. */
export interface Ends {
  readonly head: string;
  readonly tail: string;
  readonly size: number;
}

export function endsOf(file: OpenFile, size: number): Ends {
  const head = read(file, 0, Math.min(size, LOOK_BYTES));
  const tail = size <= LOOK_BYTES ? head : read(file, size - LOOK_BYTES, LOOK_BYTES);
  return { head, tail, size };
}

function read(file: OpenFile, at: number, count: number): string {
  const bytes = Buffer.allocUnsafe(count);
  let got = 0;
  while (got < count) {
    const more = doing(file.folder.role, "read", () =>
      readSync(file.descriptor, bytes, got, count - got, at + got),
    );
    if (more === 0) break;
    got += more;
  }
  return bytes.toString("latin1", 0, got);
}

/** Pure. */
export function isGateOpen(gate: ContentGate, ends: Ends): boolean {
  switch (gate) {
    case "off":
      return true;
    case "hl7":
      return isHl7(ends);
    case "pdf":
      return (
        ends.head.slice(0, PDF_HEAD_BYTES).includes("%PDF-") &&
        ends.tail.slice(-PDF_TAIL_BYTES).includes("%%EOF")
      );
    case "zip":
      return isZip(ends);
  }
}

const hasLine = (text: string, segment: string): boolean =>
  new RegExp(`(?:^|[\\r\\n\\v])${segment}`).test(text);

/** A byte order mark and MLLP's framing before the first segment are taken (04 P37). */
function isHl7({ head, tail }: Ends): boolean {
  const [, first] = /^(?:\xef\xbb\xbf)?[\v\r\n]*(FHS|BHS|MSH)/.exec(head) ?? [];
  if (first === undefined || !/[\r\n]$/.test(tail)) return false;
  const hasBatch = first === "BHS" || (first === "FHS" && hasLine(head, "BHS"));
  return (first !== "FHS" || hasLine(tail, "FTS")) && (!hasBatch || hasLine(tail, "BTS"));
}

const END_RECORD = "PK\x05\x06";
const END_RECORD_BYTES = 22;
const DIRECTORY_ENTRY = "PK\x01\x02";
/** ZIP64: the true numbers stand before the end record. */
const LOCATOR_64 = "PK\x06\x07";
const LOCATOR_64_BYTES = 20;

/** APPNOTE.TXT 4.3.16: the record at the end is whole, and the directory that it names begins where it must. */
function isZip({ tail, size }: Ends): boolean {
  const bytes = Buffer.from(tail, "latin1");
  for (let at = tail.lastIndexOf(END_RECORD); at >= 0; at = tail.lastIndexOf(END_RECORD, at - 1)) {
    const isWhole =
      at + END_RECORD_BYTES <= bytes.length &&
      at + END_RECORD_BYTES + bytes.readUInt16LE(at + 20) === bytes.length;
    if (isWhole) {
      if (at >= LOCATOR_64_BYTES && tail.startsWith(LOCATOR_64, at - LOCATOR_64_BYTES)) return true;
      const entries = bytes.readUInt16LE(at + 10);
      const directoryBytes = bytes.readUInt32LE(at + 12);
      const endAt = size - bytes.length + at;
      if (directoryBytes > endAt) return false;
      const begin = at - directoryBytes;
      // A directory that begins before what was read is believed.
      return entries === 0 || begin < 0 || tail.startsWith(DIRECTORY_ENTRY, begin);
    }
    if (at === 0) break;
  }
  return false;
}
