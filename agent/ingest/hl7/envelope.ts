/**
 * What FHS, BHS, BTS and FTS declare, against what is there.
 *
 * Source: HL7 v2.5.1 chapter 2 §2.10.3.1, §2.15.3 (BTS), §2.15.7 (FTS).
 *
 * @module
 */
import type { EnvelopeName } from "./message-splitter.ts";

/** One envelope segment, and where it stood. */
export interface EnvelopeSegment {
  readonly segment: EnvelopeName;
  /** With or without its line end. */
  readonly bytes: Uint8Array;
  /** How many messages come before it: `Part.index`. */
  readonly index: number;
}

export interface EnvelopeCheck {
  /** BTS-1 or FTS-1 is valued and is not the real count (04 P36). */
  readonly countMismatch: boolean;
  /** FHS without FTS, or BHS without BTS (04 P36). */
  readonly unclosed: boolean;
}

/**
 * Compares what the envelope declares with what is there.
 *
 * BTS-1 counts the messages of its batch, FTS-1 the batches since FHS. BHS is optional, so messages
 * outside of any BHS and BTS, one after another, are one batch too. FTS, and the next FHS, end a batch
 * that has no BTS. What is left over counts as nothing.
 *
 * @param envelope all envelope segments, in order
 */
export function checkEnvelope(envelope: readonly EnvelopeSegment[]): EnvelopeCheck {
  let [countMismatch, unclosed, fileOpen] = [false, false, false];
  let batch: "none" | "begun" | "implied" = "none";
  let [batchCount, batchStart, seen] = [0, 0, 0];
  for (const { segment, bytes, index } of envelope) {
    if (batch === "none" && (index > seen || segment === "BTS")) {
      batch = "implied";
      batchStart = seen;
      batchCount += 1;
    }
    seen = index;
    if (segment !== "BTS" && batch === "begun") unclosed = true;
    if (segment === "FHS" && fileOpen) unclosed = true;
    if (segment === "BTS" && !declares(bytes, index - batchStart)) countMismatch = true;
    if (segment === "FTS" && !declares(bytes, batchCount)) countMismatch = true;
    batch = segment === "BHS" ? "begun" : "none";
    if (segment === "BHS") {
      batchStart = index;
      batchCount += 1;
    }
    if (segment === "FHS" || segment === "FTS") {
      fileOpen = segment === "FHS";
      batchCount = 0;
    }
  }
  return { countMismatch, unclosed: unclosed || fileOpen || batch === "begun" };
}

/** Whether field 1 of a trailer is `count`, or empty and so declares nothing. */
function declares(trailer: Uint8Array, count: number): boolean {
  const [line = ""] = Buffer.from(trailer.buffer, trailer.byteOffset, trailer.byteLength)
    .toString("latin1")
    .split(/[\r\n]/, 1);
  const [, field = ""] = line.split(line[3] ?? "|", 2);
  return field.trim() === "" || Number(field) === count;
}
