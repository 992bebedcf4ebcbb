import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  byteNameFrom,
  byteNameOf,
  fileNameOf,
  heldName,
  isBelow,
  isNamed,
  readHeldName,
  readWorkName,
  stemOf,
  workName,
} from "#agent/folders/names.ts";
import { collisionMark, dayFolder, targetNames } from "#agent/folders/target-names.ts";

const CLAIM = "0123456789abcdef";
const data = (name: string) => [{ part: "data" as const, name }];

describe("names in folders", () => {
  const ORIGINALS = [
    "a.hl7",
    "sub/a.hl7",
    "100%.hl7",
    "%2F",
    "a%2Fb/c%25",
    "\xff\xfe\n\x1b[2J",
    "a.d.b",
  ];
  for (const name of ORIGINALS) {
    test(`[P17, P34] ${JSON.stringify(name)} comes back from its name in work as it was`, () => {
      for (const part of ["data", "control", "sidecar"] as const) {
        const found = workName(CLAIM, part, name);
        assert.ok(!found.includes("/"));
        assert.ok(found.startsWith(`${CLAIM}.`));
        assert.deepEqual(readWorkName(found), { claim: CLAIM, part, original: name });
      }
    });
  }

  test("[P34] a file is the one of a name byte for byte; on SMB and on Windows without case", () => {
    const rows = ["here.txt", "HERE.TXT", "\u00e4.ok", "\u00c4.ok", "there.txt"];
    const found = (text: string, onSmb: boolean, onWindows: boolean) =>
      rows.filter((row) => isNamed(byteNameFrom(row), text, onSmb, onWindows));
    assert.deepEqual(found("here.txt", false, false), ["here.txt"]);
    assert.deepEqual(found("here.txt", true, false), ["here.txt", "HERE.TXT"]);
    assert.deepEqual(found("Here.Txt", false, true), ["here.txt", "HERE.TXT"]);
    assert.deepEqual(found("\u00c4.ok", true, false), ["\u00e4.ok", "\u00c4.ok"]);
  });

  test("[P20] a name in work that is not ours is not taken for ours", () => {
    for (const name of [
      "a.hl7",
      `${CLAIM}.x.a`,
      `${CLAIM}`,
      `${CLAIM.toUpperCase()}.d.a`,
      `x${CLAIM}.d.a`,
    ]) {
      assert.equal(readWorkName(name), undefined);
    }
  });

  test("[P19] a held name gives back claim and original, unless that was too long", () => {
    assert.deepEqual(readHeldName(heldName(CLAIM, 1, "a.b\n.ok")), {
      claim: CLAIM,
      index: 1,
      original: "a.b\n.ok",
    });
    const long = heldName(CLAIM, 0, "x".repeat(255));
    assert.ok(long.length <= 255);
    assert.deepEqual(readHeldName(long), { claim: CLAIM, index: 0, original: undefined });
    assert.equal(readHeldName(".holdfast-probe-00"), undefined);
  });

  test("[P34] bytes of every value come back", () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, at) => at);
    assert.deepEqual(fileNameOf(byteNameOf(bytes)), bytes);
    assert.equal(byteNameFrom("ä"), "\xc3\xa4");
  });

  test("[P-A15] no name leads out of its folder", () => {
    for (const name of [
      "",
      "/",
      "/etc/passwd",
      "..",
      "../a",
      "a/../b",
      "a//b",
      "a/",
      ".",
      "a\0b",
    ]) {
      assert.equal(isBelow(name), false, JSON.stringify(name));
    }
    for (const name of ["a", "a/b", "...", "..a", "C:\\x", "a b", "-rf"]) {
      // Elsewhere than on Windows a backslash is a character like others.
      assert.equal(isBelow(name), process.platform !== "win32" || !/[\\:]/.test(name), name);
    }
  });

  test("[P27] a leading dot begins no extension, and folders have none", () => {
    const stems = { "a.b.hl7": "a.b", a: "a", ".a": ".a", "x.y/a": "x.y/a", "x.y/a.b": "x.y/a" };
    for (const [name, stem] of Object.entries(stems)) assert.equal(stemOf(name), stem);
  });
});

