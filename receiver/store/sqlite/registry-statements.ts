/**
 * Every statement of the register of identities, with the index that it must use: the query-plan test
 * reads these constants, too.
 *
 * @module
 */
import type { Database } from "better-sqlite3";
import type { AgentRow } from "./agent-row.ts";
import { preparing } from "./preparing.ts";

/** `identity` is JSON, see `identity-record.ts`; null for an agent of whom nothing but its serial is known. */
export const REGISTRY_SCHEMA = `
  ALTER TABLE agent ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE agent ADD COLUMN identity TEXT;
  CREATE UNIQUE INDEX agent_by_token ON agent (json_extract(identity, '$.token.idHex'));

  CREATE TABLE denied (
    kind TEXT NOT NULL CHECK (kind IN ('agent', 'serial', 'deviceKey')),
    value TEXT NOT NULL,
    denied_ms INTEGER NOT NULL,
    PRIMARY KEY (kind, value)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE trust (
    tenant TEXT NOT NULL,
    version INTEGER NOT NULL,
    envelope TEXT NOT NULL,
    added_ms INTEGER NOT NULL,
    PRIMARY KEY (tenant, version)
  ) STRICT;`;

export const AGENT_COLUMNS =
  "id, tenant, name, serial, session, added_ms, hello_ms, locked_ms, revision, identity";

export const REGISTRY_SQL = {
  // Index: agent_by_token, or the primary key of agent.
  findByToken: `SELECT ${AGENT_COLUMNS} FROM agent
    WHERE json_extract(identity, '$.token.idHex') = ?`,
  findById: `SELECT ${AGENT_COLUMNS} FROM agent WHERE id = ?`,
  changeIdentity: `UPDATE agent SET serial = ?, identity = ?, revision = revision + 1
    WHERE id = ? AND revision = ?`,
  lockUnlocked: `UPDATE agent SET session = session + 1, locked_ms = ?, greetings = NULL
    WHERE id = ? AND locked_ms IS NULL`,
  // Index: the primary key of denied.
  deny: "INSERT INTO denied (kind, value, denied_ms) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
  allow: "DELETE FROM denied WHERE kind = ? AND value = ?",
  findDenied: "SELECT 1 FROM denied WHERE kind = ? AND value = ?",
  listDenied: `SELECT kind, value, denied_ms FROM denied WHERE (kind, value) > (?, ?)
    ORDER BY kind, value LIMIT ?`,
  // Index: the primary key of trust.
  addTrust: `INSERT INTO trust (tenant, version, envelope, added_ms) VALUES (?, ?, ?, ?)
    ON CONFLICT DO NOTHING`,
  findTrust: "SELECT envelope FROM trust WHERE tenant = ? AND version = ?",
  trustAfter: `SELECT version, envelope FROM trust WHERE tenant = ? AND version > ?
    ORDER BY version LIMIT ?`,
} as const satisfies Record<string, string>;

export type PreparedRegistry = ReturnType<typeof prepareRegistry>;

export function prepareRegistry(db: Database) {
  const { read, write } = preparing(db);
  return {
    findByToken: read<[tokenIdHex: string], AgentRow>(REGISTRY_SQL.findByToken),
    findById: read<[agent: number], AgentRow>(REGISTRY_SQL.findById),
    changeIdentity: write<[serial: string, identity: string, agent: number, revision: number]>(
      REGISTRY_SQL.changeIdentity,
    ),
    lockUnlocked: write<[atMs: number, agent: number]>(REGISTRY_SQL.lockUnlocked),
    deny: write<[kind: string, value: string, atMs: number]>(REGISTRY_SQL.deny),
    allow: write<[kind: string, value: string]>(REGISTRY_SQL.allow),
    findDenied: read<[kind: string, value: string], [bigint]>(REGISTRY_SQL.findDenied),
    listDenied: read<[string, string, limit: number], [kind: string, value: string, bigint]>(
      REGISTRY_SQL.listDenied,
    ),
    addTrust: write<[tenant: string, version: number, envelope: string, atMs: number]>(
      REGISTRY_SQL.addTrust,
    ),
    findTrust: read<[tenant: string, version: number], [envelope: string]>(REGISTRY_SQL.findTrust),
    trustAfter: read<[tenant: string, version: number, limit: number], [bigint, string]>(
      REGISTRY_SQL.trustAfter,
    ),
  };
}
