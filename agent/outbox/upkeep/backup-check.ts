/**
 * Opens the copy of a store and reads all of it: only then is it called good (05 S19).
 *
 * @module
 */
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type Sqlite from "better-sqlite3";
import { openSqlite } from "#packaged/sqlite.ts";
import { AgentError, type Facts } from "../../errors.ts";
import type { Clock } from "../../host/clock.ts";
import { type Kek, KeyRing } from "../../sealing/key-ring.ts";
import { Sealer } from "../../sealing/sealer.ts";
import { readTails } from "../epochs/channel-tails.ts";
import { INBOX_TABLES } from "../format/migration-4.ts";
import { FILE_TABLES } from "../format/migration-5.ts";
import { TRUST_TABLES } from "../format/migration-6.ts";
import { HOUR_TABLES } from "../format/migration-hours.ts";
import { SUPPORT_TABLES } from "../format/migration-support.ts";
import { refuseNewerSchema } from "../format/migrations.ts";
import { type DamagedRow, walkStore } from "../format/row-walk.ts";
import { STATEMENTS } from "../format/statements.ts";
import { prepareAll } from "../writing/prepared.ts";
import { unreadBackup } from "./backup-fault.ts";
import {
  DATABASE_FILE,
  filesOf,
  KEYS_FOLDER,
  type Manifest,
  readManifest,
} from "./backup-manifest.ts";

/** What a copy holds. */
export interface CheckedCopy {
  readonly schema: number;
  readonly storeId: string;
  readonly channels: Manifest["channels"];
  readonly counts: Manifest["counts"];
  /** At most {@link NAMED_MAX_COUNT} of the rows that are damaged in it. */
  readonly damaged: readonly DamagedRow[];
}

const NAMED_MAX_COUNT = 1_000;

const BEFORE_READING = [
  "cell_size_check = ON",
  "trusted_schema = OFF",
  "temp_store = MEMORY",
  "mmap_size = 0",
];

/**
 * Makes a fresh copy one that stands alone: without a log beside it, so that it can be read from a medium
 * that cannot be written, and marked as restored, so that it begins new epochs wherever it is opened.
 *
 * @throws {AgentError} `BACKUP_DAMAGED` if SQLite finds it is not whole
 */
export function settleCopy(folder: string): void {
  const database = openSqlite(join(folder, DATABASE_FILE), { fileMustExist: true });
  try {
    for (const pragma of ["locking_mode = EXCLUSIVE", "synchronous = FULL", ...BEFORE_READING]) {
      database.pragma(pragma, { simple: true });
    }
    database.pragma("journal_mode = DELETE", { simple: true });
    database.prepare(STATEMENTS.identityRestored.sql).run();
    if (database.pragma("quick_check(1)", { simple: true }) !== "ok") {
      throw new AgentError("BACKUP_DAMAGED", { quickCheck: true });
    }
  } finally {
    database.close();
  }
}

/**
 * Reads a copy through: every record and slice is opened and compared with its digest.
 *
 * @param progress called now and then with the bytes of bodies that were read
 * @throws {AgentError} `KEK_WRONG`, `KEY_FILE_DAMAGED`, `STORE_NEWER_SCHEMA`, `BACKUP_DAMAGED`
 */
export function checkCopy(
  folder: string,
  kek: Kek,
  clock: Pick<Clock, "nowMs">,
  progress: (bytes: number) => void = () => {},
): CheckedCopy {
  const database = openSqlite(join(folder, DATABASE_FILE), { readonly: true, fileMustExist: true });
  try {
    for (const pragma of BEFORE_READING) database.pragma(pragma, { simple: true });
    const schema = refuseNewerSchema(database);
    if (schema < INBOX_SCHEMA_VERSION) addEmpty(database, INBOX_TABLES);
    if (schema < FILE_SCHEMA_VERSION) addEmpty(database, FILE_TABLES);
    if (schema < TRUST_SCHEMA_VERSION) addEmpty(database, TRUST_TABLES);
    if (schema < SUPPORT_SCHEMA_VERSION) addEmpty(database, SUPPORT_TABLES);
    if (schema < HOUR_SCHEMA_VERSION) addEmpty(database, HOUR_TABLES);
    const prepared = prepareAll(database);
    const [id] = prepared.identityRead.get() as [Uint8Array];
    const storeId = new Uint8Array(id);
    const keys = KeyRing.open({
      ...{ folder: join(folder, KEYS_FOLDER), kek, storeId, isNewStore: false, clock },
    });
    const sealer = new Sealer(keys, storeId);
    const tails = readTails(prepared, sealer);
    const damaged: DamagedRow[] = [];
    const walk = walkStore({ prepared, sealer, tails: () => tails }, (row) => {
      if (damaged.length < NAMED_MAX_COUNT) damaged.push(row);
    });
    const { bytes, inbox, files, ...others } = drained(walk, progress);
    const counts = {
      ...others,
      ...(schema < INBOX_SCHEMA_VERSION ? {} : { inbox }),
      ...(schema < FILE_SCHEMA_VERSION ? {} : { files }),
    };
    const channels = [...tails.values()].map(({ name, epoch, lastSeq, ackedSeq }) => ({
      ...{ name, epoch: String(epoch), lastSeq: String(lastSeq), ackedSeq: String(ackedSeq) },
    }));
    return {
      ...{ schema, storeId: Buffer.from(storeId).toString("hex"), channels, damaged },
      counts: { ...counts, bodyBytes: bytes },
    };
  } finally {
    database.close();
  }
}

/** A backup of version 3 to 7 is checked as it lies there: the tables that it lacks stand empty beside it, in memory. */
const INBOX_SCHEMA_VERSION = 4;
const FILE_SCHEMA_VERSION = 5;
const TRUST_SCHEMA_VERSION = 6;
const SUPPORT_SCHEMA_VERSION = 7;
const HOUR_SCHEMA_VERSION = 8;

function addEmpty(database: Sqlite.Database, tables: readonly string[]): void {
  for (const table of tables) {
    database.exec(table.replace("CREATE TABLE", "CREATE TEMP TABLE"));
  }
}

const PROGRESS_BYTES = 8 * 1_048_576;

function drained<T>(walk: Generator<number, T>, progress: (bytes: number) => void): T {
  let bytes = 0;
  let told = 0;
  for (;;) {
    const piece = walk.next();
    if (piece.done === true) return piece.value;
    bytes += piece.value;
    if (bytes - told < PROGRESS_BYTES) continue;
    told = bytes;
    progress(bytes);
  }
}

/**
 * Whether a finished backup is what its manifest says, byte for byte, and all of it opens.
 *
 * @throws {AgentError} `BACKUP_DAMAGED` if not; `FILE_NOT_READABLE`, `KEK_WRONG`, `STORE_NEWER_SCHEMA`
 */
export function verifyBackup(folder: string, kek: Kek, clock: Pick<Clock, "nowMs">): Manifest {
  const manifest = readManifest(folder);
  // First: what is read below is then what was written, and a fault in it is the backup's from the start.
  const files = whole(() => filesOf(folder));
  refuseUnless(isDeepStrictEqual(files, manifest.files), { files: false });
  const { damaged: _, ...found } = whole(() => checkCopy(folder, kek, clock));
  const { schema, storeId, channels, counts } = manifest;
  refuseUnless(isDeepStrictEqual(found, { schema, storeId, channels, counts }), { counts: false });
  return manifest;
}

function refuseUnless(condition: boolean, facts: Facts): void {
  if (!condition) throw new AgentError("BACKUP_DAMAGED", facts);
}

function whole<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw unreadBackup(error);
  }
}
