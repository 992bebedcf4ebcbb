/**
 * The one connection to the one file, with settings under which a commit is a promise (05 S1 to S4).
 *
 * @module
 */
import { chmodSync, closeSync, existsSync, openSync, statSync } from "node:fs";
import { join } from "node:path";
import type Sqlite from "better-sqlite3";
import { openSqlite } from "#packaged/sqlite.ts";
import { AgentError, identifierFrom } from "../../errors.ts";
import { makeFolder } from "../../host/atomic-file.ts";
import { storageKind } from "../../host/file-system.ts";
import {
  PAGE_CACHE_BYTES,
  STORE_LOCK_WAIT_MS,
  WAL_CHECKPOINT_PAGES,
  WAL_KEPT_BYTES,
} from "../../limits.ts";
import type { Sealer } from "../../sealing/sealer.ts";
import { openingFault, translated } from "./fault.ts";
import { migrate, refuseNewerSchema } from "./migrations.ts";
import { STATEMENTS } from "./statements.ts";

export type Database = Sqlite.Database;

const SYNCHRONOUS_FULL = 2;
const SEALED_SCHEMA = 3;

/**
 * In this order: EXCLUSIVE before the first access leaves no `-shm` file; synchronous after the journal mode, for better-sqlite3 is compiled so
 * that WAL databases fall back to NORMAL, under which a power cut loses acknowledged messages (S2).
 */
export const DURABLE_PRAGMAS: readonly string[] = [
  `busy_timeout = ${STORE_LOCK_WAIT_MS}`,
  "locking_mode = EXCLUSIVE",
  "journal_mode = WAL",
  "synchronous = FULL",
  "foreign_keys = ON",
  "cell_size_check = ON",
  "trusted_schema = OFF",
  "temp_store = MEMORY",
  "mmap_size = 0",
  "secure_delete = FAST",
  `cache_size = -${PAGE_CACHE_BYTES / 1024}`,
  `wal_autocheckpoint = ${WAL_CHECKPOINT_PAGES}`,
  `journal_size_limit = ${WAL_KEPT_BYTES}`,
];

/** 05 S18: in a larger store the check would delay ingest too long; its rows are read through behind it. */
const QUICK_CHECK_MAX_BYTES = 268_435_456;

/** Settings of the connection alone: nothing is written before it is clear that the store may be opened. */
const BEFORE_READING = /^(?:busy_timeout|locking_mode)\b/;

export interface DatabaseOptions {
  /** The agent's state folder; made with mode 0700 where it does not exist. */
  readonly stateDir: string;
  readonly allowVolatileState: boolean;
  readonly nowMs: number;
  /** 16 random bytes: the identity of the store, should this call create it. */
  readonly newStoreId: Uint8Array;
  /** Unwraps the keys of the store, or makes them for a new one, before anything is written. */
  readonly sealerFor: (storeId: Uint8Array, state: SealState) => Sealer;
  readonly pragmas?: readonly string[];
}

/** Whether there is a store, and whether it holds sealed rows (schema version 3). */
export type SealState = "new" | "unsealed" | "sealed";

export interface OpenedDatabase {
  readonly database: Database;
  readonly sealer: Sealer;
  readonly storeId: Uint8Array;
  readonly isNewStore: boolean;
  /** The last close was not an orderly one. */
  readonly unclean: boolean;
  /** The store was checked as a whole; if not, its rows have to be read through (05 S18). */
  readonly checked: boolean;
}

/**
 * Opens, or creates, `stateDir/outbox/holdfast.db`.
 *
 * @returns a connection that has committed once, so that its durability has been read back
 * @throws {AgentError} one of `STORE_*`: nothing is ever kept in memory instead (I-9)
 */
export function openDatabase(options: DatabaseOptions): OpenedDatabase {
  const file = prepareFolder(options);
  let database: Database | undefined;
  try {
    // Before SQLite opens it: the WAL gets the rights of the database file.
    closeSync(openSync(file, "a", 0o600));
    chmodSync(file, 0o600);
    database = openSqlite(file);
    const pragmas = options.pragmas ?? DURABLE_PRAGMAS;
    const settle = pragmas.filter((pragma) => BEFORE_READING.test(pragma));
    for (const pragma of settle) database.pragma(pragma, { simple: true });
    const found = refuseNewerSchema(database);
    // Before the first table, or it never takes. On a store that has tables it would write to the header.
    if (found === 0) database.pragma("auto_vacuum = INCREMENTAL", { simple: true });
    for (const pragma of pragmas)
      if (!settle.includes(pragma)) database.pragma(pragma, { simple: true });
    const known = found === 0 ? undefined : readIdentity(database);
    const storeId = known?.storeId ?? options.newStoreId;
    const unclean = known !== undefined && !known.clean;
    const checked = !unclean || quickCheck(database);
    // Before the identity is written: a store without its keys could never be opened again.
    const sealer = options.sealerFor(storeId, sealState(known !== undefined, found));
    migrateSealed(database, sealer, found);
    touch(database, options, storeId);
    refuseUnlessFull(database);
    return { database, sealer, storeId, isNewStore: known === undefined, unclean, checked };
  } catch (error) {
    database?.close();
    throw openingFault(error);
  }
}

