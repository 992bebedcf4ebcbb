/**
 * SQL of the inbox, with the index that each statement must use; part of `STATEMENTS`.
 *
 * States are those of `row-states.ts`, written out: a partial index is used only where its condition stands in
 * the statement.
 *
 * @module
 */

export const INBOX_STATEMENTS = {
  inboxChannelAt: {
    sql: "SELECT id, epoch, last_seq, chain, repeat_through FROM inbox_channel WHERE name = ?",
    uses: "primary key",
  },
  inboxChannelList: {
    sql: `SELECT id, name, epoch, last_seq, open_count, open_bytes, aside_count, aside_bytes
          FROM inbox_channel WHERE id > 0 ORDER BY id`,
    uses: "primary key",
  },
  inboxChannelName: {
    sql: "SELECT name FROM inbox_channel WHERE id = ?",
    uses: "primary key",
  },
  inboxChannelInsert: {
    sql: "INSERT INTO inbox_channel (name, epoch, last_seq) VALUES (?, ?, 0)",
    uses: "insert",
  },
  inboxChannelMove: {
    sql: "UPDATE inbox_channel SET epoch = ?, last_seq = ?, chain = ? WHERE id = ?",
    uses: "primary key",
  },
  inboxChannelRepeats: {
    sql: "UPDATE inbox_channel SET repeat_through = ? WHERE id = ?",
    uses: "primary key",
  },
  inboxChannelCount: {
    sql: `UPDATE inbox_channel SET open_count = open_count + ?, open_bytes = open_bytes + ?,
            aside_count = aside_count + ?, aside_bytes = aside_bytes + ? WHERE id = ?`,
    uses: "primary key",
  },
  inboxChannelChains: {
    sql: "SELECT id, epoch, chain FROM inbox_channel WHERE id > 0 ORDER BY id",
    uses: "primary key",
  },
  inboxChannelReseal: {
    sql: "UPDATE inbox_channel SET chain = ? WHERE id = ?",
    uses: "primary key",
  },

  inboxEpochInsert: {
    sql: "INSERT INTO inbox_epoch (channel, epoch, final_seq, final_chain) VALUES (?, ?, ?, ?)",
    uses: "insert",
  },
  inboxEpochFinal: {
    sql: "SELECT final_seq FROM inbox_epoch WHERE channel = ? AND epoch = ?",
    uses: "primary key",
  },
  inboxEpochChains: {
    sql: `SELECT channel, epoch, final_chain FROM inbox_epoch WHERE (channel, epoch) > (?, ?)
          ORDER BY channel, epoch LIMIT ?`,
    uses: "primary key",
  },
  inboxEpochReseal: {
    sql: "UPDATE inbox_epoch SET final_chain = ? WHERE channel = ? AND epoch = ?",
    uses: "primary key",
  },

  inboxGapInsert: {
    sql: `INSERT INTO inbox_gap (channel, epoch, first_seq, last_seq, kind, recorded_at_ms,
            source_store, sink_store) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    uses: "insert",
  },
  /** Gap records are few: each needed a person, a restore or damage. */
  inboxGapFind: {
    sql: `SELECT id FROM inbox_gap WHERE id > 0 AND channel = ? AND epoch = ?
            AND first_seq <= ? AND (last_seq IS NULL OR last_seq >= ?) LIMIT 1`,
    uses: "primary key",
  },
  inboxGapList: {
    sql: `SELECT inbox_gap.id, inbox_channel.name, inbox_gap.epoch, first_seq, inbox_gap.last_seq, kind,
            recorded_at_ms, acknowledged_at_ms
          FROM inbox_gap JOIN inbox_channel ON inbox_channel.id = inbox_gap.channel
          WHERE inbox_gap.id > ? ORDER BY inbox_gap.id LIMIT ?`,
    uses: "primary key",
  },
  inboxGapAcknowledge: {
    sql: "UPDATE inbox_gap SET acknowledged_at_ms = ? WHERE id = ? AND acknowledged_at_ms IS NULL",
    uses: "primary key",
  },

  inboxInsert: {
    sql: `INSERT INTO inbox (id, channel, epoch, seq, received_at_ms, stored_at_ms, length, content_token,
            kept, head, repeat_of, possible_repeat, state, settled_at_ms)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    uses: "insert",
  },
  inboxFind: {
    sql: "SELECT id, content_token FROM inbox WHERE channel = ? AND epoch = ? AND seq = ?",
    uses: "inbox_by_seq",
  },
  inboxAt: {
    sql: `SELECT channel, epoch, seq, length, state, kept, possible_repeat, code, flags, content_token,
            head, answer FROM inbox WHERE id = ?`,
    uses: "primary key",
  },
  inboxMayRepeatWaiting: {
    sql: "UPDATE inbox SET possible_repeat = 1 WHERE state = 0",
    uses: "inbox_waiting",
  },
  inboxMayRepeatAwaiting: {
    sql: "UPDATE inbox SET possible_repeat = 1 WHERE state = 1",
    uses: "inbox_awaiting",
  },
  inboxMayRepeatOf: {
    sql: "UPDATE inbox SET possible_repeat = 1 WHERE state = 0 AND channel = ?",
    uses: "inbox_waiting",
  },

  inboxNext: {
    sql: `SELECT id, epoch, seq, stored_at_ms, length, claimed, possible_repeat, negative_count,
            reply_error_count, timeout_count
          FROM inbox WHERE state = 0 AND channel = ? ORDER BY epoch, seq LIMIT 1`,
    uses: "inbox_waiting",
  },
  inboxAwaitingList: {
    sql: `SELECT id, channel, await_until_ms, flags, answer FROM inbox
          WHERE state = 1 AND channel = ? ORDER BY id`,
    uses: "inbox_awaiting",
  },
  inboxHeld: {
    sql: "SELECT id, hold, flags FROM inbox WHERE hold IS NOT NULL AND channel = ? LIMIT 1",
    uses: "inbox_held",
  },
  inboxClaim: {
    sql: "UPDATE inbox SET claimed = 1 WHERE id = ? AND state < 2",
    uses: "primary key",
  },
  inboxTries: {
    sql: `UPDATE inbox SET negative_count = ?, reply_error_count = ?, timeout_count = ?
          WHERE id = ? AND state < 2`,
    uses: "primary key",
  },
  inboxAwait: {
    sql: `UPDATE inbox SET state = 1, await_until_ms = ?, flags = ?, code = ?, answer = ?
          WHERE id = ? AND state < 2`,
    uses: "primary key",
  },
  inboxHold: {
    sql: `UPDATE inbox SET state = 0, await_until_ms = NULL, hold = ?, flags = ?,
            code = coalesce(?, code), answer = coalesce(?, answer)
          WHERE id = ? AND state < 2`,
    uses: "primary key",
  },
  inboxRelease: {
    sql: `UPDATE inbox SET hold = NULL, negative_count = 0, reply_error_count = 0, timeout_count = 0
          WHERE id = ? AND state < 2`,
    uses: "primary key",
  },
  inboxSettle: {
    sql: `UPDATE inbox SET state = ?, await_until_ms = NULL, hold = NULL, settled_at_ms = ?, reason = ?,
            flags = ?, code = ?, answer = ? WHERE id = ? AND state < 2`,
    uses: "primary key",
  },

  inboxAsideList: {
    sql: `SELECT inbox.id, inbox_channel.name, inbox.epoch, inbox.seq, received_at_ms, settled_at_ms, length,
            reason, code, flags
          FROM inbox JOIN inbox_channel ON inbox_channel.id = inbox.channel
          WHERE state = 3 AND inbox.id < ? ORDER BY inbox.id DESC LIMIT ?`,
    uses: "inbox_aside",
  },
  inboxPrunable: {
    sql: `SELECT id, length, settled_at_ms FROM inbox WHERE kept = 1 AND state = 2 AND settled_at_ms <= ?
          ORDER BY settled_at_ms LIMIT ?`,
    uses: "inbox_prunable",
  },
  inboxPrune: {
    sql: "UPDATE inbox SET state = ?, kept = 0, head = NULL, answer = NULL WHERE id = ? AND kept = 1",
    uses: "primary key",
  },
  inboxLedger: {
    sql: `SELECT id FROM inbox WHERE kept = 0 AND stored_at_ms < ? ORDER BY stored_at_ms LIMIT ?`,
    uses: "inbox_ledger",
  },
  inboxForget: { sql: "DELETE FROM inbox WHERE id = ? AND kept = 0", uses: "primary key" },
  inboxKept: {
    sql: "SELECT id FROM inbox WHERE kept = 1 AND id > ? ORDER BY id LIMIT ?",
    uses: "inbox_kept",
  },
  inboxKeptBefore: {
    sql: "SELECT id FROM inbox WHERE kept = 1 AND id < ? ORDER BY id DESC LIMIT ?",
    uses: "inbox_kept",
  },
  inboxTimes: {
    sql: "SELECT stored_at_ms, settled_at_ms, reason FROM inbox WHERE id = ?",
    uses: "primary key",
  },
  inboxReseal: {
    sql: "UPDATE inbox SET head = ?, answer = ? WHERE id = ? AND kept = 1",
    uses: "primary key",
  },

  inboxSliceInsert: {
    sql: "INSERT OR REPLACE INTO inbox_slice (body, ordinal, bytes) VALUES (?, ?, ?)",
    uses: "insert",
  },
  inboxSliceRead: {
    sql: "SELECT bytes FROM inbox_slice WHERE body = ? AND ordinal = ?",
    uses: "primary key",
  },
  inboxSliceLast: {
    sql: "SELECT ordinal FROM inbox_slice WHERE body = ? AND ordinal < ? ORDER BY ordinal DESC LIMIT ?",
    uses: "primary key",
  },
  inboxSliceDelete: {
    sql: "DELETE FROM inbox_slice WHERE body = ? AND ordinal = ?",
    uses: "primary key",
  },
  inboxSliceSealed: {
    sql: `SELECT body, ordinal FROM inbox_slice WHERE (body, ordinal) > (?, ?) AND body <= ?
          ORDER BY body, ordinal LIMIT ?`,
    uses: "primary key",
  },

  inboxPartialOf: {
    sql: "SELECT id, epoch, seq, total, durable, head FROM inbox_partial WHERE channel = ?",
    uses: "primary key",
  },
  inboxPartialInsert: {
    sql: `INSERT INTO inbox_partial (id, channel, epoch, seq, total, durable, head)
          VALUES (?, ?, ?, ?, ?, 0, ?)`,
    uses: "insert",
  },
  inboxPartialGrow: {
    sql: "UPDATE inbox_partial SET durable = ? WHERE id = ?",
    uses: "primary key",
  },
  inboxPartialDelete: { sql: "DELETE FROM inbox_partial WHERE id = ?", uses: "primary key" },
  inboxPartialList: {
    sql: "SELECT id, channel, head FROM inbox_partial WHERE id > 0 ORDER BY id",
    uses: "primary key",
  },
  inboxPartialReseal: {
    sql: "UPDATE inbox_partial SET head = ? WHERE id = ?",
    uses: "primary key",
  },

  inboxDoom: { sql: "INSERT OR IGNORE INTO inbox_doomed (body) VALUES (?)", uses: "insert" },
  inboxDoomed: {
    sql: "SELECT body FROM inbox_doomed WHERE body > 0 ORDER BY body LIMIT 1",
    uses: "primary key",
  },
  inboxDoomedDelete: { sql: "DELETE FROM inbox_doomed WHERE body = ?", uses: "primary key" },

  inboxKeyMarkInsert: {
    sql: "INSERT OR REPLACE INTO inbox_key_mark (epoch, body) VALUES (?, ?)",
    uses: "insert",
  },
  inboxKeyMarkAt: {
    sql: "SELECT body FROM inbox_key_mark WHERE epoch = ?",
    uses: "primary key",
  },
  inboxKeyMarkForget: { sql: "DELETE FROM inbox_key_mark WHERE epoch <= ?", uses: "primary key" },
} as const;

/** Those with one result column. */
export const INBOX_SINGLE_COLUMN = [
  "inboxChannelName",
  "inboxEpochFinal",
  "inboxGapFind",
  "inboxKept",
  "inboxKeptBefore",
  "inboxLedger",
  "inboxSliceRead",
  "inboxSliceLast",
  "inboxDoomed",
  "inboxKeyMarkAt",
] as const satisfies readonly (keyof typeof INBOX_STATEMENTS)[];

/** Those whose epoch and seq may pass 2^53. */
export const INBOX_BIG_INTEGERS = [
  "inboxChannelAt",
  "inboxChannelList",
  "inboxChannelChains",
  "inboxEpochFinal",
  "inboxEpochChains",
  "inboxGapList",
  "inboxFind",
  "inboxAt",
  "inboxNext",
  "inboxAsideList",
  "inboxPartialOf",
] as const satisfies readonly (keyof typeof INBOX_STATEMENTS)[];
