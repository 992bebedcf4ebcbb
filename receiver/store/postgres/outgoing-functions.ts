/**
 * The outbox for hospital systems (TP34): its tables, and what changes several of their rows, as
 * functions of the database; see `channel-functions.ts` for why they are functions.
 *
 * @module
 */
import { COMMANDS_CHANNEL } from "../../served-channels.ts";

/** Commands without an answer (TP36). */
export const COMMANDS = `
CREATE INDEX outgoing_open ON holdfast.outgoing (agent, id)
  WHERE channel = '${COMMANDS_CHANNEL}' AND outcome IS NULL;

CREATE FUNCTION holdfast.answer_command(p_agent bigint, p_session bigint, p_key text,
  p_outcome text, p_at_ms bigint) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  IF holdfast.is_fenced(p_agent, p_session) THEN
    RETURN 'fenced';
  END IF;
  UPDATE holdfast.outgoing o SET outcome = p_outcome, settled_ms = p_at_ms
    WHERE o.agent = p_agent AND o.channel = '${COMMANDS_CHANNEL}' AND o.key = p_key
      AND o.outcome IS NULL;
  RETURN 'ok';
END $$;
`;

/**
 * An id is given before the commit, so that ids do not appear in order. `writer` is the transaction:
 * what no running one can still add to lies below the oldest of them.
 */
