import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { patternFault } from "#config/bounded-pattern.ts";

const REFUSED: readonly string[] = [
  "(a+)+$",
  "^(?:a|a)*$",
  "(?:a|b)+",
  "((a*)b)*",
  "((a?))*c",
  "(?<x>(?:\\d+)-)+",
  "(?:(?:x{2,5}))+",
  "(a+){2,}",
  "(a+){20}",
  "(?:[)]|\\))+",
  "(?:\\p{L}+)*",
  "(?:(?:a+))*",
  "a{1,256}",
  "a+b+c+d+e+f+g+h+i+j+k+",
];

const TAKEN: readonly string[] = [
  "^(?<patient>\\d+)_(?<kind>[a-z]+)\\.pdf$",
  "(?<patient>\\d{1,12})(?:_(?<visit>\\d+))?",
  "^(?<year>\\d{4})-(?<rest>.*)$",
  "(?:PDF|pdf)$",
  "(?:ab){2}",
  "[(+*|]+x",
  "\\(+\\)*\\|?",
  "(?<name>\\p{Lu}\\p{Ll}+)_\\u{41}+",
  "(?=.*x)y+",
  "\\k<a>(?<a>x)",
];

for (const pattern of REFUSED) {
  test(`[U28] ${pattern} is refused by its form`, () => {
    new RegExp(pattern, "u");
    assert.notEqual(patternFault(pattern), undefined);
  });
}

for (const pattern of TAKEN) {
  test(`[U28] ${pattern} is taken`, () => {
    new RegExp(pattern, "u");
    assert.equal(patternFault(pattern), undefined);
  });
}

test("[U28] what is taken ends, on a name that fits almost", () => {
  const atom = fc.constantFrom("a", "b", ".", "[ab]", "\\w", "\\d");
  const times = fc.constantFrom("", "+", "*", "?", "{2}", "{1,9}", "+?");
  const expression = fc.letrec((tie) => ({
    part: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      fc.tuple(atom, times).map((pair) => pair.join("")),
      fc.tuple(tie("whole"), times).map(([inner, count]) => `(?:${inner})${count}`),
    ),
    whole: fc
      .array(tie("part"), { minLength: 1, maxLength: 3 })
      .chain((parts) => fc.constantFrom(parts.join(""), parts.join("|"))),
  })).whole;
  let count = 0;
  fc.assert(
    fc.property(expression, (text) => {
      const pattern = `^${String(text)}$`;
      fc.pre(patternFault(pattern) === undefined);
      count += 1;
      // Of an exponential one this alone would take longer than the universe is old.
      new RegExp(pattern, "u").test(`${"a".repeat(24)}!`);
    }),
    { numRuns: 2_000, maxSkipsPerRun: 1_000 },
  );
  assert.ok(count >= 2_000);
});
