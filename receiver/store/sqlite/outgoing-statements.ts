/**
 * Every statement of the outbox for hospital systems, with the index that it must use: the query-plan
 * test reads these constants, too.
 *
 * @module
 */
import type { Database } from "better-sqlite3";
import { LARGE_MESSAGE_BYTES } from "#protocol/limits.ts";
import { COMMANDS_CHANNEL } from "../../served-channels.ts";
import { preparing } from "./preparing.ts";

export const OUTGOING_SCHEMA = `CREATE TABLE outgoing_channel (
    agent INTEGER NOT NULL REFERENCES agent (id),
    channel TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    last_seq INTEGER NOT NULL DEFAULT 0,
    acked_seq INTEGER NOT NULL DEFAULT 0,
    chain BLOB NOT NULL,
    previous_epoch INTEGER,
    previous_final INTEGER,
    PRIMARY KEY (agent, channel)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE outgoing (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    agent INTEGER NOT NULL,
    channel TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    chain BLOB NOT NULL,
    queued_ms INTEGER NOT NULL,
    settled_ms INTEGER,
    meta TEXT NOT NULL,
    key TEXT,
    replaces_epoch INTEGER,
    replaces_seq INTEGER,
    bytes INTEGER NOT NULL,
    outcome TEXT,
    kept INTEGER NOT NULL DEFAULT 1,
    body BLOB NOT NULL,
    UNIQUE (agent, channel, epoch, seq)
  ) STRICT;
  CREATE UNIQUE INDEX outgoing_by_key ON outgoing (agent, channel, key) WHERE key IS NOT NULL;
  CREATE INDEX outgoing_by_channel ON outgoing (agent, channel, id);
  CREATE INDEX outgoing_kept ON outgoing (agent, channel, epoch, seq) WHERE kept = 1;
  CREATE INDEX outgoing_replaces ON outgoing (agent, channel, replaces_epoch, replaces_seq)
    WHERE replaces_seq IS NOT NULL;
  CREATE INDEX outgoing_prunable ON outgoing (settled_ms) WHERE kept = 1 AND settled_ms IS NOT NULL;`;

export const COMMAND_SCHEMA = `CREATE INDEX outgoing_open ON outgoing (agent, id)
    WHERE channel = '${COMMANDS_CHANNEL}' AND outcome IS NULL;`;

