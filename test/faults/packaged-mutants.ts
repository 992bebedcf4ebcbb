/** Defects of what a program brings along (09 1.4): native code that nobody vouches for is loaded. @module */
import type { Mutant } from "./mutants.ts";

const EXECUTABLE = "test/installer/executable.test.ts";

function mutant(
  what: string,
  [file, search, replacement]: readonly [file: string, search: string, replacement: string],
  only: string,
): Mutant {
  return {
    id: `packaged: ${what}`,
    edits: [{ file: `packaged/${file}.ts`, search, replacement }],
    caughtBy: [{ file: EXECUTABLE, only }],
  };
}

export const PACKAGED_MUTANTS: readonly Mutant[] = [
  mutant(
    "the digest is not compared",
    ["add-ons", "if (digestOf(name, file) !== digest)", "if (digestOf(name, file) === '')"],
    "only if they are what was built",
  ),
  mutant(
    "an installed program unpacks",
    ["add-ons", "INSTALLED.test(process.execPath) || ", ""],
    "nothing is unpacked",
  ),
  mutant(
    "a folder that others may write to is taken",
    ["loose-add-ons", "if (!isOurs || (othersWrite && !isSticky))", "if (!isOurs)"],
    "others may write to",
  ),
  mutant(
    "a folder below one that others may write to is taken",
    ["loose-add-ons", "(othersWrite && !isSticky)", "(othersWrite && path === folder)"],
    "others may write to",
  ),
];
