/** The statements of `statements.ts`, prepared once per connection. @module */
import type { Statement as SqliteStatement } from "better-sqlite3";
import type { Database } from "../format/database.ts";
import { FILE_BIG_INTEGERS, FILE_SINGLE_COLUMN } from "../format/file-statements.ts";
import { HOUR_BIG_INTEGERS } from "../format/hour-statements.ts";
import { INBOX_BIG_INTEGERS, INBOX_SINGLE_COLUMN } from "../format/inbox-statements.ts";
import { STATEMENTS, type StatementName } from "../format/statements.ts";
import { SUPPORT_SINGLE_COLUMN } from "../format/support-statements.ts";
import { TRUST_SINGLE_COLUMN } from "../format/trust-statements.ts";

export type Prepared = Readonly<Record<StatementName, SqliteStatement>>;

/** Statements with one result column give that column; the object form is never used (08 2.4). */
const SINGLE_COLUMN: ReadonlySet<StatementName> = new Set<StatementName>([
  ...INBOX_SINGLE_COLUMN,
  ...FILE_SINGLE_COLUMN,
  ...TRUST_SINGLE_COLUMN,
  ...SUPPORT_SINGLE_COLUMN,
  "ackThroughRead",
  "identityRestoredRead",
  "sequenceRead",
  "identityVerifiedRead",
  "messageLastId",
  "messageFirstId",
  "uploadDoomed",
  "sliceLast",
  "recentLast",
  "recentSealed",
  "settleMarkFirst",
  "missingDamaged",
  "missingBefore",
  "recentAt",
  "quarantineSealedAt",
  "segmentNext",
  "segmentRead",
  "segmentSequence",
  "uploadSequence",
  "quarantineSequence",
  "uploadIncomplete",
  "uploadUses",
  "sliceLength",
  "sliceRead",
  "quarantineFind",
]);
/** Statements whose epoch and seq may pass 2^53. */
const BIG_INTEGERS: ReadonlySet<StatementName> = new Set<StatementName>([
  ...INBOX_BIG_INTEGERS,
  ...FILE_BIG_INTEGERS,
  ...HOUR_BIG_INTEGERS,
  "cursorEpochs",
  "cursorTrimmed",
  "missingList",
  "messageTail",
  "messagePrunable",
  "messageLedger",
  "settleMarkBefore",
  "messageAt",
  "messageIdentity",
  "missingDamaged",
  "missingBefore",
  "messageRange",
  "messageSearch",
  "messageWalk",
  "messageSelect",
]);

/**
 * SQLite looks at what is bound to a parameter when it plans, and so compiles a third of our statements anew each time they
 * run: ten times what running them takes, for statistics that we do not keep. A sign before a parameter hides it, and
 * changes no value.
 */
export const compiledOnce = (sql: string): string => sql.replaceAll("?", "+?");

export function prepareAll(database: Database): Prepared {
  const prepared = {} as Record<StatementName, SqliteStatement>;
  for (const name of Object.keys(STATEMENTS) as StatementName[]) {
    const statement = database.prepare(compiledOnce(STATEMENTS[name].sql));
    if (statement.reader) {
      if (SINGLE_COLUMN.has(name)) statement.pluck();
      else statement.raw();
    }
    if (BIG_INTEGERS.has(name)) statement.safeIntegers();
    prepared[name] = statement;
  }
  return prepared;
}
