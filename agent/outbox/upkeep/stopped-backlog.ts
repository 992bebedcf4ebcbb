/**
 * How much of a store is not settled, where no agent has it open: said before the program is removed (09 PK21).
 * Read-only, as `trust/stopped-audit.ts`; needs no key.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type Sqlite from "better-sqlite3";
import { openSqlite } from "#packaged/sqlite.ts";
import { translated } from "../format/fault.ts";
import { refuseNewerSchema } from "../format/migrations.ts";

/** Before it there were no epochs. */
const CURSOR_SCHEMA = 3;
/** Before it nothing came down. */
const INBOX_SCHEMA = 4;

/** Of epochs that are current or leave first: what was moved elsewhere is counted there. Channels of our own carry no messages. */
const UNSETTLED_UP = `
  SELECT coalesce(sum(max(coalesce((SELECT max(seq) FROM message
                                    WHERE message.channel = cursor.channel AND message.epoch = cursor.epoch),
                                   trimmed) - acked, 0)), 0)
  FROM cursor JOIN channel ON channel.id = cursor.channel
  WHERE ended IN (0, 1) AND channel.name NOT GLOB '$*'`;
const UNSETTLED_DOWN = "SELECT count(*) FROM inbox WHERE state < 2";

/**
 * @returns messages that the receiver does not have, and that hospital systems do not have; 0 if there is no store
 * @throws {AgentError} `STORE_*`, among them `STORE_LOCKED` if an agent has it open
 */
export function stoppedBacklog(stateDir: string): bigint {
  const file = join(stateDir, "outbox/holdfast.db");
  try {
    if (!existsSync(file)) return 0n;
    const database = openSqlite(file, { readonly: true, fileMustExist: true });
    try {
      return countIn(database);
    } finally {
      database.close();
    }
  } catch (error) {
    throw translated(error);
  }
}

function countIn(database: Sqlite.Database): bigint {
  for (const pragma of ["busy_timeout = 2000", "query_only = ON", "trusted_schema = OFF"]) {
    database.pragma(pragma, { simple: true });
  }
  const schema = refuseNewerSchema(database);
  const count = (sql: string): bigint =>
    database.prepare(sql).pluck().safeIntegers().get() as bigint;
  const up = schema >= CURSOR_SCHEMA ? count(UNSETTLED_UP) : 0n;
  return up + (schema >= INBOX_SCHEMA ? count(UNSETTLED_DOWN) : 0n);
}
