/**
 * Schema version 6: trust state and the audit (07 2.12, 08 6).
 *
 * New tables alone, as in versions 4 and 5. `trust_value` has what is known by a name (sequence marks, states),
 * `trust_document` signed documents as they came, `trust_nonce` those of commands (VM3). `sum` is SHA-256 over the row's
 * key and its bytes: a flipped bit makes the trust state a damaged one instead of another one. Nothing of it is about
 * patients, and nothing is sealed.
 *
 * `audit_entry` holds entries as their bytes were written; `hash` is SHA-256 of the hash before and the bytes. Entries are
 * removed from the old end only.
 *
 * `file_aside` counts files that were set aside (04 P31).
 *
 * @module
 */

/** Each begins with `CREATE TABLE`. */
export const TRUST_TABLES: readonly string[] = [
  `CREATE TABLE trust_value (
     name TEXT PRIMARY KEY,
     value BLOB NOT NULL,
     sum BLOB NOT NULL
   ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE trust_document (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     kind TEXT NOT NULL,
     digest TEXT NOT NULL,
     at_ms INTEGER NOT NULL,
     bytes BLOB NOT NULL,
     sum BLOB NOT NULL
   ) STRICT`,
  `CREATE TABLE trust_nonce (
     nonce BLOB PRIMARY KEY,
     expires_ms INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE audit_entry (
     seq INTEGER PRIMARY KEY,
     at_ms INTEGER NOT NULL,
     bytes BLOB NOT NULL,
     hash BLOB NOT NULL
   ) STRICT`,
];

const INDEXES: readonly string[] = [
  "CREATE UNIQUE INDEX trust_document_by_digest ON trust_document (kind, digest)",
  "CREATE INDEX trust_document_by_kind ON trust_document (kind, id)",
  "CREATE INDEX trust_nonce_by_end ON trust_nonce (expires_ms)",
  `CREATE INDEX file_aside ON file_claim (channel, state, reason)
     WHERE state = 3 AND reason IS NOT NULL`,
];

export const TRUST_SCHEMA: string = [...TRUST_TABLES, ...INDEXES].join(";\n");
