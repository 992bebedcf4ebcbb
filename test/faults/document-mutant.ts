/** How a planted defect of the kernel of signed documents is written down. @module */
import type { Mutant, NamedTests } from "./mutants.ts";

/** Tests of a file in `test/documents`. @param only a regular expression over their names */
export const inTests = (name: string, only: string): NamedTests => ({
  ...{ file: `test/documents/${name}.test.ts`, only },
});

/** Abuse tests of signed documents. */
export const abuse = (only: string): NamedTests => ({
  ...{ file: "test/abuse/signed-documents.test.ts", only },
});

/** One edit of a file in `documents`. */
export function mutant(
  id: string,
  file: string,
  [search, replacement]: readonly [search: string, replacement: string],
  ...caughtBy: readonly NamedTests[]
): Mutant {
  const edits = [{ file: `documents/${file}.ts`, search, replacement }];
  return { id: `documents: ${id}`, edits, caughtBy };
}
