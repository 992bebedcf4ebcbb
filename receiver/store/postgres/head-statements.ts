/** Heads of audits (08 6) in PostgreSQL: their table and statements. @module */

/** As in SQLite; that it is append-only, the database says itself. */
export const HEAD_TABLES = `
CREATE TABLE holdfast.head (
  agent bigint NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY,
  device_key text COLLATE "C" NOT NULL,
  digest text COLLATE "C" NOT NULL,
  counter bigint NOT NULL,
  audit_seq bigint NOT NULL,
  audit_head text NOT NULL,
  generation bigint NOT NULL,
  top_counter bigint NOT NULL,
  top_audit_seq bigint NOT NULL,
  top_audit_head text NOT NULL,
  top_generation bigint NOT NULL,
  received_ms bigint NOT NULL,
  envelope text NOT NULL,
  PRIMARY KEY (agent, id)
);
CREATE UNIQUE INDEX head_by_digest ON holdfast.head (agent, digest);
CREATE INDEX head_by_key ON holdfast.head (agent, device_key, id);
CREATE FUNCTION holdfast.head_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'append-only';
END $$;
CREATE TRIGGER head_stays BEFORE UPDATE OR DELETE ON holdfast.head
  FOR EACH ROW EXECUTE FUNCTION holdfast.head_stays();
`;

export const HEAD_SQL = {
  findHead: "SELECT id FROM holdfast.head WHERE agent = $1 AND digest = $2",
  topHead: `SELECT id, top_counter, top_audit_seq, top_audit_head, top_generation FROM holdfast.head
    WHERE agent = $1 AND device_key = $2 ORDER BY id DESC LIMIT 1`,
  // Only behind the row that was read: another node may have added one meanwhile.
  addHead: `INSERT INTO holdfast.head (agent, device_key, digest, counter, audit_seq, audit_head,
      generation, top_counter, top_audit_seq, top_audit_head, top_generation, received_ms, envelope)
    SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13
    WHERE NOT EXISTS (SELECT 1 FROM holdfast.head WHERE agent = $1 AND device_key = $2 AND id > $14)
    ON CONFLICT (agent, digest) DO NOTHING RETURNING id`,
  headsAfter: `SELECT id, device_key, counter, audit_seq, audit_head, generation, received_ms, envelope
    FROM holdfast.head WHERE agent = $1 AND id > $2 ORDER BY id LIMIT $3`,
} as const satisfies Record<string, string>;
