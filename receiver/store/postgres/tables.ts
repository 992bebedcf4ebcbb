/**
 * The tables in PostgreSQL (06 section 12), in the schema `holdfast`.
 *
 * A day of bodies is a partition, and retention drops it: no mass DELETE, no vacuum behind it (TP38).
 * What has to stay for ever so that a repeat is recognised after any outage (RI5) is in `ledger`,
 * which has no partitions.
 *
 * Every primary key and unique constraint of what an agent writes begins with `agent`, so that a
 * database that spreads its tables over machines can spread them by that column, with one agent, and
 * so one ingest step, on one machine. `store`, `migration`, `day` and `agent` are small and read by
 * all: they would be on every machine. Run on one machine only; never yet on a spread database.
 *
 * @module
 */

export const TABLES = `
CREATE TABLE holdfast.store (
  id integer PRIMARY KEY CHECK (id = 1),
  store_id bytea NOT NULL CHECK (length(store_id) = 16),
  created_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO holdfast.store (id, store_id) VALUES (1, uuid_send(gen_random_uuid()));

-- Days that have partitions. A day begins at midnight UTC.
CREATE TABLE holdfast.day (day date PRIMARY KEY);

CREATE TABLE holdfast.agent (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  serial text NOT NULL,
  added_ms bigint NOT NULL,
  UNIQUE (tenant, name)
);

-- One row an agent, beside the register: ingest locks it, HELLO changes it (RI2).
CREATE TABLE holdfast.session (
  agent bigint PRIMARY KEY,
  session bigint NOT NULL DEFAULT 0,
  store_id bytea,
  nonce bytea,
  hello_ms bigint,
  locked_ms bigint,
  greetings text
);

-- The partial columns are the message that is arriving in slices, last_seq + 1, or all null (TP25).
CREATE TABLE holdfast.channel (
  agent bigint NOT NULL,
  channel text COLLATE "C" NOT NULL,
  direction smallint NOT NULL CHECK (direction IN (0, 1)),
  epoch bigint NOT NULL,
  last_seq bigint NOT NULL,
  chain bytea,
  partial_body uuid,
  partial_day date,
  partial_sha256 bytea,
  partial_total bigint,
  partial_durable bigint,
  PRIMARY KEY (agent, direction, channel)
) WITH (fillfactor = 50);

CREATE TABLE holdfast.epoch (
  agent bigint NOT NULL,
  channel text COLLATE "C" NOT NULL,
  direction smallint NOT NULL CHECK (direction IN (0, 1)),
  epoch bigint NOT NULL,
  final_seq bigint NOT NULL,
  final_chain bytea,
  PRIMARY KEY (agent, channel, direction, epoch)
);

-- Every message ever stored: identity, hash, times. body is null unless it lies in slices.
CREATE TABLE holdfast.ledger (
  agent bigint NOT NULL,
  channel text COLLATE "C" NOT NULL,
  epoch bigint NOT NULL,
  seq bigint NOT NULL,
  sha256 bytea NOT NULL,
  received_ms bigint NOT NULL,
  stored_ms bigint NOT NULL,
  day date NOT NULL,
  bytes bigint NOT NULL,
  repeat_of_epoch bigint,
  repeat_of_seq bigint,
  possible_repeat boolean NOT NULL,
  body uuid,
  body_day date,
  PRIMARY KEY (agent, channel, epoch, seq)
);
-- Few rows: by it a day of slices is kept while a message of a later day lies in it.
CREATE INDEX ledger_by_body_day ON holdfast.ledger (body_day, day) WHERE body_day IS NOT NULL;

CREATE TABLE holdfast.message (
  agent bigint NOT NULL,
  channel text COLLATE "C" NOT NULL,
  epoch bigint NOT NULL,
  seq bigint NOT NULL,
  day date NOT NULL,
  meta text NOT NULL,
  body bytea,
  PRIMARY KEY (agent, channel, epoch, seq, day)
) PARTITION BY RANGE (day);

-- Bodies that arrived in slices. What arrives is seldom compressible: images, PDF.
CREATE TABLE holdfast.body_slice (
  agent bigint NOT NULL,
  body uuid NOT NULL,
  day date NOT NULL,
  start bigint NOT NULL,
  bytes bytea NOT NULL,
  PRIMARY KEY (agent, body, day, start)
) PARTITION BY RANGE (day);
ALTER TABLE holdfast.body_slice ALTER COLUMN bytes SET STORAGE EXTERNAL;

-- Bodies that were given up while they arrived; their slices are deleted afterwards, in chunks.
CREATE TABLE holdfast.forgotten_body (
  agent bigint NOT NULL,
  body uuid NOT NULL,
  day date NOT NULL,
  PRIMARY KEY (agent, body)
);

CREATE TABLE holdfast.gap (
  agent bigint NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY,
  channel text COLLATE "C" NOT NULL,
  direction smallint NOT NULL CHECK (direction IN (0, 1)),
  epoch bigint NOT NULL,
  first_seq bigint,
  last_seq bigint,
  kind text NOT NULL CHECK (kind IN
    ('rolledBack', 'storeReplaced', 'quarantined', 'discarded', 'damaged', 'pruned')),
  recorded_ms bigint NOT NULL,
  source_store bytea,
  sink_store bytea NOT NULL,
  filled_by bigint,
  acknowledged_by text,
  end_seq bigint NOT NULL GENERATED ALWAYS AS (coalesce(last_seq, first_seq, 0)) STORED,
  PRIMARY KEY (agent, id)
);
CREATE INDEX gap_by_id ON holdfast.gap (agent, channel, direction, id);
CREATE INDEX gap_by_end ON holdfast.gap (agent, channel, direction, epoch, end_seq);

-- How far each outlet has come, for ever (TP38).
CREATE TABLE holdfast.position (
  agent bigint NOT NULL,
  outlet text COLLATE "C" NOT NULL,
  channel text COLLATE "C" NOT NULL,
  epoch bigint NOT NULL,
  seq bigint NOT NULL,
  moved_ms bigint NOT NULL,
  PRIMARY KEY (agent, outlet, channel)
);
`;
