import assert from "node:assert/strict";
import { test } from "node:test";
import { namesMessage, readAcknowledgment } from "#agent/deliver/acknowledgment-fields.ts";
import { latin1, textOf } from "#test/support/messages.ts";

const MSH = "MSH|^~\\&|RIS|H|G|C|2025||ACK|A1|P|2.5";

function read(text: string): string | undefined {
  const fields = readAcknowledgment(latin1(text));
  if (fields === undefined) return undefined;
  return [fields.code, textOf(fields.controlId), textOf(fields.text)].join("/");
}

const REPLIES = [
  ["CR", `${MSH}\rMSA|AA|M1|fine\r`, "AA/M1/fine"],
  ["LF and CRLF", `${MSH}\nMSA|AE|M1\r\n`, "AE/M1/"],
  ["no line end behind MSA", `${MSH}\rMSA|CA|M1`, "CA/M1/"],
  ["segments between", `${MSH}\rSFT|x\rUAC|y\rMSA|CR|M1|t|7\r`, "CR/M1/t"],
  ["other delimiters", `MSH#*!?%#R\rMSA#AA#M1#a|b\r`, "AA/M1/a|b"],
  ["a code with blanks, in lower case", `${MSH}\rMSA| aa |M1\r`, "AA/M1/"],
  ["bytes above 0x7F and escapes", `${MSH}\rMSA|AA|M\xfc\\T\\1 \r`, "AA/M\xfc\\T\\1 /"],
  ["MSH that has nothing but its delimiters", "MSH|^~\\&\rMSA|AA|M1\r", "AA/M1/"],
  ["a byte order mark", `\xef\xbb\xbf${MSH}\rMSA|AA|M1\r`, "AA/M1/"],
] as const;
for (const [what, text, wanted] of REPLIES) {
  test(`[O3, X4] MSA is read on bytes: ${what}`, () => {
    assert.equal(read(text), wanted);
  });
}

const UNREADABLE = [
  ["no MSA", `${MSH}\rPID|1\r`],
  ["no MSH", "MSA|AA|M1\r"],
  ["a code that table 0008 does not have", `${MSH}\rMSA|OK|M1\r`],
  ["an empty code", `${MSH}\rMSA||M1\r`],
  ["MSA in the middle of a segment", `${MSH}\rNTE|1|MSA|AA|M1\r`],
  ["MSA with another separator", `${MSH}\rMSA^AA^M1\r`],
  ["a batch", `BHS|^~\\&\r${MSH}\rMSA|AA|M1\r`],
  ["nothing", ""],
] as const;
for (const [what, text] of UNREADABLE) {
  test(`[O3] a block with ${what} is no acknowledgment`, () => {
    assert.equal(read(text), undefined);
  });
}

test("[O10] MSA-3 is kept up to 1,024 bytes", () => {
  const fields = readAcknowledgment(latin1(`${MSH}\rMSA|AE|M1|${"x".repeat(2_000)}\r`));
  assert.equal(fields?.text.length, 1_024);
});

const LONG = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const MATCHES = [
  ["M1", "M1", "exact", true],
  ["M1 ", "M1", "exact", false],
  ["m1", "M1", "exact", false],
  ["", "M1", "exact", false],
  [LONG.slice(0, 20), LONG, "exact", false],
  [LONG.slice(0, 20), LONG, "truncated", true],
  [LONG, LONG, "truncated", true],
  [LONG.slice(0, 19), LONG, "truncated", false],
  [LONG.slice(0, 21), LONG, "truncated", false],
  ["M", "M1", "truncated", false],
  ["ELSE", "M1", "off", true],
] as const;
for (const [msa2, controlId, match, wanted] of MATCHES) {
  test(`[O3] MSA-2 '${msa2}' ${wanted ? "names" : "does not name"} '${controlId}' with ${match}`, () => {
    assert.equal(namesMessage(latin1(msa2), latin1(controlId), match), wanted);
  });
}
