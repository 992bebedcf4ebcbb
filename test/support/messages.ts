/** Bytes to send and to compare: messages with the one field that a test is about. @module */
import { createHash } from "node:crypto";

/** One byte a character. */
export const latin1 = (text: string): Buffer => Buffer.from(text, "latin1");

export const textOf = (bytes: Uint8Array | undefined): string =>
  Buffer.from(bytes ?? []).toString("latin1");

export const sha256Of = (bytes: Uint8Array): string =>
  createHash("sha256").update(bytes).digest("hex");

/** `VT text FS CR`. */
export const framed = (text: string): string => `\x0b${text}\x1c\r`;

/** Fields of MSH by their number; what is not named has the value of a plain ADT^A01. */
export interface HeaderFields {
  readonly 3?: string;
  readonly 9?: string;
  readonly 10?: string;
  readonly 12?: string;
  readonly 15?: string;
  readonly 16?: string;
  readonly 18?: string;
}

/** An ADT^A01 of a test patient: MSH and PID, segments ended by CR. */
export function message(fields: HeaderFields = {}, more = ""): string {
  const header = [
    "MSH",
    "^~\\&",
    fields[3] ?? "LAB",
    "NORTH",
    "GATE",
    "CLOUD",
    "20250101120000",
    "",
    fields[9] ?? "ADT^A01",
    fields[10] ?? "M1",
    "P",
    fields[12] ?? "2.5",
    "",
    "",
    fields[15] ?? "",
    fields[16] ?? "",
    "",
    fields[18] ?? "",
  ];
  return `${header.join("|").replace(/\|+$/, "")}\rPID|1||TEST-0001${more}\r`;
}

/** `message` with MSH-10 alone. */
export const adt = (controlId: string, more = ""): string => message({ 10: controlId }, more);

/** A large ADT: a base64-like field of `bodyBytes` in all. */
export function largeAdt(controlId: string, bodyBytes: number): Buffer {
  const head = latin1(`${adt(controlId)}OBX|1|ED|||`);
  const body = Buffer.alloc(bodyBytes, "0123456789abcdefghijklmnopqrstuv+/");
  head.copy(body);
  body[bodyBytes - 1] = 0x0d;
  return body;
}

/** MSA-1 and MSA-2 of a reply: `AA M1`. */
export function msaOf(reply: string): string {
  const msa = reply.split("\r").find((segment) => segment.startsWith("MSA"));
  const [, code = "", controlId = ""] = msa?.split(msa[3] ?? "|") ?? [];
  return `${code} ${controlId}`;
}
