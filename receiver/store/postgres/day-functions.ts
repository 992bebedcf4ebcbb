/**
 * Days: partitions that come when the first message of a day does, and go when retention says so.
 *
 * @module
 */

/**
 * ATTACH takes a lock beside which ingest goes on; CREATE TABLE … PARTITION OF and DROP take one that
 * waits for every call that runs. So a day is attached, and dropping gives up soon (55P03) rather
 * than keeping calls waiting behind it.
 */
export const DAY_FUNCTIONS = `
CREATE FUNCTION holdfast.add_day(p_day date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  parent text;
  part text;
BEGIN
  -- Two nodes see the first message of a day at the same time.
  PERFORM pg_advisory_xact_lock(hashtextextended('holdfast.day', 0));
  FOREACH parent IN ARRAY ARRAY['message', 'body_slice'] LOOP
    part := parent || to_char(p_day, '_YYYY_MM_DD');
    -- Not to_regclass, which may remember that there was none before the lock.
    CONTINUE WHEN EXISTS (SELECT 1 FROM pg_class c
      WHERE c.relnamespace = 'holdfast'::regnamespace AND c.relname = part);
    EXECUTE format('CREATE TABLE holdfast.%I (LIKE holdfast.%I INCLUDING STORAGE)', part, parent);
    EXECUTE format('ALTER TABLE holdfast.%I ATTACH PARTITION holdfast.%I FOR VALUES FROM (%L) TO (%L)',
      parent, part, p_day, p_day + 1);
  END LOOP;
  INSERT INTO holdfast.day (day) VALUES (p_day) ON CONFLICT DO NOTHING;
END $$;

-- Returns whether everything of the day is gone. Messages stay that an outlet has not handed on; slices
-- stay if a body that began to arrive on that day is in a message of p_before or later, or still arrives.
-- p_outlets and p_channels have the same length: one element for each channel that an outlet takes, or
-- NULL for all but the reserved ones. What none of them takes stays if p_keeps_untaken.
CREATE FUNCTION holdfast.drop_day(p_day date, p_before date, p_outlets text[], p_channels text[],
  p_keeps_untaken boolean, p_lock_wait_ms integer) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('lock_timeout', p_lock_wait_ms::text, true);
  PERFORM pg_advisory_xact_lock(hashtextextended('holdfast.day', 0));
  -- Of each channel the outlet that is furthest behind; without a position it has taken nothing.
  -- Repeats are not handed on (RI6), and no position waits for them.
  IF EXISTS (WITH hindmost AS (
        SELECT DISTINCT ON (c.agent, c.channel) c.agent, c.channel, o.outlet, p.epoch, p.seq
          FROM holdfast.channel c
            LEFT JOIN unnest(p_outlets, p_channels) AS o (outlet, channel)
              ON o.channel = c.channel OR (o.channel IS NULL AND left(c.channel, 1) <> '$')
            LEFT JOIN holdfast.position p ON p.agent = c.agent AND p.outlet = o.outlet
              AND p.channel = c.channel
          WHERE c.direction = 0
          ORDER BY c.agent, c.channel, p.epoch NULLS FIRST, p.seq)
      SELECT 1 FROM holdfast.message m
        JOIN hindmost h ON h.agent = m.agent AND h.channel = m.channel
        JOIN holdfast.ledger l ON l.agent = m.agent AND l.channel = m.channel
          AND l.epoch = m.epoch AND l.seq = m.seq AND l.repeat_of_seq IS NULL
      WHERE m.day = p_day AND CASE WHEN h.outlet IS NULL THEN p_keeps_untaken
        ELSE h.seq IS NULL OR (m.epoch, m.seq) > (h.epoch, h.seq) END) THEN
    RETURN false;
  END IF;
  EXECUTE format('DROP TABLE IF EXISTS holdfast.%I', 'message' || to_char(p_day, '_YYYY_MM_DD'));
  IF EXISTS (SELECT 1 FROM holdfast.ledger l WHERE l.body_day = p_day AND l.day >= p_before)
    OR EXISTS (SELECT 1 FROM holdfast.channel c WHERE c.partial_day = p_day) THEN
    RETURN false;
  END IF;
  EXECUTE format('DROP TABLE IF EXISTS holdfast.%I', 'body_slice' || to_char(p_day, '_YYYY_MM_DD'));
  DELETE FROM holdfast.forgotten_body f WHERE f.day = p_day;
  DELETE FROM holdfast.day d WHERE d.day = p_day;
  RETURN true;
END $$;
`;
