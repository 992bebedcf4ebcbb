import assert from "node:assert/strict";
import { test } from "node:test";
import { highestMarks } from "#receiver/store/highest-marks.ts";

const BEFORE = { counter: 5, auditSeq: 50, auditHead: "fifty", generation: 3 };

test("[U21] a head that goes back takes nothing of what stood before it back", () => {
  const lower = { counter: 4, auditSeq: 49, auditHead: "forty-nine", generation: 2 };
  assert.deepEqual(highestMarks(lower, BEFORE), BEFORE);
  const higher = { counter: 6, auditSeq: 51, auditHead: "fifty-one", generation: 4 };
  assert.deepEqual(highestMarks(higher, BEFORE), higher);
  assert.deepEqual(highestMarks(lower, null), lower);
  // The first head of an entry says what that entry is.
  assert.deepEqual(highestMarks({ ...BEFORE, auditHead: "another" }, BEFORE), BEFORE);
});
