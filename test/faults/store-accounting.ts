/** What a store counts along equals a recount (05 S20), and holds nothing that no row names. @module */
import type Database from "better-sqlite3";

/** Rows whose bodies are still here: those above `trimmed` of their epoch. */
const KEPT = `(SELECT message.* FROM message JOIN cursor USING (channel, epoch) WHERE seq > trimmed)`;

const WRONG_COUNTS: Readonly<Record<string, string>> = {
  "rows without a cursor": `SELECT count(*) FROM message
     WHERE NOT EXISTS (SELECT 1 FROM cursor WHERE cursor.channel = message.channel
       AND cursor.epoch = message.epoch)`,
  // Attributes come on top; the oracle that opens the records checks them.
  "sums of length": `SELECT count(*) FROM (SELECT length, through_bytes, lag(through_bytes, 1, 0)
         OVER (PARTITION BY channel, epoch ORDER BY seq) AS before FROM message)
     WHERE through_bytes < before + length`,
  // An epoch that ended before this store was made has a cursor and no rows.
  acked_bytes: `SELECT count(*) FROM cursor LEFT JOIN message
       ON message.channel = cursor.channel AND message.epoch = cursor.epoch AND seq = acked
     WHERE acked_bytes <> CASE
       WHEN acked = 0 THEN 0
       WHEN acked = trimmed THEN trimmed_bytes
       ELSE coalesce(through_bytes, iif(ended = 0, -1, acked_bytes)) END`,
  trimmed_bytes: `SELECT count(*) FROM cursor LEFT JOIN message
       ON message.channel = cursor.channel AND message.epoch = cursor.epoch AND seq = trimmed
     WHERE trimmed_bytes <> coalesce(through_bytes, iif(trimmed = 0, 0, trimmed_bytes))`,
  "uses of uploads": `SELECT count(*) FROM upload WHERE complete = 1 AND uses <>
       (SELECT count(*) FROM ${KEPT} WHERE upload = upload.id AND upload <> 0) +
       (SELECT count(*) FROM quarantine WHERE quarantine.upload = upload.id)`,
  "quarantine totals": `SELECT count(*) FROM (SELECT DISTINCT channel FROM quarantine
         UNION SELECT channel FROM quarantine_total) AS one
     WHERE (SELECT count(*) FROM quarantine WHERE channel = one.channel) <>
           coalesce((SELECT count FROM quarantine_total WHERE channel = one.channel), 0)
        OR (SELECT coalesce(sum(kept), 0) FROM quarantine WHERE channel = one.channel) <>
           coalesce((SELECT bytes FROM quarantine_total WHERE channel = one.channel), 0)`,
  "bodies above trimmed": `SELECT count(*) FROM ${KEPT} AS one
     WHERE NOT EXISTS (SELECT 1 FROM segment WHERE segment.id = one.segment)`,
  "bodies below trimmed": `SELECT count(*) FROM message JOIN cursor USING (channel, epoch)
     WHERE seq <= trimmed AND EXISTS (SELECT 1 FROM segment WHERE segment.id = message.segment)`,
  "uploads above trimmed": `SELECT count(*) FROM ${KEPT} AS one
     WHERE upload <> 0 AND NOT EXISTS (SELECT 1 FROM upload WHERE upload.id = one.upload AND complete = 1)`,
  // One that is still being filled (06 TP18) comes after the current one.
  "current epochs": `SELECT count(*) FROM channel WHERE
       (SELECT count(*) FROM cursor WHERE channel = channel.id AND ended = 0) <> 1 OR
       (SELECT ended FROM cursor WHERE channel = channel.id AND ended <> 3
         ORDER BY epoch DESC LIMIT 1) <> 0`,
  "inbox totals": `SELECT count(*) FROM inbox_channel AS one WHERE
       (open_count, open_bytes) IS NOT (SELECT count(*), coalesce(sum(length), 0) FROM inbox
         WHERE channel = one.id AND state IN (0, 1)) OR
       (aside_count, aside_bytes) IS NOT (SELECT count(*), coalesce(sum(length), 0) FROM inbox
         WHERE channel = one.id AND state = 3)`,
  "inbox heads": "SELECT count(*) FROM inbox WHERE (kept = 1) <> (head IS NOT NULL)",
  "inbox rows that are kept": `SELECT count(*) FROM inbox
     WHERE (kept = 0 AND state IN (0, 1, 3)) OR (kept = 1 AND state IN (4, 5))`,
  "inbox positions": `SELECT count(*) FROM inbox_channel AS one WHERE last_seq <
       (SELECT max(seq) FROM inbox WHERE channel = one.id AND epoch = one.epoch)`,
  "slices of the inbox": `SELECT count(*) FROM (SELECT id, length FROM inbox WHERE kept = 1
         UNION ALL SELECT id, durable FROM inbox_partial) AS one
     WHERE (SELECT count(*) FROM inbox_slice WHERE body = one.id) <> (one.length + 131071) / 131072`,
  "inbox settled": `SELECT count(*) FROM inbox
     WHERE (state IN (0, 1)) <> (settled_at_ms IS NULL) OR (state > 1 AND hold IS NOT NULL)`,
  "blocks of files": `SELECT count(*) FROM file_block
     WHERE block NOT IN (SELECT id FROM quarantine) OR claim NOT IN (SELECT id FROM file_claim)`,
  "files in their states": `SELECT count(*) FROM file_claim
     WHERE (state = 0) <> (decided_at_ms IS NULL) OR (state = 3) <> (moved_at_ms IS NOT NULL)
       OR (verdict IS NOT NULL AND reason IS NOT NULL)
       OR (state = 0 OR (state = 3 AND message_count + aside_count > 0)) < (verdict IS NULL AND reason IS NULL)
       OR (state = 0 AND (verdict IS NOT NULL OR reason IS NOT NULL))
       OR (verdict IS NOT NULL AND content_token IS NULL) OR (content_token IS NOT NULL AND digest IS NULL)
       OR (verdict IS NULL AND content_token IS NOT NULL AND appended = 0)
       OR (verdict = 'sent' AND aside_count > 0) OR (verdict = 'partial' AND aside_count = 0)
       OR (verdict IN ('sent', 'partial') AND appended <> message_count + aside_count)
       OR (verdict IS NULL AND content_token IS NOT NULL AND appended <> message_count + aside_count)`,
  "steps of files": `SELECT count(*) FROM file_step AS one
     WHERE claim NOT IN (SELECT id FROM file_claim) OR first_seq > last_seq OR last_seq > (SELECT max(seq)
       FROM message WHERE message.channel = one.channel AND message.epoch = one.epoch)`,
  // Of repeats the first copies are others' messages.
  "messages of files": `SELECT count(*) FROM file_claim
     WHERE last_seq - first_seq + 1 > message_count OR last_seq > (SELECT max(seq) FROM message
       WHERE message.channel = file_claim.channel AND message.epoch = file_claim.epoch)`,
  // Each message from the first that is counted on is in one stretch, of its hour (03 D4).
  "hours of messages": `SELECT count(*) FROM message AS one JOIN channel ON channel.id = one.channel
     WHERE name NOT GLOB '$*' AND seq >= (SELECT min(first_seq) FROM stretch WHERE direction = 0
       AND stretch.channel = one.channel AND stretch.epoch = one.epoch)
       AND (SELECT count(*) FROM stretch WHERE direction = 0 AND stretch.channel = one.channel
         AND stretch.epoch = one.epoch AND seq BETWEEN first_seq AND last_seq
         AND hour = received_at_ms / 3600000) <> 1`,
  "stretches behind the last message": `SELECT count(*) FROM stretch AS one WHERE direction = 0
     AND last_seq > (SELECT max(seq) FROM message
       WHERE message.channel = one.channel AND message.epoch = one.epoch)`,
  "hours of the inbox": `SELECT count(*) FROM inbox AS one JOIN inbox_channel ON inbox_channel.id = one.channel
     WHERE name NOT GLOB '$*' AND seq >= (SELECT min(first_seq) FROM stretch WHERE direction = 1
       AND stretch.channel = one.channel AND stretch.epoch = one.epoch)
       AND (SELECT count(*) FROM stretch WHERE direction = 1 AND stretch.channel = one.channel
         AND stretch.epoch = one.epoch AND seq BETWEEN first_seq AND last_seq) <> 1`,
  cursors: `SELECT count(*) FROM cursor AS one WHERE (trimmed > acked AND ended <> 2)
       OR (ended = 1 AND final <
         (SELECT max(seq) FROM message WHERE channel = one.channel AND epoch = one.epoch))`,
};

