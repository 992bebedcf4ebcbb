import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { headerStart, type MshReading, mayBeginHeader, readMsh } from "#agent/ingest/hl7/msh.ts";
import { latin1, message, textOf } from "#test/support/messages.ts";

const HEADER = "MSH|^~\\&|LAB|NORTH|GATE|CLOUD|2025||ADT^A01|M1|P|2.5";

/** `message M1`, `batch`, `unreadable noHeader`. */
function shown(reading: MshReading): string {
  if (reading.kind === "message") return `message ${textOf(reading.msh.field(10))}`;
  return reading.kind === "batch" ? "batch" : `unreadable ${reading.reason}`;
}

const VECTORS: readonly (readonly [string, string, string, string])[] = [
  ["F8", "a header alone", HEADER, "message M1"],
  ["F8", "segments that end with CR", `${HEADER}\rPID|1\r`, "message M1"],
  ["F8", "segments that end with LF", `${HEADER}\nPID|1\n`, "message M1"],
  ["F8", "segments that end with CRLF", `${HEADER}\r\nPID|1\r\n`, "message M1"],
  ["F8", "a byte order mark", `\xef\xbb\xbf${HEADER}\r`, "message M1"],
  ["F8", "blanks and line breaks in front", ` \t\r\n${HEADER}\r`, "message M1"],
  ["F8", "64 blanks in front", `${" ".repeat(64)}${HEADER}\r`, "message M1"],
  ["F8, E2", "65 blanks in front", `${" ".repeat(65)}${HEADER}\r`, "unreadable noHeader"],
  ["F8", "a file header", "FHS|^~\\&|LAB\rBHS|\r", "batch"],
  ["F8", "a batch header", "BHS|^~\\&|LAB\r", "batch"],
  ["E3", "nothing", "", "unreadable empty"],
  ["E3", "white space only", " \r\n\t", "unreadable empty"],
  ["E2", "no header", "PID|1||TEST\r", "unreadable noHeader"],
  ["E2", "a header in the second segment", `PID|1\r${HEADER}\r`, "unreadable noHeader"],
  ["E2", "MSH and nothing", "MSH", "unreadable headerTooShort"],
  [
    "E2",
    "MSH and a line break",
    `MSH\rP1|\rP2|\rP3|\rP4|\rP5|\rP6|\rP7|\rP8|\rP9|\r`,
    "unreadable headerTooShort",
  ],
  ["E2", "MSH of 6 bytes", "MSH|^~\rPID|1\r", "unreadable headerTooShort"],
  ["E2", "MSH of 7 bytes", "MSH|^~\\\rPID|1\r", "unreadable headerTooShort"],
  ["E2", "MSH of 8 bytes", "MSH|^~\\&\rPID|1\r", "unreadable noMessageType"],
  [
    "E2",
    "no MSH-9",
    "MSH|^~\\&|LAB|NORTH|GATE|CLOUD|2025|||M1|P|2.5\r",
    "unreadable noMessageType",
  ],
  [
    "E2",
    "no MSH-9.1",
    "MSH|^~\\&|LAB|NORTH|GATE|CLOUD|2025||^A01|M1|P|2.5\r",
    "unreadable noMessageType",
  ],
  [
    "E2",
    "an empty MSH-10",
    "MSH|^~\\&|LAB|NORTH|GATE|CLOUD|2025||ADT^A01||P|2.5\r",
    "unreadable noControlId",
  ],
  [
    "E2",
    "a header that ends at MSH-9",
    "MSH|^~\\&|LAB|NORTH|GATE|CLOUD|2025||ADT^A01\r",
    "unreadable noControlId",
  ],
  [
    "X4",
    "other delimiters",
    "MSH#*!?%#LAB#NORTH#GATE#CLOUD#2025##ADT*A01#M1#P#2.5\r",
    "message M1",
  ],
  ["X4", "bytes above 0x7F", "MSH|^~\\&|L\xc4B||||||ORU^R01|\xff\xfe|P|2.5\r", "message \xff\xfe"],
  [
    "F9, E2",
    "UTF-16 with a mark, little endian",
    "\xff\xfeM\0S\0H\0|\0",
    "unreadable wideCharacters",
  ],
  ["F9, E2", "UTF-16 with a mark, big endian", "\xfe\xff\0M\0S\0H\0|", "unreadable wideCharacters"],
  ["F9, E2", "UTF-16 without a mark, little endian", "M\0S\0H\0|\0", "unreadable wideCharacters"],
  ["F9, E2", "UTF-16 without a mark, big endian", "\0M\0S\0H\0|", "unreadable wideCharacters"],
  ["F9, E2", "UTF-32 with a mark, big endian", "\0\0\xfe\xff\0\0\0M", "unreadable wideCharacters"],
  ["F9, E2", "UTF-32 without a mark, big endian", "\0\0\0M\0\0\0S", "unreadable wideCharacters"],
  ["F9, E2", "UTF-32 without a mark, little endian", "M\0\0\0S\0\0\0", "unreadable wideCharacters"],
];

