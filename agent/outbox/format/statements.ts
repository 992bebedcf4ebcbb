/**
 * Every SQL statement of the outbox, with the index that it must use.
 *
 * Constants, so that the query-plan test reads what production runs (05 S5). Epoch and seq are 63-bit:
 * statements that return them are prepared with safe integers.
 *
 * @module
 */

import { FILE_STATEMENTS, type FileIndex } from "./file-statements.ts";
import { HOUR_STATEMENTS, type HourIndex } from "./hour-statements.ts";
import { IDENTITY_STATEMENTS } from "./identity-statements.ts";
import { INBOX_STATEMENTS } from "./inbox-statements.ts";
import { SUPPORT_STATEMENTS, type SupportIndex } from "./support-statements.ts";
import { TRUST_STATEMENTS, type TrustIndex } from "./trust-statements.ts";

export interface Statement {
  readonly sql: string;
  /** What `EXPLAIN QUERY PLAN` must name; `insert` for statements that search nothing. */
  readonly uses:
    | "primary key"
    | "insert"
    | "small table"
    | "message_by_seq"
    | "upload_incomplete"
    | "quarantine_by_content"
    | "quarantine_expendable"
    | "inbox_by_seq"
    | "inbox_waiting"
    | "inbox_awaiting"
    | "inbox_aside"
    | "inbox_held"
    | "inbox_kept"
    | "inbox_prunable"
    | "inbox_ledger"
    | FileIndex
    | TrustIndex
    | HourIndex
    | SupportIndex;
}

