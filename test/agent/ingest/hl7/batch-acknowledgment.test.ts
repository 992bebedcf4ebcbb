import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { buildAcknowledgment } from "#agent/ingest/hl7/acknowledgment.ts";
import { buildBatchAcknowledgment } from "#agent/ingest/hl7/batch-acknowledgment.ts";
import { splitMessages } from "#agent/ingest/hl7/message-splitter.ts";
import { readMsh } from "#agent/ingest/hl7/msh.ts";
import { adt, latin1, textOf } from "#test/support/messages.ts";

const STAMPS = { timestamp: "20250101120000+0000", controlId: "HF1.9" };

function ackOf(original: string, controlId: string): Uint8Array {
  const reading = readMsh(latin1(original));
  const msh = reading.kind === "batch" ? undefined : reading.msh;
  return buildAcknowledgment({ msh, code: "AA", reason: undefined, ...STAMPS, controlId });
}

function reply(header: string, acknowledgments: readonly Uint8Array[] = []): string {
  const fhsOrBhs = latin1(header);
  return textOf(buildBatchAcknowledgment({ fhsOrBhs, acknowledgments, ...STAMPS }));
}

describe("buildBatchAcknowledgment", () => {
  test("[F12] the reply is BHS, one MSH and MSA a message in their order, BTS with their number", () => {
    const acknowledgments = [ackOf(adt("M1"), "HF1.1"), ackOf(adt("M2"), "HF1.2")];
    const msh = (id: string): string =>
      `MSH|^~\\&|GATE|CLOUD|LAB|NORTH|20250101120000+0000||ACK^A01^ACK|${id}|P|2.5\r`;
    assert.equal(
      reply("BHS|^~\\&|LAB|NORTH|GATE|CLOUD|20250101||NAME|note|B7|B6", acknowledgments),
      "BHS|^~\\&|GATE|CLOUD|LAB|NORTH|20250101120000+0000||||HF1.9|B7\r" +
        `${msh("HF1.1")}MSA|AA|M1\r${msh("HF1.2")}MSA|AA|M2\rBTS|2\r`,
    );
  });

  test("[F12] the reply splits again into what it was built of", () => {
    const acknowledgments = [ackOf(adt("M1"), "HF1.1"), ackOf("MSH#*!?%#A\r", "HF1.2")];
    const body = latin1(reply("BHS!^~\\&!LAB", acknowledgments));
    const parts = splitMessages(body);
    assert.deepEqual(
      parts.map((part) => part.segment),
      ["BHS", "MSH", "MSH", "BTS"],
    );
    for (const [index, acknowledgment] of acknowledgments.entries()) {
      const { start = 0, length = 0 } = parts[index + 1] ?? {};
      assert.deepEqual(body.subarray(start, start + length), Buffer.from(acknowledgment));
    }
  });

  test("[F12, A10] envelope and acknowledgments each speak the delimiters they were addressed in", () => {
    assert.equal(
      reply("BHS#*!?%#LAB#NORTH#GATE*X#CLOUD#2025####B7", [ackOf(adt("M1"), "HF1.1")]),
      "BHS#*!?%#GATE*X#CLOUD#LAB#NORTH#20250101120000+0000####HF1.9#B7\r" +
        "MSH|^~\\&|GATE|CLOUD|LAB|NORTH|20250101120000+0000||ACK^A01^ACK|HF1.1|P|2.5\r" +
        "MSA|AA|M1\rBTS#1\r",
    );
  });

  test("[F12] FHS serves where there is no BHS, and FHS-11 comes back in BHS-12", () => {
    assert.equal(
      reply("FHS|^~\\&|LAB|NORTH|GATE|CLOUD|2025|||note|F7\r\n"),
      "BHS|^~\\&|GATE|CLOUD|LAB|NORTH|20250101120000+0000||||HF1.9|F7\rBTS|0\r",
    );
  });

  for (const id of [" B 7 ", "\xe4\xff\0", "B7^1&2~3", "\\F\\"]) {
    test(`[F12, A11] BHS-12 is BHS-11 byte for byte when that is ${JSON.stringify(id)}`, () => {
      const [header] = reply(`BHS|^~\\&|||||||||${id}|B6`).split("\r");
      assert.equal(header?.split("|")[11], id);
    });
  }

  test("[F12] where a field is missing in the header, the reply has an empty one", () => {
    const stamped = "20250101120000+0000||||HF1.9\rBTS|0\r";
    assert.equal(reply("BHS|^~\\&"), `BHS|^~\\&|||||${stamped}`);
    assert.equal(reply("BHS|^~\\&|LAB|NORTH"), `BHS|^~\\&|||LAB|NORTH|${stamped}`);
  });

  const UNUSABLE = [
    "BHS|^~\\&|L\x0bAB||||||||B7",
    "BHS|^~\\&|LAB||||||||B\x1c7",
    "BHS\x0b^~\\&\x0bLAB",
    "BHS|\x1c~\\&|LAB",
    "BHS",
    "",
  ];
  for (const header of UNUSABLE) {
    test(`[F12, F3] nothing is echoed of the header ${JSON.stringify(header)}`, () => {
      assert.equal(reply(header), "BHS|^~\\&|||||20250101120000+0000||||HF1.9\rBTS|0\r");
    });
  }
});
