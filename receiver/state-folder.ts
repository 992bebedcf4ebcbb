/**
 * The folder of everything that the receiver keeps.
 *
 * @module
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { foreignCode, ReceiverError } from "./errors.ts";
import { openSqliteStore, STORE_FILE } from "./store/sqlite/sqlite-store.ts";
import type { Store } from "./store/store.ts";

/** The local socket in the state folder. */
export function doorOf(stateDir: string): string {
  return join(stateDir, "control.sock");
}

/**
 * Opens the store in `stateDir`, creating both if they are not there.
 *
 * @throws {ReceiverError} `STATE_FOLDER`, `STORE_…`
 */
export async function openStoreIn(stateDir: string): Promise<Store> {
  try {
    mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new ReceiverError("STATE_FOLDER", { cause: error, facts: { error: foreignCode(error) } });
  }
  return openSqliteStore(join(stateDir, STORE_FILE));
}
