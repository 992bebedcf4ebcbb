/** The tables of ARCHITECTURE.md: merges leave rows behind that contradict each other. @module */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const document = readFileSync("ARCHITECTURE.md", "utf8");

test("no part has two rows in the import table, no package two in that of dependencies", () => {
  for (const [from, to] of [
    ["| part |", "## 4."],
    ["| package |", "## 10."],
  ] as const) {
    const table = document.slice(document.indexOf(from), document.indexOf(to));
    const cells = [...table.matchAll(/^\| ([^|]*`[^|]*) \|/gm)].map(([, cell = ""]) => cell);
    const named = cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, one]) => one));
    assert.ok(named.length > 5, from);
    const twice = named.filter((one, index) => named.indexOf(one) !== index);
    assert.deepEqual(twice, [], from);
  }
});
