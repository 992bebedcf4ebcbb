/** SQL of trust state and audit, with the index that each statement must use; part of `STATEMENTS`. @module */

export const TRUST_STATEMENTS = {
  trustValuesAfter: {
    sql: "SELECT name, value, sum FROM trust_value WHERE name > ? ORDER BY name LIMIT ?",
    uses: "primary key",
  },
  trustValueSet: {
    sql: "INSERT OR REPLACE INTO trust_value (name, value, sum) VALUES (?, ?, ?)",
    uses: "insert",
  },
  trustValueTake: { sql: "DELETE FROM trust_value WHERE name = ?", uses: "primary key" },

  /** All kinds, newest first in each. */
  trustDocumentList: {
    sql: `SELECT id, kind, digest, at_ms, length(bytes), sum, bytes FROM trust_document
          WHERE id < ? ORDER BY id DESC LIMIT ?`,
    uses: "primary key",
  },
  trustDocumentAt: {
    sql: "SELECT kind, digest, at_ms, bytes, sum FROM trust_document WHERE kind = ? AND digest = ?",
    uses: "trust_document_by_digest",
  },
  trustDocumentsOf: {
    sql: `SELECT kind, digest, at_ms, bytes, sum FROM trust_document WHERE kind = ?
          ORDER BY id DESC LIMIT ?`,
    uses: "trust_document_by_kind",
  },
  trustDocumentsAfter: {
    sql: `SELECT kind, digest, at_ms, bytes, sum FROM trust_document WHERE kind = ? AND digest > ?
          ORDER BY digest LIMIT ?`,
    uses: "trust_document_by_digest",
  },
  trustDocumentInsert: {
    sql: `INSERT INTO trust_document (kind, digest, at_ms, bytes, sum) VALUES (?, ?, ?, ?, ?)`,
    uses: "insert",
  },
  trustDocumentTake: {
    sql: "DELETE FROM trust_document WHERE kind = ? AND digest = ?",
    uses: "trust_document_by_digest",
  },
  /** The newest one that is beyond what is kept. */
  trustDocumentBeyond: {
    sql: "SELECT id FROM trust_document WHERE kind = ? ORDER BY id DESC LIMIT 1 OFFSET ?",
    uses: "trust_document_by_kind",
  },
  trustDocumentForget: {
    sql: "DELETE FROM trust_document WHERE kind = ? AND id <= ?",
    uses: "trust_document_by_kind",
  },

  trustNonceAt: { sql: "SELECT expires_ms FROM trust_nonce WHERE nonce = ?", uses: "primary key" },
  trustNonceCount: {
    sql: "SELECT count(*) FROM trust_nonce WHERE expires_ms >= ?",
    uses: "trust_nonce_by_end",
  },
  trustNonceInsert: {
    sql: "INSERT INTO trust_nonce (nonce, expires_ms) VALUES (?, ?)",
    uses: "insert",
  },
  trustNonceForget: {
    sql: "DELETE FROM trust_nonce WHERE expires_ms < ?",
    uses: "trust_nonce_by_end",
  },

  auditLast: {
    sql: "SELECT seq, hash FROM audit_entry WHERE seq <= ? ORDER BY seq DESC LIMIT 1",
    uses: "primary key",
  },
  auditInsert: {
    sql: "INSERT INTO audit_entry (seq, at_ms, bytes, hash) VALUES (?, ?, ?, ?)",
    uses: "insert",
  },
  auditAfter: {
    sql: "SELECT seq, at_ms, bytes, hash FROM audit_entry WHERE seq > ? ORDER BY seq LIMIT ?",
    uses: "primary key",
  },
  auditForget: { sql: "DELETE FROM audit_entry WHERE seq <= ?", uses: "primary key" },
} as const;

/** Indexes of the trust tables. */
export type TrustIndex =
  | "trust_document_by_digest"
  | "trust_document_by_kind"
  | "trust_nonce_by_end";

/** Those with one result column. */
export const TRUST_SINGLE_COLUMN = [
  "trustDocumentBeyond",
  "trustNonceAt",
  "trustNonceCount",
] as const satisfies readonly (keyof typeof TRUST_STATEMENTS)[];
