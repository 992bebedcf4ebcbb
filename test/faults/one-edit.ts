/** A planted defect of one edit that one test must notice. @module */
import type { Mutant } from "./mutants.ts";

export function oneEdit(
  id: string,
  file: string,
  [search, replacement]: readonly [string, string],
  [test, only]: readonly [string, string],
): Mutant {
  return { id, edits: [{ file, search, replacement }], caughtBy: [{ file: test, only }] };
}
