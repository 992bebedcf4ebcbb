/** The statements of `statements.ts`, prepared once per connection. @module */
import type { Statement as SqliteStatement } from "better-sqlite3";
import type { Database } from "./database.ts";
import { STATEMENTS, type StatementName } from "./statements.ts";

export type Prepared = Readonly<Record<StatementName, SqliteStatement>>;

/** Statements with one result column give that column; the object form is never used (08 2.4). */
const SINGLE_COLUMN: ReadonlySet<StatementName> = new Set([
  "identityRead",
  "ackThroughRead",
  "messageLastId",
  "segmentRead",
  "segmentLast",
  "uploadLast",
  "uploadIncomplete",
  "uploadUses",
  "sliceLength",
  "quarantineFind",
  "quarantineBytes",
]);
/** Statements whose epoch and seq may pass 2^53. */
const BIG_INTEGERS: ReadonlySet<StatementName> = new Set([
  "cursorLatest",
  "messageTail",
  "messageAt",
  "messageDigest",
  "messageRange",
  "messageSearch",
]);

export function prepareAll(database: Database): Prepared {
  const prepared = {} as Record<StatementName, SqliteStatement>;
  for (const name of Object.keys(STATEMENTS) as StatementName[]) {
    const statement = database.prepare(STATEMENTS[name].sql);
    if (statement.reader) {
      if (SINGLE_COLUMN.has(name)) statement.pluck();
      else statement.raw();
    }
    if (BIG_INTEGERS.has(name)) statement.safeIntegers();
    prepared[name] = statement;
  }
  return prepared;
}
