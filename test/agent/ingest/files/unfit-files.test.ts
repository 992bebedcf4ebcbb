import assert from "node:assert/strict";
import { test } from "node:test";
import { FileDoorwayBench } from "#test/support/file-doorway.ts";
import { adt, latin1 } from "#test/support/messages.ts";
import { StoreFile } from "#test/support/store-file.ts";

const FHS = "FHS|^~\\&|LAB\r";
const BHS = "BHS|^~\\&|LAB\r";
const [A, B] = [adt("A"), adt("B")];
const utf16 = (text: string): string => Buffer.from(text, "utf16le").toString("latin1");
const many = (count: number): string =>
  Array.from({ length: count }, (_, index) => adt(`C${index}`)).join("");

interface Row {
  readonly what: string;
  readonly file: string;
  readonly reason: "noHeader" | "tooManyMessages" | "wideCharacters";
}

const ROWS: readonly Row[] = [
  { what: "[P39] blank lines alone", file: "\r\n \t\r\r", reason: "noHeader" },
  { what: "[P39] a byte order mark alone", file: "\xef\xbb\xbf", reason: "noHeader" },
  { what: "[P39] framing alone", file: "\x0b\x1c\r\x0b\x1c\r", reason: "noHeader" },
  { what: "[P39] some other file", file: "%PDF-1.7\rBT MSH ET\r%%EOF\r", reason: "noHeader" },
  { what: "[P39] MSH in the middle of a line", file: `x${A}`, reason: "noHeader" },
  { what: "[P39] MSH without delimiters", file: "MSH\rMSHABC\rPID|1\r", reason: "noHeader" },
  {
    what: "[P39] an envelope with nothing in it",
    file: `${FHS}${BHS}BTS|0\rFTS|1\r`,
    reason: "noHeader",
  },
  { what: "[X3] UTF-16", file: utf16(A + B), reason: "wideCharacters" },
  { what: "[X3] UTF-16 with its mark", file: `\xff\xfe${utf16(A)}`, reason: "wideCharacters" },
  { what: "[X3] UTF-32", file: `\0\0\xfe\xff\0\0\0M\0\0\0S\0\0\0H`, reason: "wideCharacters" },
  { what: "[P40] one message too many", file: many(11), reason: "tooManyMessages" },
  {
    what: "[P40] so many messages and something left over",
    file: `${many(10)}BTS\rtail`,
    reason: "tooManyMessages",
  },
  {
    what: "[P40] [P-A24] more left over than messages may be",
    file: `${A}\x1c\r${"x\x1c\r".repeat(5_000)}`,
    reason: "tooManyMessages",
  },
  {
    what: "[P40] [P-A24] headers by the thousand",
    file: "MSH|^\r".repeat(5_000),
    reason: "tooManyMessages",
  },
  {
    what: "[P40] [P-A24] envelope segments by the thousand",
    file: `${BHS}${A}${"BTS\r".repeat(5_000)}`,
    reason: "tooManyMessages",
  },
  {
    what: "[P36] [P-A24] an envelope longer than can travel",
    file: `${BHS}${A}BTS|1|${"x".repeat(3_000)}\r`,
    reason: "tooManyMessages",
  },
  {
    what: "[P36] [P-A24] an envelope segment without an end",
    file: `${BHS}${A}BTS|${"9".repeat(300_000)}`,
    reason: "tooManyMessages",
  },
];

for (const { what, file, reason } of ROWS) {
  test(`${what}: nothing is sent, and the next file is`, async () => {
    // In few slices: of many the store takes back some at a time.
    for (const sliceBytes of [undefined, Math.max(100, Math.ceil(file.length / 10))]) {
      await using bench = await FileDoorwayBench.open({
        file: { maxMessages: 10, maxMessageBytes: 1_000_000 },
      });
      const fields = sliceBytes === undefined ? {} : { sliceBytes };
      assert.deepEqual(await bench.take(file, fields), { kind: "unfit", reason });
      const [row, ...more] = await bench.claims.open();
      assert.deepEqual([row?.state, more.length], ["claimed", 0]);
      assert.deepEqual(await bench.aside(), []);
      const next = await bench.take(A + B, fields);
      assert.deepEqual(next, { kind: "committed", stored: 2, repeats: 0, aside: 0 });
      assert.deepEqual(
        (await bench.kept()).map(({ text }) => text),
        [A, B],
      );
      await bench.store.close();
      using store = new StoreFile(bench.store.stateDir);
      assert.equal(store.uploadCount(), sliceBytes === undefined ? 0 : 1, "slices were taken back");
    }
  });
}

test("[P36] what travels with each message must fit: name, side-car and envelope together", async () => {
  await using bench = await FileDoorwayBench.open();
  const file = `${BHS}${A}BTS|1|${"x".repeat(2_000)}\r`;
  const attributes = { "file.name": "x.hl7", "file.metadata": "m".repeat(4_000) };
  assert.equal((await bench.take(file, { attributes })).kind, "committed");
  const longer = { ...attributes, "file.metadata": "m".repeat(5_000) };
  const verdict = await bench.take(file, { attributes: longer });
  assert.deepEqual(verdict, { kind: "unfit", reason: "tooManyMessages" });
});

test("[P40] as many messages as are allowed are taken, what is left over included", async () => {
  await using bench = await FileDoorwayBench.open({
    file: { maxMessages: 10, maxMessageBytes: 1_000_000 },
  });
  const ten = await bench.take(many(10));
  assert.deepEqual(ten, { kind: "committed", stored: 10, repeats: 0, aside: 0 });
  const nine = await bench.take(`${many(9)}BTS|9\rtail`, { sliceBytes: 128 });
  assert.deepEqual(nine, { kind: "committed", stored: 0, repeats: 9, aside: 1 });
});

test("[P36] [P-A24] a giant count in BTS is a wrong count", async () => {
  await using bench = await FileDoorwayBench.open();
  for (const [index, count] of ["9".repeat(1_000), "1e308", "-1", "0x", "NaN"].entries()) {
    const verdict = await bench.take(`${BHS}${adt(`G${index}`)}BTS|${count}\r`);
    assert.deepEqual(verdict, { kind: "committed", stored: 1, repeats: 0, aside: 0 });
  }
  const kept = await bench.kept();
  assert.ok(kept.every(({ attributes }) => attributes["batch.countMismatch"] === "1"));
});

test("[P40] [P-A24] one endless segment is one message, or too large to be one", async () => {
  const endless = latin1(`MSH|^~\\&|||||||ADT|E1|P|2.5|${"x".repeat(400_000)}`);
  for (const sliceBytes of [undefined, 4_096]) {
    const fields = sliceBytes === undefined ? {} : { sliceBytes };
    await using bench = await FileDoorwayBench.open({
      file: { maxMessages: 10, maxMessageBytes: 1_000_000 },
    });
    assert.deepEqual(await bench.take(endless, fields), {
      ...{ kind: "committed", stored: 1, repeats: 0, aside: 0 },
    });
    await using small = await FileDoorwayBench.open({
      file: { maxMessages: 10, maxMessageBytes: 300_000 },
    });
    assert.deepEqual(await small.take(endless, fields), {
      ...{ kind: "committed", stored: 0, repeats: 0, aside: 1 },
    });
    const [aside] = await small.aside();
    assert.deepEqual([aside?.reason, aside?.text, aside?.length], ["tooLarge", "", endless.length]);
  }
});
