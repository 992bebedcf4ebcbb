/** SQL of what support asked and what left, with the index that each statement must use; part of `STATEMENTS`. @module */

export const SUPPORT_STATEMENTS = {
  supportInsert: {
    sql: "INSERT INTO support_copy (nonce, at_ms, state) VALUES (?, ?, ?)",
    uses: "insert",
  },
  supportHeadSet: {
    sql: "UPDATE support_copy SET state = ?, head = ? WHERE id = ?",
    uses: "primary key",
  },
  supportStateSet: { sql: "UPDATE support_copy SET state = ? WHERE id = ?", uses: "primary key" },
  supportGrow: {
    sql: "UPDATE support_copy SET bytes = bytes + ? WHERE id = ?",
    uses: "primary key",
  },
  supportAt: {
    sql: "SELECT id, nonce, at_ms, state, bytes, head FROM support_copy WHERE nonce = ?",
    uses: "support_by_nonce",
  },
  supportBefore: {
    sql: `SELECT id, nonce, at_ms, state, bytes, head FROM support_copy WHERE id < ?
          ORDER BY id DESC LIMIT ?`,
    uses: "primary key",
  },
  supportAfter: {
    sql: `SELECT id, nonce, at_ms, state, bytes, head FROM support_copy WHERE id > ?
          ORDER BY id LIMIT ?`,
    uses: "primary key",
  },
  supportOwed: {
    sql: `SELECT id, nonce, at_ms, state, bytes, head FROM support_copy WHERE state < 2
          ORDER BY id LIMIT ?`,
    uses: "support_owed",
  },
  /** Some thousand rows at most. */
  supportTotals: {
    sql: "SELECT count(*), coalesce(sum(bytes), 0) FROM support_copy",
    uses: "small table",
  },
  supportForget: { sql: "DELETE FROM support_copy WHERE id = ?", uses: "primary key" },
  supportHeadReseal: {
    sql: "UPDATE support_copy SET head = ? WHERE id = ?",
    uses: "primary key",
  },

  supportSliceInsert: {
    sql: "INSERT OR REPLACE INTO support_slice (copy, part, ordinal, bytes) VALUES (?, ?, ?, ?)",
    uses: "insert",
  },
  supportSliceAt: {
    sql: "SELECT bytes FROM support_slice WHERE copy = ? AND part = ? AND ordinal = ?",
    uses: "primary key",
  },
  supportSliceAfter: {
    sql: `SELECT copy, part, ordinal FROM support_slice WHERE (copy, part, ordinal) > (?, ?, ?)
          ORDER BY copy, part, ordinal LIMIT ?`,
    uses: "primary key",
  },
  supportSliceReseal: {
    sql: "UPDATE support_slice SET bytes = ? WHERE copy = ? AND part = ? AND ordinal = ?",
    uses: "primary key",
  },
  supportSliceForget: { sql: "DELETE FROM support_slice WHERE copy = ?", uses: "primary key" },
} as const;

/** Indexes of these tables. */
export type SupportIndex = "support_by_nonce" | "support_owed";

/** Those with one result column. */
export const SUPPORT_SINGLE_COLUMN = [
  "supportSliceAt",
] as const satisfies readonly (keyof typeof SUPPORT_STATEMENTS)[];
