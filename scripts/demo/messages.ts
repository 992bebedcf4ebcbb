/** The demo's messages: what a hospital sends on a working day, of patients who do not exist. @module */
import { HL7_2_5, Message } from "node-hl7-client";

export interface DemoMessage {
  readonly controlId: string;
  readonly kind: "ADT^A01" | "ORU^R01" | "MDM^T02";
  readonly bytes: Uint8Array;
}

const PDF_BYTES = 1_000_000;
/** Each in UTF-8, with MSH-18 saying so. */
const NAMES = ["MÜLLER^JÖRG", "ŁUKASZEWICZ^ŻANETA", "Ó BRIAIN^SÉAMUS", "田中^花子", "DOE^JANE"];
const LARGE_EVERY = 60;

/**
 * Message number `n` of one sender.
 *
 * @param sender a letter, part of the control id: every control id in a run is used once
 */
export function demoMessage(sender: string, n: number): DemoMessage {
  const controlId = `${sender}${String(n).padStart(6, "0")}`;
  if (n % LARGE_EVERY === LARGE_EVERY - 1) return document(controlId);
  return n % 3 === 2 ? result(controlId, n) : admission(controlId, n);
}

function admission(controlId: string, n: number): DemoMessage {
  const message = builder(controlId, "ADT", "A01")
    .buildEVN({ evn_1: "A01" })
    .buildPID({ pid_3: `MRN${n}`, pid_5: NAMES[n % NAMES.length] ?? "DOE^JANE", pid_8: "F" })
    .buildPV1({ pv1_2: "I" })
    .toMessage();
  return { controlId, kind: "ADT^A01", bytes: bytesOf(message) };
}

function result(controlId: string, n: number): DemoMessage {
  const message = builder(controlId, "ORU", "R01")
    .buildPID({ pid_3: `MRN${n}`, pid_5: NAMES[n % NAMES.length] ?? "DOE^JANE" })
    .toMessage();
  const observations = Array.from(
    { length: 8 },
    (_, i) => `OBX|${i + 1}|NM|718-7^Hämoglobin^LN||${120 + ((n + i) % 40)}|g/L|115-155|N|||F`,
  );
  const text = [message.toString(), `OBR|1|||58410-2^Blutbild^LN`, ...observations].join("\r");
  return { controlId, kind: "ORU^R01", bytes: bytesOf(new Message({ text })) };
}

/** A letter as an embedded PDF of 1 MB, as MDM carries it: base64 in OBX-5. */
function document(controlId: string): DemoMessage {
  const pdf = Buffer.alloc(PDF_BYTES, `%PDF-1.7 ${controlId}\n`).toString("base64");
  const header = builder(controlId, "MDM", "T02").toMessage();
  const text = `${header.toString()}\rEVN|T02\rOBX|1|ED|PDF^Arztbrief||^application^pdf^Base64^${pdf}||||||F`;
  return { controlId, kind: "MDM^T02", bytes: Buffer.from(`${text}\r`, "utf8") };
}

function builder(controlId: string, code: string, trigger: string): HL7_2_5 {
  return new HL7_2_5().buildMSH({
    msh_3: "KIS",
    msh_4: "NORDKLINIK",
    msh_5: "CLOUD",
    msh_6: "PLATFORM",
    msh_9_1: code,
    msh_9_2: trigger,
    msh_10: controlId,
    msh_11_1: "T",
    msh_18: "UNICODE UTF-8",
  });
}

const bytesOf = (message: { toString(): string }): Uint8Array =>
  Buffer.from(`${message.toString()}\r`, "utf8");