const UNNAMED: Readonly<Record<string, string>> = {
  "incomplete uploads": "SELECT count(*) FROM upload WHERE complete = 0",
  "slices without upload": `SELECT count(*) FROM slice
     WHERE upload NOT IN (SELECT id FROM upload)`,
  "unnamed uploads": `SELECT count(*) FROM upload WHERE complete = 1
       AND id NOT IN (SELECT upload FROM ${KEPT})
       AND id NOT IN (SELECT upload FROM quarantine WHERE upload IS NOT NULL)`,
  "unnamed slices of the inbox": `SELECT count(*) FROM inbox_slice
     WHERE body NOT IN (SELECT id FROM inbox WHERE kept = 1)
       AND body NOT IN (SELECT id FROM inbox_partial)
       AND body NOT IN (SELECT body FROM inbox_doomed)`,
  "unnamed segments": `SELECT count(*) FROM segment
     WHERE id NOT IN (SELECT segment FROM message)`,
};

/** @returns why the accounting is wrong; empty if a recount gives the same */
export const wronglyCounted = (db: Database.Database): string[] =>
  nonZero(db, WRONG_COUNTS, "accounting");

/** @returns what no row names: nothing once the store has been opened and swept (05 S11) */
export const leftovers = (db: Database.Database): string[] => nonZero(db, UNNAMED, "leftovers");

function nonZero(
  db: Database.Database,
  counts: Readonly<Record<string, string>>,
  oracle: string,
): string[] {
  return Object.entries(counts).flatMap(([what, sql]) => {
    const count = db.prepare(sql).pluck().get() as number;
    return count === 0 ? [] : [`${oracle}: ${count} wrong, ${what}`];
  });
}
