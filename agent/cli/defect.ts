/** What nobody expected, to standard error: its code and its place. Its text and its stack quote values and paths (08 PL3). @module */
import { codeOf } from "../errors.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { ownPlace } from "../host/own-place.ts";

/** @param error whatever was thrown @returns the exit code of a defect */
export function tellDefect(error: unknown): ExitCode {
  console.error(defectLine(error));
  return EXIT.defect;
}

export function defectLine(error: unknown): string {
  const facts = Object.entries({ code: codeOf(error), ...ownPlace(error) });
  const where = facts.map(([name, value]) => `${name}=${value}`).join(", ");
  return `holdfast: defect: an error that no part expected (${where})`;
}