export const STATEMENTS = {
  ...INBOX_STATEMENTS,
  ...FILE_STATEMENTS,
  ...TRUST_STATEMENTS,
  ...SUPPORT_STATEMENTS,
  ...IDENTITY_STATEMENTS,
  ...HOUR_STATEMENTS,

  channelInsert: { sql: "INSERT INTO channel (name) VALUES (?)", uses: "insert" },
  channelList: { sql: "SELECT id, name FROM channel ORDER BY id", uses: "small table" },
  cursorInsert: {
    sql: "INSERT INTO cursor (channel, epoch) VALUES (?, ?)",
    uses: "insert",
  },
  cursorEpochs: {
    sql: `SELECT epoch, acked, trimmed, acked_bytes, trimmed_bytes, trimmed_chain, ended, final, moved
          FROM cursor WHERE channel = ? ORDER BY epoch`,
    uses: "primary key",
  },
  cursorBegin: {
    sql: "INSERT INTO cursor (channel, epoch, ended, final) VALUES (?, ?, ?, ?)",
    uses: "insert",
  },
  cursorEnd: {
    sql: "UPDATE cursor SET ended = ?, final = ?, moved = NULL WHERE channel = ? AND epoch = ?",
    uses: "primary key",
  },
  cursorMove: {
    sql: "UPDATE cursor SET moved = ?, final = ? WHERE channel = ? AND epoch = ?",
    uses: "primary key",
  },
  cursorTrimmed: {
    sql: "SELECT trimmed, trimmed_chain FROM cursor WHERE channel = ? AND epoch = ?",
    uses: "primary key",
  },
  cursorSettle: {
    sql: `UPDATE cursor SET acked = ?, acked_bytes = ?, sent = max(sent, ?)
          WHERE channel = ? AND epoch = ? AND acked < ?`,
    uses: "primary key",
  },

  cursorTrim: {
    sql: `UPDATE cursor SET trimmed = ?, trimmed_bytes = ?, trimmed_chain = ?
          WHERE channel = ? AND epoch = ? AND trimmed < ? AND (acked >= ? OR ended = 2)`,
    uses: "primary key",
  },
  cursorReseal: {
    sql: "UPDATE cursor SET trimmed_chain = ? WHERE channel = ? AND epoch = ?",
    uses: "primary key",
  },
  settleMarkInsert: {
    sql: "INSERT OR REPLACE INTO settle_mark (channel, epoch, at_ms, seq) VALUES (?, ?, ?, ?)",
    uses: "insert",
  },
  settleMarkBefore: {
    sql: `SELECT at_ms, seq FROM settle_mark WHERE channel = ? AND epoch = ? AND at_ms <= ?
          ORDER BY at_ms DESC LIMIT 1`,
    uses: "primary key",
  },
  settleMarkFirst: {
    sql: `SELECT at_ms FROM settle_mark WHERE channel = ? AND epoch = ? AND seq >= ?
          ORDER BY at_ms LIMIT 1`,
    uses: "primary key",
  },
  settleMarkForget: {
    sql: "DELETE FROM settle_mark WHERE channel = ? AND epoch = ? AND at_ms < ?",
    uses: "primary key",
  },
  settleMarkForgetAfter: {
    sql: "DELETE FROM settle_mark WHERE channel = ? AND epoch = ? AND at_ms > ?",
    uses: "primary key",
  },
  keyMarkInsert: {
    sql: `INSERT OR REPLACE INTO key_mark (epoch, segment, upload, quarantine, recent)
          VALUES (?, ?, ?, ?, ?)`,
    uses: "insert",
  },
  keyMarkList: {
    sql: "SELECT epoch, segment, upload, quarantine, recent FROM key_mark ORDER BY epoch DESC",
    uses: "small table",
  },
  keyMarkForget: { sql: "DELETE FROM key_mark WHERE epoch <= ?", uses: "primary key" },

  messageInsert: {
    sql: `INSERT INTO message (channel, epoch, seq, received_at_ms, length, flags, segment, record_at,
            upload, upload_at, through_bytes, control_token, content_token)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    uses: "insert",
  },
  messageTail: {
    sql: `SELECT seq, through_bytes, segment, record_at FROM message
          WHERE channel = ? AND epoch = ? ORDER BY seq DESC LIMIT 1`,
    uses: "message_by_seq",
  },
  messageAt: {
    sql: `SELECT segment, record_at, received_at_ms, through_bytes FROM message
          WHERE channel = ? AND epoch = ? AND seq = ?`,
    uses: "message_by_seq",
  },
  messageRange: {
    sql: `SELECT id, seq, received_at_ms, length, flags, segment, record_at, upload, upload_at
          FROM message WHERE channel = ? AND epoch = ? AND seq > ? ORDER BY seq LIMIT ?`,
    uses: "message_by_seq",
  },
  messageIdentity: {
    sql: "SELECT content_token, epoch, seq, flags FROM message WHERE id = ?",
    uses: "primary key",
  },
  messagePrunable: {
    sql: `SELECT seq, received_at_ms, length, segment, record_at, upload, through_bytes FROM message
          WHERE channel = ? AND epoch = ? AND seq > ? ORDER BY seq LIMIT ?`,
    uses: "message_by_seq",
  },
  messageLedger: {
    sql: `SELECT seq, received_at_ms FROM message
          WHERE channel = ? AND epoch = ? ORDER BY seq LIMIT ?`,
    uses: "message_by_seq",
  },
  messageForget: {
    sql: "DELETE FROM message WHERE channel = ? AND epoch = ? AND seq <= ?",
    uses: "message_by_seq",
  },
  messageFirstId: { sql: "SELECT min(id) FROM message", uses: "primary key" },
  messageDisown: {
    sql: `UPDATE message SET content_token = x''
          WHERE channel = ? AND epoch = ? AND seq BETWEEN ? AND ?`,
    uses: "message_by_seq",
  },
  messageMark: { sql: "UPDATE message SET flags = flags | ? WHERE id = ?", uses: "primary key" },
  messageLastId: { sql: "SELECT max(id) FROM message", uses: "primary key" },
  messageSearch: {
    sql: `SELECT id, channel, epoch, seq, received_at_ms, length, flags, segment, record_at, control_token
          FROM message WHERE id < ? ORDER BY id DESC LIMIT ?`,
    uses: "primary key",
  },
  messageWalk: {
    sql: `SELECT id, channel, epoch, seq, received_at_ms, length, flags, segment, record_at, upload,
            upload_at, control_token, content_token
          FROM message WHERE id > ? ORDER BY id LIMIT ?`,
    uses: "primary key",
  },
  messageSelect: {
    sql: `SELECT id, channel, epoch, seq, received_at_ms, length, flags, segment, record_at, upload,
            upload_at, control_token, content_token
          FROM message WHERE channel = ? AND epoch = ? AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?`,
    uses: "message_by_seq",
  },
  missingInsert: {
    sql: `INSERT INTO missing (channel, epoch, first_seq, last_seq, cause, found_at_ms)
          VALUES (?, ?, ?, ?, ?, ?)`,
    uses: "insert",
  },
  missingList: {
    sql: `SELECT channel, epoch, first_seq, last_seq, cause, found_at_ms FROM missing
          WHERE id > 0 ORDER BY id DESC LIMIT ?`,
    uses: "primary key",
  },
  missingDamaged: {
    sql: `SELECT last_seq FROM missing WHERE id > 0 AND channel = ? AND epoch = ? AND cause = 'damaged'
            AND first_seq <= ? AND last_seq >= ? ORDER BY id DESC LIMIT 1`,
    uses: "primary key",
  },
  missingBefore: {
    sql: `SELECT first_seq FROM missing WHERE id > 0 AND channel = ? AND epoch = ? AND cause = 'damaged'
            AND first_seq <= ? LIMIT 1`,
    uses: "primary key",
  },
  /** Numbers go on behind those of a store that was ahead of this one. */
  sequenceRead: { sql: "SELECT seq FROM sqlite_sequence WHERE name = ?", uses: "small table" },
  sequenceBegin: { sql: "INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", uses: "insert" },
  sequenceMove: {
    sql: "UPDATE sqlite_sequence SET seq = ? WHERE name = ? AND seq < ?",
    uses: "small table",
  },
  segmentInsert: { sql: "INSERT INTO segment (id, bytes) VALUES (?, ?)", uses: "insert" },
  segmentRead: { sql: "SELECT bytes FROM segment WHERE id = ?", uses: "primary key" },
  segmentDelete: { sql: "DELETE FROM segment WHERE id = ?", uses: "primary key" },
  segmentNext: {
    sql: "SELECT id FROM segment WHERE id > ? ORDER BY id LIMIT 1",
    uses: "primary key",
  },
  segmentSequence: {
    sql: "SELECT seq FROM sqlite_sequence WHERE name = 'segment'",
    uses: "small table",
  },

  uploadInsert: {
    sql: "INSERT OR IGNORE INTO upload (id, complete) VALUES (?, 0)",
    uses: "insert",
  },
  uploadComplete: {
    sql: "UPDATE upload SET complete = 1, uses = ? WHERE id = ?",
    uses: "primary key",
  },
  uploadGoesOn: {
    sql: "UPDATE upload SET complete = 0, uses = ? WHERE id = ?",
    uses: "primary key",
  },
  uploadStanding: { sql: "SELECT complete, uses FROM upload WHERE id = ?", uses: "primary key" },
  uploadUses: { sql: "SELECT uses FROM upload WHERE id = ?", uses: "primary key" },
  uploadRetain: { sql: "UPDATE upload SET uses = uses + 1 WHERE id = ?", uses: "primary key" },
  uploadRelease: { sql: "UPDATE upload SET uses = uses - 1 WHERE id = ?", uses: "primary key" },
  uploadSequence: {
    sql: "SELECT seq FROM sqlite_sequence WHERE name = 'upload'",
    uses: "small table",
  },
  uploadIncomplete: {
    sql: "SELECT id FROM upload WHERE complete = 0",
    uses: "upload_incomplete",
  },
  uploadDoom: { sql: "UPDATE upload SET complete = 0, uses = 0 WHERE id = ?", uses: "primary key" },
  uploadDoomed: {
    sql: "SELECT id FROM upload WHERE complete = 0 AND uses = 0 LIMIT 1",
    uses: "upload_incomplete",
  },
  uploadDelete: { sql: "DELETE FROM upload WHERE id = ?", uses: "primary key" },
  sliceInsert: {
    sql: "INSERT INTO slice (upload, ordinal, bytes) VALUES (?, ?, ?)",
    uses: "insert",
  },
  sliceRead: {
    sql: "SELECT bytes FROM slice WHERE upload = ? AND ordinal = ?",
    uses: "primary key",
  },
  sliceLength: {
    sql: "SELECT length(bytes) FROM slice WHERE upload = ? AND ordinal = 0",
    uses: "primary key",
  },
  sliceTotals: {
    sql: `SELECT count(*), coalesce(max(ordinal), -1) + 1, coalesce(sum(length(bytes)), 0)
          FROM slice WHERE upload = ?`,
    uses: "primary key",
  },
  sliceLast: {
    sql: "SELECT ordinal FROM slice WHERE upload = ? AND ordinal < ? ORDER BY ordinal DESC LIMIT ?",
    uses: "primary key",
  },
  sliceDeleteAt: {
    sql: "DELETE FROM slice WHERE upload = ? AND ordinal = ?",
    uses: "primary key",
  },
  sliceSealed: {
    sql: `SELECT upload, ordinal FROM slice WHERE (upload, ordinal) > (?, ?) AND upload <= ?
          ORDER BY upload, ordinal LIMIT ?`,
    uses: "primary key",
  },
  sliceReseal: {
    sql: "UPDATE slice SET bytes = ? WHERE upload = ? AND ordinal = ?",
    uses: "primary key",
  },
  sliceDelete: { sql: "DELETE FROM slice WHERE upload = ?", uses: "primary key" },

  quarantineInsert: {
    sql: `INSERT INTO quarantine (id, channel, received_at_ms, reason, length, content_token, sealed,
            kept_bytes, upload, body_at, kept)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    uses: "insert",
  },
  quarantineFind: {
    sql: `SELECT id FROM quarantine WHERE channel = ? AND content_token = ? AND reason = ? AND length = ?
            AND max(received_at_ms, coalesce(last_at_ms, 0)) >= ? LIMIT 1`,
    uses: "quarantine_by_content",
  },
  quarantineExpendable: {
    sql: `SELECT id, kept FROM quarantine WHERE channel = ?
            AND reason IN ('abandoned', 'partial', 'tooLarge', 'junk') ORDER BY id LIMIT ?`,
    uses: "quarantine_expendable",
  },
  quarantineKept: {
    sql: "SELECT channel, kept, upload FROM quarantine WHERE id = ?",
    uses: "primary key",
  },
  quarantineDelete: { sql: "DELETE FROM quarantine WHERE id = ?", uses: "primary key" },
  quarantineList: {
    sql: `SELECT id, channel, received_at_ms, last_at_ms, repeat_count, reason, length, sealed,
            kept_bytes, coalesce(upload, 0), body_at
          FROM quarantine WHERE id < ? ORDER BY id DESC LIMIT ?`,
    uses: "primary key",
  },
  quarantineWalk: {
    sql: "SELECT id, channel FROM quarantine WHERE id > ? ORDER BY id LIMIT ?",
    uses: "primary key",
  },
  quarantineAt: {
    sql: `SELECT channel, reason, length, sealed, coalesce(upload, 0), body_at, content_token
          FROM quarantine WHERE id = ?`,
    uses: "primary key",
  },
  quarantineSealed: {
    sql: "SELECT id, channel FROM quarantine WHERE id > ? AND id <= ? ORDER BY id LIMIT ?",
    uses: "primary key",
  },
  quarantineSealedAt: { sql: "SELECT sealed FROM quarantine WHERE id = ?", uses: "primary key" },
  quarantineReseal: { sql: "UPDATE quarantine SET sealed = ? WHERE id = ?", uses: "primary key" },
  quarantineSequence: {
    sql: "SELECT seq FROM sqlite_sequence WHERE name = 'quarantine'",
    uses: "small table",
  },
  quarantineRepeat: {
    sql: `UPDATE quarantine SET repeat_count = repeat_count + 1, last_at_ms = ? WHERE id = ?`,
    uses: "primary key",
  },
  quarantineTotals: {
    sql: "SELECT channel, count, bytes FROM quarantine_total",
    uses: "small table",
  },
  quarantineTotalsMove: {
    sql: "INSERT OR REPLACE INTO quarantine_total (channel, count, bytes) VALUES (?, ?, ?)",
    uses: "insert",
  },

  recentInsert: { sql: "INSERT INTO recent (id, entries) VALUES (?, ?)", uses: "insert" },
  recentAfter: {
    sql: "SELECT id, entries FROM recent WHERE id > ? ORDER BY id",
    uses: "primary key",
  },
  recentLast: { sql: "SELECT max(id) FROM recent", uses: "primary key" },
  recentSealed: {
    sql: "SELECT id FROM recent WHERE id > ? AND id <= ? ORDER BY id LIMIT ?",
    uses: "primary key",
  },
  recentAt: { sql: "SELECT entries FROM recent WHERE id = ?", uses: "primary key" },
  recentReseal: { sql: "UPDATE recent SET entries = ? WHERE id = ?", uses: "primary key" },
  recentForget: { sql: "DELETE FROM recent WHERE id <= ?", uses: "primary key" },

  ackExceptionInsert: {
    sql: "INSERT OR REPLACE INTO ack_exception (first_id, last_id, state) VALUES (?, ?, ?)",
    uses: "insert",
  },
  ackExceptionAt: {
    sql: `SELECT last_id, state FROM ack_exception WHERE first_id <= ?
          ORDER BY first_id DESC LIMIT 1`,
    uses: "primary key",
  },
  ackExceptionForget: {
    sql: "DELETE FROM ack_exception WHERE first_id < ? AND last_id < ?",
    uses: "primary key",
  },
  ackExceptionDelete: {
    sql: "DELETE FROM ack_exception WHERE first_id = ? AND last_id = first_id",
    uses: "primary key",
  },
} as const satisfies Record<string, Statement>;

export type StatementName = keyof typeof STATEMENTS;
