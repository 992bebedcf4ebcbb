/** 08 9, H05: attacks on drop folders are those of 04 section 12, each with tests of its own name. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { test } from "node:test";

/** P-A1 to P-A31. */
const ATTACKS = 31;

test("[H05] every attack on a drop folder that is known is claimed, and tried by a test of its name", () => {
  const claimed = new Set(readFileSync("test/claimed-rules.txt", "utf8").split(/\s+/));
  const tests = globSync("test/**/*.test.ts")
    .map((file) => readFileSync(file, "utf8"))
    .join("\n");
  for (let number = 1; number <= ATTACKS; number++) {
    const id = `P-A${number}`;
    assert.ok(claimed.has(id), id);
    assert.match(tests, new RegExp(`\\[(?:[^\\]]*[ ,])?${id}(?![0-9])`), id);
  }
});
