/**
 * Schema version 4: the inbox, which holds what the receiver sends down until a hospital system has it (06 TP34).
 *
 * New tables alone, none of the old ones changes: so a backup of version 3 is checked as it is, with these
 * tables empty beside it.
 *
 * `inbox_channel` is where a downstream channel stands; its `chain` is null after a SKIP that could not name
 * it. `inbox` has a row a message: who it is, how its delivery stands (`state`, see `row-states.ts`) and, while
 * `kept`, its sealed head; the bytes lie in `inbox_slice` under the row's id. A message that still arrives has its
 * slices under the id that it will get, and a row in `inbox_partial`. Bytes that nobody needs any more are in
 * `inbox_doomed` and go in steps. Numbers of `inbox` and `inbox_partial` are one sequence. Everything that
 * stays open or is set aside is counted along in `inbox_channel` (05 S20).
 *
 * @module
 */

/** Each begins with `CREATE TABLE`. */
export const INBOX_TABLES: readonly string[] = [
  `CREATE TABLE inbox_channel (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     name TEXT NOT NULL UNIQUE,
     epoch INTEGER NOT NULL,
     last_seq INTEGER NOT NULL,
     chain BLOB,
     repeat_through INTEGER NOT NULL DEFAULT 0,
     open_count INTEGER NOT NULL DEFAULT 0,
     open_bytes INTEGER NOT NULL DEFAULT 0,
     aside_count INTEGER NOT NULL DEFAULT 0,
     aside_bytes INTEGER NOT NULL DEFAULT 0
   ) STRICT`,
  `CREATE TABLE inbox_epoch (
     channel INTEGER NOT NULL,
     epoch INTEGER NOT NULL,
     final_seq INTEGER NOT NULL,
     final_chain BLOB,
     PRIMARY KEY (channel, epoch)
   ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE inbox_gap (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     channel INTEGER NOT NULL,
     epoch INTEGER NOT NULL,
     first_seq INTEGER,
     last_seq INTEGER,
     kind TEXT NOT NULL,
     recorded_at_ms INTEGER NOT NULL,
     source_store BLOB,
     sink_store BLOB NOT NULL,
     acknowledged_at_ms INTEGER
   ) STRICT`,
  `CREATE TABLE inbox (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     channel INTEGER NOT NULL,
     epoch INTEGER NOT NULL,
     seq INTEGER NOT NULL,
     received_at_ms INTEGER NOT NULL,
     stored_at_ms INTEGER NOT NULL,
     length INTEGER NOT NULL,
     content_token BLOB NOT NULL,
     kept INTEGER NOT NULL,
     head BLOB,
     repeat_of INTEGER,
     possible_repeat INTEGER NOT NULL,
     state INTEGER NOT NULL,
     claimed INTEGER NOT NULL DEFAULT 0,
     negative_count INTEGER NOT NULL DEFAULT 0,
     reply_error_count INTEGER NOT NULL DEFAULT 0,
     timeout_count INTEGER NOT NULL DEFAULT 0,
     await_until_ms INTEGER,
     hold TEXT,
     flags TEXT NOT NULL DEFAULT '',
     settled_at_ms INTEGER,
     reason TEXT,
     code TEXT,
     answer BLOB
   ) STRICT`,
  `CREATE TABLE inbox_slice (
     body INTEGER NOT NULL,
     ordinal INTEGER NOT NULL,
     bytes BLOB NOT NULL,
     PRIMARY KEY (body, ordinal)
   ) STRICT`,
  `CREATE TABLE inbox_partial (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     channel INTEGER NOT NULL UNIQUE,
     epoch INTEGER NOT NULL,
     seq INTEGER NOT NULL,
     total INTEGER NOT NULL,
     durable INTEGER NOT NULL,
     head BLOB NOT NULL
   ) STRICT`,
  `CREATE TABLE inbox_doomed (body INTEGER PRIMARY KEY) STRICT`,
  `CREATE TABLE inbox_key_mark (epoch INTEGER PRIMARY KEY, body INTEGER NOT NULL) STRICT`,
];

/** States as in `row-states.ts`: 0 waiting, 1 awaiting, 3 set aside. */
const INDEXES: readonly string[] = [
  "CREATE UNIQUE INDEX inbox_by_seq ON inbox (channel, epoch, seq)",
  "CREATE INDEX inbox_waiting ON inbox (channel, epoch, seq) WHERE state = 0",
  "CREATE INDEX inbox_awaiting ON inbox (channel, id) WHERE state = 1",
  "CREATE INDEX inbox_aside ON inbox (id) WHERE state = 3",
  "CREATE INDEX inbox_held ON inbox (channel) WHERE hold IS NOT NULL",
  "CREATE INDEX inbox_kept ON inbox (id) WHERE kept = 1",
  "CREATE INDEX inbox_prunable ON inbox (settled_at_ms) WHERE kept = 1 AND state = 2",
  "CREATE INDEX inbox_ledger ON inbox (stored_at_ms) WHERE kept = 0",
];

export const INBOX_SCHEMA: string = [...INBOX_TABLES, ...INDEXES].join(";\n");
