/**
 * The store's schema, as numbered steps that are only ever added to (05 S5).
 *
 * Each runs in one transaction with its `user_version`. A store whose version is above ours is
 * refused untouched: a newer program wrote it.
 *
 * @module
 */
import type Sqlite from "better-sqlite3";
import { AgentError } from "../../errors.ts";
import type { Sealer } from "../../sealing/sealer.ts";
import { sealEverything } from "./migration-3.ts";
import { INBOX_SCHEMA } from "./migration-4.ts";
import { FILE_SCHEMA } from "./migration-5.ts";
import { TRUST_SCHEMA } from "./migration-6.ts";
import { beginHours } from "./migration-hours.ts";
import { SUPPORT_SCHEMA } from "./migration-support.ts";

/** A step: SQL, or what has to seal as it goes. */
export type Migration = string | ((database: Sqlite.Database, sealer: Sealer) => void);

/**
 * `message` is append-only; progress is one small `cursor` row a channel and epoch. Records lie out of
 * the index path (`record.ts`): one behind another in the `segment` that their commit wrote for the channel; large bodies
 * in the `slice` rows of an `upload`. `recent` holds the keys by which repeats are recognised,
 * one row a commit, forgotten from the old end (S22). Rows whose acknowledgment did not end as
 * `delivered` are in `ack_exception`; up to `ack_through` everything else is delivered (03 E5).
 *
 * Since version 2 `message.through_bytes` sums bodies and attributes of a channel's epoch up to the row,
 * so that a backlog's bytes are one subtraction (S20); an upload counts the rows that keep it; quarantine is
 * found by content and counted for each channel (03 E7). Version 3 seals (08 2.1), and knows epochs that have ended.
 * Version 4 adds the inbox (`migration-4.ts`), version 5 dropped files (`migration-5.ts`), version 6
 * trust state and the audit (`migration-6.ts`), version 7 what support asked (`migration-support.ts`), version 8 the counts of
 * each hour (`migration-hours.ts`).
 */
