/**
 * Every statement that runs while the receiver works, with the index that it must use. The
 * query-plan test reads the same constants: none may scan a table.
 *
 * Direction 0 is upstream; downstream has tables of its own, `outgoing`.
 *
 * @module
 */
import { LARGE_MESSAGE_BYTES } from "#protocol/limits.ts";
import { AGENT_COLUMNS } from "./registry-statements.ts";

export const SQL = {
  countOpen: "UPDATE store SET open_count = open_count + 1 WHERE id = 1 RETURNING store_id",
  insertStore:
    "INSERT INTO store (id, store_id, created_ms, open_count) VALUES (1, ?, ?, 1) RETURNING store_id",

  // Index: agent(tenant, name), or its primary key.
  findAgent: `SELECT ${AGENT_COLUMNS} FROM agent
    WHERE tenant = ? AND name = ?`,
  listAgents: `SELECT ${AGENT_COLUMNS} FROM agent
    WHERE (tenant, name) > (?, ?) ORDER BY tenant, name LIMIT ?`,
  insertAgent: "INSERT INTO agent (tenant, name, serial, added_ms) VALUES (?, ?, ?, ?)",
  changeSerial: `UPDATE agent SET serial = ?, identity = NULL, revision = revision + 1
    WHERE id = ?`,
  readGreetings: "SELECT locked_ms, greetings FROM agent WHERE id = ?",
  lockAgent: `UPDATE agent SET session = session + 1, locked_ms = ?, greetings = NULL
    WHERE id = ?`,
  unlockAgent: "UPDATE agent SET locked_ms = NULL WHERE tenant = ? AND name = ?",
  readSession: "SELECT session FROM agent WHERE id = ?",
  readSourceStore: "SELECT store_id FROM agent WHERE id = ?",
  beginSession: `UPDATE agent SET session = session + 1, store_id = ?, nonce = ?, hello_ms = ?,
      greetings = ?
    WHERE id = ? RETURNING session`,

  // Index: the primary keys of channel and epoch.
  readChannel: `SELECT epoch, last_seq, chain FROM channel
    WHERE agent = ? AND channel = ? AND direction = 0`,
  countChannels: "SELECT count(*) FROM channel WHERE agent = ? AND direction = 0",
  listChannels: `SELECT channel, epoch, last_seq, chain FROM channel
    WHERE agent = ? AND direction = 0 AND channel > ? ORDER BY channel LIMIT ?`,
  insertChannel: `INSERT INTO channel (agent, channel, direction, epoch, last_seq, chain)
    VALUES (?, ?, 0, ?, 0, ?)`,
  advanceChannel: `UPDATE channel SET last_seq = ?, chain = ?
    WHERE agent = ? AND channel = ? AND direction = 0`,
  changeEpoch: `UPDATE channel SET epoch = ?, last_seq = 0, chain = ?
    WHERE agent = ? AND channel = ? AND direction = 0`,
  closeEpoch: `INSERT INTO epoch (agent, channel, direction, epoch, final_seq, final_chain)
    VALUES (?, ?, 0, ?, ?, ?)`,
  readEpoch: `SELECT final_seq FROM epoch
    WHERE agent = ? AND channel = ? AND direction = 0 AND epoch = ?`,

  // Index: inbox(agent, channel, epoch, seq).
  insertMessage: `INSERT INTO inbox (agent, channel, epoch, seq, sha256, received_ms, stored_ms,
    meta, repeat_of, possible_repeat, body, large) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  findMessage: `SELECT id, sha256 FROM inbox
    WHERE agent = ? AND channel = ? AND epoch = ? AND seq = ?`,
  readMessages: `SELECT epoch, seq, sha256, received_ms, stored_ms, meta,
      coalesce(pruned_bytes, (SELECT bytes FROM large_body WHERE id = large), length(body)),
      possible_repeat, NULL FROM inbox
    WHERE agent = ? AND channel = ? AND (epoch, seq) > (?, ?) AND (epoch, seq) <= (?, ?)
      AND repeat_of IS NULL ORDER BY epoch, seq LIMIT ?`,
  readMessagesWithBody: `SELECT epoch, seq, sha256, received_ms, stored_ms, meta,
      coalesce(pruned_bytes, (SELECT bytes FROM large_body WHERE id = large), length(body)), possible_repeat,
      iif(large IS NULL AND pruned_bytes IS NULL AND length(body) <= ${LARGE_MESSAGE_BYTES}, body, NULL) FROM inbox
    WHERE agent = ? AND channel = ? AND (epoch, seq) > (?, ?) AND (epoch, seq) <= (?, ?)
      AND repeat_of IS NULL ORDER BY epoch, seq LIMIT ?`,

  // Index: inbox_kept, or the primary key.
  nextKept: `SELECT id, agent, channel, epoch, seq, repeat_of IS NOT NULL, large, stored_ms
    FROM inbox WHERE pruned_bytes IS NULL AND id > ? ORDER BY id LIMIT ?`,
  pruneMessage: `UPDATE inbox SET body = x'', meta = '{}', large = NULL,
      pruned_bytes = coalesce((SELECT bytes FROM large_body WHERE id = large), length(body))
    WHERE id = ?`,

  readBodyPart: `SELECT large, substr(body, ?, ?) FROM inbox
    WHERE agent = ? AND channel = ? AND epoch = ? AND seq = ?`,

  // Index: the primary keys of partial, body_slice and large_body, or large_body(doomed).
  readPartial: `SELECT epoch, seq, sha256, total, durable, body FROM partial
    WHERE agent = ? AND channel = ? AND direction = 0`,
  insertPartial: `INSERT INTO partial (agent, channel, direction, epoch, seq, sha256, total, durable,
    body) VALUES (?, ?, 0, ?, ?, ?, ?, 0, ?)`,
  growPartial: "UPDATE partial SET durable = ? WHERE agent = ? AND channel = ? AND direction = 0",
  takePartial: `DELETE FROM partial WHERE agent = ? AND channel = ? AND direction = 0
    RETURNING body`,
  insertBody: "INSERT INTO large_body (bytes) VALUES (?) RETURNING id",
  insertSlice: "INSERT INTO body_slice (body, at, bytes) VALUES (?, ?, ?)",
  readSlice: `SELECT at, bytes FROM body_slice WHERE body = ? AND at <= ?
    ORDER BY at DESC LIMIT 1`,
  doomBody: "UPDATE large_body SET doomed = 1 WHERE id = ?",
  nextDoomed: "SELECT id FROM large_body WHERE doomed = 1 LIMIT 1",
  deleteSlices: `DELETE FROM body_slice WHERE rowid IN
    (SELECT rowid FROM body_slice WHERE body = ? LIMIT ?)`,
  deleteBody: "DELETE FROM large_body WHERE id = ?",

  // Index: gap(agent, channel, direction, epoch), or gap(agent, channel, direction, id).
  insertGap: `INSERT INTO gap (agent, channel, direction, epoch, first_seq, last_seq, kind,
    recorded_ms, source_store, sink_store) VALUES (?, ?, 0, ?, ?, ?, ?, ?, ?, ?)`,
  findGap: `SELECT 1 FROM gap WHERE agent = ? AND channel = ? AND direction = 0 AND epoch = ?
    AND first_seq <= ? AND (last_seq IS NULL OR last_seq >= ?) LIMIT 1`,
  readGaps: `SELECT id, epoch, first_seq, last_seq, kind, recorded_ms FROM gap
    WHERE agent = ? AND channel = ? AND direction = 0 AND id > ? ORDER BY id LIMIT ?`,
} as const satisfies Record<string, string>;
