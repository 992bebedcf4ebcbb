/** SQL of the row that says which store this is, with the index that each must use; part of `STATEMENTS`. @module */

export const IDENTITY_STATEMENTS = {
  identityInsert: {
    sql: "INSERT INTO identity (id, store_id, created_at_ms, opened_at_ms) VALUES (1, ?, ?, ?)",
    uses: "insert",
  },
  identityRead: { sql: "SELECT store_id, clean FROM identity WHERE id = 1", uses: "primary key" },
  identityTouch: {
    sql: "UPDATE identity SET opened_at_ms = ?, clean = 0 WHERE id = 1",
    uses: "primary key",
  },
  identityClean: { sql: "UPDATE identity SET clean = 1 WHERE id = 1", uses: "primary key" },
  identityVerified: {
    sql: "UPDATE identity SET verified_at_ms = ? WHERE id = 1",
    uses: "primary key",
  },
  identityVerifiedRead: {
    sql: "SELECT max(verified_at_ms, created_at_ms) FROM identity WHERE id = 1",
    uses: "primary key",
  },
  identityRestored: { sql: "UPDATE identity SET restored = 1 WHERE id = 1", uses: "primary key" },
  identityRestoredRead: {
    sql: "SELECT restored FROM identity WHERE id = 1",
    uses: "primary key",
  },
  identityNotRestored: {
    sql: "UPDATE identity SET restored = 0 WHERE id = 1",
    uses: "primary key",
  },
  ackThroughRead: { sql: "SELECT ack_through FROM identity WHERE id = 1", uses: "primary key" },
  ackThroughMove: { sql: "UPDATE identity SET ack_through = ? WHERE id = 1", uses: "primary key" },
} as const;
