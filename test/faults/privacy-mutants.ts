/** What keeps words of messages out of what is said of defects, removed in turn (08 PL3). @module */
import type { Mutant, NamedTests } from "./mutants.ts";

const uncaught = (only: string): NamedTests => ({
  ...{ file: "test/abuse/uncaught-faults.test.ts", only },
});

function mutant(
  id: string,
  file: string,
  [search, replacement]: readonly [search: string, replacement: string],
  ...caughtBy: readonly NamedTests[]
): Mutant {
  return { id: `privacy: ${id}`, edits: [{ file, search, replacement }], caughtBy };
}

export const PRIVACY_MUTANTS: readonly Mutant[] = [
  mutant(
    "PL3 what nobody caught is left to the runtime",
    "agent/main.ts",
    ['process.on("uncaughtException", ', 'process.on("beforeExit", '],
    uncaught("what nobody catches"),
  ),
  mutant(
    "PL3 the text of a defect is told",
    "agent/cli/defect.ts",
    ["console.error(defectLine(error))", "console.error(error, defectLine(error))"],
    uncaught("what nobody catches"),
  ),
  mutant(
    "PL3 the text in front of the frames is read as frames",
    "defects/own-frame.ts",
    [".slice(at + message.length)", ".slice(0)"],
    uncaught("words that look like a frame"),
  ),
  mutant(
    "PL3 a text that is not where it was is believed",
    "defects/own-frame.ts",
    ['if (at < 0 || stack.slice(0, at).includes("\\n")) return [];', ""],
    uncaught("words that look like a frame"),
  ),
];
