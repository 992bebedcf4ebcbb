import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  extOf,
  fillIn,
  isSafeName,
  type NameParts,
  nameAfterCollision,
  patternOf,
  safeName,
  templateFault,
} from "#agent/folders/outlet-names.ts";

const STANDARD = "{createdAt}_{sequence}_{id}.{ext}";
const AT_MS = Date.UTC(2026, 10, 26, 9, 8, 7, 65);
const SHA256 = Buffer.from("0123456789abcdef".repeat(4), "hex");

const partsOf = (parts: Partial<NameParts> = {}): NameParts => ({
  ...{ createdAtMs: AT_MS, sequence: 42, epoch: 3n, seq: 7n, ext: "hl7", channel: "orders" },
  ...parts,
});

/** Proposed, and what becomes of it. */
const TABLE: readonly (readonly [string, string])[] = [
  ["x.hl7", "x.hl7"],
  ["A-b_c.1.pdf", "A-b_c.1.pdf"],
  // Everything else is one underscore a character, whatever it is made of.
  ["Müller.pdf", "M_ller.pdf"],
  ["a b\tc\n.txt", "a_b_c_.txt"],
  ["\u{1f600}.hl7", "_.hl7"],
  ["\ud800.hl7", "_.hl7"],
  ["x\u202etxt.exe", "x_txt.exe"],
  ["a\0b", "a_b"],
  ["$(rm -rf).hl7", "__rm_-rf_.hl7"],
  // Ways out of the folder.
  ["../../etc/passwd", "___.._etc_passwd"],
  ["/etc/passwd", "_etc_passwd"],
  ["C:\\x.hl7", "C__x.hl7"],
  ["\\\\server\\share", "__server_share"],
  [".", "_"],
  ["..", "__"],
  ["", "_"],
  // Hidden, an option, an ending that Windows drops.
  [".hidden", "_hidden"],
  ["--rf", "__rf"],
  ["x.", "x_"],
  ["x...", "x___"],
  ["x. ", "x._"],
  // Devices, with any extension and in any case.
  ["CON", "_CON"],
  ["con.hl7", "_con.hl7"],
  ["Nul.tar.gz", "_Nul.tar.gz"],
  ["COM1.hl7", "_COM1.hl7"],
  ["lpt9", "_lpt9"],
  ["COM1x.hl7", "COM1x.hl7"],
  ["CONSOLE", "CONSOLE"],
  // A stream of a file.
  ["x.hl7:stream", "x.hl7_stream"],
  ["x.hl7::$DATA", "x.hl7___DATA"],
];

