import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Boundary, BoundaryScan, filePartsOf } from "#agent/ingest/hl7/message-splitter.ts";
import { latin1 } from "#test/support/messages.ts";

const MARK = "\xef\xbb\xbf";
const lineEnd = fc.constantFrom("\r", "\n", "\r\n");
const blank = fc
  .array(fc.constantFrom("\r", "\n", "\r\n", " \n", "\t\r"), { maxLength: 3 })
  .map((lines) => lines.join(""));
/** Segments that begin and end nothing, among them some that nearly do. */
const segment = fc.oneof(
  fc.constantFrom("PID|1||TEST-0001", "FT1|1|MSH|^~\\&", "BTS/abc", " MSH|^~\\&", "MS", ""),
  fc.constantFrom("MSH", "BHSX", "\x0bPID|1", "\x0b", "\x0b\x0bMSH|^", "NTE|\x1c|\x0b", "\x1cx"),
  fc.constantFrom(`${MARK}MSH|^~\\&`, "\x1c\x1cx", "NTE|\x0bMSH|^~\\&", "\x0bMSH", "\x0bFTSX"),
  // BHS and BTS are chance's one way to an envelope.
  fc.stringMatching(/^[A-EG-LN-Z][ -~]{0,30}$/).filter((text) => !/^B[HT]S/.test(text)),
);
const messageText = fc
  .tuple(fc.constantFrom("MSH|^~\\&|LAB", "MSH#*!?%#", "MSH|^"), fc.array(segment), lineEnd)
  .map(([header, segments, end]) => [header, ...segments, ""].join(end));
/** What stands around a message: its framing, and what is behind the end of it. */
const framing = fc.constantFrom(
  ...([
    ["", ""],
    ["\x0b", ""],
    ["\x0b", "\x1c\r"],
    ["", "\x1c\r\n"],
    ["\x0b", "\x1c\n"],
    ["\x0b", "\x1c\r\x0b\x1c\n"],
  ] as const),
);
const rest = fc.constantFrom("", "", "tail\r", "PID|1\rMSH\r", "\x1cx\r", `${MARK}x\n`);

interface Piece {
  readonly before: string;
  readonly message: string;
  readonly after: string;
  readonly behind: string;
  readonly leftover: string;
}

const piece: fc.Arbitrary<Piece> = fc
  .tuple(framing, messageText, blank, rest)
  .map(([[before, after], message, behind, leftover]) => {
    // Only behind an end is there anything left over.
    return { before, message, after, behind, leftover: after === "" ? "" : leftover };
  });
const file = fc.record({
  beginning: fc.tuple(fc.constantFrom("", MARK), blank).map((texts) => texts.join("")),
  pieces: fc.array(piece, { minLength: 1, maxLength: 10 }),
  cuts: fc.array(fc.nat(), { maxLength: 30 }),
});

function split(body: Buffer, cuts: readonly number[]): [string[], number] {
  const scan = new BoundaryScan("file");
  const boundaries: Boundary[] = [];
  let start = 0;
  for (const end of cuts.map((cut) => cut % (body.length + 1)).toSorted((a, b) => a - b)) {
    boundaries.push(...scan.push(body.subarray(start, end)));
    start = end;
  }
  boundaries.push(...scan.finish(body.subarray(start)));
  const parts = filePartsOf(boundaries, body.length);
  const texts = parts.map(
    ({ kind, start: at, length }) => `${kind} ${body.toString("latin1", at, at + length)}`,
  );
  return [texts, scan.framedCount];
}

test("[P35] [P37] [P39] each message of a file comes out byte for byte, whatever framing and rests stand around it", () => {
  fc.assert(
    fc.property(file, ({ beginning, pieces, cuts }) => {
      const expected: string[] = [];
      let body = beginning;
      for (const { before, message, after, behind, leftover } of pieces) {
        body += before + message + after + behind + leftover;
        // Behind an end blank lines are nobody's, else they are the message's own.
        expected.push(`message ${message}${after === "" ? behind : ""}`);
        if (leftover !== "") expected.push(`leftover ${leftover}`);
      }
      const around = pieces.map(({ before, after }) => before + after).join("");
      const starts = around.replaceAll(/[^\v]/g, "").length;
      const ends = around.split("\x1c").length - 1;
      const found = split(latin1(body), cuts);
      assert.deepEqual(found, [expected, Math.max(starts, ends)]);
      assert.deepEqual(split(latin1(body), []), found);
    }),
    { numRuns: 3_000 },
  );
});

test("[P37] every place at which a framed file can be cut gives the same messages", () => {
  const body = latin1(
    `${MARK}\x0bMSH|^~\\&|A\rPID|1\x1c\r\n\x0bMSH|^~\\&|B\r\x1c\x0bMSH|^~\\&|C\r\x1c`,
  );
  const whole = split(body, []);
  assert.deepEqual(whole, [
    ["message MSH|^~\\&|A\rPID|1", "message MSH|^~\\&|B\r", "message MSH|^~\\&|C\r"],
    3,
  ]);
  for (let first = 0; first <= body.length; first++) {
    for (let second = first; second <= body.length; second++) {
      assert.deepEqual(split(body, [first, second]), whole);
    }
  }
});
