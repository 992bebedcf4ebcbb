/**
 * The folder of everything that the receiver keeps.
 *
 * @module
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { foreignCode, ReceiverError } from "./errors.ts";
import { type Log, silentLog } from "./host/log.ts";
import type { DatabaseWarning } from "./store/postgres/database.ts";
import { openPostgresStore } from "./store/postgres/postgres-store.ts";
import { openSqliteStore, STORE_FILE } from "./store/sqlite/sqlite-store.ts";
import type { WholeStore } from "./store/whole-store.ts";
import { databaseOptions, type StoreConfiguration } from "./store-configuration.ts";

/** The local socket in the state folder. */
export function doorOf(stateDir: string): string {
  return join(stateDir, "control.sock");
}

/**
 * Opens the store, creating it and `stateDir` if they are not there.
 *
 * @param store where it is; SQLite is in `stateDir`
 * @throws {ReceiverError} `STATE_FOLDER`, `STORE_…`
 */
export async function openStoreIn(
  stateDir: string,
  store: StoreConfiguration,
  log: Log = silentLog,
): Promise<WholeStore> {
  try {
    mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new ReceiverError("STATE_FOLDER", { cause: error, facts: { error: foreignCode(error) } });
  }
  if (store.kind === "sqlite") return openSqliteStore(join(stateDir, STORE_FILE));
  const warn = (warning: DatabaseWarning): void => {
    if (warning.kind === "noChecksums") log.write("storeNoChecksums", {});
    else log.write("storeUnavailable", { error: warning.error });
  };
  return openPostgresStore(databaseOptions(store, warn));
}
