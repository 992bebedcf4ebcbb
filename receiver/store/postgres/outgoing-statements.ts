/**
 * What the outbox for hospital systems asks PostgreSQL.
 *
 * @module
 */
import { COMMANDS_CHANNEL } from "../../served-channels.ts";

export const OUTGOING_SQL = {
  enqueue: `SELECT kind, known, (message).id, (message).epoch, (message).seq
    FROM holdfast.enqueue($1, $2, $3, $4, $5, $6, $7)`,
  outgoingChannels: `SELECT c.channel, c.epoch, c.last_seq, c.acked_seq,
      (SELECT min(o.seq) FROM holdfast.outgoing o WHERE o.agent = c.agent AND o.channel = c.channel
        AND o.epoch = c.epoch AND o.kept), c.previous_epoch, c.previous_final
    FROM holdfast.outgoing_channel c WHERE c.agent = $1 AND c.channel > $2
    ORDER BY c.channel LIMIT $3`,
  // A page ends with the row that fills it.
  readOutgoing: `SELECT id, epoch, seq, sha256, queued_ms, meta, bytes, replaces_epoch, replaces_seq,
      CASE WHEN bytes <= $6 THEN body END
    FROM (SELECT p.*, sum(CASE WHEN p.bytes <= $6 THEN p.bytes ELSE 0 END)
          OVER (ORDER BY p.seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS ahead
        FROM (SELECT * FROM holdfast.outgoing o WHERE o.agent = $1 AND o.channel = $2
            AND o.epoch = $3 AND o.seq > $4 AND o.kept ORDER BY o.seq LIMIT $5) AS p) AS q
    WHERE coalesce(ahead, 0) < $7 ORDER BY seq`,
  readOutgoingBody: `SELECT substring(body FROM $5 FOR $6) FROM holdfast.outgoing
    WHERE agent = $1 AND channel = $2 AND epoch = $3 AND seq = $4 AND kept`,
  outgoingChain: `SELECT chain FROM holdfast.outgoing
    WHERE agent = $1 AND channel = $2 AND epoch = $3 AND seq = $4`,
  settleOutgoing: "SELECT holdfast.settle_outgoing($1, $2, $3, $4, $5, $6)",
  reissueOutgoing: "SELECT holdfast.reissue_outgoing($1, $2, $3, $4, $5, $6)",
  // An agent that recognised a repeat speaks of the number under which it had the message first.
  noteOutcome: `UPDATE holdfast.outgoing SET outcome = $5
    WHERE agent = $1 AND channel = $2 AND outcome IS NULL
      AND ((epoch = $3 AND seq = $4) OR (replaces_epoch = $3 AND replaces_seq = $4))`,
  openCommands: `SELECT key, body FROM holdfast.outgoing
    WHERE agent = $1 AND channel = '${COMMANDS_CHANNEL}' AND outcome IS NULL ORDER BY id LIMIT $2`,
  answerCommand: "SELECT holdfast.answer_command($1, $2, $3, $4, $5)",
  listOutgoing: `SELECT id, epoch, seq, key, bytes, queued_ms, settled_ms, outcome
    FROM holdfast.outgoing WHERE agent = $1 AND channel = $2 AND id > $3 ORDER BY id LIMIT $4`,
  lastOutgoing: `SELECT coalesce((SELECT id FROM holdfast.outgoing
    WHERE writer < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY id DESC LIMIT 1), 0)`,
  // Of what a running transaction may still precede, the next question hears again.
  enqueuedSince: `SELECT coalesce(max(o.id) FILTER (
        WHERE o.writer < pg_snapshot_xmin(pg_current_snapshot())), $1),
      coalesce(array_agg(DISTINCT o.agent::text), ARRAY[]::text[])
    FROM holdfast.outgoing o WHERE o.id > $1`,
  pruneOutgoing: `UPDATE holdfast.outgoing SET kept = false, body = '' WHERE (agent, id) IN
    (SELECT agent, id FROM holdfast.outgoing WHERE kept AND settled_ms < $1
      ORDER BY settled_ms LIMIT $2) RETURNING 1`,
} as const satisfies Record<string, string>;