export const OUTGOING = `
CREATE TABLE holdfast.outgoing_channel (
  agent bigint NOT NULL,
  channel text COLLATE "C" NOT NULL,
  epoch bigint NOT NULL DEFAULT 1,
  last_seq bigint NOT NULL DEFAULT 0,
  acked_seq bigint NOT NULL DEFAULT 0,
  chain bytea NOT NULL,
  previous_epoch bigint,
  previous_final bigint,
  PRIMARY KEY (agent, channel)
) WITH (fillfactor = 50);

CREATE TABLE holdfast.outgoing (
  agent bigint NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY,
  writer xid8 NOT NULL DEFAULT pg_current_xact_id(),
  channel text COLLATE "C" NOT NULL,
  epoch bigint NOT NULL,
  seq bigint NOT NULL,
  sha256 bytea NOT NULL,
  chain bytea NOT NULL,
  queued_ms bigint NOT NULL,
  settled_ms bigint,
  meta text NOT NULL,
  key text COLLATE "C",
  replaces_epoch bigint,
  replaces_seq bigint,
  bytes bigint NOT NULL,
  outcome text,
  kept boolean NOT NULL DEFAULT true,
  body bytea NOT NULL,
  PRIMARY KEY (agent, id),
  UNIQUE (agent, channel, epoch, seq)
);
CREATE INDEX outgoing_by_id ON holdfast.outgoing (id);
CREATE UNIQUE INDEX outgoing_by_key ON holdfast.outgoing (agent, channel, key)
  WHERE key IS NOT NULL;
CREATE INDEX outgoing_by_channel ON holdfast.outgoing (agent, channel, id);
CREATE INDEX outgoing_kept ON holdfast.outgoing (agent, channel, epoch, seq) WHERE kept;
CREATE INDEX outgoing_prunable ON holdfast.outgoing (settled_ms)
  WHERE kept AND settled_ms IS NOT NULL;

-- Gives the message the next number of its channel, which begins with the first one.
CREATE FUNCTION holdfast.enqueue(p_agent bigint, p_channel text, p_key text, p_sha256 bytea,
  p_meta text, p_body bytea, p_at_ms bigint,
  OUT kind text, OUT known boolean, OUT message holdfast.outgoing)
LANGUAGE plpgsql AS $$
DECLARE here holdfast.outgoing_channel;
BEGIN
  INSERT INTO holdfast.outgoing_channel (agent, channel, chain)
    VALUES (p_agent, p_channel, decode(repeat('00', 32), 'hex')) ON CONFLICT DO NOTHING;
  SELECT * INTO here FROM holdfast.outgoing_channel c
    WHERE c.agent = p_agent AND c.channel = p_channel FOR UPDATE;
  SELECT * INTO message FROM holdfast.outgoing o
    WHERE o.agent = p_agent AND o.channel = p_channel AND o.key = p_key;
  known := FOUND;
  IF known THEN
    kind := CASE WHEN message.sha256 = p_sha256 THEN 'ok' ELSE 'conflict' END;
    RETURN;
  END IF;
  kind := 'ok';
  here.last_seq := here.last_seq + 1;
  here.chain := sha256(here.chain || int8send(here.epoch) || int8send(here.last_seq) || p_sha256);
  INSERT INTO holdfast.outgoing (agent, channel, epoch, seq, sha256, chain, queued_ms, meta, key,
      bytes, body)
    VALUES (p_agent, p_channel, here.epoch, here.last_seq, p_sha256, here.chain, p_at_ms, p_meta,
      p_key, length(p_body), p_body)
    RETURNING * INTO message;
  UPDATE holdfast.outgoing_channel c SET last_seq = here.last_seq, chain = here.chain
    WHERE c.agent = p_agent AND c.channel = p_channel;
END $$;

CREATE FUNCTION holdfast.settle_outgoing(p_agent bigint, p_session bigint, p_channel text,
  p_epoch bigint, p_seq bigint, p_at_ms bigint) RETURNS text LANGUAGE plpgsql AS $$
DECLARE here holdfast.outgoing_channel;
BEGIN
  IF holdfast.is_fenced(p_agent, p_session) THEN
    RETURN 'fenced';
  END IF;
  SELECT * INTO here FROM holdfast.outgoing_channel c
    WHERE c.agent = p_agent AND c.channel = p_channel FOR UPDATE;
  -- No row is ever settled by a number that another content holds (TP18).
  IF here.epoch = p_epoch AND p_seq <= here.last_seq AND p_seq > here.acked_seq THEN
    UPDATE holdfast.outgoing_channel c SET acked_seq = p_seq
      WHERE c.agent = p_agent AND c.channel = p_channel;
    UPDATE holdfast.outgoing o SET settled_ms = p_at_ms
      WHERE o.agent = p_agent AND o.channel = p_channel AND o.epoch = p_epoch
        AND o.seq > here.acked_seq AND o.seq <= p_seq;
  END IF;
  RETURN 'ok';
END $$;

-- TP18, and TP37 where the sink was put back: everything that it lacks is renumbered where it lies, each
-- row keeping the first identity under which it may have been sent, so that a repeat is recognised.
CREATE FUNCTION holdfast.reissue_outgoing(p_agent bigint, p_session bigint, p_channel text,
  p_epoch bigint, p_sink_epoch bigint, p_sink_last bigint) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  here holdfast.outgoing_channel;
  highest bigint;
  settled bigint;
  from_epoch bigint;
  from_seq bigint;
  new_seq bigint := 0;
  new_chain bytea := decode(repeat('00', 32), 'hex');
  is_whole boolean := true;
  old record;
BEGIN
  IF holdfast.is_fenced(p_agent, p_session) THEN
    RETURN 'fenced';
  END IF;
  SELECT * INTO here FROM holdfast.outgoing_channel c
    WHERE c.agent = p_agent AND c.channel = p_channel FOR UPDATE;
  IF here.epoch IS DISTINCT FROM p_epoch THEN
    RETURN 'ok';
  END IF;
  highest := greatest(here.epoch, p_sink_epoch);
  settled := CASE WHEN p_sink_epoch = here.epoch THEN least(p_sink_last, here.acked_seq)
    ELSE here.acked_seq END;
  from_epoch := CASE WHEN p_sink_epoch < here.epoch THEN p_sink_epoch ELSE here.epoch END;
  from_seq := CASE WHEN p_sink_epoch < here.epoch THEN p_sink_last ELSE settled END;
  FOR old IN SELECT o.id, o.sha256, o.kept FROM holdfast.outgoing o
    WHERE o.agent = p_agent AND o.channel = p_channel AND (o.epoch, o.seq) > (from_epoch, from_seq)
      AND o.epoch BETWEEN from_epoch AND here.epoch ORDER BY o.epoch, o.seq
  LOOP
    IF NOT old.kept THEN
      is_whole := false;
      CONTINUE;
    END IF;
    new_seq := new_seq + 1;
    new_chain := sha256(new_chain || int8send(highest + 1) || int8send(new_seq) || old.sha256);
    UPDATE holdfast.outgoing o SET replaces_epoch = coalesce(o.replaces_epoch, o.epoch),
        replaces_seq = coalesce(o.replaces_seq, o.seq), epoch = highest + 1, seq = new_seq,
        chain = new_chain, settled_ms = NULL
      WHERE o.agent = p_agent AND o.id = old.id;
  END LOOP;
  -- What it is not known to hold is a gap there: numbers of it are gone here, too.
  UPDATE holdfast.outgoing_channel c SET epoch = highest + 1, last_seq = new_seq, acked_seq = 0,
      chain = new_chain,
      previous_epoch = CASE WHEN p_sink_epoch < here.epoch THEN p_sink_epoch ELSE highest END,
      previous_final = CASE WHEN NOT is_whole THEN NULL
        WHEN p_sink_epoch < here.epoch THEN p_sink_last
        WHEN p_sink_epoch >= here.epoch THEN greatest(p_sink_last, settled)
        ELSE settled END
    WHERE c.agent = p_agent AND c.channel = p_channel;
  RETURN 'ok';
END $$;
`;
