/**
 * A SQLite store in a folder that goes away with it.
 *
 * @module
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqliteStore, STORE_FILE } from "#receiver/store/sqlite/sqlite-store.ts";
import type { WholeStore } from "#receiver/store/whole-store.ts";

export function temporaryFolder(): Disposable & { readonly path: string; readonly file: string } {
  const path = mkdtempSync(join(tmpdir(), "holdfast-store-"));
  const dispose = (): void => rmSync(path, { recursive: true, force: true });
  return { path, file: join(path, STORE_FILE), [Symbol.dispose]: dispose };
}

export async function openTemporaryStore(): Promise<WholeStore> {
  const folder = temporaryFolder();
  const store = await openSqliteStore(folder.file);
  const close = store[Symbol.asyncDispose].bind(store);
  store[Symbol.asyncDispose] = async () => {
    await close();
    folder[Symbol.dispose]();
  };
  return store;
}
