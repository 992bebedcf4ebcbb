/** How commands end in trouble: what went wrong, to standard error, and an exit code to the caller. @module */
import { DocumentError } from "#config/document.ts";
import { AddOnError } from "#packaged/add-ons.ts";
import { AgentError, codeOf } from "../errors.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { addOnFault } from "../host/add-on-fault.ts";
import { remedyFor } from "../tunnel/refusal-reasons.ts";
import { tellDefect } from "./defect.ts";

export interface Explained {
  /** For a person: what, where, and what to do next. */
  readonly lines: readonly string[];
  readonly exit: ExitCode;
}

/**
 * Says what went wrong, where, and what to do next.
 *
 * @returns the exit code; `EXIT.defect` for what is not in the catalogue
 */
export function explain(error: unknown): ExitCode {
  const known = explained(error);
  if (known === undefined) return tellDefect(error);
  for (const line of known.lines) console.error(line);
  return known.exit;
}

/** @returns `undefined` for what no part expected */
export function explained(error: unknown): Explained | undefined {
  if (error instanceof DocumentError) {
    const places = error.problems.map(
      ({ line, column, message }) => `holdfast: ${error.file}:${line}:${column}: ${message}`,
    );
    const remedy =
      codeOf(error.cause) === "ENOENT"
        ? "  Say where it is with --config FILE; or have a first one written: holdfast init --config FILE"
        : "  Correct the file; README.md and, for each kind of channel, docs/KIND.md list every setting with its default";
    return { lines: [...places, remedy], exit: EXIT.configuration };
  }
  if (error instanceof AddOnError) return explained(addOnFault(error));
  if (!(error instanceof AgentError)) return undefined;
  const facts = Object.entries(error.facts).map(([name, value]) => `${name}=${value}`);
  const where = facts.length === 0 ? "" : ` (${facts.join(", ")})`;
  const what = `holdfast: ${error.summary}${where} [${error.code}]`;
  return { lines: [what, `  ${remedyFor(error)}`], exit: error.exit };
}
