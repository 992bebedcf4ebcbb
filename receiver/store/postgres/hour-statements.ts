/** Hours of agents (03 D4) in PostgreSQL: their tables and statements. @module */

export const HOUR_TABLES = `
CREATE TABLE holdfast.told_stretch (
  agent bigint NOT NULL,
  store text COLLATE "C" NOT NULL,
  direction smallint NOT NULL CHECK (direction IN (0, 1)),
  channel text COLLATE "C" NOT NULL,
  epoch bigint NOT NULL,
  first_seq bigint NOT NULL,
  last_seq bigint NOT NULL,
  expected_seq bigint NOT NULL,
  hour bigint NOT NULL,
  copies bigint NOT NULL,
  chain_before bytea,
  chain_after bytea,
  PRIMARY KEY (agent, direction, channel, epoch, first_seq, store)
);
CREATE INDEX told_stretch_by_hour ON holdfast.told_stretch
  (agent, hour, direction, channel, epoch, first_seq, store);

CREATE TABLE holdfast.told_count (
  agent bigint NOT NULL,
  hour bigint NOT NULL,
  channel text COLLATE "C" NOT NULL,
  duplicates bigint NOT NULL,
  quarantined bigint NOT NULL,
  refused bigint NOT NULL,
  rejected bigint NOT NULL,
  PRIMARY KEY (agent, hour, channel)
);

CREATE TABLE holdfast.told_standing (
  agent bigint PRIMARY KEY,
  since bigint NOT NULL,
  through bigint NOT NULL,
  told_ms bigint NOT NULL
);

CREATE INDEX outgoing_replaces ON holdfast.outgoing (agent, channel, replaces_epoch, replaces_seq)
  WHERE replaces_seq IS NOT NULL;
`;

const STRETCH = `store, direction, channel, epoch, first_seq, last_seq, expected_seq, hour, copies,
  chain_before, chain_after`;
const FATE = `CASE WHEN outcome IS NULL THEN 0
  WHEN position('"outcome":"accepted"' IN outcome) > 0 THEN 1 ELSE 2 END`;

export const HOUR_SQL = {
  noteStretches: `INSERT INTO holdfast.told_stretch (agent, ${STRETCH})
    SELECT $1, $2, n.direction, n.channel, n.epoch, n.first_seq, n.last_seq, n.expected_seq, n.hour,
      n.copies, decode(n.before, 'hex'), decode(n.after, 'hex')
    FROM unnest($3::smallint[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[],
      $9::bigint[], $10::bigint[], $11::text[], $12::text[])
      AS n (direction, channel, epoch, first_seq, last_seq, expected_seq, hour, copies, before, after)
    ON CONFLICT (agent, direction, channel, epoch, first_seq, store) DO UPDATE SET
      last_seq = excluded.last_seq, expected_seq = excluded.expected_seq, hour = excluded.hour,
      copies = excluded.copies, chain_before = excluded.chain_before,
      chain_after = excluded.chain_after`,
  noteCounts: `INSERT INTO holdfast.told_count (agent, hour, channel, duplicates, quarantined, refused,
      rejected)
    SELECT $1, n.* FROM unnest($2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[],
      $7::bigint[]) AS n (hour, channel, duplicates, quarantined, refused, rejected)
    ON CONFLICT (agent, hour, channel) DO UPDATE SET duplicates = excluded.duplicates,
      quarantined = excluded.quarantined, refused = excluded.refused, rejected = excluded.rejected`,
  noteStanding: `INSERT INTO holdfast.told_standing (agent, since, through, told_ms)
    VALUES ($1, $2, $3, $4) ON CONFLICT (agent) DO UPDATE SET since = excluded.since,
      through = excluded.through, told_ms = excluded.told_ms`,
  forgetStretches: "DELETE FROM holdfast.told_stretch WHERE agent = $1 AND hour < $2",
  forgetCounts: "DELETE FROM holdfast.told_count WHERE agent = $1 AND hour < $2",
  toldStanding: "SELECT since, through, told_ms FROM holdfast.told_standing WHERE agent = $1",
  toldStretches: `SELECT ${STRETCH} FROM holdfast.told_stretch
    WHERE agent = $1 AND (hour, direction, channel, epoch, first_seq, store) >
        ($2, $3::smallint, $4, $5, $6, $7) AND hour < $8
    ORDER BY hour, direction, channel, epoch, first_seq, store LIMIT $9`,
  toldCounts: `SELECT hour, channel, duplicates, quarantined, refused, rejected
    FROM holdfast.told_count WHERE agent = $1 AND (hour, channel) > ($2, $3) AND hour < $4
    ORDER BY hour, channel LIMIT $5`,
  toldEpochs: `SELECT epoch, min(first_seq), max(last_seq) FROM holdfast.told_stretch
    WHERE agent = $1 AND direction = $2 AND channel = $3 GROUP BY epoch ORDER BY epoch`,
  heldUp: `SELECT seq, sha256, 0 FROM holdfast.ledger WHERE agent = $1 AND channel = $2
    AND epoch = $3 AND seq > $4 AND seq <= $5 ORDER BY seq LIMIT $6`,
  behindUp: `SELECT seq, received_ms, true FROM holdfast.ledger
    WHERE agent = $1 AND channel = $2 AND epoch = $3 AND seq > $4 ORDER BY seq LIMIT $5`,
  epochUp: `SELECT min(epoch) FROM holdfast.ledger
    WHERE agent = $1 AND channel = $2 AND epoch > $3`,
  heldDown: `SELECT seq, sha256, ${FATE} FROM holdfast.outgoing WHERE agent = $1 AND channel = $2
    AND epoch = $3 AND seq > $4 AND seq <= $5 ORDER BY seq LIMIT $6`,
  movedDown: `SELECT replaces_seq, sha256, ${FATE} FROM holdfast.outgoing
    WHERE agent = $1 AND channel = $2 AND replaces_epoch = $3 AND replaces_seq > $4
      AND replaces_seq <= $5 ORDER BY replaces_seq LIMIT $6`,
  behindDown: `SELECT seq, queued_ms, settled_ms IS NOT NULL FROM holdfast.outgoing
    WHERE agent = $1 AND channel = $2 AND epoch = $3 AND seq > $4 ORDER BY seq LIMIT $5`,
  epochDown: `SELECT min(epoch) FROM holdfast.outgoing
    WHERE agent = $1 AND channel = $2 AND epoch > $3`,
} as const satisfies Record<string, string>;
