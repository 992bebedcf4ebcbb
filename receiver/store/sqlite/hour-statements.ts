/** Every statement of hours, with the index that it must use: the query-plan test reads them, too. @module */
import type { Database } from "better-sqlite3";
import { preparing } from "./preparing.ts";

export const HOUR_SCHEMA = `
  CREATE TABLE told_stretch (
    agent INTEGER NOT NULL,
    store TEXT NOT NULL,
    direction INTEGER NOT NULL CHECK (direction IN (0, 1)),
    channel TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    expected_seq INTEGER NOT NULL,
    hour INTEGER NOT NULL,
    copies INTEGER NOT NULL,
    chain_before BLOB,
    chain_after BLOB,
    PRIMARY KEY (agent, direction, channel, epoch, first_seq, store)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX told_stretch_by_hour ON told_stretch
    (agent, hour, direction, channel, epoch, first_seq, store);

  CREATE TABLE told_count (
    agent INTEGER NOT NULL,
    hour INTEGER NOT NULL,
    channel TEXT NOT NULL,
    duplicates INTEGER NOT NULL,
    quarantined INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    rejected INTEGER NOT NULL,
    PRIMARY KEY (agent, hour, channel)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE told_standing (
    agent INTEGER PRIMARY KEY,
    since INTEGER NOT NULL,
    through INTEGER NOT NULL,
    told_ms INTEGER NOT NULL
  ) STRICT;`;

const STRETCH = `store, direction, channel, epoch, first_seq, last_seq, expected_seq, hour, copies,
  chain_before, chain_after`;
const ACCEPTED = `'"outcome":"accepted"'`;

export const HOUR_SQL = {
  noteStretch: `INSERT OR REPLACE INTO told_stretch (agent, ${STRETCH})
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  noteCount: `INSERT OR REPLACE INTO told_count (agent, hour, channel, duplicates, quarantined, refused,
    rejected) VALUES (?, ?, ?, ?, ?, ?, ?)`,
  noteStanding:
    "INSERT OR REPLACE INTO told_standing (agent, since, through, told_ms) VALUES (?, ?, ?, ?)",
  forgetStretches: "DELETE FROM told_stretch WHERE agent = ? AND hour < ?",
  forgetCounts: "DELETE FROM told_count WHERE agent = ? AND hour < ?",
  toldStanding: "SELECT since, through, told_ms FROM told_standing WHERE agent = ?",
  toldStretches: `SELECT ${STRETCH} FROM told_stretch
    WHERE agent = ? AND (hour, direction, channel, epoch, first_seq, store) > (?, ?, ?, ?, ?, ?)
      AND hour < ? ORDER BY hour, direction, channel, epoch, first_seq, store LIMIT ?`,
  toldCounts: `SELECT hour, channel, duplicates, quarantined, refused, rejected FROM told_count
    WHERE agent = ? AND (hour, channel) > (?, ?) AND hour < ? ORDER BY hour, channel LIMIT ?`,
  toldEpochs: `SELECT epoch, min(first_seq), max(last_seq) FROM told_stretch
    WHERE agent = ? AND direction = ? AND channel = ? GROUP BY epoch ORDER BY epoch`,

  // Index: inbox(agent, channel, epoch, seq).
  heldUp: `SELECT seq, sha256, 0 FROM inbox
    WHERE agent = ? AND channel = ? AND epoch = ? AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?`,
  behindUp: `SELECT seq, received_ms, 1 FROM inbox
    WHERE agent = ? AND channel = ? AND epoch = ? AND seq > ? ORDER BY seq LIMIT ?`,
  epochUp: "SELECT min(epoch) FROM inbox WHERE agent = ? AND channel = ? AND epoch > ?",
  // Index: outgoing(agent, channel, epoch, seq).
  heldDown: `SELECT seq, sha256,
      iif(outcome IS NULL, 0, iif(instr(outcome, ${ACCEPTED}) > 0, 1, 2)) FROM outgoing
    WHERE agent = ? AND channel = ? AND epoch = ? AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?`,
  behindDown: `SELECT seq, queued_ms, settled_ms IS NOT NULL FROM outgoing
    WHERE agent = ? AND channel = ? AND epoch = ? AND seq > ? ORDER BY seq LIMIT ?`,
  epochDown: "SELECT min(epoch) FROM outgoing WHERE agent = ? AND channel = ? AND epoch > ?",
  // Index: outgoing_replaces. What was sent, and has another number now.
  movedDown: `SELECT replaces_seq, sha256,
      iif(outcome IS NULL, 0, iif(instr(outcome, ${ACCEPTED}) > 0, 1, 2)) FROM outgoing
    WHERE agent = ? AND channel = ? AND replaces_epoch = ? AND replaces_seq > ? AND replaces_seq <= ?
    ORDER BY replaces_seq LIMIT ?`,
} as const satisfies Record<string, string>;

type Bytes = Uint8Array;
type Range = [
  agent: number,
  channel: string,
  epoch: bigint,
  after: bigint,
  through: bigint,
  number,
];
type Held = [seq: bigint, sha256: Bytes, fate: bigint];
export type StretchRow = [
  ...[store: string, direction: bigint, channel: string, epoch: bigint, first: bigint],
  ...[last: bigint, expected: bigint, hour: bigint, copies: bigint],
  ...[before: Bytes | null, after: Bytes | null],
];

export function prepareHours(db: Database) {
  const { read, write } = preparing(db);
  const held = (sql: string) => read<Range, Held>(sql);
  const behind = (sql: string) =>
    read<[number, string, bigint, bigint, number], [bigint, bigint, bigint]>(sql);
  const epoch = (sql: string) => read<[number, string, bigint], [bigint | null]>(sql);
  return {
    noteStretch: write<
      [
        ...[number, string, number, string, bigint, bigint, bigint, bigint, number, number],
        ...[Bytes | null, Bytes | null],
      ]
    >(HOUR_SQL.noteStretch),
    noteCount: write<[number, number, string, number, number, number, number]>(HOUR_SQL.noteCount),
    noteStanding: write<[number, number, number, number]>(HOUR_SQL.noteStanding),
    forgetStretches: write<[number, number]>(HOUR_SQL.forgetStretches),
    forgetCounts: write<[number, number]>(HOUR_SQL.forgetCounts),
    toldStanding: read<[number], [bigint, bigint, bigint]>(HOUR_SQL.toldStanding),
    toldStretches: read<
      [number, number, number, string, bigint, bigint, string, number, number],
      StretchRow
    >(HOUR_SQL.toldStretches),
    toldCounts: read<
      [number, number, string, number, number],
      [bigint, string, bigint, bigint, bigint, bigint]
    >(HOUR_SQL.toldCounts),
    toldEpochs: read<[number, number, string], [bigint, bigint, bigint]>(HOUR_SQL.toldEpochs),
    held: { up: held(HOUR_SQL.heldUp), down: held(HOUR_SQL.heldDown) },
    moved: held(HOUR_SQL.movedDown),
    behind: { up: behind(HOUR_SQL.behindUp), down: behind(HOUR_SQL.behindDown) },
    epoch: { up: epoch(HOUR_SQL.epochUp), down: epoch(HOUR_SQL.epochDown) },
  };
}
