/**
 * The schema (06 section 12), as numbered steps that are only ever appended. Each runs in one
 * transaction with its number, so that a crash leaves the step done or not done.
 *
 * @module
 */
import type { Database } from "better-sqlite3";
import { ReceiverError } from "../../errors.ts";
import { ALARM_SCHEMA } from "./alarm-statements.ts";
import { CONSOLE_SCHEMA } from "./console-statements.ts";
import { HEAD_SCHEMA } from "./head-statements.ts";
import { HOUR_SCHEMA } from "./hour-statements.ts";
import { COMMAND_SCHEMA, OUTGOING_SCHEMA } from "./outgoing-statements.ts";
import { OUTLET_SCHEMA } from "./outlet-statements.ts";
import { PRUNE_SCHEMA } from "./prune-step.ts";
import { REGISTRY_SCHEMA } from "./registry-statements.ts";

const MIGRATIONS: readonly string[] = [
  `CREATE TABLE store (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    store_id BLOB NOT NULL,
    created_ms INTEGER NOT NULL,
    open_count INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE agent (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    serial TEXT NOT NULL,
    added_ms INTEGER NOT NULL,
    session INTEGER NOT NULL DEFAULT 0,
    store_id BLOB,
    nonce BLOB,
    hello_ms INTEGER,
    locked INTEGER NOT NULL DEFAULT 0,
    UNIQUE (tenant, name)
  ) STRICT;

  CREATE TABLE channel (
    agent INTEGER NOT NULL REFERENCES agent (id),
    channel TEXT NOT NULL,
    direction INTEGER NOT NULL CHECK (direction IN (0, 1)),
    epoch INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    chain BLOB,
    PRIMARY KEY (agent, direction, channel)
  ) STRICT, WITHOUT ROWID;

  -- Closed epochs, for ever: a repeat is recognised after any outage (RI5).
  CREATE TABLE epoch (
    agent INTEGER NOT NULL REFERENCES agent (id),
    channel TEXT NOT NULL,
    direction INTEGER NOT NULL CHECK (direction IN (0, 1)),
    epoch INTEGER NOT NULL,
    final_seq INTEGER NOT NULL,
    final_chain BLOB,
    PRIMARY KEY (agent, channel, direction, epoch)
  ) STRICT, WITHOUT ROWID;

  -- The body comes last: whoever reads the other columns does not read its pages.
  CREATE TABLE inbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    agent INTEGER NOT NULL,
    channel TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    received_ms INTEGER NOT NULL,
    stored_ms INTEGER NOT NULL,
    meta TEXT NOT NULL,
    repeat_of INTEGER,
    possible_repeat INTEGER NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (agent, channel, epoch, seq)
  ) STRICT;

  CREATE TABLE gap (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    agent INTEGER NOT NULL REFERENCES agent (id),
    channel TEXT NOT NULL,
    direction INTEGER NOT NULL CHECK (direction IN (0, 1)),
    epoch INTEGER NOT NULL,
    first_seq INTEGER,
    last_seq INTEGER,
    kind TEXT NOT NULL CHECK (kind IN
      ('rolledBack', 'storeReplaced', 'quarantined', 'discarded', 'damaged', 'pruned')),
    recorded_ms INTEGER NOT NULL,
    source_store BLOB,
    sink_store BLOB NOT NULL,
    filled_by INTEGER,
    acknowledged_by TEXT
  ) STRICT;
  CREATE INDEX gap_by_epoch ON gap (agent, channel, direction, epoch);
  CREATE INDEX gap_by_id ON gap (agent, channel, direction, id);`,

  // When an agent was locked, and the pairs by which that is found (TP33), as `greet` keeps them.
  `ALTER TABLE agent DROP COLUMN locked;
  ALTER TABLE agent ADD COLUMN locked_ms INTEGER;
  ALTER TABLE agent ADD COLUMN greetings TEXT;`,

  // Large messages: bodies in slices, and the one of each channel that has not ended (TP14).
  `CREATE TABLE large_body (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    bytes INTEGER NOT NULL,
    -- 1: no row names it any more, and its slices are being deleted.
    doomed INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE INDEX large_body_doomed ON large_body (doomed) WHERE doomed = 1;

  CREATE TABLE body_slice (
    body INTEGER NOT NULL,
    at INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (body, at)
  ) STRICT;

  CREATE TABLE partial (
    agent INTEGER NOT NULL REFERENCES agent (id),
    channel TEXT NOT NULL,
    direction INTEGER NOT NULL CHECK (direction IN (0, 1)),
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    total INTEGER NOT NULL,
    durable INTEGER NOT NULL,
    body INTEGER NOT NULL,
    PRIMARY KEY (agent, direction, channel)
  ) STRICT, WITHOUT ROWID;

  -- Of large_body; then the body of the row itself is empty. Null costs a row nothing.
  ALTER TABLE inbox ADD COLUMN large INTEGER;`,

  OUTGOING_SCHEMA,

  OUTLET_SCHEMA,

  // What is kept of a message whose body was pruned: how long it was.
  PRUNE_SCHEMA,

  // Commands without an answer (TP36).
  COMMAND_SCHEMA,

  // Enrolment, renewal, the deny list and trust documents (07 1.4 to 1.8).
  REGISTRY_SCHEMA,

  // Heads of agents' audits (08 6).
  HEAD_SCHEMA,

  // Alarms that are open at agents (08 PL9).
  ALARM_SCHEMA,
  // What agents have told of their hours (03 D4).
  HOUR_SCHEMA,

  // Who is connected, and what people do at the console (01 "Receive").
  CONSOLE_SCHEMA,
];

/** The version that this program writes. */
export const SCHEMA_VERSION = MIGRATIONS.length;

/**
 * Reads the version of the schema; writes nothing.
 *
 * @returns 0 for a store without tables
 * @throws {ReceiverError} `STORE_SCHEMA_NEWER` if a later program wrote it
 */
export function refuseNewerSchema(db: Database): number {
  const found = Number(db.pragma("user_version", { simple: true }));
  if (found > SCHEMA_VERSION) {
    throw new ReceiverError("STORE_SCHEMA_NEWER", { facts: { found, known: SCHEMA_VERSION } });
  }
  return found;
}

/**
 * Brings the schema up to {@link SCHEMA_VERSION}.
 *
 * @throws {ReceiverError} `STORE_SCHEMA_NEWER` if a later program wrote it; nothing is changed then
 */
export function migrate(db: Database): void {
  const found = refuseNewerSchema(db);
  for (const [index, sql] of MIGRATIONS.entries()) {
    if (index < found) continue;
    db.transaction(() => {
      db.exec(sql);
      db.pragma(`user_version = ${index + 1}`, { simple: true });
    }).exclusive();
  }
}
