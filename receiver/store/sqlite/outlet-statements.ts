/**
 * Every statement of the outlets, with the index that it must use: the query-plan test reads these
 * constants, too.
 *
 * @module
 */
import type { Database } from "better-sqlite3";
import { preparing } from "./preparing.ts";

export const OUTLET_SCHEMA = `CREATE TABLE position (
    outlet TEXT NOT NULL,
    agent INTEGER NOT NULL REFERENCES agent (id),
    channel TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    moved_ms INTEGER NOT NULL,
    PRIMARY KEY (outlet, agent, channel)
  ) STRICT, WITHOUT ROWID;

  -- Where a gap ends in the order of its channel.
  ALTER TABLE gap ADD COLUMN end_seq INTEGER
    GENERATED ALWAYS AS (coalesce(last_seq, first_seq, 0)) VIRTUAL;
  CREATE INDEX gap_by_end ON gap (agent, channel, direction, epoch, end_seq);`;

export const OUTLET_SQL = {
  // Index: gap_by_end.
  findGaps: `SELECT id, epoch, first_seq, last_seq, kind, recorded_ms FROM gap
    WHERE agent = ? AND channel = ? AND direction = 0
      AND (epoch, end_seq) > (?, ?) AND (epoch, end_seq) <= (?, ?)
    ORDER BY epoch, end_seq LIMIT ?`,
  // Index: the primary key of position.
  findPosition: `SELECT epoch, seq FROM position
    WHERE outlet = ? AND agent = ? AND channel = ?`,
  movePosition: `INSERT INTO position (outlet, agent, channel, epoch, seq, moved_ms)
    VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET epoch = excluded.epoch, seq = excluded.seq,
      moved_ms = excluded.moved_ms
    WHERE ? OR (excluded.epoch, excluded.seq) > (position.epoch, position.seq)`,
} as const satisfies Record<string, string>;

type Key = [outlet: string, agent: number, channel: string];
type Bounds = [bigint, bigint, bigint, bigint];
type GapRow = [
  id: bigint,
  epoch: bigint,
  firstSeq: bigint | null,
  lastSeq: bigint | null,
  kind: string,
  recordedMs: bigint,
];

export type PreparedOutlets = ReturnType<typeof prepareOutlets>;

export function prepareOutlets(db: Database) {
  const { read, write } = preparing(db);
  return {
    findGaps: read<[agent: number, channel: string, ...Bounds, limit: number], GapRow>(
      OUTLET_SQL.findGaps,
    ),
    findPosition: read<Key, [epoch: bigint, seq: bigint]>(OUTLET_SQL.findPosition),
    movePosition: write<[...Key, epoch: bigint, seq: bigint, movedMs: number, isRewind: number]>(
      OUTLET_SQL.movePosition,
    ),
  };
}
