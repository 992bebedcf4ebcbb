/**
 * SQL of dropped files, with the index that each statement must use; part of `STATEMENTS`.
 *
 * States are those of `file-states.ts`, written out: a partial index is used only where its condition stands in
 * the statement.
 *
 * @module
 */

/** As `file-rows.ts` reads them. */
const COLUMNS = `id, claim, channel, state, attempts, claimed_at_ms, decided_at_ms, moved_at_ms, verdict,
  reason, message_count, aside_count, identity_token, content_token, head, targets, digest, appended`;

export const FILE_STATEMENTS = {
  fileInsert: {
    sql: `INSERT INTO file_claim (id, claim, channel, state, claimed_at_ms, identity_token, head, reason)
          VALUES (?, ?, ?, 0, ?, ?, ?, ?)`,
    uses: "insert",
  },
  fileAt: {
    sql: `SELECT ${COLUMNS} FROM file_claim WHERE id = ? AND channel = ?`,
    uses: "primary key",
  },
  fileSame: {
    sql: `SELECT ${COLUMNS} FROM file_claim WHERE channel = ? AND identity_token = ? AND verdict IS NOT NULL
          ORDER BY id DESC LIMIT 1`,
    uses: "file_same",
  },
  fileKnown: {
    sql: `SELECT id FROM file_claim WHERE channel = ? AND content_token = ? AND decided_at_ms >= ?
            AND verdict IN ('sent', 'partial') LIMIT 1`,
    uses: "file_content",
  },
  fileWithdraw: {
    sql: "DELETE FROM file_claim WHERE id = ? AND channel = ? AND state = 0 AND appended = 0",
    uses: "primary key",
  },
  /** In place of that, where something of it is stored. */
  filePutBack: {
    sql: `UPDATE file_claim SET state = 3, decided_at_ms = ?, moved_at_ms = ?
          WHERE id = ? AND channel = ? AND state = 0`,
    uses: "primary key",
  },
  fileAttempt: {
    sql: `UPDATE file_claim SET attempts = attempts + 1 WHERE id = ? AND channel = ? AND state = 0
          RETURNING attempts`,
    uses: "primary key",
  },
  fileCommit: {
    sql: `UPDATE file_claim SET state = 1, verdict = ?, decided_at_ms = ?, content_token = ?, digest = ?,
            message_count = ?, aside_count = ?, appended = ?, wait_epoch = ?, wait_seq = ?,
            epoch = ?, first_seq = ?, last_seq = ?
          WHERE id = ? AND channel = ? AND state = 0`,
    uses: "primary key",
  },
  /** A step that is not the last. */
  fileStep: {
    sql: `UPDATE file_claim SET content_token = ?, digest = ?, message_count = ?, aside_count = ?,
            appended = ?, wait_epoch = ?, wait_seq = ?
          WHERE id = ? AND channel = ? AND state = 0`,
    uses: "primary key",
  },
  /** A file that ended before all of it was stored, with the same content. */
  fileUnfinished: {
    sql: `SELECT ${COLUMNS} FROM file_claim WHERE channel = ? AND content_token = ?
            AND verdict IS NULL AND state >= 2 AND appended > 0 ORDER BY id DESC LIMIT 1`,
    uses: "file_unfinished",
  },
  fileTakenOver: {
    sql: "UPDATE file_claim SET appended = 0, content_token = NULL WHERE id = ?",
    uses: "primary key",
  },
  fileSettle: {
    sql: `UPDATE file_claim SET state = 1, verdict = ?, decided_at_ms = ?, content_token = ?, digest = ?
          WHERE id = ? AND channel = ? AND state = 0`,
    uses: "primary key",
  },
  fileSetAside: {
    sql: `UPDATE file_claim SET state = 2, reason = ?, decided_at_ms = ?,
            digest = iif(? AND appended > 0, digest, ?),
            content_token = iif(? AND appended > 0, content_token, NULL)
          WHERE id = ? AND channel = ? AND state = 0`,
    uses: "primary key",
  },
  filePlan: {
    sql: "UPDATE file_claim SET targets = ? WHERE id = ? AND channel = ? AND state IN (1, 2)",
    uses: "primary key",
  },
  fileMove: {
    sql: `UPDATE file_claim SET state = 3, targets = ?, moved_at_ms = ?, left_behind = ?
          WHERE id = ? AND channel = ? AND state IN (1, 2)`,
    uses: "primary key",
  },
  /** Its row goes when all others do: until then the same content is known (04 P26). */
  fileForget: {
    sql: "UPDATE file_claim SET left_behind = 0 WHERE id = ? AND channel = ? AND left_behind = 1",
    uses: "primary key",
  },
  filePrune: {
    sql: "DELETE FROM file_claim WHERE id = ? AND state = 3 AND left_behind = 0",
    uses: "primary key",
  },

  fileOpen: {
    sql: `SELECT ${COLUMNS} FROM file_claim WHERE channel = ? AND state < 3 AND id > ? ORDER BY id LIMIT ?`,
    uses: "file_open",
  },
  fileCount: {
    sql: "SELECT count(*) FROM file_claim WHERE channel = ? AND state = ? AND state < 3",
    uses: "file_counted",
  },
  /** In the error folder, or vanished: as long as the report is kept (04 P31). */
  fileAsideCount: {
    sql: `SELECT count(*) FROM file_claim
          WHERE channel = ? AND state = 3 AND reason IS NOT NULL`,
    uses: "file_aside",
  },
  fileLeft: {
    sql: `SELECT ${COLUMNS} FROM file_claim WHERE channel = ? AND left_behind = 1 AND id > ?
          ORDER BY id LIMIT ?`,
    uses: "file_left",
  },
  fileMovedSince: {
    sql: `SELECT ${COLUMNS} FROM file_claim WHERE channel = ? AND state = 3 AND moved_at_ms >= ?
          ORDER BY moved_at_ms, id LIMIT ?`,
    uses: "file_moved",
  },
  fileList: {
    sql: `SELECT ${COLUMNS} FROM file_claim WHERE channel = ? AND id < ? ORDER BY id DESC LIMIT ?`,
    uses: "file_listed",
  },
  /** By when they were decided: rows with targets of which something may still be needed. */
  fileDecided: {
    sql: `SELECT decided_at_ms, id, state, wait_epoch, wait_seq, targets FROM file_claim
          WHERE channel = ? AND decided_at_ms < ? AND (decided_at_ms, id) > (?, ?)
          ORDER BY decided_at_ms, id LIMIT ?`,
    uses: "file_decided",
  },
  /** By when they were moved: rows that may go. */
  fileEnded: {
    sql: `SELECT moved_at_ms, id, wait_epoch, wait_seq, reason IS NOT NULL, left_behind FROM file_claim
          WHERE channel = ? AND state = 3 AND moved_at_ms <= ? AND (moved_at_ms, id) > (?, ?)
          ORDER BY moved_at_ms, id LIMIT ?`,
    uses: "file_moved",
  },
  fileWalk: {
    sql: `SELECT ${COLUMNS} FROM file_claim WHERE id > ? ORDER BY id LIMIT ?`,
    uses: "primary key",
  },
  fileReseal: {
    sql: "UPDATE file_claim SET head = ?, targets = ?, digest = ? WHERE id = ?",
    uses: "primary key",
  },
  fileSequence: {
    sql: "SELECT seq FROM sqlite_sequence WHERE name = 'file_claim'",
    uses: "small table",
  },

  /** Messages of files lie behind one another: the first range that ends at or after a message is its own, or none is. */
  fileOfMessage: {
    sql: `SELECT id, first_seq FROM file_claim WHERE channel = ? AND epoch = ? AND last_seq >= ?
            AND epoch IS NOT NULL ORDER BY last_seq LIMIT 1`,
    uses: "file_by_seq",
  },
  /** The same of the steps before a file's last. */
  fileOfStep: {
    sql: `SELECT claim, first_seq FROM file_step WHERE channel = ? AND epoch = ? AND last_seq >= ?
          ORDER BY last_seq LIMIT 1`,
    uses: "file_step_by_seq",
  },
  fileStepInsert: {
    sql: `INSERT INTO file_step (claim, channel, epoch, first_seq, last_seq) VALUES (?, ?, ?, ?, ?)`,
    uses: "insert",
  },
  fileStepMove: { sql: "UPDATE file_step SET claim = ? WHERE claim = ?", uses: "primary key" },
  fileStepForget: { sql: "DELETE FROM file_step WHERE claim = ?", uses: "primary key" },
  fileWait: {
    sql: "UPDATE file_claim SET wait_epoch = ?, wait_seq = ? WHERE id = ?",
    uses: "primary key",
  },

  fileBlockInsert: {
    sql: "INSERT OR IGNORE INTO file_block (claim, block) VALUES (?, ?)",
    uses: "insert",
  },
  fileBlockOf: { sql: "SELECT block FROM file_block WHERE claim = ? LIMIT 1", uses: "primary key" },
  fileBlockCopy: {
    sql: `INSERT OR IGNORE INTO file_block (claim, block)
          SELECT ?, block FROM file_block WHERE claim = ?`,
    uses: "primary key",
  },
  fileBlockClaims: { sql: "SELECT claim FROM file_block WHERE block = ?", uses: "file_by_block" },
  fileBlockForget: { sql: "DELETE FROM file_block WHERE block = ?", uses: "file_by_block" },

  fileEpochInsert: {
    sql: "INSERT OR REPLACE INTO file_epoch (channel, epoch, to_epoch, to_seq) VALUES (?, ?, ?, ?)",
    uses: "insert",
  },
  fileEpochAt: {
    sql: "SELECT to_epoch, to_seq FROM file_epoch WHERE channel = ? AND epoch = ?",
    uses: "primary key",
  },
} as const;

/** Indexes of `file_claim`, `file_step` and `file_block`. */
export type FileIndex =
  | "file_listed"
  | "file_open"
  | "file_counted"
  | "file_aside"
  | "file_left"
  | "file_same"
  | "file_content"
  | "file_decided"
  | "file_moved"
  | "file_by_seq"
  | "file_step_by_seq"
  | "file_unfinished"
  | "file_by_block";

/** Those with one result column. */
export const FILE_SINGLE_COLUMN = [
  "fileKnown",
  "fileAttempt",
  "fileCount",
  "fileAsideCount",
  "fileSequence",
  "fileBlockOf",
  "fileBlockClaims",
] as const satisfies readonly (keyof typeof FILE_STATEMENTS)[];

/** Those whose epoch and seq may pass 2^53. */
export const FILE_BIG_INTEGERS = [
  "fileDecided",
  "fileEnded",
  "fileOfMessage",
  "fileOfStep",
  "fileEpochAt",
] as const satisfies readonly (keyof typeof FILE_STATEMENTS)[];
