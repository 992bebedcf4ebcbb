import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  type Boundary,
  BoundaryScan,
  type Part,
  partsOf,
  splitMessages,
} from "#agent/ingest/hl7/message-splitter.ts";
import { latin1 } from "#test/support/messages.ts";

const MARK = "\xef\xbb\xbf";
const lineEnd = fc.constantFrom("\r", "\n", "\r\n");
const blank = fc
  .array(fc.constantFrom("\r", "\n", "\r\n", " \n", "\t\r"), { maxLength: 3 })
  .map((lines) => lines.join(""));
/** Segments that begin nothing, among them some that nearly do. */
const segment = fc.oneof(
  fc.constantFrom(
    "PID|1||TEST-0001",
    "MRG|1",
    "FT1|1|MSH|^~\\&",
    "BTS/abc",
    " MSH|^~\\&",
    "MS",
    "",
  ),
  fc.constantFrom("MSH", "MSH||", "BHSX", "FTSX|", "\0BTS|1", "M", "B", "F", "FH"),
  fc.stringMatching(/^[A-EG-LN-Z][ -~]{0,30}$/),
);
const messageText = fc
  .tuple(fc.constantFrom("MSH|^~\\&|LAB", "MSH#*!?%#", "MSH|^"), fc.array(segment), lineEnd, blank)
  .map(([header, segments, end, rest]) => [header, ...segments, ""].join(end) + rest);
const envelopeText = fc
  .tuple(fc.constantFrom("FHS|^~\\&", "BHS|^~\\&|LAB", "BTS|1", "BTS|", "FTS|2|x"), lineEnd)
  .map(([text, end]) => text + end);

interface Piece {
  readonly kind: "message" | "envelope" | "blank";
  readonly text: string;
}

const piece: fc.Arbitrary<Piece> = fc.oneof(
  messageText.map((text) => ({ kind: "message" as const, text })),
  envelopeText.map((text) => ({ kind: "envelope" as const, text })),
);
const cuts = fc.array(fc.nat(), { maxLength: 30 });

function partsInChunks(body: Uint8Array, at: readonly number[]): Part[] {
  const scan = new BoundaryScan();
  const boundaries: Boundary[] = [];
  let start = 0;
  for (const end of at.map((cut) => cut % (body.length + 1)).sort((a, b) => a - b)) {
    // The chunk is overwritten afterwards: the scan must not have kept it.
    const chunk = new Uint8Array(body.subarray(start, end));
    boundaries.push(...scan.push(chunk));
    chunk.fill(0x4d);
    start = end;
  }
  boundaries.push(...scan.finish(body.subarray(start)));
  return partsOf(boundaries, body.length);
}

test("[F12, P35, P37, P39] each message and envelope segment comes out byte for byte, whatever stands around it", () => {
  const beginning = fc.tuple(fc.constantFrom("", MARK), blank).map((texts) => texts.join(""));
  const file = fc.tuple(beginning, fc.array(fc.tuple(piece, blank), { maxLength: 12 }), cuts);
  fc.assert(
    fc.property(file, ([before, pieces, at]) => {
      // A trailer is one only after a header: one stands first, so that every piece means itself.
      const all: (readonly [Piece, string])[] = [
        [{ kind: "envelope", text: "BHS|^~\\&\r" }, ""],
        ...pieces,
      ];
      // Blank lines after a message are its own, after an envelope segment nobody's.
      const body = before + all.map(([{ text }, after]) => text + after).join("");
      const expected = all.map(([{ kind, text }, after]) =>
        kind === "message" ? `message ${text}${after}` : `envelope ${text}`,
      );
      const bytes = latin1(body);
      const parts = splitMessages(bytes);
      const texts = parts.map(
        ({ kind, start, length }) => `${kind} ${body.slice(start, start + length)}`,
      );
      assert.deepEqual(texts, lineEndsJoined(expected, all));
      assert.deepEqual(partsInChunks(bytes, at), parts);
    }),
    { numRuns: 1_000 },
  );
});

/** `BTS|1 CR` before a blank that begins with LF ends with CRLF. */
function lineEndsJoined(
  expected: readonly string[],
  all: readonly (readonly [Piece, string])[],
): string[] {
  return expected.map((text, index) => {
    const [{ kind }, after] = all[index] ?? [{ kind: "blank" }, ""];
    return kind === "envelope" && text.endsWith("\r") && after.startsWith("\n")
      ? `${text}\n`
      : text;
  });
}

const anything = fc
  .array(
    fc.oneof(
      fc.constantFrom("MSH", "FHS", "BHS", "BTS", "FTS", "|", "^~\\&", "|^", "\r", "\n", " "),
      fc.constantFrom(MARK, "\xef", "M", "MS", "B", "F", "/", " ".repeat(30), "\rMSH|^"),
      fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
    ),
    { maxLength: 60 },
  )
  .map((texts) => texts.join(""));

test("[P35, P39, P40] parts are in order, apart, and leave out only blanks, however any bytes are cut", () => {
  fc.assert(
    fc.property(anything, cuts, (body, at) => {
      const bytes = latin1(body);
      const parts = splitMessages(bytes);
      assert.deepEqual(partsInChunks(bytes, at), parts);
      let [end, messageCount] = [0, 0];
      let ignored = "";
      for (const part of parts) {
        assert.ok(part.start >= end && part.length > 0);
        assert.equal(part.index, messageCount);
        if (part.kind === "message") messageCount += 1;
        ignored += body.slice(end, part.start);
        end = part.start + part.length;
      }
      ignored += body.slice(end);
      assert.match(ignored, /^(?:\xef\xbb\xbf)?[ \t\r\n]*$/);
    }),
    { numRuns: 3_000 },
  );
});

test("[P35] a stream cut into single bytes gives the same parts", () => {
  fc.assert(
    fc.property(anything, (body) => {
      const bytes = latin1(body);
      const everywhere = Array.from(bytes, (_, index) => index);
      assert.deepEqual(partsInChunks(bytes, everywhere), splitMessages(bytes));
    }),
    { numRuns: 1_000 },
  );
});
