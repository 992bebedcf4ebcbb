import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { byteNameFrom } from "#agent/folders/names.ts";
import { isMatch, Patterns } from "#agent/folders/patterns.ts";
import { DROP_DEFAULTS, DropFolder, namesOf } from "#test/support/drop-folder.ts";

const MATCHES: readonly (readonly [string, string, boolean])[] = [
  ["*", "", true],
  ["*", "a", true],
  ["", "", true],
  ["", "a", false],
  ["*.tmp", "a.tmp", true],
  ["*.tmp", ".tmp", true],
  ["*.tmp", "a.tmp.hl7", false],
  ["~*", "~a", true],
  ["?.hl7", "a.hl7", true],
  ["?.hl7", "ab.hl7", false],
  ["a*b*c", "a1b2b3c", true],
  ["a*b*c", "a1b2b3", false],
  ["a.c", "abc", false],
  ["[ab]", "a", false],
  ["(", "(", true],
];

describe("ignored names", () => {
  for (const [pattern, text, isFound] of MATCHES) {
    test(`[P6] ${JSON.stringify(pattern)} ${isFound ? "matches" : "does not match"} ${JSON.stringify(text)}`, () => {
      assert.equal(isMatch(pattern, text), isFound);
    });
  }

  const patterns = new Patterns(DROP_DEFAULTS.ignorePatterns, ["*.hl7", "Ä*"]);
  const KINDS = {
    "a.hl7": "taken",
    "a.TMP": "temporary",
    "A.FilePart": "temporary",
    "~a.hl7": "temporary",
    ".a.hl7": "temporary",
    "THUMBS.DB": "never",
    "Desktop.ini": "never",
    ".holdfast-probe-00": "never",
    "sub.tmp/a.hl7": "taken",
    "sub/.a": "temporary",
  } as const;
  for (const [name, kind] of Object.entries(KINDS)) {
    test(`[P6] ${name} is ${kind}`, () => assert.equal(patterns.kindOf(name), kind));
  }

  test("[P6] included names are told without case, in any script", () => {
    assert.equal(patterns.includes("A.HL7"), true);
    assert.equal(patterns.includes("a.pdf"), false);
    assert.equal(patterns.includes(byteNameFrom("äb")), true);
    assert.equal(patterns.includes("\xff.hl7"), true);
  });

  test("[P6, P-A30] a pattern of many stars against a long name ends at once", () => {
    const pattern = `${"*a".repeat(100)}b`;
    assert.equal(isMatch(pattern, "a".repeat(255)), false);
  });

  test("[P6] names that are ignored, or not included, are not taken", () => {
    using folder = new DropFolder({ includePatterns: ["*.hl7"] });
    for (const name of ["a.hl7", "b.HL7", "c.pdf", "d.hl7.tmp", "~e.hl7", ".f.hl7", "Thumbs.db"]) {
      folder.drop(name);
    }
    assert.deepEqual(namesOf(folder.complete()), ["a.hl7", "b.HL7"]);
  });

  test("[P6] a temporary name that stays is told once, and other ignored names never", () => {
    using folder = new DropFolder();
    for (const name of ["a.tmp", "Thumbs.db", "desktop.ini"]) folder.drop(name);
    assert.deepEqual(folder.poll().troubles, {});
    folder.clock.advance(899_999);
    assert.deepEqual(folder.poll().troubles, {});
    folder.clock.advance(1);
    assert.deepEqual(folder.poll().troubles, { orphaned: { count: 1, fresh: 1 } });
    folder.clock.advance(86_400_000);
    assert.deepEqual(folder.poll().troubles, { orphaned: { count: 1, fresh: 0 } });
  });
});
