/** Files that are no export, or were made to do harm. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { translateMirth } from "#agent/mirth/translate.ts";
import { readXml } from "#agent/mirth/xml-tree.ts";
import { loaded, mirthChannel, translated } from "#test/support/mirth-exports.ts";

function refusalOf(file: string | Uint8Array): string {
  const result = translateMirth(typeof file === "string" ? Buffer.from(file) : file);
  assert.equal(result.kind, "refused");
  return result.kind === "refused" ? `${result.line}:${result.column} ${result.message}` : "";
}
const plain = mirthChannel();
const namesIn = (file: Uint8Array | string): readonly string[] =>
  loaded(translated(file)).map(({ name }) => name);

describe("import-mirth, XML", () => {
  for (const [what, file, message] of [
    ["nothing", "", /^1:1 there is no XML/],
    ["text", "channels: []", /^1:\d+ not well-formed XML: Non-whitespace before first tag/],
    [
      "a tag that is not closed",
      "<channel>\n  <name>",
      /^2:\d+ not well-formed XML: Unclosed root tag/,
    ],
    [
      "tags that cross",
      "<channel>\n<a></b></channel>",
      /^2:\d+ not well-formed XML: Unexpected close tag/,
    ],
    [
      "an end without a beginning",
      "<channel></channel></s3cret>",
      /^1:\d+ not well-formed XML: Unmatched closing tag$/,
    ],
    ["two documents", "<list/>\n<list/>", /^2:\d+ a second document/],
    [
      "an unknown entity",
      "<list>&s3cret;</list>",
      /^1:\d+ not well-formed XML: Invalid character entity$/,
    ],
    ["a bare ampersand", "<list>a & b</list>", /^1:\d+ not well-formed XML/],
    [
      "an attribute without quotes",
      "<list a=b/>",
      /^1:\d+ not well-formed XML: Unquoted attribute value/,
    ],
    [
      "an endless attribute",
      `<list a="${"x".repeat(400_000)}"/>`,
      /^1:\d+ not well-formed XML: Max buffer length exceeded/,
    ],
  ] as const) {
    test(`${what} is refused with line and column, and quotes nothing`, () => {
      assert.match(refusalOf(file), message);
      assert.doesNotMatch(refusalOf(file), /s3cret/);
    });
  }

  test("a document type is refused, and no entity of it is expanded", () => {
    const laughs = Array.from(
      { length: 9 },
      (_, level) => `<!ENTITY l${level + 1} "${`&l${level};`.repeat(10)}">`,
    );
    const bomb = `<!DOCTYPE list [<!ENTITY l0 "ha">${laughs.join("")}]><list>&l9;</list>`;
    assert.match(refusalOf(bomb), /^1:\d+ a document type \(DOCTYPE\) is not read/);
    const outside = `<?xml version="1.0"?>\n<!DOCTYPE list SYSTEM "file:///etc/passwd">\n<list/>`;
    assert.match(refusalOf(outside), /^2:\d+ a document type/);
    assert.match(refusalOf(`<!DOCTYPE list [<!ENTITY x "${"y".repeat(300_000)}">]><list/>`), /^1:/);
  });

  test("depth and number of elements are bounded", () => {
    assert.match(refusalOf("<list>".repeat(3_000_000)), /^1:\d+ nested more than 200 deep/);
    assert.match(
      refusalOf(`<list>${"<a/>".repeat(1_000_001)}</list>`),
      /more than 1000000 elements/,
    );
  });

  test("a control character that a script holds is no reason to refuse an export", () => {
    const xml = mirthChannel().replace("return message;", "x = '&#x1b;&#0;'; return message;");
    assert.deepEqual(namesIn(xml), ["adt"]);
  });

  test("no password, user name or script is in the tree at all", () => {
    const secrets = "<password>s3cret</password><username>s3cret</username><script>s3cret</script>";
    const more = `<properties key="s3cret">${secrets}<keyStorePassword>s3cret</keyStorePassword><select>s3cret</select></properties><preprocessingScript>s3cret</preprocessingScript>`;
    const xml = readXml(`<channel>${more}</channel>`);
    assert.equal(xml.kind, "read");
    assert.doesNotMatch(JSON.stringify(xml), /s3cret/);
  });
});

describe("import-mirth, character sets", () => {
  const utf16 = Buffer.from(plain, "utf16le");
  for (const [what, file] of [
    ["UTF-8 with a mark", Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(plain)])],
    ["UTF-16, little end first", Buffer.concat([Buffer.from([0xff, 0xfe]), utf16])],
    [
      "UTF-16, big end first",
      Buffer.concat([Buffer.from([0xfe, 0xff]), Buffer.from(utf16).swap16()]),
    ],
    ["UTF-16 without a mark", utf16],
    ["UTF-16 without a mark, big end first", Buffer.from(utf16).swap16()],
    ["declared UTF-8", Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>${plain}`)],
  ] as const) {
    test(`${what} is read`, () => assert.deepEqual(namesIn(file), ["adt"]));
  }

  test("ISO 8859-1 is read where it is declared, and refused with its place where it is not", () => {
    const xml = mirthChannel({ name: "Mäh" });
    const declared = Buffer.from(`<?xml version="1.0" encoding='iso-8859-1'?>${xml}`, "latin1");
    assert.deepEqual(namesIn(declared), ["mah"]);
    assert.match(refusalOf(Buffer.from(xml, "latin1")), /^3:8 the file is no utf-8 text/);
  });

  test("other character sets are refused", () => {
    assert.match(
      refusalOf(`<?xml version="1.0" encoding="EBCDIC-CP-US"?>${plain}`),
      /^1:1 .*save it as UTF-8/,
    );
    assert.match(refusalOf(Buffer.from(plain, "utf16le").subarray(1)), /^1:/);
  });
});
