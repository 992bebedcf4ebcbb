/**
 * `npm run mutants`: plants each defect of `test/faults/mutants.ts` in a copy of the tree, and runs the
 * tests that must notice. Exit 1 if one survives, does not fit its file any more, or if the tests fail
 * without it.
 *
 *   npm run mutants [-- PATTERN …]     only mutants whose id contains one of the patterns
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { join } from "node:path";
import { ALL_MUTANTS } from "#test/faults/all-mutants.ts";
import type { Mutant, NamedTests } from "#test/faults/mutants.ts";
import { PlantedCopy } from "#test/faults/planted-copy.ts";

/** A defect may make a program hang: that is noticed, too. */
const TEST_LIMIT_MS = 300_000;
const SHOWN_CHARACTERS = 160;

/** Counts from the summary of the TAP reporter. */
interface Run {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** The first thing that a test said when it failed. */
  readonly said: string;
}

function runTests(copy: PlantedCopy, { file, only }: NamedTests): Run {
  const pattern = only === undefined ? [] : ["--test-name-pattern", only];
  const args = ["--test", "--test-reporter", "tap", ...pattern, file];
  const options = { cwd: copy.root, encoding: "utf8", timeout: TEST_LIMIT_MS } as const;
  const { stdout, status } = spawnSync(process.execPath, args, options);
  const count = (name: string): number =>
    Number(new RegExp(`^# ${name} (\\d+)$`, "m").exec(stdout)?.[1] ?? 0);
  // Out of time, without a summary: the tests did not pass.
  const isWhole = status !== null && /^# fail \d+$/m.test(stdout);
  const failed = isWhole ? count("fail") + count("cancelled") : 1;
  const [, said = "out of time"] = /^ +error: (?:\|-\s+)?(.*)$/m.exec(stdout) ?? [];
  return { passed: count("pass"), failed, skipped: count("skipped"), said };
}

const nameOf = ({ file, only }: NamedTests): string =>
  only === undefined ? file : `${file} /${only}/`;

/** Named tests that fail in the unchanged copy: what they say of a mutant means nothing. */
function failingAlready(copy: PlantedCopy, mutants: readonly Mutant[]): ReadonlySet<string> {
  const failing = new Set<string>();
  const named = new Map(mutants.flatMap(({ caughtBy }) => caughtBy.map((t) => [nameOf(t), t])));
  for (const [name, tests] of named) {
    const { passed, failed, skipped } = runTests(copy, tests);
    const sound = failed === 0 && passed > 0 && skipped === 0;
    if (!sound) failing.add(name);
    console.log(`${sound ? "ok      " : "UNSOUND "} ${name}: ${passed} passed, ${failed} failed`);
  }
  return failing;
}

/** @throws {Error} if the file cannot be loaded: any test would notice that */
function refuseUnlessProgram(file: string): void {
  // Not `node --check`: of TypeScript it takes only files that import something.
  try {
    stripTypeScriptTypes(readFileSync(file, "utf8"));
  } catch (error) {
    throw new Error("no program any more", { cause: error });
  }
}

/** @returns whether every named test noticed */
function isCaught(copy: PlantedCopy, { id, edits, caughtBy }: Mutant): boolean {
  let caught = true;
  try {
    using _planted = copy.plant(edits);
    for (const { file } of edits) refuseUnlessProgram(join(copy.root, file));
    for (const tests of caughtBy) {
      const { failed, said } = runTests(copy, tests);
      caught &&= failed > 0;
      console.log(`${failed > 0 ? "caught  " : "SURVIVED"} ${id}: ${nameOf(tests)}`);
      if (failed > 0) console.log(`           ${said.slice(0, SHOWN_CHARACTERS)}`);
    }
  } catch (error) {
    console.log(`NO FIT   ${id}: ${error instanceof Error ? error.message : String(error)}`);
    return false;
  }
  return caught;
}

const patterns = process.argv.slice(2);
const chosen = ALL_MUTANTS.filter(
  ({ id }) => patterns.length === 0 || patterns.some((pattern) => id.includes(pattern)),
);
using copy = new PlantedCopy();
const unsound = failingAlready(copy, chosen);
const survivors = chosen.filter((mutant) => !isCaught(copy, mutant));
console.log(
  `${chosen.length - survivors.length} of ${chosen.length} mutants caught, ` +
    `${unsound.size} named tests fail without any`,
);
for (const { id } of survivors) console.log(`not caught: ${id}`);
process.exitCode = survivors.length + unsound.size > 0 || chosen.length === 0 ? 1 : 0;