describe("readMsh", () => {
  for (const [rules, what, text, gives] of VECTORS) {
    test(`[${rules}] readMsh gives ${JSON.stringify(gives)} when it reads ${what}`, () => {
      assert.equal(shown(readMsh(latin1(text))), gives);
    });
  }

  test("[X4, A11] fields are the bytes between separators, exactly, and empty after the last", () => {
    const reading = readMsh(
      latin1(message({ 3: "A^B&C", 10: " \\F\\\xe4 ", 15: "AL", 18: "8859/1" })),
    );
    assert.ok(reading.kind === "message");
    const { msh } = reading;
    assert.equal(msh.fieldSeparator, 0x7c);
    const expected = {
      2: "^~\\&",
      3: "A^B&C",
      4: "NORTH",
      8: "",
      9: "ADT^A01",
      10: " \\F\\\xe4 ",
      11: "P",
      12: "2.5",
      14: "",
      15: "AL",
      16: "",
      18: "8859/1",
      19: "",
      99: "",
    };
    for (const [field, value] of Object.entries(expected)) {
      assert.equal(textOf(msh.field(Number(field))), value, `MSH-${field}`);
    }
    assert.equal(textOf(msh.component(3)), "A");
    assert.equal(textOf(msh.component(9)), "ADT");
    assert.equal(textOf(msh.component(4)), "NORTH");
  });

  test("[X4] a component is the whole field where MSH-2 is empty", () => {
    const reading = readMsh(latin1("MSH|||NORTH|GATE|CLOUD|2025||ADT^A01|M1|P|2.5\r"));
    assert.ok(reading.kind === "message");
    assert.equal(textOf(reading.msh.component(9)), "ADT^A01");
  });

  test("[E2] a refusal can name the control id of a message without a type", () => {
    const reading = readMsh(latin1(message({ 9: "", 10: "M7" })));
    assert.ok(reading.kind === "unreadable" && reading.msh !== undefined);
    assert.equal(textOf(reading.msh.field(10)), "M7");
  });

  test("[X4] readMsh reads a view as it reads a whole buffer", () => {
    const buffer = latin1(`garbage${message()}garbage`);
    assert.equal(shown(readMsh(buffer.subarray(7))), "message M1");
  });

  test("[X4] readMsh never throws, whatever the bytes", () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc
        .tuple(fc.constantFrom("MSH", "FHS", "\xef\xbb\xbfMSH|", " MSH"), fc.uint8Array())
        .map(([head, tail]) => new Uint8Array([...latin1(head), ...tail])),
    );
    fc.assert(
      fc.property(bytes, fc.nat(300), (message, n) => {
        const reading = readMsh(message);
        const msh = reading.kind === "batch" ? undefined : reading.msh;
        for (const field of [2, n + 2]) {
          const found = msh?.field(field) ?? new Uint8Array(0);
          assert.ok(found.length <= message.length);
          assert.equal(found.includes(0x0d) || found.includes(0x0a), false);
          msh?.component(field);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

test("[F4, F8] every beginning of a header may become one, and the whole is one", () => {
  for (const header of [
    "MSH",
    "FHS",
    "BHS",
    " \r\n\tMSH",
    "\xef\xbb\xbfMSH",
    "\xef\xbb\xbf\rBHS",
  ]) {
    for (let end = 0; end < header.length; end++) {
      const part = latin1(header.slice(0, end));
      assert.ok(mayBeginHeader(part), JSON.stringify(header.slice(0, end)));
      assert.equal(headerStart(part), -1);
    }
    assert.equal(headerStart(latin1(header)), header.length - 3);
  }
});

test("[F4] what cannot become a header says so at its first wrong byte", () => {
  for (const text of ["X", "MX", "MSX", "FHX", "\xefX", "\xef\xbbX", "\0", " ".repeat(65)]) {
    assert.equal(mayBeginHeader(latin1(text)), false, JSON.stringify(text));
    assert.equal(headerStart(latin1(text)), -1);
  }
});
