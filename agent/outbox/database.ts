/**
 * The one connection to the one file, with settings under which a commit is a promise (05 S1 to S4).
 *
 * @module
 */
import { chmodSync, closeSync, existsSync, openSync, statSync } from "node:fs";
import { join } from "node:path";
import Sqlite from "better-sqlite3";
import { AgentError } from "../errors.ts";
import { makeFolder } from "../host/atomic-file.ts";
import { storageKind } from "../host/file-system.ts";
import {
  PAGE_CACHE_BYTES,
  STORE_LOCK_WAIT_MS,
  WAL_CHECKPOINT_PAGES,
  WAL_KEPT_BYTES,
} from "../limits.ts";
import { translated } from "./fault.ts";
import { migrate, refuseNewerSchema } from "./migrations.ts";
import { STATEMENTS } from "./statements.ts";

export type Database = Sqlite.Database;

const SYNCHRONOUS_FULL = 2;

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

/** Settings of the connection alone: nothing is written before it is clear that the store may be opened. */
const BEFORE_READING = /^(?:busy_timeout|locking_mode)\b/;

export interface DatabaseOptions {
  /** The agent's state folder; made with mode 0700 where it does not exist. */
  readonly stateDir: string;
  readonly allowVolatileState: boolean;
  readonly nowMs: number;
  /** 16 random bytes: the identity of the store, should this call create it. */
  readonly newStoreId: Uint8Array;
  readonly pragmas?: readonly string[];
}

/**
 * Opens, or creates, `stateDir/outbox/holdfast.db`.
 *
 * @returns a connection that has committed once, so that its durability has been read back
 * @throws {AgentError} one of `STORE_*`: nothing is ever kept in memory instead (I-9)
 */
export function openDatabase(options: DatabaseOptions): Database {
  const file = prepareFolder(options);
  let database: Database | undefined;
  try {
    // Before SQLite opens it: the WAL gets the rights of the database file.
    closeSync(openSync(file, "a", 0o600));
    chmodSync(file, 0o600);
    database = new Sqlite(file);
    const pragmas = options.pragmas ?? DURABLE_PRAGMAS;
    const settle = pragmas.filter((pragma) => BEFORE_READING.test(pragma));
    for (const pragma of settle) database.pragma(pragma);
    const found = refuseNewerSchema(database);
    // Before the first table, or it never takes. On a store that has tables it would write to the header.
    if (found === 0) database.pragma("auto_vacuum = INCREMENTAL");
    for (const pragma of pragmas) if (!settle.includes(pragma)) database.pragma(pragma);
    migrate(database);
    touch(database, options);
    refuseUnlessFull(database);
    return database;
  } catch (error) {
    database?.close();
    throw translated(error);
  }
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
    throw new AgentError("STORE_NOT_PERMITTED", { uid, mode: mode & 0o777 });
  }
}

/** The first write of every open: the pragma below tells the truth only after it. */
function touch(database: Database, { nowMs, newStoreId }: DatabaseOptions): void {
  database.exec("BEGIN IMMEDIATE");
  const known = database.prepare(STATEMENTS.identityRead.sql).pluck().get();
  if (known === undefined) {
    database.prepare(STATEMENTS.identityInsert.sql).run(newStoreId, nowMs, nowMs);
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
