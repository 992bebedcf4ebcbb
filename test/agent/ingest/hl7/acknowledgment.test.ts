import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { AckCode } from "#agent/ingest/hl7/ack-policy.ts";
import {
  ACK_REASONS,
  type AckReason,
  buildAcknowledgment,
} from "#agent/ingest/hl7/acknowledgment.ts";
import { readMsh } from "#agent/ingest/hl7/msh.ts";
import { latin1, message, textOf } from "#test/support/messages.ts";

function reply(original: string | undefined, code: AckCode, reason?: AckReason): string {
  const reading = readMsh(latin1(original ?? ""));
  const msh = reading.kind === "batch" ? undefined : reading.msh;
  const stamps = { timestamp: "20250101120000+0000", controlId: "HF1.1" };
  return textOf(buildAcknowledgment({ msh, code, reason, ...stamps }));
}

describe("buildAcknowledgment", () => {
  test("[A10] the reply exchanges sender and receiver and copies MSH-11, MSH-12, MSH-18", () => {
    assert.equal(
      reply(message({ 10: "M7", 15: "AL", 16: "NE", 18: "UNICODE UTF-8" }), "CA"),
      "MSH|^~\\&|GATE|CLOUD|LAB|NORTH|20250101120000+0000||ACK^A01^ACK|HF1.1|P|2.5||||||UNICODE UTF-8\r" +
        "MSA|CA|M7\r",
    );
  });

  test("[A10] the reply speaks the delimiters of the original", () => {
    assert.equal(
      reply("MSH#*!?%#LAB#NORTH#GATE*X#CLOUD#2025##ADT*A01*ADT_A01#M7#P#2.5.1\r", "AA"),
      "MSH#*!?%#GATE*X#CLOUD#LAB#NORTH#20250101120000+0000##ACK*A01*ACK#HF1.1#P#2.5.1\r" +
        "MSA#AA#M7\r",
    );
  });

  const IDS = [
    "A B",
    " M1 ",
    "\\F\\M1\\E\\",
    "\xe4\xf6\xfc\xff\x80",
    "\0\x01\x1f",
    "a".repeat(300),
    "M1^2&3~4",
  ];
  for (const id of IDS) {
    test(`[A11] MSA-2 is MSH-10 byte for byte when that is ${JSON.stringify(id.slice(0, 12))}`, () => {
      const segments = reply(message({ 10: id }), "AA").split("\r");
      assert.equal(segments[1], `MSA|AA|${id}`);
    });
  }

  /** MSH-12 of the original, MSH-9 of the reply. */
  const TYPES: readonly (readonly [string, string])[] = [
    ["2.1", "ACK"],
    ["2.2", "ACK"],
    ["2.3", "ACK^A01"],
    ["2.3.1", "ACK^A01"],
    ["2.4", "ACK^A01^ACK"],
    ["2.5.1", "ACK^A01^ACK"],
    ["2.8", "ACK^A01^ACK"],
    ["2.5^DEU", "ACK^A01^ACK"],
    ["", "ACK"],
    ["3.0", "ACK"],
    ["two", "ACK"],
  ];
  for (const [version, type] of TYPES) {
    test(`[A10] MSH-9 is ${type} when MSH-12 is "${version}"`, () => {
      const fields = reply(message({ 12: version || " " }), "AA")
        .split("\r")[0]
        ?.split("|");
      assert.equal(fields?.[8], type);
      assert.equal(fields?.[11], version || " ");
    });
  }

  test("[A10] MSH-9 is ACK when the original has no trigger", () => {
    for (const type of ["ADT", "ADT^", "ADT^^ADT_A01"]) {
      assert.equal(reply(message({ 9: type }), "AA").split("|")[8], "ACK");
    }
  });

  const { noMessageType } = ACK_REASONS;
  const PHRASE = "MSH-9 message type missing";
  /** By version: MSA and ERR of a refusal. */
  const REFUSALS: readonly (readonly [string, string])[] = [
    ["2.2", `MSA|AR|M1|${PHRASE}\rERR|^^^101&${PHRASE}&HL70357\r`],
    ["2.4", `MSA|AR|M1|${PHRASE}\rERR|^^^101&${PHRASE}&HL70357\r`],
    ["2.5", `MSA|AR|M1|${PHRASE}\rERR|||101^${PHRASE}^HL70357|E||||${PHRASE}\r`],
    ["2.6", `MSA|AR|M1|${PHRASE}\rERR|||101^${PHRASE}^HL70357|E||||${PHRASE}\r`],
    ["2.7", `MSA|AR|M1\rERR|||101^${PHRASE}^HL70357|E||||${PHRASE}\r`],
    ["2.8.2", `MSA|AR|M1\rERR|||101^${PHRASE}^HL70357|E||||${PHRASE}\r`],
  ];
  for (const [version, segments] of REFUSALS) {
    test(`[A10] a refusal has the ERR of its version when that is ${version}`, () => {
      const text = reply(message({ 9: "", 12: version }), "AR", noMessageType);
      assert.equal(text.slice(text.indexOf("\r") + 1), segments);
    });
  }

  test("[A10, E2] without a readable header the reply is v2.3, P, and MSA-2 is empty", () => {
    assert.equal(
      reply(undefined, "AR", ACK_REASONS.noHeader),
      "MSH|^~\\&|||||20250101120000+0000||ACK|HF1.1|P|2.3\r" +
        "MSA|AR||No MSH segment found\rERR|^^^100&No MSH segment found&HL70357\r",
    );
  });

  test("[A10] where a field is missing in the original, the reply has an empty one", () => {
    const text = reply("MSH|^~\\&|||||||ADT^A01|M1\r", "AA");
    assert.equal(text, "MSH|^~\\&|||||20250101120000+0000||ACK|HF1.1\rMSA|AA|M1\r");
  });

  test("[A10] every phrase is ASCII, fixed, and holds no delimiter", () => {
    for (const { phrase, conditionCode } of Object.values(ACK_REASONS)) {
      assert.match(phrase, /^[A-Za-z0-9 .-]+$/);
      assert.match(conditionCode, /^(?:10[0-3]|20[0-7])$/);
    }
  });
});
