import assert from "node:assert/strict";
import { test } from "node:test";
import { FileDoorwayBench } from "#test/support/file-doorway.ts";
import { adt, latin1, message, sha256Of } from "#test/support/messages.ts";

const MARK = "\xef\xbb\xbf";
const FHS = "FHS|^~\\&|LAB\r";
const BHS = "BHS|^~\\&|LAB\r";
const [A, B, C] = [adt("A"), adt("B"), adt("C")];
const committed = (stored: number, aside = 0, repeats = 0): object => ({
  ...{ kind: "committed", stored, repeats, aside },
});

interface Row {
  readonly what: string;
  readonly file: string;
  readonly messages: readonly string[];
  readonly aside?: readonly (readonly [reason: string, text: string])[];
  readonly framed?: number;
}

const ROWS: readonly Row[] = [
  { what: "[P35] plain messages", file: A + B + C, messages: [A, B, C] },
  { what: "[P35] one message", file: A, messages: [A] },
  { what: "[P35] a batch", file: `${BHS}${A}${B}BTS|2\r`, messages: [A, B] },
  {
    what: "[P35] a file of two batches",
    file: `${FHS}${BHS}${A}BTS|1\r${BHS}${B}${C}BTS|2\rFTS|2\r`,
    messages: [A, B, C],
  },
  {
    what: "[P35] line ends of every kind",
    file: `${A.replaceAll("\r", "\n")}${B.replaceAll("\r", "\r\n")}${C}`,
    messages: [A.replaceAll("\r", "\n"), B.replaceAll("\r", "\r\n"), C],
  },
  {
    what: "[P35] MSH in the middle of a line, and without delimiters",
    file: `${A}NTE|1|MSH|^~\\&|\rMSH\rMSHX\r${B}`,
    messages: [`${A}NTE|1|MSH|^~\\&|\rMSH\rMSHX\r`, B],
  },
  { what: "[P37] a byte order mark", file: `${MARK}${A}${B}`, messages: [A, B] },
  { what: "[P37] a byte order mark and one message", file: `${MARK}${A}`, messages: [A] },
  { what: "[P37] no line end at all", file: A.slice(0, -1), messages: [A.slice(0, -1)] },
  {
    what: "[P37] framing around each",
    file: `\x0b${A}\x1c\r\x0b${B}\x1c\r`,
    messages: [A, B],
    framed: 2,
  },
  {
    what: "[P37] framing with LF, with none, and blank lines behind",
    file: `\x0b${A}\x1c\n\r\n\x0b${B}\x1c\x0b${C}\x1c`,
    messages: [A, B, C],
    framed: 3,
  },
  {
    what: "[P37] a start without an end",
    file: `${A}\x0b${B}\x0b${C}`,
    messages: [A, B, C],
    framed: 2,
  },
  {
    what: "[P37] an end without a start, in the middle of a line",
    file: `${A.slice(0, -1)}\x1c\r${B}\x1c\r\n`,
    messages: [A.slice(0, -1), B],
    framed: 2,
  },
  {
    what: "[P37] an envelope with framing",
    file: `\x0b${BHS}${A}BTS|1\x1c\r\x0b${BHS}${B}BTS\x1c`,
    messages: [A, B],
    framed: 2,
  },
  {
    what: "[P37] framing bytes that are content",
    file: `${A}NTE|\x1c|\x0b\r\x0bNTE|\x1cx\r${B}`,
    messages: [`${A}NTE|\x1c|\x0b\r\x0bNTE|\x1cx\r`, B],
  },
  {
    what: "[P39] blank lines before, between envelope segments and behind",
    file: `\r\n \t\r${BHS}\r\n\n${A}${B}BTS|2\r\r\n \n`,
    messages: [A, B],
  },
  {
    what: "[P39] bytes before, between and behind",
    file: `rubbish\r${A}${BHS}lost\r${B}BTS|1\rtail`,
    messages: [A, B],
    aside: [
      ["leftover", "rubbish\r"],
      ["leftover", "lost\r"],
      ["leftover", "tail"],
    ],
  },
  {
    what: "[P39] [P37] bytes behind an end of framing",
    file: `\x0b${A}\x1c\rtail\r\x0b${B}\x1c\r`,
    messages: [A, B],
    aside: [["leftover", "tail\r"]],
    framed: 2,
  },
  {
    what: "[P38] a bad message among good ones",
    file: `${A}${message({ 9: "", 10: "BAD" })}${B}`,
    messages: [A, B],
    aside: [["noMessageType", message({ 9: "", 10: "BAD" })]],
  },
  {
    what: "[P38] nothing but a bad message",
    file: message({ 10: "" }),
    messages: [],
    aside: [["noControlId", message({ 10: "" })]],
  },
];

for (const { what, file, messages, aside = [], framed = 0 } of ROWS) {
  test(`${what}: whole and in slices`, async () => {
    for (const sliceBytes of [undefined, 64, 100, 128]) {
      await using bench = await FileDoorwayBench.open();
      const verdict = await bench.take(file, sliceBytes === undefined ? {} : { sliceBytes });
      assert.deepEqual(verdict, committed(messages.length, aside.length));
      assert.deepEqual(
        (await bench.kept()).map(({ text }) => text),
        messages,
      );
      assert.deepEqual(
        (await bench.aside()).map(({ reason, text }) => [reason, text]),
        aside,
      );
      assert.equal(bench.record.counters.value("framedInFile"), framed);
      const leftovers = aside.filter(([reason]) => reason === "leftover").length;
      assert.equal(bench.record.counters.value("leftoverInFile"), leftovers);
    }
  });
}

test("[P42] a binary file is one message, byte for byte, whatever it looks like", async () => {
  for (const sliceBytes of [undefined, 64]) {
    await using bench = await FileDoorwayBench.open();
    const file = `%PDF-1.7\r${A}\x0b${B}\x1c\r\0%%EOF`;
    const attributes = { "file.name": "x.pdf", "file.type": "file" };
    const fields = { content: "binary" as const, attributes };
    const verdict = await bench.take(
      file,
      sliceBytes === undefined ? fields : { ...fields, sliceBytes },
    );
    assert.deepEqual(verdict, committed(1));
    const kept = await bench.kept();
    assert.deepEqual(kept, [
      { text: file, controlId: "", source: "file:00c0ffee00c0ffee", duplicate: false, attributes },
    ]);
  }
});

test("[P36] every message has the file's digest, its place and the envelope", async () => {
  for (const sliceBytes of [undefined, 64]) {
    await using bench = await FileDoorwayBench.open();
    const file = `${FHS}${BHS}${A}${message({ 9: "", 10: "BAD" })}BTS|2\rFTS|1\r`;
    await bench.take(file, sliceBytes === undefined ? {} : { sliceBytes });
    const common = {
      "batch.sha256": sha256Of(latin1(file)),
      "batch.count": "2",
      "batch.envelope": "FHS|^~\\&|LAB\rBHS|^~\\&|LAB\rBTS|2\rFTS|1",
      "file.name": "x.hl7",
    };
    const [kept] = await bench.kept();
    assert.deepEqual(kept?.attributes, { "batch.index": "0", ...common });
    const [aside] = await bench.aside();
    const offset = String(FHS.length + BHS.length + A.length);
    assert.deepEqual(aside?.attributes, {
      ...{ "batch.index": "1", "batch.offset": offset, ...common },
    });
  }
});
