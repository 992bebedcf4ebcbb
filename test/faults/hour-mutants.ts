/** Defects of counting and comparing hours (03 D4), each with the tests that must notice. @module */
import type { Mutant, NamedTests } from "./mutants.ts";

const BOOK: NamedTests = { file: "test/agent/outbox/hours/hour-book.test.ts" };
const CHECK: NamedTests = { file: "test/reconcile/stretch-check.property.test.ts" };
const STORES: NamedTests = { file: "test/receiver/store/hour-store.test.ts" };

const mutant = (
  id: string,
  [file, search, replacement]: readonly [string, string, string],
  ...caughtBy: NamedTests[]
): Mutant => ({ id, edits: [{ file, search, replacement }], caughtBy });

const HOUR_BOOK = "agent/outbox/hours/hour-book.ts";
const STRETCH_CHECK = "reconcile/stretch-check.ts";
const REPORT = "receiver/report/report.ts";

export const HOUR_MUTANTS: readonly Mutant[] = [
  mutant(
    "D4 an hour goes on in the next one",
    [HOUR_BOOK, "open.hour !== hour || open.lastSeq", "open.lastSeq"],
    { ...BOOK, only: "a run of seqs" },
  ),
  mutant(
    "D4 what is counted is not written",
    ["agent/outbox/hours/hour-counts.ts", "hourCountAdd.run(", "void (0, "],
    { ...BOOK, only: "duplicates, blocks" },
  ),
  mutant("D1 a repeat waits for a flush", [HOUR_BOOK, "if (!isAlone) this", "this"], {
    ...BOOK,
    only: "answered without a write",
  }),
  mutant(
    "D4 repeats of a quiet channel are not written at the end",
    ["agent/outbox/writing/writer.ts", "guarded(() => writeRepeats(opened.store));", ""],
    { ...BOOK, only: "answered without a write" },
  ),
  mutant(
    "D4 repeats are written twice",
    [HOUR_BOOK, "this.#repeats.clear();\n      this", "this"],
    { ...BOOK, only: "answered without a write" },
  ),
  mutant(
    "TP35 what has grown since is not told again",
    ["agent/outbox/hours/hour-telling.ts", "store.hours.reload();", ""],
    { ...BOOK, only: "told once" },
  ),
  mutant(
    "D4 a missing number is passed over",
    [STRETCH_CHECK, "this.#missing.push({ first: this.#next, last });", ""],
    { ...CHECK, only: "taken away" },
  ),
  mutant(
    "TP15 the chain is not compared",
    [STRETCH_CHECK, 'Buffer.compare(a, b) === 0 ? "same" : "other"', '"same"'],
    { ...CHECK, only: "changed content" },
    { ...STORES, only: "another content" },
  ),
  mutant(
    "D4 what the agent told nothing of is not looked at",
    [REPORT, 'else sums.note("untold", 1);\n    }\n    if', "}\n    if"],
    { ...STORES, only: "has not told" },
  ),
];
