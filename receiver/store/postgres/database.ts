/**
 * The connections to PostgreSQL: a bounded pool, of which each has said, when it was made, that a
 * commit is a commit (S2, 06 section 12).
 *
 * @module
 */
import { type ClientBase, Pool, type PoolConfig } from "pg";
import { type Identifier, identifierFrom, ReceiverError } from "../../errors.ts";
import {
  DATABASE_CONNECT_WAIT_MS,
  DATABASE_IDLE_TRANSACTION_MS,
  DATABASE_KEEPALIVE_S,
  DATABASE_LOCK_WAIT_MS,
  DATABASE_QUERY_WAIT_MS,
  DATABASE_STATEMENT_MS,
} from "../../limits.ts";
import { SQL } from "./statements.ts";

export type DatabaseWarning =
  /** Damage of the database's disk is found late, or not at all. Said once. */
  | { readonly kind: "noChecksums" }
  /** Why a call was answered BUSY: SQLSTATE, or a code of Node or of the catalogue. */
  | { readonly kind: "unavailable"; readonly error: Identifier };

/** In PEM. */
export interface DatabaseTls {
  readonly ca: string;
  readonly cert?: string;
  readonly key?: string;
}

export interface DatabaseOptions {
  /** A name, an address, or the folder of a local socket. */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  /** Asked for each connection, so that a changed password is found. */
  readonly password?: () => string;
  readonly tls?: DatabaseTls;
  readonly poolSize: number;
  /** [{@link DATABASE_LOCK_WAIT_MS}] */
  readonly lockWaitMs?: number;
  /** What an operator should know of; nothing stops by it. */
  readonly warn?: (warning: DatabaseWarning) => void;
}

/** Oldest release with everything that is used: `client_connection_check_interval`. */
const VERSION_MIN = 140_000;
const COMMITS_FLUSHED: ReadonlySet<string> = new Set(["on", "remote_write", "remote_apply"]);

/** A server that loses its client, or its way to it, ends the transaction and so frees its locks. */
const SERVER_OPTIONS = [
  `tcp_keepalives_idle=${DATABASE_KEEPALIVE_S}`,
  `tcp_keepalives_interval=${DATABASE_KEEPALIVE_S}`,
  "tcp_keepalives_count=3",
  // Behind a lock, the functions read what was committed meanwhile.
  "default_transaction_isolation=read\\ committed",
  `tcp_user_timeout=${DATABASE_KEEPALIVE_S * 4_000}`,
  `client_connection_check_interval=${DATABASE_KEEPALIVE_S * 1_000}`,
]
  .map((setting) => `-c ${setting}`)
  .join(" ");

/** Opens no connection yet. What it throws later, {@link faultOf} explains. */
export function openPool(options: DatabaseOptions): Pool {
  const { host, port, database, user, password, tls, poolSize } = options;
  let isWarned = false;
  const config: PoolConfig = {
    host,
    port,
    database,
    user,
    password,
    ssl: tls === undefined ? false : { ...tls, rejectUnauthorized: true },
    max: poolSize,
    application_name: "holdfast-receiver",
    options: SERVER_OPTIONS,
    keepAlive: true,
    connectionTimeoutMillis: DATABASE_CONNECT_WAIT_MS,
    statement_timeout: DATABASE_STATEMENT_MS,
    lock_timeout: options.lockWaitMs ?? DATABASE_LOCK_WAIT_MS,
    idle_in_transaction_session_timeout: DATABASE_IDLE_TRANSACTION_MS,
    query_timeout: DATABASE_QUERY_WAIT_MS,
    onConnect: async (client) => {
      const hasChecksums = await verify(client);
      if (!hasChecksums && !isWarned) options.warn?.({ kind: "noChecksums" });
      isWarned = true;
    },
  };
  const pool = new Pool(config);
  // An idle connection was lost. The next call makes another.
  pool.on("error", () => {});
  return pool;
}

type SettingsRow = [
  version: number,
  isStandby: boolean,
  encoding: string,
  fsync: string,
  fullPageWrites: string,
  synchronousCommit: string,
  hasStandbys: boolean,
  checksums: string,
];

/**
 * Reads back what makes a commit durable. `local` is as good as `on` while there are no standbys to
 * wait for. The value is pinned for the life of the connection: a changed file does not reach it.
 *
 * @returns whether the database has checksums
 * @throws {ReceiverError} `STORE_SETTINGS` naming the parameter; `STORE_UNREACHABLE` if this is a
 *   standby, for the primary may be back soon
 */
async function verify(client: ClientBase): Promise<boolean> {
  const { rows } = await client.query<SettingsRow>({ text: SQL.readSettings, rowMode: "array" });
  const [row] = rows;
  if (row === undefined) throw new TypeError("Cannot read the settings of the database");
  const [version, isStandby, encoding, fsync, fullPageWrites, commit, hasStandbys, checksums] = row;
  if (isStandby) {
    throw new ReceiverError("STORE_UNREACHABLE", { facts: { error: identifierFrom("STANDBY") } });
  }
  const isFlushed = COMMITS_FLUSHED.has(commit) || (commit === "local" && !hasStandbys);
  const wrong = [
    version < VERSION_MIN && "server_version",
    encoding !== "UTF8" && "server_encoding",
    fsync !== "on" && "fsync",
    fullPageWrites !== "on" && "full_page_writes",
    !isFlushed && "synchronous_commit",
  ].find((name) => name !== false);
  if (wrong !== undefined) {
    throw new ReceiverError("STORE_SETTINGS", { facts: { setting: identifierFrom(wrong) } });
  }
  return checksums === "on";
}
