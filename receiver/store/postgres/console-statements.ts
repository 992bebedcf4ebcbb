/** The console's records in PostgreSQL: their tables and statements. @module */

/** As in SQLite; that entries are append-only, the database says itself. */
export const CONSOLE_TABLES = `
CREATE TABLE holdfast.presence (
  agent bigint PRIMARY KEY,
  session bigint NOT NULL,
  seen_ms bigint NOT NULL,
  gone_ms bigint
) WITH (fillfactor = 50);

CREATE TABLE holdfast.console_item (
  kind text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  body text NOT NULL,
  expires_ms bigint NOT NULL,
  PRIMARY KEY (kind, key)
) WITH (fillfactor = 50);

CREATE TABLE holdfast.console_entry (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at_ms bigint NOT NULL,
  who text NOT NULL,
  role text NOT NULL,
  action text NOT NULL,
  agent text NOT NULL,
  detail text NOT NULL
);
CREATE FUNCTION holdfast.console_entry_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'append-only';
END $$;
CREATE TRIGGER console_entry_stays BEFORE UPDATE OR DELETE ON holdfast.console_entry
  FOR EACH ROW EXECUTE FUNCTION holdfast.console_entry_stays();
CREATE TRIGGER console_entry_remains BEFORE TRUNCATE ON holdfast.console_entry
  FOR EACH STATEMENT EXECUTE FUNCTION holdfast.console_entry_stays();
`;

export const CONSOLE_SQL = {
  noteHere: `INSERT INTO holdfast.presence AS p (agent, session, seen_ms, gone_ms)
    SELECT agent, session, $3, NULL FROM unnest($1::bigint[], $2::bigint[]) AS h (agent, session)
    ORDER BY agent
    ON CONFLICT (agent) DO UPDATE SET session = excluded.session, seen_ms = excluded.seen_ms,
      gone_ms = NULL
    WHERE excluded.session >= p.session`,
  noteGone: `UPDATE holdfast.presence p SET seen_ms = $3, gone_ms = $3
    FROM unnest($1::bigint[], $2::bigint[]) AS g (agent, session)
    WHERE p.agent = g.agent AND p.session = g.session`,
  standings: `SELECT a.id, p.seen_ms, p.gone_ms, r.reported_ms, r.received_ms, r.report,
      h.device_key, h.received_ms, h.envelope, m.stored_ms, m.waited_ms
    FROM holdfast.agent a LEFT JOIN holdfast.presence p ON p.agent = a.id
      LEFT JOIN holdfast.alarm_report r ON r.agent = a.id
      LEFT JOIN LATERAL (SELECT n.device_key, n.received_ms, n.envelope FROM holdfast.head n
        WHERE n.agent = a.id ORDER BY n.id DESC LIMIT 1) h ON true
      LEFT JOIN LATERAL (SELECT max(l.stored_ms) AS stored_ms,
          max(l.stored_ms - l.received_ms) AS waited_ms
        FROM holdfast.channel c JOIN holdfast.ledger l ON l.agent = c.agent
          AND l.channel = c.channel AND l.epoch = c.epoch AND l.seq = c.last_seq
        WHERE c.agent = a.id AND c.direction = 0 AND left(c.channel, 1) <> '$') m ON true
    WHERE a.id > $1 ORDER BY a.id LIMIT $2`,
  messageTimes: `SELECT l.seq, l.received_ms, l.stored_ms FROM holdfast.ledger l
    WHERE l.agent = $1 AND l.channel = $2 AND l.epoch = $3 AND l.seq = ANY($4::bigint[])
    ORDER BY l.seq`,
  recentOutgoing: `SELECT id, epoch, seq, key, bytes, queued_ms, settled_ms, outcome
    FROM holdfast.outgoing WHERE agent = $1 AND channel = $2 AND id < $3 ORDER BY id DESC LIMIT $4`,
  forgetItems: "DELETE FROM holdfast.console_item WHERE kind = $1 AND expires_ms <= $2",
  addItem: `INSERT INTO holdfast.console_item (kind, key, body, expires_ms)
    SELECT $1, $2, $3, $4
    WHERE (SELECT count(*) FROM holdfast.console_item WHERE kind = $1) < $5
    ON CONFLICT DO NOTHING RETURNING 1`,
  changeItem: `UPDATE holdfast.console_item SET body = $3, expires_ms = $4
    WHERE kind = $1 AND key = $2 RETURNING 1`,
  itemsOf: `SELECT kind, key, body, expires_ms FROM holdfast.console_item
    WHERE kind = $1 AND ($2::text IS NULL OR key = $2) ORDER BY key`,
  takeItem: `DELETE FROM holdfast.console_item WHERE kind = $1 AND key = $2
    RETURNING kind, key, body, expires_ms`,
  addEntry: `INSERT INTO holdfast.console_entry (at_ms, who, role, action, agent, detail)
    VALUES ($1, $2, $3, $4, $5, $6)`,
  entriesBefore: `SELECT id, at_ms, who, role, action, agent, detail FROM holdfast.console_entry
    WHERE id < $1 ORDER BY id DESC LIMIT $2`,
} as const satisfies Record<string, string>;
