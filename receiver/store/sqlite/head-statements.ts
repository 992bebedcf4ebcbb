/** Every statement of heads, with the index that it must use: the query-plan test reads them, too. @module */
import type { Database } from "better-sqlite3";
import { preparing } from "./preparing.ts";

/** `top_…`: the highest up to and with this row, of the same device key. */
export const HEAD_SCHEMA = `
  CREATE TABLE head (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    agent INTEGER NOT NULL,
    device_key TEXT NOT NULL,
    digest TEXT NOT NULL,
    counter INTEGER NOT NULL,
    audit_seq INTEGER NOT NULL,
    audit_head TEXT NOT NULL,
    generation INTEGER NOT NULL,
    top_counter INTEGER NOT NULL,
    top_audit_seq INTEGER NOT NULL,
    top_audit_head TEXT NOT NULL,
    top_generation INTEGER NOT NULL,
    received_ms INTEGER NOT NULL,
    envelope TEXT NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX head_by_digest ON head (agent, digest);
  CREATE INDEX head_by_agent ON head (agent, id);
  CREATE INDEX head_by_key ON head (agent, device_key, id);
  CREATE TRIGGER head_stays BEFORE UPDATE ON head BEGIN SELECT RAISE(ABORT, 'append-only'); END;
  CREATE TRIGGER head_remains BEFORE DELETE ON head BEGIN SELECT RAISE(ABORT, 'append-only'); END;`;

export const HEAD_SQL = {
  findHead: "SELECT id FROM head WHERE agent = ? AND digest = ?",
  topHead: `SELECT top_counter, top_audit_seq, top_audit_head, top_generation FROM head
    WHERE agent = ? AND device_key = ? ORDER BY id DESC LIMIT 1`,
  addHead: `INSERT INTO head (agent, device_key, digest, counter, audit_seq, audit_head, generation,
      top_counter, top_audit_seq, top_audit_head, top_generation, received_ms, envelope)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  headsAfter: `SELECT id, device_key, counter, audit_seq, audit_head, generation, received_ms, envelope
    FROM head WHERE agent = ? AND id > ? ORDER BY id LIMIT ?`,
} as const satisfies Record<string, string>;

export type TopRow = [counter: bigint, auditSeq: bigint, auditHead: string, generation: bigint];
export type HeadRow = [
  ...[id: bigint, deviceKey: string, counter: bigint, auditSeq: bigint, auditHead: string],
  ...[generation: bigint, receivedMs: bigint, envelope: string],
];

export function prepareHeads(db: Database) {
  const { read, write } = preparing(db);
  return {
    findHead: read<[agent: number, digest: string], [bigint]>(HEAD_SQL.findHead),
    topHead: read<[agent: number, deviceKey: string], TopRow>(HEAD_SQL.topHead),
    addHead: write<
      [
        ...[agent: number, deviceKey: string, digest: string, counter: number, auditSeq: number],
        ...[auditHead: string, generation: number, number, number, string, number],
        ...[atMs: number, envelope: string],
      ]
    >(HEAD_SQL.addHead),
    headsAfter: read<[agent: number, id: number, limit: number], HeadRow>(HEAD_SQL.headsAfter),
  };
}
