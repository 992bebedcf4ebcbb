/**
 * Opens the store's file so that a commit is a commit (05 S1 to S3).
 *
 * @module
 */
import { randomBytes } from "node:crypto";
import type Database from "better-sqlite3";
import { openSqlite } from "#packaged/sqlite.ts";
import { foreignCode, ReceiverError } from "../../errors.ts";
import { systemClock } from "../../host/clock.ts";
import { STORE_LOCK_WAIT_MS, WAL_CHECKPOINT_PAGES, WAL_MAX_BYTES } from "../../limits.ts";
import { migrate, refuseNewerSchema } from "./migrations.ts";
import { SQL } from "./statements.ts";

/** S2, in this order. */
export const DURABLE_SETTINGS: readonly string[] = [
  "locking_mode = EXCLUSIVE",
  "journal_mode = WAL",
  "synchronous = FULL",
  "foreign_keys = ON",
  "cell_size_check = ON",
  "trusted_schema = OFF",
  "temp_store = MEMORY",
  "mmap_size = 0",
  "secure_delete = FAST",
  `wal_autocheckpoint = ${WAL_CHECKPOINT_PAGES}`,
  `journal_size_limit = ${WAL_MAX_BYTES}`,
];

const SYNCHRONOUS_FULL = 2;

export interface OpenDatabase {
  readonly db: Database.Database;
  readonly storeId: Uint8Array;
}

/**
 * Opens or creates the store and writes to it once.
 *
 * @param file its folder exists
 * @param settings pragmas, carried out in order
 * @throws {ReceiverError} `STORE_LOCKED`, `STORE_CORRUPT`, `STORE_IO`, `STORE_SCHEMA_NEWER`, or
 *   `STORE_NOT_DURABLE` if `synchronous` is below FULL after the first write. The file is closed then
 */
export function openDatabase(
  file: string,
  settings: readonly string[] = DURABLE_SETTINGS,
): OpenDatabase {
  let db: Database.Database | undefined;
  try {
    db = openSqlite(file, { timeout: STORE_LOCK_WAIT_MS });
    // A store of a newer program is left as it is: even auto_vacuum would write to its header. On a
    // store without tables it has to come before the first one.
    db.pragma("locking_mode = EXCLUSIVE", { simple: true });
    if (refuseNewerSchema(db) === 0) db.pragma("auto_vacuum = INCREMENTAL", { simple: true });
    for (const setting of settings) db.pragma(setting, { simple: true });
    migrate(db);
    const storeId = writeOnce(db);
    // Only now: before the first write of an open, SQLite reports what was asked for, and
    // better-sqlite3 is compiled to fall back to NORMAL for a WAL database (S2).
    const synchronous = Number(db.pragma("synchronous", { simple: true }));
    const journal = db.pragma("journal_mode", { simple: true });
    if (synchronous < SYNCHRONOUS_FULL || journal !== "wal") {
      throw new ReceiverError("STORE_NOT_DURABLE", {
        facts: { synchronous, wal: journal === "wal" },
      });
    }
    return { db, storeId };
  } catch (error) {
    db?.close();
    throw storeError(error);
  }
}

/** Translates whatever SQLite throws; what is ours already passes through. */
export function storeError(error: unknown): ReceiverError {
  if (error instanceof ReceiverError) return error;
  const sqlite = foreignCode(error);
  const details = { cause: error, facts: { error: sqlite } };
  if (sqlite.startsWith("ADD_ON_")) return new ReceiverError("ADD_ON_UNUSABLE", details);
  if (sqlite.startsWith("SQLITE_BUSY") || sqlite.startsWith("SQLITE_LOCKED")) {
    return new ReceiverError("STORE_LOCKED", details);
  }
  if (sqlite.startsWith("SQLITE_CORRUPT") || sqlite === "SQLITE_NOTADB") {
    return new ReceiverError("STORE_CORRUPT", details);
  }
  if (sqlite.startsWith("SQLITE_")) return new ReceiverError("STORE_IO", details);
  return new ReceiverError("STORE_WORKER_ENDED", details);
}

function writeOnce(db: Database.Database): Uint8Array {
  const count = db.prepare<[], [Uint8Array]>(SQL.countOpen).raw();
  const insert = db.prepare<[Uint8Array, number], [Uint8Array]>(SQL.insertStore).raw();
  const [storeId] = count.get() ?? insert.get(randomBytes(16), systemClock.nowMs()) ?? [];
  if (storeId === undefined) throw new ReceiverError("STORE_CORRUPT");
  return new Uint8Array(storeId);
}
