import assert from "node:assert/strict";
import { test } from "node:test";
import { hl7Sidecar, jsonSidecar, type Sidecar } from "#agent/ingest/file-drop/sidecar.ts";
import { adt, latin1, message } from "#test/support/messages.ts";

const SETTINGS = { charset: undefined, fallbackCharset: "windows-1252" };

function read(sidecar: Sidecar): object | string {
  if (sidecar.kind === "refused") return sidecar.fault;
  assert.match(sidecar.metadata, /^[ -~]{2,4000}$/);
  return JSON.parse(sidecar.metadata) as object;
}
const json = (text: string): object | string => read(jsonSidecar(Buffer.from(text)));
const hl7 = (text: string): object | string => read(hl7Sidecar(latin1(text), SETTINGS));

test("[P44] every known key of a side-car travels as it was written", () => {
  const all = {
    documentType: "Discharge letter",
    mediaType: "application/pdf",
    title: "Brief \u00fcber M\u00fcller \u6f22\u5b57 \u{1f4c4}",
    description: 'two\r\nlines\tand a quote " and \\',
    author: "Dr. \u0416",
    createdAt: "2025-01-01T12:00:00+01:00",
    patientId: "0001",
    visitId: "V1",
    orderId: "O1",
    controlId: "C1",
    attributes: { "x.ward": "7", constructor: "1", "a-b_c": "" },
  };
  const sidecar = jsonSidecar(Buffer.from(`\ufeff ${JSON.stringify(all, null, 2)}\r\n`));
  assert.deepEqual(read(sidecar), { sidecar: all });
  assert.equal(sidecar.kind === "metadata" && sidecar.mediaType, "application/pdf");
});

const ACCEPTED: readonly (readonly [string, string, object])[] = [
  ["nothing", "{}", {}],
  ["no attributes", '{"attributes":{}}', {}],
  ["escapes", '{"title":"\\u0041\\/\\n\\ud83d\\ude00"}', { title: "A/\n\u{1f600}" }],
  ["a path as a text", '{"title":"../../etc/passwd"}', { title: "../../etc/passwd" }],
  ["white space", ' {\t"title" :\r\n"x" , "author": "y" } \n', { title: "x", author: "y" }],
];
for (const [what, text, sidecar] of ACCEPTED) {
  test(`[P44] a side-car is accepted: ${what}`, () => {
    assert.deepEqual(json(text), { sidecar });
  });
}

const deep = (depth: number): string => `${'{"attributes":'.repeat(depth)}{}${"}".repeat(depth)}`;
const REFUSED: readonly (readonly [string, string, string])[] = [
  ["empty", "", "notTexts"],
  ["a list", "[]", "notTexts"],
  ["a text", '"x"', "notTexts"],
  ["two objects", "{}{}", "notTexts"],
  ["something behind", '{"title":"x"} x', "notTexts"],
  ["a comma too many", '{"title":"x",}', "notTexts"],
  ["no end", '{"title":"x"', "notTexts"],
  ["a key without quotes", '{title:"x"}', "notTexts"],
  ["a number", '{"patientId":1}', "notTexts"],
  ["a huge number", `{"patientId":${"9".repeat(10_000)}}`, "notTexts"],
  ["a boolean, null", '{"title":null}', "notTexts"],
  ["an object as a text", '{"title":{"x":"y"}}', "notTexts"],
  ["a list in attributes", '{"attributes":{"x":["y"]}}', "notTexts"],
  ["an object in attributes", '{"attributes":{"x":{"y":"z"}}}', "notTexts"],
  ["texts as attributes", '{"attributes":"x"}', "notTexts"],
  ["a line end in a text", '{"title":"a\nb"}', "notTexts"],
  ["a bad escape", '{"title":"\\x41"}', "notTexts"],
  ["deep nesting", deep(30_000 / 14), "notTexts"],
  ["deep lists", `{"attributes":${"[".repeat(60_000)}`, "notTexts"],
  ["channel", '{"channel":"adt"}', "unknownKey"],
  ["destination", '{"destination":"x"}', "unknownKey"],
  ["path", '{"path":"/etc"}', "unknownKey"],
  ["fileName", '{"fileName":"x"}', "unknownKey"],
  ["__proto__", '{"__proto__":{"title":"x"}}', "unknownKey"],
  ["__proto__ in attributes", '{"attributes":{"__proto__":"x"}}', "unknownKey"],
  ["an attribute with a slash", '{"attributes":{"../x":"y"}}', "unknownKey"],
  ["an attribute without a name", '{"attributes":{"":"y"}}', "unknownKey"],
  ["a key twice", '{"title":"x","title":"x"}', "repeatedKey"],
  ["a key twice, once escaped", '{"title":"x","\\u0074itle":"y"}', "repeatedKey"],
  ["an attribute twice", '{"attributes":{"x":"y","x":"y"}}', "repeatedKey"],
  ["attributes twice", '{"attributes":{},"attributes":{}}', "repeatedKey"],
  ["NUL", '{"title":"\\u0000"}', "unprintable"],
  ["a terminal escape", '{"title":"\\u001b[2J"}', "unprintable"],
  ["half a character", '{"title":"\\ud83d"}', "unprintable"],
  ["no media type", '{"mediaType":"../x"}', "mediaType"],
  ["a media type of two lines", '{"mediaType":"text/plain\\r\\nx"}', "mediaType"],
  [
    "eleven attributes",
    JSON.stringify({ attributes: Object.fromEntries(Array.from("abcdefghijk", (x) => [x, x])) }),
    "tooManyAttributes",
  ],
  ["more than travels", JSON.stringify({ title: "x".repeat(4_000) }), "tooLarge"],
  ["more than travels once escaped", JSON.stringify({ title: "\u6f22".repeat(700) }), "tooLarge"],
  ["65,537 bytes", `{"title":"x"}${" ".repeat(65_537 - 13)}`, "tooLarge"],
];
for (const [what, text, fault] of REFUSED) {
  test(`[P44] [P-A15] [P-A22] a side-car is refused: ${what}`, () => {
    assert.equal(json(text), fault);
  });
}

