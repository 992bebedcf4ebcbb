/**
 * What an error of PostgreSQL, or of the way to it, means (06 section 12).
 *
 * @module
 */
import { DatabaseError } from "pg";
import {
  type ErrorCode,
  foreignCode,
  type Identifier,
  identifierFrom,
  ReceiverError,
} from "../../errors.ts";

/** By the beginning of SQLSTATE; the first that fits. Anything else is a defect, of ours or of the database. */
const MEANINGS: readonly (readonly [sqlState: string, ErrorCode])[] = [
  // Connection lost; out of disk, connections or memory; rolled back (deadlock, serialisation).
  ["08", "STORE_UNREACHABLE"],
  ["53", "STORE_UNREACHABLE"],
  ["40", "STORE_UNREACHABLE"],
  // A lock or a statement timed out, or a person ended it; the server stops or starts.
  ["55P03", "STORE_UNREACHABLE"],
  ["57014", "STORE_UNREACHABLE"],
  ["57P", "STORE_UNREACHABLE"],
  ["25P03", "STORE_UNREACHABLE"],
  // It has become a standby: the primary is elsewhere, or soon will be.
  ["25006", "STORE_UNREACHABLE"],
  // Wrong password, no such role or database, no right.
  ["28", "STORE_REFUSED"],
  ["3D", "STORE_REFUSED"],
  ["42501", "STORE_REFUSED"],
  ["XX001", "STORE_CORRUPT"],
  ["XX002", "STORE_CORRUPT"],
];

/**
 * After these the same call may succeed. Whether it was committed does not matter: made again with the
 * same input, it has one effect (TP19). A node that runs also outlives a password that is changed in the
 * database a moment before it is in the file.
 */
const AGAIN: ReadonlySet<ErrorCode> = new Set(["STORE_FILE", "STORE_REFUSED", "STORE_UNREACHABLE"]);

/** No partition for the day: it was never made, or dropped since. */
export const NO_PARTITION = "23514";

/**
 * @returns `again` if the same call may succeed later; otherwise the error after which the store
 *   cannot go on
 */
export function faultOf(error: unknown): "again" | ReceiverError {
  const report = reportOf(error);
  return AGAIN.has(report.code) ? "again" : report;
}

/**
 * SQLSTATE class 22, data exception: the database cannot hold a value of this call, such as text with a
 * NUL. Nothing was done, and the next call finds the database as it was.
 */
export function isOfOneCall(error: unknown): boolean {
  return sqlStateOf(error)?.startsWith("22") === true;
}

/** @returns the error to report where nobody asks again */
export function reportOf(error: unknown): ReceiverError {
  if (error instanceof ReceiverError) return error;
  const facts = { error: foreignCode(error) };
  return new ReceiverError(meaningOf(error), { cause: error, facts });
}

/** @returns the code by which an error can be told from others */
export function reasonOf(error: unknown): Identifier {
  return error instanceof ReceiverError ? identifierFrom(error.code) : foreignCode(error);
}

/** @returns the five characters of SQLSTATE, if the error was reported by the database */
export function sqlStateOf(error: unknown): string | undefined {
  return error instanceof DatabaseError ? error.code : undefined;
}

function meaningOf(error: unknown): ErrorCode {
  const sqlState = sqlStateOf(error);
  if (sqlState !== undefined) {
    const [, code] = MEANINGS.find(([prefix]) => sqlState.startsWith(prefix)) ?? [];
    return code ?? "STORE_DATABASE";
  }
  // Whatever else does not come from the database comes from the way to it.
  const isDefect = error instanceof TypeError || error instanceof RangeError;
  return isDefect ? "STORE_DATABASE" : "STORE_UNREACHABLE";
}
