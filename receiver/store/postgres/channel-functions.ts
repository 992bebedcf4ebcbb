/**
 * What the functions share, OPEN (TP14 to TP17) and SKIP (TP31), as functions of the database.
 *
 * Each call of the store is one function call and so one transaction in one round trip: a node that
 * is paused or dies holds no lock, because no transaction of ours ever waits for the node. The same
 * as six statements stored 2,000 messages a second instead of 4,500 (batches of 50, one channel, local
 * socket), and loses more where the database is further away.
 *
 * In READ COMMITTED every statement of a VOLATILE function sees what is committed when it begins, so
 * that behind a lock the newest rows are read.
 *
 * @module
 */
import { AGENT_CHANNELS_MAX_COUNT } from "../../limits.ts";

/**
 * `locate` is RI2 and RI3: FOR SHARE, so that a HELLO waits for the calls that run, and calls behind
 * it see its session; FOR UPDATE, so that one call at a time moves a channel.
 */
export const CHANNEL_FUNCTIONS = `
CREATE FUNCTION holdfast.is_fenced(p_agent bigint, p_session bigint) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE latest bigint;
BEGIN
  SELECT s.session INTO latest FROM holdfast.session s WHERE s.agent = p_agent FOR SHARE;
  RETURN latest IS DISTINCT FROM p_session;
END $$;

-- kind: fenced, unopened, staleEpoch; open, with last and chain; closed, with last.
CREATE FUNCTION holdfast.locate(p_agent bigint, p_session bigint, p_channel text, p_epoch bigint,
  OUT kind text, OUT last bigint, OUT chain bytea, OUT partial_body uuid)
LANGUAGE plpgsql AS $$
DECLARE here holdfast.channel;
BEGIN
  IF holdfast.is_fenced(p_agent, p_session) THEN
    kind := 'fenced';
    RETURN;
  END IF;
  SELECT * INTO here FROM holdfast.channel c
    WHERE c.agent = p_agent AND c.channel = p_channel AND c.direction = 0 FOR UPDATE;
  -- Only open changes epochs.
  IF here.epoch IS NULL OR p_epoch > here.epoch THEN
    kind := 'unopened';
  ELSIF p_epoch = here.epoch THEN
    kind := 'open';
    last := here.last_seq;
    chain := here.chain;
    partial_body := here.partial_body;
  ELSE
    SELECT e.final_seq INTO last FROM holdfast.epoch e
      WHERE e.agent = p_agent AND e.channel = p_channel AND e.direction = 0 AND e.epoch = p_epoch;
    kind := CASE WHEN last IS NULL THEN 'staleEpoch' ELSE 'closed' END;
  END IF;
END $$;

CREATE FUNCTION holdfast.record_gap(p_agent bigint, p_channel text, p_epoch bigint, p_first bigint,
  p_last bigint, p_kind text, p_at_ms bigint) RETURNS void LANGUAGE sql AS $$
  INSERT INTO holdfast.gap (agent, channel, direction, epoch, first_seq, last_seq, kind, recorded_ms,
    source_store, sink_store)
  VALUES (p_agent, p_channel, 0, p_epoch, p_first, p_last, p_kind, p_at_ms,
    (SELECT s.store_id FROM holdfast.session s WHERE s.agent = p_agent),
    (SELECT o.store_id FROM holdfast.store o WHERE o.id = 1))
$$;

CREATE FUNCTION holdfast.is_in_gap(p_agent bigint, p_channel text, p_epoch bigint, p_seq bigint)
RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT 1 FROM holdfast.gap g
    WHERE g.agent = p_agent AND g.channel = p_channel AND g.direction = 0 AND g.epoch = p_epoch
      AND g.first_seq <= p_seq AND (g.last_seq IS NULL OR g.last_seq >= p_seq))
$$;

-- The channel is locked by the caller. What arrives no longer belongs to the seq that comes next.
CREATE FUNCTION holdfast.forget_partial(p_agent bigint, p_channel text) RETURNS void
LANGUAGE sql AS $$
  INSERT INTO holdfast.forgotten_body (agent, body, day)
    SELECT c.agent, c.partial_body, c.partial_day FROM holdfast.channel c
    WHERE c.agent = p_agent AND c.channel = p_channel AND c.direction = 0
      AND c.partial_body IS NOT NULL;
  UPDATE holdfast.channel c SET partial_body = NULL, partial_day = NULL, partial_sha256 = NULL,
      partial_total = NULL, partial_durable = NULL
    WHERE c.agent = p_agent AND c.channel = p_channel AND c.direction = 0;
$$;

CREATE FUNCTION holdfast.open(p_agent bigint, p_session bigint, p_channel text, p_epoch bigint,
  p_at_ms bigint, p_previous_epoch bigint, p_previous_final bigint,
  OUT kind text, OUT gap text, OUT here holdfast.channel)
LANGUAGE plpgsql AS $$
DECLARE
  start_chain constant bytea := decode(repeat('00', 32), 'hex');
  named bigint;
  is_new boolean;
BEGIN
  IF holdfast.is_fenced(p_agent, p_session) THEN
    kind := 'fenced';
    RETURN;
  END IF;
  kind := 'ok';
  -- Each channel costs a row for ever, and a place in every outlet.
  IF NOT EXISTS (SELECT 1 FROM holdfast.channel c
      WHERE c.agent = p_agent AND c.channel = p_channel AND c.direction = 0)
    AND (SELECT count(*) FROM holdfast.channel c WHERE c.agent = p_agent AND c.direction = 0)
      >= ${AGENT_CHANNELS_MAX_COUNT} THEN
    kind := 'unknown';
    RETURN;
  END IF;
  -- TP17: if nothing is known of the channel, the epoch is taken as given, from seq 1.
  INSERT INTO holdfast.channel (agent, channel, direction, epoch, last_seq, chain)
    VALUES (p_agent, p_channel, 0, p_epoch, 0, start_chain) ON CONFLICT DO NOTHING;
  is_new := FOUND;
  SELECT * INTO here FROM holdfast.channel c
    WHERE c.agent = p_agent AND c.channel = p_channel AND c.direction = 0 FOR UPDATE;
  IF is_new THEN
    -- A previous epoch that ended at 0 held nothing, so that nothing is missing.
    IF p_previous_epoch IS NOT NULL AND p_previous_final IS DISTINCT FROM 0 THEN
      gap := 'storeReplaced';
      PERFORM holdfast.record_gap(p_agent, p_channel, p_previous_epoch, 1, p_previous_final, gap,
        p_at_ms);
    END IF;
  ELSIF p_epoch < here.epoch THEN
    -- TP16: the epoch of the call is closed here.
    kind := 'behind';
  ELSIF p_epoch > here.epoch AND p_previous_epoch > here.epoch THEN
    -- TP16: the source drained an epoch of which nothing is known here; ours comes first.
    kind := 'ahead';
  ELSIF p_epoch > here.epoch THEN
    -- TP17: what the source had in the old epoch and the sink has not is a gap; so is what nobody
    -- knows. Behind the last possible seq nothing can be missing.
    named := CASE WHEN p_previous_epoch = here.epoch THEN p_previous_final END;
    IF here.last_seq < 9223372036854775807 AND (named IS NULL OR named > here.last_seq) THEN
      gap := 'rolledBack';
      PERFORM holdfast.record_gap(p_agent, p_channel, here.epoch, here.last_seq + 1, named, gap,
        p_at_ms);
    END IF;
    INSERT INTO holdfast.epoch (agent, channel, direction, epoch, final_seq, final_chain)
      VALUES (p_agent, p_channel, 0, here.epoch, here.last_seq, here.chain);
    PERFORM holdfast.forget_partial(p_agent, p_channel);
    UPDATE holdfast.channel c SET epoch = p_epoch, last_seq = 0, chain = start_chain
      WHERE c.agent = p_agent AND c.channel = p_channel AND c.direction = 0
      RETURNING c.* INTO here;
  END IF;
END $$;

CREATE FUNCTION holdfast.skip(p_agent bigint, p_session bigint, p_channel text, p_epoch bigint,
  p_at_ms bigint, p_first bigint, p_last bigint, p_reason text, p_chain bytea,
  OUT kind text, OUT last bigint, OUT gap text)
LANGUAGE plpgsql AS $$
DECLARE found_at record;
BEGIN
  found_at := holdfast.locate(p_agent, p_session, p_channel, p_epoch);
  kind := found_at.kind;
  last := found_at.last;
  IF kind = 'closed' THEN
    kind := CASE WHEN p_last <= last THEN 'ok' ELSE 'staleEpoch' END;
  ELSIF kind = 'open' AND p_first - 1 > last THEN
    kind := 'gap';
  ELSIF kind = 'open' THEN
    kind := 'ok';
    -- Over seqs already stored it writes nothing, so that a repeated SKIP has no second effect.
    IF p_last > last THEN
      gap := p_reason;
      PERFORM holdfast.record_gap(p_agent, p_channel, p_epoch, last + 1, p_last, gap, p_at_ms);
      PERFORM holdfast.forget_partial(p_agent, p_channel);
      UPDATE holdfast.channel c SET last_seq = p_last, chain = p_chain
        WHERE c.agent = p_agent AND c.channel = p_channel AND c.direction = 0;
      last := p_last;
    END IF;
  END IF;
END $$;
`;