test("[P44] 65,536 bytes are accepted, and what is no UTF-8 is refused", () => {
  assert.deepEqual(json(`{"title":"x"}${" ".repeat(65_536 - 13)}`), { sidecar: { title: "x" } });
  assert.equal(read(jsonSidecar(Buffer.from('{"title":"M\xfcller"}', "latin1"))), "notUtf8");
  assert.equal(read(jsonSidecar(Buffer.from('{"title":"x"}', "utf16le"))), "notTexts");
});

test("[P44] an HL7 side-car is its first message, as text, without framing and mark", () => {
  assert.deepEqual(hl7(adt("A")), { hl7: adt("A") });
  assert.deepEqual(hl7(`\x0b${adt("A")}\x1c\r\x0b${adt("B")}\x1c\r`), { hl7: adt("A") });
  assert.deepEqual(hl7(`\xef\xbb\xbf\r\nBHS|^~\\&|\r${adt("A")}${adt("B")}`), { hl7: adt("A") });
});

test("[P44] [X2] an HL7 side-car is read as it declares, or else as the channel says", () => {
  assert.deepEqual(hl7(message({ 18: "8859/1" }, "|M\xfcller")), {
    hl7: message({ 18: "8859/1" }, "|M\u00fcller"),
  });
  const utf8 = Buffer.from(adt("A", "|M\u00fcller"));
  assert.deepEqual(read(hl7Sidecar(utf8, SETTINGS)), { hl7: adt("A", "|M\u00fcller") });
  const cyrillic = hl7Sidecar(latin1(adt("A", "|\xd0")), { ...SETTINGS, charset: "8859/5" });
  assert.deepEqual(read(cyrillic), { hl7: adt("A", "|\u0430") });
});

test("[P44] of a long HL7 side-car the segments that fit travel, and it is said that there were more", () => {
  const segment = `OBX|1|TX|||${"x".repeat(489)}\r`;
  const text = adt("A") + segment.repeat(20);
  const kept = hl7(text) as { hl7: string; hl7Cut?: boolean };
  assert.equal(kept.hl7Cut, true);
  assert.equal(kept.hl7, adt("A") + segment.repeat(7));
  assert.equal(hl7(`MSH|^~\\&|${"x".repeat(5_000)}\r`), "tooLarge");
  // What is escaped counts as it travels.
  const quotes = hl7(`${adt("A")}${'NTE|""""""""\r'.repeat(1_000)}`) as { hl7: string };
  assert.ok(quotes.hl7.endsWith("\r"));
});

for (const text of [
  "",
  "PID|1\r",
  "{}",
  "BHS|^~\\&|\rBTS|0\r",
  latin1("M\0S\0H\0|\0").toString("latin1"),
]) {
  test(`[P44] an HL7 side-car without a message is refused: ${JSON.stringify(text)}`, () => {
    assert.equal(hl7(text), "noHeader");
  });
}

test("[P44] an HL7 side-car above 65,536 bytes is refused", () => {
  assert.equal(hl7(adt("A") + "x".repeat(65_536)), "tooLarge");
});
