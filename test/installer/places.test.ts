/** Faults of a packaged program are told by their places in the source (08 PL3), in each of its threads. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { OwnFrame } from "#defects/own-frame.ts";
import type { Program } from "#installer/programs.ts";
import { BuiltExecutable, canRun } from "#test/support/built-executable.ts";

const skip = canRun ? false : "the executable of Linux x64 does not run here";
const FOLDER = "test/installer/probe";
const PROBE: Program = {
  name: "holdfast-probe",
  title: "Probe",
  main: `${FOLDER}/main.ts`,
  threads: [`${FOLDER}/thread.ts`],
  addOns: [],
  files: [],
};

test("[PL3] a program and its thread each find the line of the source", { skip }, async () => {
  using built = await BuiltExecutable.build(PROBE);
  const { out, status } = built.command([]);
  assert.equal(status, 0, out);
  const { main, thread } = JSON.parse(out) as Record<"main" | "thread", OwnFrame>;
  assert.equal(main.module, "test:installer:probe:main.ts");
  assert.equal(lineOf(main), 'const main = ownFrame(new Error("of the program"));');
  assert.equal(thread.module, "test:installer:probe:thread.ts");
  assert.equal(lineOf(thread), 'const frame = ownFrame(new Error("of the thread"));');
});

const lineOf = ({ module, line }: OwnFrame): string | undefined =>
  readFileSync(module.replaceAll(":", "/"), "utf8").split("\n")[line - 1]?.trim();
