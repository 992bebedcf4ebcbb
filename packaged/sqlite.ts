/** Opens SQLite databases with the one add-on that this process has (09 PK10). @module */
import Sqlite from "better-sqlite3";
import { addOn } from "./add-ons.ts";

/** As the constructor of better-sqlite3. @throws {AddOnError} or what SQLite says */
export function openSqlite(file: string, options: Sqlite.Options = {}): Sqlite.Database {
  const nativeBinding = addOn("better-sqlite3");
  if (nativeBinding === undefined) return new Sqlite(file, options);
  // It takes the loaded add-on, which its types do not say.
  return new Sqlite(file, { ...options, nativeBinding: nativeBinding as unknown as string });
}
