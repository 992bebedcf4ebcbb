/** A file that a person asked for, and did not get. @module */
import { AgentError, codeOf } from "../errors.ts";

/** @returns what was thrown, if it is one of ours; else `FILE_EXISTS` or `FILE_NOT_WRITABLE` */
export function notWritten(cause: unknown): AgentError {
  if (cause instanceof AgentError) return cause;
  const sysCode = codeOf(cause);
  const code = sysCode === "EEXIST" ? "FILE_EXISTS" : "FILE_NOT_WRITABLE";
  return new AgentError(code, { sysCode }, { cause });
}
