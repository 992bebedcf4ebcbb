import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { checkEnvelope, type EnvelopeSegment } from "#agent/ingest/hl7/envelope.ts";
import { type Part, splitMessages } from "#agent/ingest/hl7/message-splitter.ts";
import { readMsh } from "#agent/ingest/hl7/msh.ts";
import { adt, latin1, message } from "#test/support/messages.ts";

const FHS = "FHS|^~\\&|LAB|NORTH\r";
const BHS = "BHS|^~\\&|LAB|NORTH\r";
const MARK = "\xef\xbb\xbf";

/** Each part as `name text`. */
function shown(body: string): string[] {
  return splitMessages(latin1(body)).map((part) => `${nameOf(part)} ${textIn(body, part)}`);
}

const nameOf = (part: Part): string => part.segment ?? part.kind;
const textIn = (body: string, part: Part): string =>
  body.slice(part.start, part.start + part.length);

function envelopeOf(body: string): EnvelopeSegment[] {
  const envelope: EnvelopeSegment[] = [];
  for (const part of splitMessages(latin1(body))) {
    if (part.segment === undefined || part.segment === "MSH") continue;
    const { segment, index } = part;
    envelope.push({ segment, bytes: latin1(textIn(body, part)), index });
  }
  return envelope;
}

describe("splitMessages", () => {
  const ALONE = [
    adt("M1"),
    adt("M1").replaceAll("\r", "\n"),
    adt("M1").replaceAll("\r", "\r\n"),
    `${adt("M1")}\r\n\r\n`,
    `${MARK}\r\n  ${adt("M1")}`,
    `${" ".repeat(64)}${adt("M1")}`,
    `${"\r".repeat(100)}${adt("M1")}`,
    adt("M1").slice(0, -1),
    `${adt("M1")}FT1|1\rMRG|1\rBPX|1\r`,
    "MSH#*!?%#LAB\rOBX#1\r",
  ];
  for (const body of ALONE) {
    test(`[F8, F12] a single message is one part, all of the block, when that is ${JSON.stringify(body.slice(0, 90))}`, () => {
      const whole = { kind: "message", segment: "MSH", start: 0, length: body.length, index: 0 };
      assert.deepEqual(splitMessages(latin1(body)), [whole]);
    });
  }

  test("[F12, P37] messages one after another are split before each MSH, blank lines with the one before", () => {
    const [first, second, third] = [`${adt("M1")}\r\n`, `${adt("M2")} \n`, adt("M3")];
    assert.deepEqual(shown(`${MARK}\n${first}${second}${third}`), [
      `MSH ${first}`,
      `MSH ${second}`,
      `MSH ${third}`,
    ]);
  });

  for (const end of ["\r", "\n", "\r\n"]) {
    test(`[F12, P35] a second message is found where lines end with ${JSON.stringify(end)}`, () => {
      const [first, second] = ["M1", "M2"].map((id) => adt(id).replaceAll("\r", end));
      assert.deepEqual(shown(`${first}${second}`), [`MSH ${first}`, `MSH ${second}`]);
    });
  }

  test("[P35, P36] a file of two batches gives every envelope segment and message, with its index", () => {
    const [one, two, three] = [adt("M1"), adt("M2"), message({ 10: "M3" }, "\n\n")];
    const body = `${FHS}${BHS}${one}${two}BTS|2\r\n${BHS}${three}BTS|1|done\nFTS|2`;
    assert.deepEqual(shown(body), [
      `FHS ${FHS}`,
      `BHS ${BHS}`,
      `MSH ${one}`,
      `MSH ${two}`,
      "BTS BTS|2\r\n",
      `BHS ${BHS}`,
      `MSH ${three}`,
      "BTS BTS|1|done\n",
      "FTS FTS|2",
    ]);
    const indexes = splitMessages(latin1(body)).map((part) => part.index);
    assert.deepEqual(indexes, [0, 0, 0, 1, 2, 2, 2, 3, 3]);
  });

  /** Lines inside a message that begin nothing. */
  const CONTENT = [
    "NTE|1||MSH|^~\\&|",
    " MSH|^~\\&|LAB",
    "MSH",
    "MSH|",
    "MSH||x",
    "MSH|a",
    "MSH is the header",
    "MSHX|^~\\&",
    "MSH|\r",
    "BHSA^",
    "BTS/+Zm9v",
    "FTS=",
    "BTSX|1",
    "MTS|1",
    "msh|^~\\&|LAB",
    "\0MSH|^~\\&|LAB",
  ];
  for (const line of CONTENT) {
    test(`[P35] a line is content when it reads ${JSON.stringify(line)}`, () => {
      const first = `${adt("M1")}${line}\r`;
      assert.deepEqual(shown(`${first}${adt("M2")}`), [`MSH ${first}`, `MSH ${adt("M2")}`]);
    });
  }

  test("[P35] any separator and encoding characters begin a message, each its own", () => {
    const [first, second] = ["MSH#*!?%#LAB\r", "MSH|^~\\&#|LAB\r"];
    const body = `BHS#*!?%\r${first}${second}BTS|1\rBTS#2\r`;
    assert.deepEqual(shown(body), [
      "BHS BHS#*!?%\r",
      `MSH ${first}`,
      `MSH ${second}`,
      "BTS BTS|1\r",
      "BTS BTS#2\r",
    ]);
  });

  test("[P36] BTS and FTS without a field are envelope segments", () => {
    const body = `${FHS}${adt("M1")}BTS\r\nFTS`;
    assert.deepEqual(shown(body), [`FHS ${FHS}`, `MSH ${adt("M1")}`, "BTS BTS\r\n", "FTS FTS"]);
  });

  test("[F12] an empty batch is its envelope", () => {
    assert.deepEqual(shown(`${BHS}BTS|0\r`), [`BHS ${BHS}`, "BTS BTS|0\r"]);
  });

  test("[P39] blank lines before, between and after are in no part", () => {
    const body = `${MARK}\r\n \t${BHS}\r\n \n${adt("M1")}BTS|1\r\n\r\n \t`;
    assert.deepEqual(shown(body), [`BHS ${BHS}`, `MSH ${adt("M1")}`, "BTS BTS|1\r\n"]);
  });

  test("[P39] other bytes before, between and after are left over, from the first that is not blank", () => {
    const body = `\njunk\r\r${BHS} x\r\n${adt("M1")}BTS|1\r\r\x1a\0\rEND\r`;
    assert.deepEqual(shown(body), [
      "leftover junk\r\r",
      `BHS ${BHS}`,
      "leftover x\r\n",
      `MSH ${adt("M1")}`,
      "BTS BTS|1\r",
      "leftover \x1a\0\rEND\r",
    ]);
  });

  test("[P39] what stands before the only message is left over and does not become part of it", () => {
    const body = `junk\r${adt("M1")}`;
    assert.deepEqual(shown(body), ["leftover junk\r", `MSH ${adt("M1")}`]);
  });

  for (const body of [
    "junk",
    "\n junk\nPID|1\n",
    "MSH\r",
    "MSHX\r\n",
    "FTS\r",
    `${MARK}BTS|1\r`,
    "\0",
  ]) {
    test(`[P39] all of the body is left over when it is ${JSON.stringify(body)}`, () => {
      const [part, ...more] = splitMessages(latin1(body));
      assert.deepEqual(more, []);
      assert.deepEqual([part?.kind, part?.start, part?.length], ["leftover", 0, body.length]);
    });
  }

  test("[P39] an empty or blank body has no part", () => {
    for (const body of ["", MARK, "\r\n \t", `${MARK}\n`]) assert.deepEqual(shown(body), []);
  });

  test("[F8] only the first header may stand behind blanks, within 64 bytes, as readMsh has it", () => {
    const blanks = `${" ".repeat(61)}${BHS}`;
    assert.deepEqual(shown(`${MARK}${blanks}`), [`BHS ${BHS}`]);
    assert.equal(readMsh(latin1(`${MARK}${blanks}`)).kind, "batch");
    assert.deepEqual(shown(`${MARK} ${blanks}`), [`leftover ${MARK} ${blanks}`]);
    assert.equal(readMsh(latin1(`${MARK} ${blanks}`)).kind, "unreadable");
    assert.deepEqual(shown(`BHS|^\r ${adt("M1")}`), ["BHS BHS|^\r", `leftover ${adt("M1")}`]);
  });
});

