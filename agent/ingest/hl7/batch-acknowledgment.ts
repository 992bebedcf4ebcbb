/**
 * The reply to a batch: BHS, the acknowledgment of each message, BTS (03 F12).
 *
 * Fields are carried as latin1, as in an acknowledgment: BHS-11 comes back byte for byte. Source: HL7
 * v2.5.1 chapter 2 §2.10.3 (a batch of acknowledgments is a batch), §2.15.2 (BHS-11 is echoed in BHS-12
 * of an answering batch), §2.15.3 (BTS), §2.15.6 (FHS, whose fields up to 12 mean the same).
 *
 * @module
 */

export interface BatchAckRequest {
  /** The sender's BHS, or FHS where there is no BHS; with or without its line end. */
  readonly fhsOrBhs: Uint8Array;
  /** As `buildAcknowledgment` gives them, in the order of the messages; each keeps its own delimiters. */
  readonly acknowledgments: readonly Uint8Array[];
  /** BHS-7 of the reply: `YYYYMMDDHHMMSS+0000`. */
  readonly timestamp: string;
  /** BHS-11 of the reply: unique, ASCII, at most 20 characters. */
  readonly controlId: string;
}

const NO_HEADER = "BHS|^~\\&";
/** MLLP's VT and FS: inside a reply they would begin or end a block (03 F3, F4). */
const FRAMING = ["\x0b", "\x1c"] as const;

/**
 * Builds the reply, segments ended by CR, without MLLP framing.
 *
 * It speaks the delimiters of the sender's header, with sender and receiver exchanged as in an
 * acknowledgment (03 A10). A header that holds VT or FS is not echoed at all: the reply then begins with
 * `BHS|^~\&` and names no partner.
 */
export function buildBatchAcknowledgment(request: BatchAckRequest): Uint8Array {
  const { acknowledgments, timestamp, controlId } = request;
  const original = headerLine(request.fhsOrBhs);
  const separator = original[3] ?? "|";
  // BHS-1 is the separator itself: field n stands at n − 1.
  const fields = original.split(separator);
  const field = (n: number): string => fields[n - 1] ?? "";
  const swapped = [field(5), field(6), field(3), field(4)];
  const header = ["BHS", field(2), ...swapped, timestamp, "", "", "", controlId];
  if (field(11) !== "") header.push(field(11));
  return Buffer.concat([
    latin1(`${header.join(separator)}\r`),
    ...acknowledgments,
    latin1(`BTS${separator}${acknowledgments.length}\r`),
  ]);
}

function headerLine(segment: Uint8Array): string {
  const text = Buffer.from(segment.buffer, segment.byteOffset, segment.byteLength);
  const [line = ""] = text.toString("latin1").split(/[\r\n]/, 1);
  return line.length <= 3 || FRAMING.some((byte) => line.includes(byte)) ? NO_HEADER : line;
}

const latin1 = (text: string): Buffer => Buffer.from(text, "latin1");
