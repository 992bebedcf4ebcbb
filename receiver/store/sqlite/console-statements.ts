/** Every statement of the console, with the index that it must use: the query-plan test reads them, too. @module */
import type { Database } from "better-sqlite3";
import { preparing } from "./preparing.ts";

export const CONSOLE_SCHEMA = `
  CREATE TABLE presence (
    agent INTEGER PRIMARY KEY,
    session INTEGER NOT NULL,
    seen_ms INTEGER NOT NULL,
    gone_ms INTEGER
  ) STRICT;

  CREATE TABLE console_item (
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    body TEXT NOT NULL,
    expires_ms INTEGER NOT NULL,
    PRIMARY KEY (kind, key)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE console_entry (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms INTEGER NOT NULL,
    who TEXT NOT NULL,
    role TEXT NOT NULL,
    action TEXT NOT NULL,
    agent TEXT NOT NULL,
    detail TEXT NOT NULL
  ) STRICT;
  CREATE TRIGGER console_entry_stays BEFORE UPDATE ON console_entry
    BEGIN SELECT RAISE(ABORT, 'append-only'); END;
  -- INSERT OR REPLACE deletes without asking the trigger below.
  CREATE TRIGGER console_entry_is_new BEFORE INSERT ON console_entry
    WHEN EXISTS (SELECT 1 FROM console_entry WHERE id = NEW.id)
    BEGIN SELECT RAISE(ABORT, 'append-only'); END;
  CREATE TRIGGER console_entry_remains BEFORE DELETE ON console_entry
    BEGIN SELECT RAISE(ABORT, 'append-only'); END;`;

/** The newest message of each channel of an agent, by the key of `inbox`. */
const NEWEST = `FROM channel c JOIN inbox i ON i.agent = c.agent AND i.channel = c.channel
  AND i.epoch = c.epoch AND i.seq = c.last_seq
  WHERE c.agent = a.id AND c.direction = 0 AND c.channel NOT GLOB '$*'`;

export const CONSOLE_SQL = {
  noteHere: `INSERT INTO presence (agent, session, seen_ms, gone_ms) VALUES (?, ?, ?, NULL)
    ON CONFLICT (agent) DO UPDATE SET session = excluded.session, seen_ms = excluded.seen_ms,
      gone_ms = NULL
    WHERE excluded.session >= session`,
  noteGone: "UPDATE presence SET seen_ms = ?, gone_ms = ? WHERE agent = ? AND session = ?",
  standings: `SELECT a.id, p.seen_ms, p.gone_ms, r.reported_ms, r.received_ms, r.report,
      h.device_key, h.received_ms, h.envelope, (SELECT max(i.stored_ms) ${NEWEST}),
      (SELECT max(i.stored_ms - i.received_ms) ${NEWEST})
    FROM agent a LEFT JOIN presence p ON p.agent = a.id
      LEFT JOIN alarm_report r ON r.agent = a.id
      LEFT JOIN head h
        ON h.id = (SELECT n.id FROM head n WHERE n.agent = a.id ORDER BY n.id DESC LIMIT 1)
    WHERE a.id > ? ORDER BY a.id LIMIT ?`,
  messageTimes: `SELECT seq, received_ms, stored_ms FROM inbox
    WHERE agent = ? AND channel = ? AND epoch = ? AND seq = ?`,
  recentOutgoing: `SELECT id, epoch, seq, key, bytes, queued_ms, settled_ms, outcome
    FROM outgoing WHERE agent = ? AND channel = ? AND id < ? ORDER BY id DESC LIMIT ?`,
  countItems: "SELECT count(*) FROM console_item WHERE kind = ?",
  forgetItems: "DELETE FROM console_item WHERE kind = ? AND expires_ms <= ?",
  addItem: `INSERT INTO console_item (kind, key, body, expires_ms) VALUES (?, ?, ?, ?)
    ON CONFLICT DO NOTHING`,
  changeItem: "UPDATE console_item SET body = ?, expires_ms = ? WHERE kind = ? AND key = ?",
  itemsOf: "SELECT kind, key, body, expires_ms FROM console_item WHERE kind = ? ORDER BY key",
  findItem: "SELECT kind, key, body, expires_ms FROM console_item WHERE kind = ? AND key = ?",
  takeItem: `DELETE FROM console_item WHERE kind = ? AND key = ?
    RETURNING kind, key, body, expires_ms`,
  addEntry: `INSERT INTO console_entry (at_ms, who, role, action, agent, detail)
    VALUES (?, ?, ?, ?, ?, ?)`,
  entriesBefore: `SELECT id, at_ms, who, role, action, agent, detail FROM console_entry
    WHERE id < ? ORDER BY id DESC LIMIT ?`,
} as const satisfies Record<string, string>;

export type StandingRow = [
  ...[agent: bigint, seenMs: bigint | null, goneMs: bigint | null, reportedMs: bigint | null],
  ...[alarmsReceivedMs: bigint | null, report: string | null, deviceKey: string | null],
  ...[headReceivedMs: bigint | null, envelope: string | null, lastStoredMs: bigint | null],
  waitedMs: bigint | null,
];
export type TimesRow = [seq: bigint, receivedMs: bigint, storedMs: bigint];
export type RecentRow = [
  ...[id: bigint, epoch: bigint, seq: bigint, key: string | null, bytes: bigint],
  ...[queuedMs: bigint, settledMs: bigint | null, outcome: string | null],
];
export type ItemRow = [kind: string, key: string, body: string, expiresMs: bigint];
export type EntryRow = [
  ...[id: bigint, atMs: bigint, who: string, role: string, action: string, agent: string],
  detail: string,
];

export function prepareConsole(db: Database) {
  const { read, write } = preparing(db);
  return {
    noteHere: write<[agent: number, session: number, atMs: number]>(CONSOLE_SQL.noteHere),
    noteGone: write<[seenMs: number, goneMs: number, agent: number, session: number]>(
      CONSOLE_SQL.noteGone,
    ),
    standings: read<[after: number, limit: number], StandingRow>(CONSOLE_SQL.standings),
    messageTimes: read<[agent: number, channel: string, epoch: bigint, seq: bigint], TimesRow>(
      CONSOLE_SQL.messageTimes,
    ),
    recentOutgoing: read<
      [agent: number, channel: string, before: number, limit: number],
      RecentRow
    >(CONSOLE_SQL.recentOutgoing),
    countItems: read<[kind: string], [bigint]>(CONSOLE_SQL.countItems),
    forgetItems: write<[kind: string, atMs: number]>(CONSOLE_SQL.forgetItems),
    addItem: write<[kind: string, key: string, body: string, expiresMs: number]>(
      CONSOLE_SQL.addItem,
    ),
    changeItem: write<[body: string, expiresMs: number, kind: string, key: string]>(
      CONSOLE_SQL.changeItem,
    ),
    itemsOf: read<[kind: string], ItemRow>(CONSOLE_SQL.itemsOf),
    findItem: read<[kind: string, key: string], ItemRow>(CONSOLE_SQL.findItem),
    takeItem: read<[kind: string, key: string], ItemRow>(CONSOLE_SQL.takeItem),
    addEntry: write<
      [atMs: number, who: string, role: string, action: string, agent: string, detail: string]
    >(CONSOLE_SQL.addEntry),
    entriesBefore: read<[before: number, limit: number], EntryRow>(CONSOLE_SQL.entriesBefore),
  };
}
