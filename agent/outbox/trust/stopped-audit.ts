/**
 * The audit of a store that no agent has open: what happened can be read after a start that was refused (08 6).
 *
 * Read-only: nothing is brought up to date, checkpointed or repaired. SQLite may leave an empty log and its index
 * beside the store, which the next start takes as they are; nobody may remove them here, for an agent may just have
 * begun to use them.
 *
 * @module
 */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import type Sqlite from "better-sqlite3";
import { openSqlite } from "#packaged/sqlite.ts";
import { AgentError } from "../../errors.ts";
import { translated } from "../format/fault.ts";
import { refuseNewerSchema } from "../format/migrations.ts";
import { TRUST_STATEMENTS } from "../format/trust-statements.ts";
import type { AuditRow } from "./trust-messages.ts";

const BEFORE_READING = [
  "busy_timeout = 2000",
  "query_only = ON",
  "cell_size_check = ON",
  "trusted_schema = OFF",
  "mmap_size = 0",
];
/** Before it there was no audit. */
const AUDIT_SCHEMA = 6;

type AuditColumns = [number, number, Uint8Array, Uint8Array];

export class StoppedAudit implements Disposable {
  readonly #database: Sqlite.Database;
  readonly #isThere: boolean;

  private constructor(database: Sqlite.Database) {
    this.#database = database;
    for (const pragma of BEFORE_READING) database.pragma(pragma, { simple: true });
    this.#isThere = refuseNewerSchema(database) >= AUDIT_SCHEMA;
  }

  /**
   * @returns `undefined` if there is no store
   * @throws {AgentError} `STORE_LOCKED` if an agent has it open; `STORE_NOT_PERMITTED` for an account other than its
   *   own: what SQLite leaves beside the store would keep the agent out; other `STORE_*`
   */
  static open(stateDir: string): StoppedAudit | undefined {
    const file = join(stateDir, "outbox/holdfast.db");
    return told(() => {
      if (!existsSync(file)) return undefined;
      const { uid } = statSync(file);
      if (process.getuid !== undefined && uid !== process.getuid()) {
        throw new AgentError("STORE_NOT_PERMITTED", { uid });
      }
      const database = openSqlite(file, { readonly: true, fileMustExist: true });
      try {
        return new StoppedAudit(database);
      } catch (error) {
        database.close();
        throw error;
      }
    });
  }

  /** Entries after a seq, oldest first; nothing is checked. @throws {AgentError} `STORE_*` */
  page(afterSeq: number, limit: number): AuditRow[] {
    if (!this.#isThere) return [];
    const rows = told(() => this.#all(TRUST_STATEMENTS.auditAfter.sql, afterSeq, limit));
    return (rows as AuditColumns[]).map(([seq, atMs, bytes, hash]) => ({
      ...{ seq, atMs, bytes: new Uint8Array(bytes), hash: new Uint8Array(hash) },
    }));
  }

  /** A value as it was stored; its digest is not compared. @throws {AgentError} `STORE_*` */
  value(name: string): Uint8Array | undefined {
    if (!this.#isThere) return undefined;
    const [row] = told(() => this.#all(VALUE, name)) as [Uint8Array][];
    return row === undefined ? undefined : new Uint8Array(row[0]);
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  #all(sql: string, ...parameters: readonly (string | number)[]): unknown[] {
    return this.#database
      .prepare(sql)
      .raw()
      .all(...parameters);
  }
}

const VALUE = "SELECT value FROM trust_value WHERE name = ?";

function told<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw translated(error);
  }
}