describe("names in the archive", () => {
  const TARGETS: readonly (readonly [string, string, string])[] = [
    ["a.hl7", "", "a.hl7"],
    ["a.hl7", "_1", "a_1.hl7"],
    ["a", "_1", "a_1"],
    [".a", "_1", ".a_1"],
    ["a.tar.gz", "_1", "a.tar_1.gz"],
    ["ward/a.hl7", "_1", "ward%2Fa_1.hl7"],
    ["CON", "", "_CON"],
    ["con.hl7", "", "_con.hl7"],
    ["COM1.hl7", ".dup", "_COM1.dup.hl7"],
    ["COM1.hl7", "", "_COM1.hl7"],
    ["NUL.", "", "NUL_"],
    ["NUL .txt", "", "_NUL .txt"],
    ["console.hl7", "", "console.hl7"],
    ["a. .", "", "a_"],
    ["a ", "", "a_"],
    ["x.hl7:stream", "", "x.hl7_stream"],
    ["C:\\windows\\a", "", "C__windows_a"],
    ['a<>"|?*b', "", "a______b"],
    ["a\n\x1b[2J\x7f.hl7", "", "a__[2J_.hl7"],
    ["\xff\xfe.hl7", "_1", "\xff\xfe_1.hl7"],
    ["=cmd|'/c calc'!A1", "", "=cmd_'%2Fc calc'!A1"],
    ["<img src=x>.hl7", "", "_img src=x_.hl7"],
  ];
  for (const [name, mark, target] of TARGETS) {
    test(`[P27, P-A16, P-A19] ${JSON.stringify(name)} ${mark} is kept as ${JSON.stringify(target)}`, () => {
      assert.deepEqual(targetNames(data(name), mark, 0), [target]);
    });
  }

  test("[P27] files that belong together keep one stem, and what distinguishes them", () => {
    const files = [
      { part: "data" as const, name: "x.pdf" },
      { part: "control" as const, name: "x.pdf.ok" },
      { part: "control" as const, name: "x.ok" },
      { part: "sidecar" as const, name: "x.json" },
    ];
    assert.deepEqual(targetNames(files, "_1", 0), ["x_1.pdf", "x_1.pdf.ok", "x_1.ok", "x_1.json"]);
  });

  test("[P-A17] a name of 255 bytes is shortened by what is put in, between characters", () => {
    const long = `${"\xc3\xa4".repeat(125)}x.hl7`;
    assert.equal(long.length, 255);
    const [target = ""] = targetNames(data(long), "_20250102T030405_89abcdef.dup", 12);
    assert.ok(target.length <= 243);
    assert.match(target, /_20250102T030405_89abcdef\.dup\.hl7$/);
    assert.ok(!Buffer.from(target, "latin1").toString("utf8").includes("\ufffd"));
    for (const name of ["x".repeat(255), `x.${"y".repeat(253)}`, `.${"z".repeat(254)}`]) {
      const [found = ""] = targetNames(data(name), "_20250102T030405_89abcdef_12345.dup", 12);
      assert.ok(found.length <= 243 && found.includes("_12345.dup"), found);
    }
  });

  test("[P27] marks are time and hash, then a number; days are those of UTC", () => {
    const atMs = Date.UTC(2025, 11, 31, 23, 59, 59, 999);
    const marks = [0, 1, 2, 3].map((index) => collisionMark(atMs, "0123456789", index));
    assert.deepEqual(marks, [
      "",
      ...["", "_2", "_3"].map((end) => `_20251231T235959_01234567${end}`),
    ]);
    assert.equal(dayFolder(atMs), "2025/12/31");
  });
});
