/** How statements are prepared here: rows as arrays, integers as bigint, for epoch and seq are 63-bit. @module */
import type { Database, Statement } from "better-sqlite3";

export function preparing(db: Database) {
  return {
    read: <P extends unknown[], R>(sql: string): Statement<P, R> =>
      db.prepare<P, R>(sql).safeIntegers().raw(),
    write: <P extends unknown[]>(sql: string): Statement<P> => db.prepare<P>(sql),
  };
}
