/** SQLite's and the file system's errors, translated once, where they enter. @module */
import { AddOnError } from "#packaged/add-ons.ts";
import { AgentError, codeOf, type ErrorCode, type Facts } from "../../errors.ts";
import { addOnFault } from "../../host/add-on-fault.ts";
import { ownPlace } from "../../host/own-place.ts";

const BY_PREFIX: readonly (readonly [string, ErrorCode])[] = [
  ["SQLITE_BUSY", "STORE_LOCKED"],
  ["SQLITE_LOCKED", "STORE_LOCKED"],
  ["SQLITE_FULL", "STORE_FULL"],
  ["SQLITE_CORRUPT", "STORE_CORRUPT"],
  ["SQLITE_NOTADB", "STORE_CORRUPT"],
  ["SQLITE_IOERR", "STORE_IO"],
  ["SQLITE_READONLY", "STORE_NOT_PERMITTED"],
  ["SQLITE_PERM", "STORE_NOT_PERMITTED"],
  ["SQLITE_CANTOPEN", "STORE_CANNOT_OPEN"],
  ["EACCES", "STORE_NOT_PERMITTED"],
  ["EPERM", "STORE_NOT_PERMITTED"],
  ["EROFS", "STORE_READ_ONLY"],
  ["ENOSPC", "STORE_FULL"],
  ["EDQUOT", "STORE_FULL"],
  // No descriptor is free, for a new key among others: it passes.
  ["EMFILE", "STORE_BUSY"],
  ["ENFILE", "STORE_BUSY"],
  ["EIO", "STORE_IO"],
  ["ENOTDIR", "STORE_CANNOT_OPEN"],
  ["EISDIR", "STORE_CANNOT_OPEN"],
  ["EEXIST", "STORE_CANNOT_OPEN"],
  ["ENOENT", "STORE_CANNOT_OPEN"],
];

/**
 * The catalogue's error for a foreign one; errors of the catalogue pass through.
 *
 * @returns `AGENT_DEFECT` for what is neither: an impossible state halts
 */
export function translated(error: unknown): AgentError {
  if (error instanceof AgentError) return error;
  if (error instanceof AddOnError) return addOnFault(error);
  const sysCode = codeOf(error);
  const row = BY_PREFIX.find(([prefix]) => sysCode.startsWith(prefix));
  if (row === undefined) {
    return new AgentError("AGENT_DEFECT", { sysCode, ...ownPlace(error) }, { cause: error });
  }
  return new AgentError(row[1], { sysCode }, { cause: error });
}

/** What nobody in the writer's thread caught, or what ended it. */
export const writerDied = (cause: unknown): AgentError =>
  new AgentError("WRITER_DIED", ownPlace(cause), { cause });

/**
 * The same while the store is opened: every statement compiles with our schema, so that one which does not
 * has met a damaged one.
 */
export function openingFault(error: unknown): AgentError {
  if (codeOf(error) !== "SQLITE_ERROR") return translated(error);
  return new AgentError("STORE_CORRUPT", { sysCode: codeOf(error) }, { cause: error });
}

/** An error in the form that crosses a thread border. */
export interface PlainFault {
  readonly code: ErrorCode;
  readonly facts: Facts;
}

export const toPlain = (error: AgentError): PlainFault => ({
  code: error.code,
  facts: error.facts,
});
export const fromPlain = (fault: PlainFault): AgentError => new AgentError(fault.code, fault.facts);

/**
 * A page that SQLite cannot read is damage of the one row that it belongs to: the others flow (05 S16). Where
 * the whole store is meant, corruption halts (S9).
 *
 * @returns `undefined` if the row cannot be read
 */
export function readUnlessCorrupt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (codeOf(error).startsWith("SQLITE_CORRUPT")) return undefined;
    throw error;
  }
}