describe("checkEnvelope", () => {
  const M = adt("M");
  const GOOD = { countMismatch: false, unclosed: false };
  const WRONG = { countMismatch: true, unclosed: false };
  const OPEN = { countMismatch: false, unclosed: true };
  const CASES: readonly (readonly [string, typeof GOOD])[] = [
    [`${FHS}${BHS}${M}${M}BTS|2\r${BHS}BTS|0\rFTS|2\r`, GOOD],
    [`${BHS}${M}BTS|1\r`, GOOD],
    [`${BHS}${M}BTS|0001 |comment\r`, GOOD],
    [`${BHS}${M}BTS\r`, GOOD],
    [`${BHS}${M}BTS|\r`, GOOD],
    [`${BHS}${M}BTS||3\r`, GOOD],
    [`${FHS}${M}${M}FTS|1\r`, GOOD],
    [`${FHS}${M}${M}BTS|2\r${M}FTS|2\r`, GOOD],
    [`${FHS}FTS|0\r`, GOOD],
    [`${FHS}${BHS}${M}BTS|1\rFTS|1\r${FHS}${BHS}${M}BTS|1\rFTS|1\r`, GOOD],
    [`BHS#*!?%\r${M}BTS#1\r`, GOOD],
    [`${M}${M}`, GOOD],
    [`${FHS}BTS|0\rFTS|1\r`, GOOD],
    [`${FHS}${M}${M}BTS|2\r${M}BTS|1\rFTS|2\r`, GOOD],
    [`BHS#*!?%\r${M}BTS#2\r`, WRONG],
    [`${BHS}${M}BTS|2\r`, WRONG],
    [`${BHS}${M}${M}BTS|1\r`, WRONG],
    [`${BHS}${M}BTS|one\r`, WRONG],
    [`${BHS}${M}BTS|99999999999999999999\r`, WRONG],
    [`${BHS}${M}BTS|1\r${BHS}${M}BTS|2\r`, WRONG],
    [`${FHS}${BHS}${M}BTS|1\rFTS|2\r`, WRONG],
    [`${FHS}${BHS}${M}BTS|1\r`, OPEN],
    [`${BHS}${M}`, OPEN],
    [`${BHS}${M}${BHS}${M}BTS|1\r`, OPEN],
    [`${FHS}${BHS}${M}FTS|1\r`, OPEN],
    [`${FHS}${FHS}${M}FTS|1\r`, OPEN],
    [`${BHS}${M}${FHS}${M}FTS|1\r`, OPEN],
  ];
  for (const [body, expected] of CASES) {
    const name = body.replaceAll(M, "MSH ").replaceAll("|^~\\&|LAB|NORTH\r", " ");
    const { countMismatch, unclosed } = expected;
    test(`[P36] countMismatch is ${countMismatch}, unclosed ${unclosed} for ${JSON.stringify(name)}`, () => {
      assert.deepEqual(checkEnvelope(envelopeOf(body)), expected);
    });
  }
});