describe("names of files that go out", () => {
  for (const [proposed, safe] of TABLE) {
    test(`[P55, P-A15, P-A16] ${JSON.stringify(proposed)} becomes ${safe}`, () => {
      assert.equal(safeName(proposed), safe);
      assert.ok(isSafeName(safe));
    });
  }

  test("[P55] a name has at most 150 bytes, and keeps its extension", () => {
    assert.equal(safeName(`${"x".repeat(300)}.hl7`), `${"x".repeat(146)}.hl7`);
    assert.equal(safeName(`CON.${"x".repeat(300)}`).length, 150);
    assert.equal(safeName(`${"x".repeat(149)}..`), `${"x".repeat(149)}_`);
  });

  test("[P55] any text at all becomes a safe name, the same each time", () => {
    const taken = { suffixes: [".tmp", ".ok"], names: ["here.txt"] };
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 400 }), (text) => {
        const name = safeName(text, taken);
        assert.match(name, /^[A-Za-z0-9_][A-Za-z0-9._-]{0,149}$/);
        assert.doesNotMatch(name, /\.$|\.tmp$|\.ok$/i);
        assert.doesNotMatch(name, /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i);
        assert.notEqual(name, "here.txt");
        assert.ok(isSafeName(name));
        assert.equal(safeName(name, taken), name);
      }),
      { numRuns: 2_000 },
    );
  });

  test("[P55] no message gets a name that means something else to a reader", () => {
    const taken = { suffixes: [".tmp", ".ok"], names: ["mounted"] };
    assert.equal(safeName("x.tmp", taken), "x.tmp_");
    assert.equal(safeName("x.TMP", taken), "x.TMP_");
    assert.equal(safeName("x.hl7.ok", taken), "x.hl7.ok_");
    assert.equal(safeName("Mounted", taken), "_Mounted");
    const long = safeName(`${"x".repeat(146)}.tmp`, taken);
    assert.deepEqual([long.length, long.endsWith(".tm_")], [150, true]);
  });

  test("[P55] the standard template names by time, sequence and identity, so that names sort in delivery order", () => {
    assert.equal(fillIn(STANDARD, partsOf()), "20261126T090807065_000000000042_3-7.hl7");
    assert.equal(fillIn("{channel}.{sequence}.{ext}", partsOf()), "orders.000000000042.hl7");
    const names = [9, 10, 99, 100, 1_000_000].map((sequence) =>
      fillIn(STANDARD, partsOf({ sequence, seq: BigInt(sequence) })),
    );
    assert.deepEqual(names.toSorted(), names);
  });

  for (const [template, words] of [
    ["{patient}.hl7", /may name \{createdAt\}, .*\{channel\} and nothing else/],
    ["{id", /nothing else in braces/],
    ["id}", /nothing else in braces/],
    ["{}.hl7", /nothing else in braces/],
    ["{{id}}", /nothing else in braces/],
    ["a b", /letters, digits/],
    ["sub/{id}.hl7", /letters, digits/],
    ["", /must not be empty/],
  ] as const) {
    test(`[P55] the template ${JSON.stringify(template)} is refused`, () => {
      assert.match(templateFault(template) ?? "", words);
    });
  }

  test("[P55] templates of known fields and plain letters are none", () => {
    for (const template of [STANDARD, "order.hl7", "{channel}-{id}"]) {
      assert.equal(templateFault(template), undefined);
    }
  });

  test("[P56] after a collision comes time and hash before the extension, then a counter", () => {
    const about = { createdAtMs: AT_MS, sha256: SHA256 };
    assert.equal(nameAfterCollision("x.hl7", 1, about), "x_20261126T090807_01234567.hl7");
    assert.equal(nameAfterCollision("x.hl7", 2, about), "x_20261126T090807_01234567_2.hl7");
    assert.equal(nameAfterCollision("x", 1, about), "x_20261126T090807_01234567");
    const long = nameAfterCollision(`${"x".repeat(146)}.hl7`, 99, about);
    assert.equal(long.length, 150);
    assert.ok(long.endsWith("_20261126T090807_01234567_99.hl7") && isSafeName(long));
  });

  test("[P58] the names of a channel are known again, with and without a collision; others are not", () => {
    const own = new RegExp(patternOf(STANDARD, "orders"));
    const name = fillIn(STANDARD, partsOf());
    const about = { createdAtMs: AT_MS, sha256: SHA256 };
    for (const one of [
      name,
      nameAfterCollision(name, 1, about),
      nameAfterCollision(name, 7, about),
    ])
      assert.match(one, own);
    for (const other of ["x.hl7", `${name}.ok`, `x${name}`, name.replace("3-7", "3_7")])
      assert.doesNotMatch(other, own);
    assert.match("order.hl7", new RegExp(patternOf("order.hl7", "orders")));
    assert.doesNotMatch("orderxhl7", new RegExp(patternOf("order.hl7", "orders")));
    assert.match("orders-1-1", new RegExp(patternOf("{channel}-{id}", "orders")));
  });

  test("[P55] an extension is what plainly follows the last dot", () => {
    assert.deepEqual(
      ["x.pdf", "x.tar.gz", "x", "x.", ".pdf", "x.p/f", `x.${"y".repeat(17)}`].map(extOf),
      ["pdf", "gz", undefined, undefined, "pdf", undefined, undefined],
    );
  });
});