export const OUTGOING_SQL = {
  // Index: the primary key of outgoing_channel.
  readChannel: `SELECT epoch, last_seq, acked_seq, chain, previous_epoch, previous_final
    FROM outgoing_channel WHERE agent = ? AND channel = ?`,
  insertChannel: "INSERT INTO outgoing_channel (agent, channel, epoch, chain) VALUES (?, ?, 1, ?)",
  advance: "UPDATE outgoing_channel SET last_seq = ?, chain = ? WHERE agent = ? AND channel = ?",
  settle: `UPDATE outgoing_channel SET acked_seq = ?
    WHERE agent = ? AND channel = ? AND epoch = ? AND acked_seq < ?`,
  beginEpoch: `UPDATE outgoing_channel SET epoch = ?, last_seq = ?, acked_seq = 0, chain = ?,
    previous_epoch = ?, previous_final = ? WHERE agent = ? AND channel = ?`,
  // And, for the oldest, outgoing_kept.
  listChannels: `SELECT channel, epoch, last_seq, acked_seq,
      (SELECT min(seq) FROM outgoing o WHERE o.agent = c.agent AND o.channel = c.channel
        AND o.epoch = c.epoch AND kept = 1),
      previous_epoch, previous_final
    FROM outgoing_channel c WHERE agent = ? AND channel > ? ORDER BY channel LIMIT ?`,

  // Index: outgoing_by_key.
  findKey: `SELECT id, epoch, seq, sha256 FROM outgoing
    WHERE agent = ? AND channel = ? AND key = ?`,
  insert: `INSERT INTO outgoing (agent, channel, epoch, seq, sha256, chain, queued_ms, meta, key,
    bytes, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
  // Index: outgoing(agent, channel, epoch, seq).
  read: `SELECT id, epoch, seq, sha256, queued_ms, meta, bytes, replaces_epoch, replaces_seq,
      iif(bytes <= ${LARGE_MESSAGE_BYTES}, body, NULL) FROM outgoing
    WHERE agent = ? AND channel = ? AND epoch = ? AND seq > ? AND kept = 1 ORDER BY seq LIMIT ?`,
  readPart: `SELECT substr(body, ?, ?) FROM outgoing
    WHERE agent = ? AND channel = ? AND epoch = ? AND seq = ? AND kept = 1`,
  readChain: `SELECT chain FROM outgoing
    WHERE agent = ? AND channel = ? AND epoch = ? AND seq = ?`,
  markSettled: `UPDATE outgoing SET settled_ms = ?
    WHERE agent = ? AND channel = ? AND epoch = ? AND seq > ? AND seq <= ?`,
  lacking: `SELECT id, sha256, kept FROM outgoing
    WHERE agent = ? AND channel = ? AND (epoch, seq) > (?, ?) AND epoch BETWEEN ? AND ?
    ORDER BY epoch, seq`,
  // Index: the primary key of outgoing.
  renumber: `UPDATE outgoing SET replaces_epoch = coalesce(replaces_epoch, epoch),
    replaces_seq = coalesce(replaces_seq, seq), epoch = ?, seq = ?, chain = ?, settled_ms = NULL
    WHERE id = ?`,
  lastId: "SELECT max(id) FROM outgoing",
  enqueuedSince: "SELECT id, agent FROM outgoing WHERE id > ? ORDER BY id LIMIT ?",
  noteOutcome: `UPDATE outgoing SET outcome = ?
    WHERE agent = ? AND channel = ? AND epoch = ? AND seq = ? AND outcome IS NULL`,
  // Index: outgoing_replaces.
  noteReplaced: `UPDATE outgoing SET outcome = ?
    WHERE agent = ? AND channel = ? AND replaces_epoch = ? AND replaces_seq = ? AND outcome IS NULL`,
  // Index: outgoing_open.
  openCommands: `SELECT key, body FROM outgoing
    WHERE agent = ? AND channel = '${COMMANDS_CHANNEL}' AND outcome IS NULL ORDER BY id LIMIT ?`,
  // Index: outgoing_by_key.
  answerCommand: `UPDATE outgoing SET outcome = ?, settled_ms = ?
    WHERE agent = ? AND channel = '${COMMANDS_CHANNEL}' AND key = ? AND outcome IS NULL`,
  // Index: outgoing_by_channel.
  list: `SELECT id, epoch, seq, key, bytes, queued_ms, settled_ms, outcome FROM outgoing
    WHERE agent = ? AND channel = ? AND id > ? ORDER BY id LIMIT ?`,
  // Index: outgoing_prunable.
  prune: `UPDATE outgoing SET kept = 0, body = zeroblob(0) WHERE id IN
    (SELECT id FROM outgoing WHERE kept = 1 AND settled_ms < ? ORDER BY settled_ms LIMIT ?)`,
} as const satisfies Record<string, string>;

type Bytes = Uint8Array;
type Key = [agent: number, channel: string];
export type OutgoingChannelRow = [
  epoch: bigint,
  lastSeq: bigint,
  ackedSeq: bigint,
  chain: Bytes,
  previousEpoch: bigint | null,
  previousFinal: bigint | null,
];
export type OutgoingMessageRow = [
  id: bigint,
  epoch: bigint,
  seq: bigint,
  sha256: Bytes,
  queuedMs: bigint,
  meta: string,
  bytes: bigint,
  replacesEpoch: bigint | null,
  replacesSeq: bigint | null,
  body: Bytes | null,
];

export type PreparedOutgoing = ReturnType<typeof prepareOutgoing>;

export function prepareOutgoing(db: Database) {
  const { read, write } = preparing(db);
  return {
    readChannel: read<Key, OutgoingChannelRow>(OUTGOING_SQL.readChannel),
    insertChannel: write<[...Key, chain: Bytes]>(OUTGOING_SQL.insertChannel),
    advance: write<[lastSeq: bigint, chain: Bytes, ...Key]>(OUTGOING_SQL.advance),
    settle: write<[seq: bigint, ...Key, epoch: bigint, seq: bigint]>(OUTGOING_SQL.settle),
    beginEpoch: write<
      [epoch: bigint, lastSeq: bigint, chain: Bytes, previous: bigint, final: bigint | null, ...Key]
    >(OUTGOING_SQL.beginEpoch),
    listChannels: read<
      [number, after: string, limit: number],
      [string, bigint, bigint, bigint, oldest: bigint | null, bigint | null, bigint | null]
    >(OUTGOING_SQL.listChannels),
    findKey: read<[...Key, key: string], [id: bigint, epoch: bigint, seq: bigint, Bytes]>(
      OUTGOING_SQL.findKey,
    ),
    insert: read<
      [
        ...Key,
        epoch: bigint,
        seq: bigint,
        sha256: Bytes,
        chain: Bytes,
        queuedMs: number,
        meta: string,
        key: string | null,
        bytes: number,
        body: Bytes,
      ],
      [id: bigint]
    >(OUTGOING_SQL.insert),
    read: read<[...Key, epoch: bigint, after: bigint, limit: number], OutgoingMessageRow>(
      OUTGOING_SQL.read,
    ),
    readPart: read<[from: number, bytes: number, ...Key, epoch: bigint, seq: bigint], [Bytes]>(
      OUTGOING_SQL.readPart,
    ),
    readChain: read<[...Key, epoch: bigint, seq: bigint], [Bytes]>(OUTGOING_SQL.readChain),
    markSettled: write<[atMs: number, ...Key, epoch: bigint, after: bigint, upTo: bigint]>(
      OUTGOING_SQL.markSettled,
    ),
    lacking: read<
      [...Key, epoch: bigint, after: bigint, fromEpoch: bigint, toEpoch: bigint],
      [id: bigint, sha256: Bytes, kept: bigint]
    >(OUTGOING_SQL.lacking),
    renumber: write<[epoch: bigint, seq: bigint, chain: Bytes, id: bigint]>(OUTGOING_SQL.renumber),
    lastId: read<[], [id: bigint | null]>(OUTGOING_SQL.lastId),
    enqueuedSince: read<[after: number, limit: number], [id: bigint, agent: bigint]>(
      OUTGOING_SQL.enqueuedSince,
    ),
    noteOutcome: write<[outcome: string, ...Key, epoch: bigint, seq: bigint]>(
      OUTGOING_SQL.noteOutcome,
    ),
    noteReplaced: write<[outcome: string, ...Key, epoch: bigint, seq: bigint]>(
      OUTGOING_SQL.noteReplaced,
    ),
    openCommands: read<[agent: number, limit: number], [key: string, body: Bytes]>(
      OUTGOING_SQL.openCommands,
    ),
    answerCommand: write<[outcome: string, atMs: number, agent: number, key: string]>(
      OUTGOING_SQL.answerCommand,
    ),
    list: read<
      [...Key, after: number, limit: number],
      [bigint, bigint, bigint, string | null, bigint, bigint, bigint | null, string | null]
    >(OUTGOING_SQL.list),
    prune: write<[beforeMs: number, limit: number]>(OUTGOING_SQL.prune),
  };
}