const sealState = (isKnown: boolean, schema: number): SealState => {
  if (!isKnown) return "new";
  return schema < SEALED_SCHEMA ? "unsealed" : "sealed";
};

function readIdentity(
  database: Database,
): { readonly storeId: Uint8Array; readonly clean: boolean } | undefined {
  const version = Number(database.pragma("user_version", { simple: true }));
  // Before version 3 nobody wrote down how the last close went.
  const sql = version < SEALED_SCHEMA ? OLD_IDENTITY_READ : STATEMENTS.identityRead.sql;
  const row = database.prepare(sql).raw().get() as [Uint8Array, number] | undefined;
  return row === undefined ? undefined : { storeId: new Uint8Array(row[0]), clean: row[1] === 1 };
}

const OLD_IDENTITY_READ = "SELECT store_id, 0 FROM identity WHERE id = 1";

/** What was in clear is overwritten, not only given up. */
function migrateSealed(database: Database, sealer: Sealer, found: number): void {
  const seals = found > 0 && found < SEALED_SCHEMA;
  if (seals) database.pragma("secure_delete = ON", { simple: true });
  migrate(database, sealer);
  if (!seals) return;
  database.pragma("wal_checkpoint(TRUNCATE)", { simple: true });
  database.pragma("secure_delete = FAST", { simple: true });
}

/** @returns whether it was made @throws {AgentError} `STORE_CORRUPT` */
function quickCheck(database: Database): boolean {
  const pages = Number(database.pragma("page_count", { simple: true }));
  const pageBytes = Number(database.pragma("page_size", { simple: true }));
  if (pages * pageBytes > QUICK_CHECK_MAX_BYTES) return false;
  if (database.pragma("quick_check(1)", { simple: true }) !== "ok") {
    throw new AgentError("STORE_CORRUPT", { quickCheck: true });
  }
  return true;
}

function prepareFolder({ stateDir, allowVolatileState }: DatabaseOptions): string {
  const folder = join(stateDir, "outbox");
  try {
    makeFolder(folder, 0o700);
  } catch (error) {
    throw translated(error);
  }
  for (const path of [stateDir, folder]) refuseUnlessPrivate(path);
  const kind = storageKind(folder);
  if (kind === "remote") throw new AgentError("STORE_REMOTE", {});
  if (kind === "volatile" && !allowVolatileState) throw new AgentError("STORE_VOLATILE", {});
  return join(folder, "holdfast.db");
}

/** S3: wrong owner or mode. Rights on Windows are an access list, checked by the installer (09). */
function refuseUnlessPrivate(path: string): void {
  if (process.getuid === undefined || !existsSync(path)) return;
  const { uid, mode } = statSync(path);
  if (uid !== process.getuid() || (mode & 0o022) !== 0) {
    const octal = identifierFrom(`0${(mode & 0o777).toString(8)}`);
    throw new AgentError("STORE_NOT_PERMITTED", { uid, mode: octal });
  }
}

/** The first write of every open: the pragma below tells the truth only after it. */
function touch(database: Database, { nowMs }: DatabaseOptions, storeId: Uint8Array): void {
  database.exec("BEGIN IMMEDIATE");
  if (database.prepare(STATEMENTS.identityRead.sql).raw().get() === undefined) {
    database.prepare(STATEMENTS.identityInsert.sql).run(storeId, nowMs, nowMs);
  } else {
    database.prepare(STATEMENTS.identityTouch.sql).run(nowMs);
  }
  database.exec("COMMIT");
}

function refuseUnlessFull(database: Database): void {
  const synchronous = Number(database.pragma("synchronous", { simple: true }));
  const wal = database.pragma("journal_mode", { simple: true }) === "wal";
  if (synchronous < SYNCHRONOUS_FULL || !wal) {
    throw new AgentError("STORE_NOT_DURABLE", { synchronous, wal });
  }
}
