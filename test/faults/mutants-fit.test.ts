/** A defect whose text is no longer in the source would be planted nowhere, and prove nothing. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ALL_MUTANTS } from "./all-mutants.ts";

for (const { id, edits } of ALL_MUTANTS) {
  test(`the planted defect "${id}" fits the source exactly once`, () => {
    for (const { file, search } of edits) {
      assert.equal(readFileSync(file, "utf8").split(search).length, 2, `${file}: ${search}`);
    }
  });
}
