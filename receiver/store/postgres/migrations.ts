/**
 * The schema as numbered steps that are only ever appended (S3). All that are missing are done in one
 * transaction, by one node at a time.
 *
 * @module
 */
import type { PoolClient } from "pg";
import { ReceiverError } from "../../errors.ts";
import { DATABASE_MIGRATION_WAIT_MS } from "../../limits.ts";
import { ALARM_TABLES } from "./alarm-statements.ts";
import { CHANNEL_FUNCTIONS } from "./channel-functions.ts";
import { CONSOLE_TABLES } from "./console-statements.ts";
import { DAY_FUNCTIONS } from "./day-functions.ts";
import { HEAD_TABLES } from "./head-statements.ts";
import { HOUR_TABLES } from "./hour-statements.ts";
import { INGEST_FUNCTIONS } from "./ingest-functions.ts";
import { COMMANDS, OUTGOING } from "./outgoing-functions.ts";
import { REGISTRY_TABLES } from "./registry-statements.ts";
import { TABLES } from "./tables.ts";

const MIGRATIONS: readonly string[] = [
  TABLES + CHANNEL_FUNCTIONS + INGEST_FUNCTIONS + DAY_FUNCTIONS + OUTGOING,
  COMMANDS,
  REGISTRY_TABLES,
  HEAD_TABLES,
  ALARM_TABLES,
  HOUR_TABLES,
  CONSOLE_TABLES,
];

/** The version that this program writes. */
export const POSTGRES_SCHEMA_VERSION = MIGRATIONS.length;

/**
 * Brings the schema up to {@link POSTGRES_SCHEMA_VERSION}; writes nothing if it is there already.
 *
 * @param client to be closed afterwards: it may keep a lock
 * @throws {ReceiverError} `STORE_SCHEMA_NEWER` if a later program wrote it; nothing is changed then
 */
export async function migrate(client: PoolClient): Promise<void> {
  if ((await versionOf(client)) === POSTGRES_SCHEMA_VERSION) return;
  await client.query(`SET lock_timeout = ${DATABASE_MIGRATION_WAIT_MS}`);
  // Of the session, which ends with the connection: only a transaction that begins behind the lock is
  // sure to see the tables that the node before us has made.
  await client.query("SELECT pg_advisory_lock(hashtextextended('holdfast.migration', 0))");
  await client.query("BEGIN");
  const found = await versionOf(client);
  if (found === 0) await createSchema(client);
  for (const [index, sql] of MIGRATIONS.entries()) {
    if (index < found) continue;
    await client.query(sql);
    await client.query("INSERT INTO holdfast.migration (version) VALUES ($1)", [index + 1]);
  }
  await client.query("COMMIT");
}

/** @returns 0 for a database without our tables */
async function versionOf(client: PoolClient): Promise<number> {
  const there = await client.query<{ is_there: boolean }>(
    "SELECT to_regclass('holdfast.migration') IS NOT NULL AS is_there",
  );
  if (there.rows[0]?.is_there !== true) return 0;
  const { rows } = await client.query<{ found: number | null }>(
    "SELECT max(version) AS found FROM holdfast.migration",
  );
  const found = rows[0]?.found ?? 0;
  if (found > POSTGRES_SCHEMA_VERSION) {
    throw new ReceiverError("STORE_SCHEMA_NEWER", {
      facts: { found, known: POSTGRES_SCHEMA_VERSION },
    });
  }
  return found;
}

/** A schema that a person made for us is used: to make one, we would need rights on the database. */
async function createSchema(client: PoolClient): Promise<void> {
  await client.query(`DO $$ BEGIN
    IF to_regnamespace('holdfast') IS NULL THEN CREATE SCHEMA holdfast; END IF;
  END $$`);
  await client.query(`CREATE TABLE holdfast.migration (
    version integer PRIMARY KEY,
    applied_at timestamptz NOT NULL DEFAULT now()
  )`);
}
