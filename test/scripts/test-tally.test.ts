/** What is counted of a test that fails beside others and passes alone: nothing is hidden, and nothing of the rigs is excused. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { TestTally } from "#scripts/test-tally.ts";

const inProject = (path: string): string => join(process.cwd(), path);
const slow = { name: "a reply comes in time", file: inProject("test/agent/slow.test.ts") };
const kill = { name: "nothing is lost", file: inProject("test/faults/kill.test.ts") };

test("a test that fails beside others and passes alone counts as passed, and is named", () => {
  const tally = new TestTally();
  tally.fail(slow, "1:1");
  assert.deepEqual(tally.secondRun(), [slow.file]);
  tally.pass(slow, "1:1");
  assert.deepEqual([tally.passed, tally.failed, tally.unsteady], [1, 0, [slow.name]]);
});

test("one that fails twice counts as failed, and so does one that fails only alone", () => {
  const tally = new TestTally();
  const other = { ...slow, name: "another" };
  tally.fail(slow, "1:1");
  tally.pass(other, "2:1");
  tally.secondRun();
  tally.fail(slow, "1:1");
  tally.fail(other, "2:1");
  assert.deepEqual([tally.passed, tally.failed, tally.unsteady], [0, 2, []]);
});

test("a failure under kills, power cuts, schedules or fuzzing is never taken back", () => {
  const tally = new TestTally();
  tally.fail(kill, "1:1");
  assert.deepEqual(tally.secondRun(), []);
  assert.equal(tally.failed, 1);
});

test("tests of one name at one place are counted each", () => {
  const tally = new TestTally();
  tally.pass(slow, "1:1");
  tally.pass(slow, "1:1");
  tally.fail(slow, "1:1");
  assert.deepEqual([tally.passed, tally.failed], [2, 1]);
});

test("a file that did not come to its end is told by its tests once it does", () => {
  const tally = new TestTally();
  const whole = { name: "test/agent/slow.test.ts", file: slow.file };
  tally.fail(whole, "1:1");
  assert.deepEqual(tally.secondRun(), [slow.file]);
  tally.pass(slow, "1:1");
  assert.deepEqual([tally.passed, tally.failed], [1, 0]);
});
