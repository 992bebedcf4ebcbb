/** A fault that came when a file may have been seen under its final name already (04 P57). @module */
import { AgentError } from "../errors.ts";

/** The same fault, with the fact `published`. */
export function publishedFault(error: unknown): unknown {
  if (!(error instanceof AgentError)) return error;
  return new AgentError(error.code, { ...error.facts, published: true }, { cause: error });
}
