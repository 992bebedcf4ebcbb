/**
 * Schema version 8: what came in each hour (03 D4).
 *
 * New tables alone, as in version 7. A row of `stretch` is a run of seqs of one channel and epoch that came in the same
 * hour, UTC; it grows with the commit of its messages. `channel` is a number of `channel` where `direction` is 0, of
 * `inbox_channel` where it is 1. `chains` seals the chain in front of it and behind it: a bare digest of messages would
 * let anyone confirm a guess (08 2.1). `hour_count` has what came and got no seq, with the commit that decided so.
 * `told` is 1 for what the receiver was told as it stands; `hour_told` is one row.
 *
 * Messages of earlier versions are in no stretch: counting begins with this one.
 *
 * @module
 */

import type Sqlite from "better-sqlite3";
import { hourOf } from "#reconcile/hours.ts";
import { systemClock } from "../../host/clock.ts";

/** Each begins with `CREATE TABLE`. */
export const HOUR_TABLES: readonly string[] = [
  `CREATE TABLE stretch (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     direction INTEGER NOT NULL,
     channel INTEGER NOT NULL,
     epoch INTEGER NOT NULL,
     first_seq INTEGER NOT NULL,
     last_seq INTEGER NOT NULL,
     hour INTEGER NOT NULL,
     copies INTEGER NOT NULL,
     chains BLOB NOT NULL,
     told INTEGER NOT NULL DEFAULT 0
   ) STRICT`,
  `CREATE TABLE hour_count (
     hour INTEGER NOT NULL,
     channel INTEGER NOT NULL,
     duplicates INTEGER NOT NULL,
     quarantined INTEGER NOT NULL,
     refused INTEGER NOT NULL,
     rejected INTEGER NOT NULL,
     told INTEGER NOT NULL DEFAULT 0,
     PRIMARY KEY (hour, channel)
   ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE hour_told (
     id INTEGER PRIMARY KEY CHECK (id = 1),
     since INTEGER NOT NULL,
     through INTEGER NOT NULL
   ) STRICT`,
];

const INDEXES: readonly string[] = [
  "CREATE UNIQUE INDEX stretch_by_seq ON stretch (direction, channel, epoch, first_seq)",
  "CREATE INDEX stretch_by_hour ON stretch (hour, id)",
  "CREATE INDEX stretch_untold ON stretch (hour) WHERE told = 0",
  "CREATE INDEX hour_count_untold ON hour_count (hour) WHERE told = 0",
];

const HOUR_SCHEMA: string = [...HOUR_TABLES, ...INDEXES].join(";\n");

/** The hour in which counting begins may not be a whole one. */
export function beginHours(database: Sqlite.Database): void {
  const hour = hourOf(systemClock.nowMs());
  database.exec(HOUR_SCHEMA);
  database
    .prepare("INSERT INTO hour_told (id, since, through) VALUES (1, ?, ?)")
    .run(hour, hour - 1);
}
