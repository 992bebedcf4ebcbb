/**
 * Schema version 7: what support asked, and the exact bytes that left (08 4.1, 5.4).
 *
 * New tables alone, as in versions 4 to 6. `support_copy` has a row a question, and one for each bundle that a person
 * made; its `state` is as in `support-messages.ts`. `head` says what was asked and answered, sealed; `bytes` what its slices hold.
 * `support_slice` has the answer as people read it (part 0) and, of a bundle, as it left (part 1), sealed slice by slice.
 *
 * @module
 */

/** Each begins with `CREATE TABLE`. */
export const SUPPORT_TABLES: readonly string[] = [
  `CREATE TABLE support_copy (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     nonce BLOB NOT NULL,
     at_ms INTEGER NOT NULL,
     state INTEGER NOT NULL,
     bytes INTEGER NOT NULL DEFAULT 0,
     head BLOB
   ) STRICT`,
  `CREATE TABLE support_slice (
     copy INTEGER NOT NULL,
     part INTEGER NOT NULL,
     ordinal INTEGER NOT NULL,
     bytes BLOB NOT NULL,
     PRIMARY KEY (copy, part, ordinal)
   ) STRICT`,
];

const INDEXES: readonly string[] = [
  "CREATE UNIQUE INDEX support_by_nonce ON support_copy (nonce)",
  "CREATE INDEX support_owed ON support_copy (id) WHERE state < 2",
];

export const SUPPORT_SCHEMA: string = [...SUPPORT_TABLES, ...INDEXES].join(";\n");
