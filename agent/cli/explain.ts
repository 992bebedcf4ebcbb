/** How commands end in trouble: what went wrong, to standard error, and an exit code to the caller. @module */
import { DocumentError } from "#config/document.ts";
import { AddOnError } from "#packaged/add-ons.ts";
import { AgentError, codeOf } from "../errors.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { addOnFault } from "../host/add-on-fault.ts";
import { remedyFor } from "../tunnel/refusal-reasons.ts";
import { tellDefect } from "./defect.ts";

/**
 * Says what went wrong, where, and what to do next.
 *
 * @returns the exit code; `EXIT.defect` for what is not in the catalogue
 */
export function explain(error: unknown): ExitCode {
  if (error instanceof DocumentError) {
    for (const { line, column, message } of error.problems) {
      console.error(`holdfast: ${error.file}:${line}:${column}: ${message}`);
    }
    console.error(
      codeOf(error.cause) === "ENOENT"
        ? "  Say where it is with --config FILE; or have a first one written: holdfast init --config FILE"
        : "  Correct the file; README.md and, for each kind of channel, docs/KIND.md list every setting with its default",
    );
    return EXIT.configuration;
  }
  if (error instanceof AddOnError) return explain(addOnFault(error));
  if (error instanceof AgentError) {
    const facts = Object.entries(error.facts).map(([name, value]) => `${name}=${value}`);
    const where = facts.length === 0 ? "" : ` (${facts.join(", ")})`;
    console.error(`holdfast: ${error.summary}${where} [${error.code}]\n  ${remedyFor(error)}`);
    return error.exit;
  }
  return tellDefect(error);
}