export const MIGRATIONS: readonly Migration[] = [
  `CREATE TABLE identity (
     id INTEGER PRIMARY KEY CHECK (id = 1),
     store_id BLOB NOT NULL,
     created_at_ms INTEGER NOT NULL,
     opened_at_ms INTEGER NOT NULL,
     ack_through INTEGER NOT NULL DEFAULT 0,
     quarantine_count INTEGER NOT NULL DEFAULT 0,
     quarantine_bytes INTEGER NOT NULL DEFAULT 0
   ) STRICT;
   CREATE TABLE channel (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
   CREATE TABLE cursor (
     channel INTEGER NOT NULL REFERENCES channel (id),
     epoch INTEGER NOT NULL,
     sent INTEGER NOT NULL DEFAULT 0,
     acked INTEGER NOT NULL DEFAULT 0,
     trimmed INTEGER NOT NULL DEFAULT 0,
     acked_chain BLOB,
     trimmed_chain BLOB,
     PRIMARY KEY (channel, epoch)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE message (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     channel INTEGER NOT NULL,
     epoch INTEGER NOT NULL,
     seq INTEGER NOT NULL,
     received_at_ms INTEGER NOT NULL,
     length INTEGER NOT NULL,
     sha256 BLOB NOT NULL,
     chain BLOB NOT NULL,
     control_id BLOB NOT NULL,
     source TEXT NOT NULL,
     flags INTEGER NOT NULL,
     body INTEGER NOT NULL,
     body_at INTEGER NOT NULL
   ) STRICT;
   CREATE UNIQUE INDEX message_by_seq ON message (channel, epoch, seq);
   CREATE TABLE segment (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
   CREATE TABLE upload (id INTEGER PRIMARY KEY, complete INTEGER NOT NULL) STRICT;
   CREATE INDEX upload_incomplete ON upload (complete) WHERE complete = 0;
   CREATE TABLE slice (
     upload INTEGER NOT NULL,
     ordinal INTEGER NOT NULL,
     bytes BLOB NOT NULL,
     PRIMARY KEY (upload, ordinal)
   ) STRICT;
   CREATE TABLE quarantine (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     channel INTEGER NOT NULL,
     received_at_ms INTEGER NOT NULL,
     last_at_ms INTEGER,
     repeat_count INTEGER NOT NULL DEFAULT 0,
     reason TEXT NOT NULL,
     length INTEGER NOT NULL,
     sha256 BLOB NOT NULL,
     control_id BLOB NOT NULL,
     source TEXT NOT NULL,
     bytes BLOB NOT NULL,
     upload INTEGER
   ) STRICT;
   CREATE TABLE recent (id INTEGER PRIMARY KEY, entries BLOB NOT NULL) STRICT;
   CREATE TABLE ack_exception (
     first_id INTEGER PRIMARY KEY,
     last_id INTEGER NOT NULL,
     state INTEGER NOT NULL
   ) STRICT;`,

  `ALTER TABLE message ADD COLUMN through_bytes INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE message ADD COLUMN attributes TEXT NOT NULL DEFAULT '';
   ALTER TABLE cursor ADD COLUMN acked_bytes INTEGER NOT NULL DEFAULT 0;
   UPDATE message SET through_bytes = summed.bytes FROM (
     SELECT id, sum(length) OVER (PARTITION BY channel, epoch ORDER BY seq) AS bytes FROM message
   ) AS summed WHERE summed.id = message.id;
   UPDATE cursor SET acked_bytes = coalesce((
     SELECT through_bytes FROM message
     WHERE message.channel = cursor.channel AND message.epoch = cursor.epoch AND seq = acked
   ), 0);
   ALTER TABLE upload ADD COLUMN uses INTEGER NOT NULL DEFAULT 1;
   ALTER TABLE quarantine ADD COLUMN body_at INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE quarantine ADD COLUMN kept INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE quarantine ADD COLUMN attributes TEXT NOT NULL DEFAULT '';
   ALTER TABLE quarantine ADD COLUMN control_key BLOB NOT NULL DEFAULT x'0000000000000000';
   UPDATE quarantine SET kept = 512 + iif(upload IS NULL, length(bytes), length);
   CREATE INDEX quarantine_by_content ON quarantine (channel, sha256);
   CREATE INDEX quarantine_expendable ON quarantine (channel, id)
     WHERE reason IN ('abandoned', 'partial', 'tooLarge', 'junk');
   CREATE TABLE quarantine_total (
     channel INTEGER PRIMARY KEY,
     count INTEGER NOT NULL,
     bytes INTEGER NOT NULL
   ) STRICT;
   INSERT INTO quarantine_total
     SELECT channel, count(*), sum(kept) FROM quarantine GROUP BY channel;`,

  sealEverything,

  INBOX_SCHEMA,

  FILE_SCHEMA,

  TRUST_SCHEMA,

  SUPPORT_SCHEMA,
  beginHours,
];

export const SCHEMA_VERSION = MIGRATIONS.length;

/**
 * Reads the schema's version; writes nothing.
 *
 * @returns 0 for a store that has no tables yet
 * @throws {AgentError} `STORE_NEWER_SCHEMA`
 */
export function refuseNewerSchema(database: Sqlite.Database, known = SCHEMA_VERSION): number {
  const found = Number(database.pragma("user_version", { simple: true }));
  if (found > known) throw new AgentError("STORE_NEWER_SCHEMA", { found, known });
  return found;
}

/**
 * Brings a store to this program's schema, one transaction a step.
 *
 * @throws {AgentError} `STORE_NEWER_SCHEMA` without touching anything
 */
export function migrate(
  database: Sqlite.Database,
  sealer: Sealer,
  steps: readonly Migration[] = MIGRATIONS,
): void {
  const found = refuseNewerSchema(database, steps.length);
  for (const [index, step] of steps.entries()) {
    if (index < found) continue;
    database.exec("BEGIN IMMEDIATE");
    if (typeof step === "string") database.exec(step);
    else step(database, sealer);
    database.pragma(`user_version = ${index + 1}`, { simple: true });
    database.exec("COMMIT");
  }
}
