/**
 * The ingest step (RI2 to RI7) and the partial message (TP25) as functions of the database; see
 * `channel-functions.ts` for why they are functions.
 *
 * The items of a call come as few values: hashes in one bytea of 32 bytes each, bodies in one behind
 * the other. node-postgres sends a bytea as it is, but an array of them as text, twice as long.
 *
 * @module
 */

export const INGEST_FUNCTIONS = `
CREATE FUNCTION holdfast.ingest(p_agent bigint, p_session bigint, p_channel text, p_epoch bigint,
  p_at_ms bigint, p_day date, p_first bigint, p_sha256 bytea, p_received_ms bigint[], p_meta text[],
  p_replaces_epoch bigint[], p_replaces_seq bigint[], p_bytes bigint[], p_bodies bytea,
  p_body uuid, OUT kind text, OUT last bigint, OUT unverified bigint)
LANGUAGE plpgsql AS $$
DECLARE
  found_at record;
  item_count constant integer := cardinality(p_bytes);
  repeat_count integer;
  conflict bigint;
  next_chain bytea;
  slices holdfast.channel;
BEGIN
  -- RI2, RI3
  found_at := holdfast.locate(p_agent, p_session, p_channel, p_epoch);
  kind := found_at.kind;
  last := found_at.last;
  unverified := 0;
  IF kind = 'closed' THEN
    IF p_first - 1 > last - item_count THEN
      kind := 'staleEpoch';
      RETURN;
    END IF;
    repeat_count := item_count;
  ELSIF kind = 'open' THEN
    -- RI4
    IF p_first - 1 > last THEN
      kind := 'gap';
      RETURN;
    END IF;
    repeat_count := least(item_count, last - (p_first - 1));
  ELSE
    RETURN;
  END IF;

  -- RI5, all of it before anything is appended. A number inside a gap record was never stored here:
  -- to accept a message under it would lose the message, so it counts as another content.
  IF repeat_count > 0 THEN
    SELECT min(i.seq) FILTER (WHERE l.sha256 <> i.sha256 OR l.sha256 IS NULL
          AND holdfast.is_in_gap(p_agent, p_channel, p_epoch, i.seq)),
        count(*) FILTER (WHERE l.sha256 IS NULL)
      INTO conflict, unverified
      FROM (SELECT p_first + n AS seq, substring(p_sha256 FROM n * 32 + 1 FOR 32) AS sha256
        FROM generate_series(0, repeat_count - 1) AS n) AS i
      LEFT JOIN holdfast.ledger l ON l.agent = p_agent AND l.channel = p_channel
        AND l.epoch = p_epoch AND l.seq = i.seq
        AND l.seq BETWEEN p_first AND p_first + (repeat_count - 1);
    IF conflict IS NOT NULL THEN
      kind := CASE kind WHEN 'closed' THEN 'staleEpoch' ELSE 'conflict' END;
      last := conflict;
      RETURN;
    END IF;
  END IF;
  kind := 'ok';
  IF repeat_count = item_count THEN
    RETURN;
  END IF;

  -- RI6
  IF p_body IS NOT NULL THEN
    SELECT * INTO slices FROM holdfast.channel c
      WHERE c.agent = p_agent AND c.channel = p_channel AND c.direction = 0
        AND c.partial_body = p_body AND c.partial_durable = c.partial_total;
    IF slices.partial_body IS NULL THEN
      -- There is none, or it is not complete.
      kind := 'hash';
      last := p_first;
      RETURN;
    END IF;
  ELSIF found_at.partial_body IS NOT NULL THEN
    PERFORM holdfast.forget_partial(p_agent, p_channel);
  END IF;
  PERFORM holdfast.append(p_agent, p_channel, p_epoch, p_at_ms, p_day, p_first, repeat_count,
    p_sha256, p_received_ms, p_meta, p_replaces_epoch, p_replaces_seq, p_bytes, p_bodies,
    slices.partial_body, slices.partial_day);
  -- After a SKIP without a chain there is none to go on from, until the epoch ends (TP15).
  next_chain := found_at.chain;
  IF next_chain IS NOT NULL THEN
    FOR i IN repeat_count .. item_count - 1 LOOP
      next_chain := sha256(next_chain || int8send(p_epoch) || int8send(p_first + i)
        || substring(p_sha256 FROM i * 32 + 1 FOR 32));
    END LOOP;
  END IF;
  last := p_first + (item_count - 1);
  UPDATE holdfast.channel c SET last_seq = last, chain = next_chain, partial_body = NULL,
      partial_day = NULL, partial_sha256 = NULL, partial_total = NULL, partial_durable = NULL
    WHERE c.agent = p_agent AND c.channel = p_channel AND c.direction = 0;
END $$;

-- RI6 for the items behind the first p_from: a row of the ledger and a row of the day for each. A
-- message that replaces one of the same call is not looked for: what is replaced is in an epoch that
-- is closed (TP18), or inside a gap record (TP31).
CREATE FUNCTION holdfast.append(p_agent bigint, p_channel text, p_epoch bigint, p_at_ms bigint,
  p_day date, p_first bigint, p_from integer, p_sha256 bytea, p_received_ms bigint[],
  p_meta text[], p_replaces_epoch bigint[], p_replaces_seq bigint[], p_bytes bigint[],
  p_bodies bytea, p_body uuid, p_body_day date) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO holdfast.ledger (agent, channel, epoch, seq, sha256, received_ms, stored_ms, day,
    bytes, repeat_of_epoch, repeat_of_seq, possible_repeat, body, body_day)
  SELECT p_agent, p_channel, p_epoch, p_first + (i.n - 1), i.sha256, i.received_ms, p_at_ms, p_day,
      i.bytes, l.epoch, l.seq,
      -- The row that it replaces is gone, so nobody can say whether it was handed on before.
      i.replaces_seq IS NOT NULL AND l.seq IS NULL AND i.is_known_seq
        AND NOT EXISTS (SELECT 1 FROM holdfast.ledger other WHERE other.agent = p_agent
          AND other.channel = p_channel AND other.epoch = i.replaces_epoch
          AND other.seq = i.replaces_seq)
        AND NOT holdfast.is_in_gap(p_agent, p_channel, i.replaces_epoch, i.replaces_seq),
      p_body, p_body_day
    FROM (SELECT u.*, substring(p_sha256 FROM (u.n::integer - 1) * 32 + 1 FOR 32) AS sha256,
          EXISTS (SELECT 1 FROM holdfast.epoch e WHERE e.agent = p_agent
            AND e.channel = p_channel AND e.direction = 0 AND e.epoch = u.replaces_epoch
            AND e.final_seq >= u.replaces_seq) AS is_known_seq
        FROM unnest(p_received_ms, p_replaces_epoch, p_replaces_seq, p_bytes)
          WITH ORDINALITY AS u (received_ms, replaces_epoch, replaces_seq, bytes, n)
        WHERE u.n > p_from) AS i
    LEFT JOIN holdfast.ledger l ON l.agent = p_agent AND l.channel = p_channel
      AND l.epoch = i.replaces_epoch AND l.seq = i.replaces_seq AND l.sha256 = i.sha256;
  INSERT INTO holdfast.message (agent, channel, epoch, seq, day, meta, body)
  SELECT p_agent, p_channel, p_epoch, p_first + (i.n - 1), p_day, i.meta,
      CASE WHEN p_body IS NULL
        THEN substring(p_bodies FROM (i.ends - i.bytes)::integer + 1 FOR i.bytes::integer) END
    FROM (SELECT u.meta, u.bytes, u.n, sum(u.bytes) OVER (ORDER BY u.n) AS ends
        FROM unnest(p_meta, p_bytes) WITH ORDINALITY AS u (meta, bytes, n)) AS i
    WHERE i.n > p_from;
END $$;

CREATE FUNCTION holdfast.save_partial(p_agent bigint, p_session bigint, p_channel text,
  p_epoch bigint, p_day date, p_seq bigint, p_sha256 bytea, p_total bigint, p_offset bigint,
  p_bytes bytea, p_slice_bytes integer, OUT kind text, OUT durable bigint)
LANGUAGE plpgsql AS $$
DECLARE
  found_at record;
  here holdfast.channel;
BEGIN
  found_at := holdfast.locate(p_agent, p_session, p_channel, p_epoch);
  kind := CASE found_at.kind WHEN 'closed' THEN 'staleEpoch' ELSE found_at.kind END;
  IF kind <> 'open' THEN
    RETURN;
  END IF;
  kind := 'restart';
  IF p_seq - 1 <> found_at.last THEN
    RETURN;
  END IF;
  SELECT * INTO here FROM holdfast.channel c
    WHERE c.agent = p_agent AND c.channel = p_channel AND c.direction = 0;
  -- 0 begins anew, whatever was there; so does another message, which has to begin at 0.
  IF p_offset = 0 OR here.partial_sha256 IS DISTINCT FROM p_sha256
    OR here.partial_total <> p_total THEN
    PERFORM holdfast.forget_partial(p_agent, p_channel);
    here.partial_body := gen_random_uuid();
    here.partial_day := p_day;
    here.partial_durable := 0;
  ELSIF p_offset + length(p_bytes) = here.partial_durable THEN
    -- The same call again, because nobody knew whether it was committed.
    kind := 'ok';
    durable := here.partial_durable;
    RETURN;
  END IF;
  IF p_offset <> here.partial_durable THEN
    RETURN;
  END IF;
  INSERT INTO holdfast.body_slice (agent, body, day, start, bytes)
    SELECT p_agent, here.partial_body, here.partial_day, p_offset + at,
        substring(p_bytes FROM at + 1 FOR p_slice_bytes)
      FROM generate_series(0, length(p_bytes) - 1, p_slice_bytes) AS at;
  kind := 'ok';
  durable := p_offset + length(p_bytes);
  UPDATE holdfast.channel c SET partial_body = here.partial_body, partial_day = here.partial_day,
      partial_sha256 = p_sha256, partial_total = p_total, partial_durable = durable
    WHERE c.agent = p_agent AND c.channel = p_channel AND c.direction = 0;
END $$;

-- The partial was read and is not what its hash says.
CREATE FUNCTION holdfast.refuse_partial(p_agent bigint, p_session bigint, p_channel text,
  p_body uuid) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  IF holdfast.is_fenced(p_agent, p_session) THEN
    RETURN 'fenced';
  END IF;
  PERFORM 1 FROM holdfast.channel c WHERE c.agent = p_agent AND c.channel = p_channel
    AND c.direction = 0 AND c.partial_body = p_body FOR UPDATE;
  IF FOUND THEN
    PERFORM holdfast.forget_partial(p_agent, p_channel);
  END IF;
  RETURN 'hash';
END $$;
`;
