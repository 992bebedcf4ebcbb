/**
 * A hospital in which every word that could name a patient is a canary: its senders, its folder, the system that orders
 * are delivered to, and what a platform sends to it.
 *
 * @module
 */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Answer } from "#test/support/hospital-system.ts";
import { ack } from "#test/support/hospital-system.ts";
import { framed, latin1 } from "#test/support/messages.ts";
import { MllpSocket } from "#test/support/mllp-socket.ts";

/** Each stands alone: a part of a name names a patient, too. */
export const CANARIES = {
  family: "Kanarienvögel",
  given: "Zitamarianne",
  record: "MRN-KV-7748-1123",
  insurance: "756.9217.0769.85",
  freeText: "fand sich Vogelkot & Federn",
  otherScript: "Зябликова",
  document: "Arztbrief Gimpelhuber",
  controlId: "KVOGEL#CTRL/7",
  /** In the values of all fields of MSH: characters that identifiers may have. */
  header: "KanariMsh",
  quarantined: "Quarantvogel ohne Kopf",
  junk: "Junkvogel zwischendrin",
  cutOff: "Halbvogel abgerissen",
  tooLarge: "Riesenvogel zugross",
  batch: "Stapelvogel Bhs",
  file: "Fink Felix 1948",
  sidecar: "Beizettelvogel",
  order: "Auftragsvogel Pirol",
  replyText: "Stieglitz unbekannt",
  replyCode: "KanariMsaCode",
  replyId: "KanariMsaId",
} as const;

/** May be shown on the machine, and leaves it never (08 PL4). */
export const SHOWN_CONTROL_ID = "KVOGELCTRL8";

/** @param controlId MSH-10 */
function result(controlId: string, charset: string = "UNICODE UTF-8"): string {
  const { family, given, record, insurance, freeText, otherScript, document, header } = CANARIES;
  const fields = Array.from({ length: 21 }, (_, index) => `${header}${index + 1}x`);
  const placed: Readonly<Record<number, string>> = {
    ...{ 9: "ORU^R01", 10: controlId, 11: "P", 12: "2.5.1", 18: charset },
  };
  const values = fields.slice(2).map((value, index) => placed[index + 3] ?? value);
  const pdf = Buffer.from(document).toString("base64");
  return [
    `MSH|^~\\&|${values.join("|")}`,
    `PID|1||${record}^^^^MR||${family}^${given}^${otherScript}||19480302|F|||${freeText}|||||||${insurance}`,
    `NTE|1||${freeText}`,
    `OBX|1|ED|PDF||^application^pdf^Base64^${pdf}`,
    `ZKV|${family}|${record}`,
    `${family}|${given}`,
    "",
  ].join("\r");
}

const utf8 = (text: string): string => Buffer.from(text).toString("latin1");

const BLOCKS: readonly string[] = [
  utf8(result(CANARIES.controlId)),
  utf8(result(SHOWN_CONTROL_ID)),
  // No such character set, and bytes that are in none.
  utf8(result("KVOGEL#CTRL/8", `${CANARIES.header}18x`)),
  latin1(`${result("KVOGEL#CTRL/9", "").replaceAll(CANARIES.otherScript, "")}`).toString("latin1"),
  // Not to be understood.
  `${CANARIES.quarantined}\r${utf8(CANARIES.family)}|x`,
  result(CANARIES.controlId).replace("ORU^R01", `${CANARIES.header}9x^R01^${CANARIES.header}9y`),
  result(CANARIES.controlId).replace("|P|2.5.1|", `|${CANARIES.header}11|${CANARIES.header}12|`),
  `MSH|${CANARIES.quarantined}`,
  `FHS|^~\\&|${CANARIES.batch}\rBHS|^~\\&|${CANARIES.batch}\r${utf8(result("KVOGEL#B/1"))}BTS|${CANARIES.batch}\rFTS|1\r`,
];

/**
 * Everything by MLLP: blocks that are answered, and two that are not.
 *
 * @param told waits until the agent has told of an event
 */
export async function sendAll(port: number, told: (event: string) => Promise<void>): Promise<void> {
  {
    await using socket = await MllpSocket.open(port);
    for (const [index, block] of BLOCKS.entries()) {
      await socket.send(framed(block));
      await socket.replies(index + 1);
    }
    await socket.send(`${CANARIES.junk} `, framed(utf8(result("KVOGEL#J/1"))));
    await socket.replies(BLOCKS.length + 1);
  }
  const line = `OBX|1|TX|||${CANARIES.tooLarge}\r`;
  const parts = {
    blockFragment: `\x0b${utf8(result("KVOGEL#CUT/1"))}OBX|1|TX|||${CANARIES.cutOff}`,
    blockTooLarge: framed(utf8(result("KVOGEL#BIG/1")) + line.repeat(40_000)),
  };
  for (const [event, part] of Object.entries(parts)) {
    await using socket = await MllpSocket.open(port);
    await socket.send(part);
    if (event === "blockFragment") socket.finish();
    await told(event);
  }
}

/** Good files, and such as cannot be taken, all with names that nobody should read. */
export function dropAll(folder: string): void {
  const { file, sidecar } = CANARIES;
  const named = (ending: string): string => join(folder, `${file} ${ending}`);
  writeFileSync(named("gut.hl7"), result("KVOGEL#F/1"));
  writeFileSync(named("leer.hl7"), "");
  writeFileSync(named("unsinn.hl7"), `${CANARIES.quarantined}\0\x01 ${file}`);
  writeFileSync(named("kopf.hl7"), `MSH|^~\\&|${CANARIES.header}\rPID|1||${CANARIES.record}\r`);
  writeFileSync(named("bei.hl7.json"), JSON.stringify({ [sidecar]: sidecar }));
  mkdirSync(named("ordner.hl7"));
  symlinkSync("/etc/hostname", named("verweis.hl7"));
}

/** What a platform sends. */
export const orderOf = (number: number): string =>
  `MSH|^~\\&|CLOUD|P|RIS|H|20260101||ORM^O01|KVOGEL#O/${number}|P|2.5.1|||||||UNICODE UTF-8\r` +
  `PID|1||${CANARIES.record}||${CANARIES.order}^${CANARIES.family}\r`;

/** What the system says to orders: everything that can be wrong with a reply, and in the end yes. */
export const answerOrders: Answer = ({ controlId }, count) => {
  const { replyText, replyCode, replyId, family } = CANARIES;
  const replies = [
    ack("AE", controlId, `|${replyText}\rERR|||207|E||||${replyText} ${utf8(family)}`),
    framed(`${replyText} kein ACK`),
    ack(replyCode, controlId, `|${replyText}`),
    ack("AR", controlId, `|${replyText}|||${replyCode}^${replyText}`),
    // Of the next one.
    ack("AA", replyId),
  ];
  return replies[count - 1] ?? ack("AA", controlId, `|${replyText}`);
};
