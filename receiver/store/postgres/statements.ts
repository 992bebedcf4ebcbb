/**
 * What the receiver asks PostgreSQL while it works. Rows come as arrays, bigint as text.
 *
 * Direction 0 is upstream; downstream has tables of its own, `outgoing`.
 *
 * @module
 */
import { ALARM_SQL } from "./alarm-statements.ts";
import { CONSOLE_SQL } from "./console-statements.ts";
import { HEAD_SQL } from "./head-statements.ts";
import { HOUR_SQL } from "./hour-statements.ts";
import { OUTGOING_SQL } from "./outgoing-statements.ts";
import { AGENT, REGISTRY_SQL } from "./registry-statements.ts";

const MESSAGE_RANGE = `l.agent = $1 AND l.channel = $2 AND (l.epoch, l.seq) > ($3, $4)
  AND (l.epoch, l.seq) <= ($5, $6) AND l.repeat_of_seq IS NULL`;

export const SQL = {
  ...OUTGOING_SQL,
  ...REGISTRY_SQL,
  ...HEAD_SQL,
  ...ALARM_SQL,
  ...HOUR_SQL,
  ...CONSOLE_SQL,

  readSettings: `SELECT current_setting('server_version_num')::integer, pg_is_in_recovery(),
    current_setting('server_encoding'), current_setting('fsync'), current_setting('full_page_writes'),
    set_config('synchronous_commit', current_setting('synchronous_commit'), false),
    current_setting('synchronous_standby_names') <> '', current_setting('data_checksums')`,
  readStoreId: "SELECT store_id FROM holdfast.store WHERE id = 1",

  addAgent: `INSERT INTO holdfast.agent AS a (tenant, name, serial, added_ms) VALUES ($1, $2, $3, $4)
    ON CONFLICT (tenant, name) DO UPDATE SET serial = excluded.serial, identity = NULL,
      revision = a.revision + 1 RETURNING id`,
  addSession: "INSERT INTO holdfast.session (agent) VALUES ($1) ON CONFLICT DO NOTHING",
  findAgent: `${AGENT} WHERE a.tenant = $1 AND a.name = $2`,
  listAgents: `${AGENT} WHERE (a.tenant, a.name) > ($1, $2) ORDER BY a.tenant, a.name LIMIT $3`,

  // What `greet` remembers is compared, so that no lock is held while it thinks (TP33).
  readGreetings: "SELECT locked_ms, greetings FROM holdfast.session WHERE agent = $1",
  beginSession: `UPDATE holdfast.session SET session = session + 1, store_id = $3, nonce = $4,
      hello_ms = $5, greetings = $6
    WHERE agent = $1 AND greetings IS NOT DISTINCT FROM $2 AND locked_ms IS NULL RETURNING session`,
  lockAgent: `UPDATE holdfast.session SET session = session + 1, locked_ms = $3, greetings = NULL
    WHERE agent = $1 AND greetings IS NOT DISTINCT FROM $2 AND locked_ms IS NULL RETURNING session`,
  unlockAgent: `UPDATE holdfast.session SET locked_ms = NULL
    WHERE agent = (SELECT id FROM holdfast.agent WHERE tenant = $1 AND name = $2)`,

  open: `SELECT kind, gap, (here).epoch, (here).last_seq, (here).chain, (here).partial_durable,
    (here).partial_sha256, (here).partial_total
    FROM holdfast.open($1, $2, $3, $4, $5, $6, $7)`,
  skip: "SELECT kind, last, gap FROM holdfast.skip($1, $2, $3, $4, $5, $6, $7, $8, $9)",
  ingest: `SELECT kind, last, unverified FROM holdfast.ingest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10,
    $11, $12, $13, $14, $15)`,
  savePartial: `SELECT kind, durable FROM holdfast.save_partial($1, $2, $3, $4, $5, $6, $7, $8, $9,
    $10, $11)`,
  readPartial: `SELECT partial_body, partial_day::text, partial_sha256, partial_total, partial_durable
    FROM holdfast.channel WHERE agent = $1 AND channel = $2 AND direction = 0
      AND epoch = $3 AND last_seq = $4 AND partial_body IS NOT NULL`,
  refusePartial: "SELECT holdfast.refuse_partial($1, $2, $3, $4)",
  addDay: "SELECT holdfast.add_day($1)",
  // Days are counted from 1970, so that a step can go on behind one.
  nextDay: `SELECT day::text, day - '1970-01-01'::date FROM holdfast.day
    WHERE day < $1 AND ($2::integer IS NULL OR day > '1970-01-01'::date + $2::integer)
    ORDER BY day LIMIT 1`,
  dropDay: "SELECT holdfast.drop_day($1, $2, $3, $4, $5, $6)",
  deleteForgottenSlices: `DELETE FROM holdfast.body_slice s
    WHERE (s.agent, s.body, s.day, s.start) IN (
      SELECT t.agent, t.body, t.day, t.start FROM holdfast.forgotten_body f
        JOIN holdfast.body_slice t ON t.agent = f.agent AND t.body = f.body AND t.day = f.day
      LIMIT $1) RETURNING 1`,
  deleteForgotten: `DELETE FROM holdfast.forgotten_body f WHERE NOT EXISTS (
    SELECT 1 FROM holdfast.body_slice s
      WHERE s.agent = f.agent AND s.body = f.body AND s.day = f.day)`,

  listChannels: `SELECT channel, epoch, last_seq, chain FROM holdfast.channel
    WHERE agent = $1 AND direction = 0 AND channel > $2 ORDER BY channel LIMIT $3`,
  // A body in slices is not read here; nor one of which the page would grow too large.
  readMessages: `SELECT l.epoch, l.seq, l.sha256, l.received_ms, l.stored_ms, m.meta, l.bytes,
      l.possible_repeat, CASE WHEN $8 AND l.bytes <= $9 THEN m.body END
    FROM (SELECT p.*, sum(CASE WHEN $8 AND p.bytes <= $9 THEN p.bytes ELSE 0 END)
          OVER (ORDER BY p.epoch, p.seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS ahead
        FROM (SELECT * FROM holdfast.ledger l WHERE ${MESSAGE_RANGE}
          ORDER BY l.epoch, l.seq LIMIT $7) AS p) AS l
      LEFT JOIN holdfast.message m ON m.agent = l.agent AND m.channel = l.channel
        AND m.epoch = l.epoch AND m.seq = l.seq AND m.day = l.day
    WHERE coalesce(l.ahead, 0) < $10 ORDER BY l.epoch, l.seq`,
  findBody: `SELECT l.body, l.body_day::text, l.day::text FROM holdfast.ledger l
    WHERE l.agent = $1 AND l.channel = $2 AND l.epoch = $3 AND l.seq = $4`,
  readInlineBody: `SELECT substring(m.body FROM $6 FOR $7) FROM holdfast.message m
    WHERE m.agent = $1 AND m.channel = $2 AND m.epoch = $3 AND m.seq = $4 AND m.day = $5`,
  readSlices: `SELECT s.start, s.bytes FROM holdfast.body_slice s
    WHERE s.agent = $1 AND s.body = $2 AND s.day = $3 AND s.start > $4 AND s.start < $5
    ORDER BY s.start`,
  readGaps: `SELECT id, epoch, first_seq, last_seq, kind, recorded_ms FROM holdfast.gap
    WHERE agent = $1 AND channel = $2 AND direction = 0 AND id > $3 ORDER BY id LIMIT $4`,

  findGaps: `SELECT id, epoch, first_seq, last_seq, kind, recorded_ms FROM holdfast.gap
    WHERE agent = $1 AND channel = $2 AND direction = 0
      AND (epoch, end_seq) > ($3, $4) AND (epoch, end_seq) <= ($5, $6)
    ORDER BY epoch, end_seq LIMIT $7`,
  findPosition: `SELECT epoch, seq FROM holdfast.position
    WHERE agent = $1 AND outlet = $2 AND channel = $3`,
  movePosition: `INSERT INTO holdfast.position AS p (agent, outlet, channel, epoch, seq, moved_ms)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (agent, outlet, channel) DO UPDATE SET epoch = excluded.epoch, seq = excluded.seq,
      moved_ms = excluded.moved_ms
    WHERE $7 OR (excluded.epoch, excluded.seq) > (p.epoch, p.seq)`,
} as const satisfies Record<string, string>;
