/**
 * Every statement that runs while the receiver works, with the index that it must use. The
 * query-plan test reads the same constants: none may scan a table.
 *
 * Direction 0 is upstream; 1, downstream, is not served yet.
 *
 * @module
 */

export const SQL = {
  countOpen: "UPDATE store SET open_count = open_count + 1 WHERE id = 1 RETURNING store_id",
  insertStore:
    "INSERT INTO store (id, store_id, created_ms, open_count) VALUES (1, ?, ?, 1) RETURNING store_id",

  // Index: agent(tenant, name), or its primary key.
  findAgent: `SELECT id, tenant, name, serial, session, added_ms, hello_ms FROM agent
    WHERE tenant = ? AND name = ?`,
  listAgents: `SELECT id, tenant, name, serial, session, added_ms, hello_ms FROM agent
    WHERE (tenant, name) > (?, ?) ORDER BY tenant, name LIMIT ?`,
  insertAgent: "INSERT INTO agent (tenant, name, serial, added_ms) VALUES (?, ?, ?, ?)",
  changeSerial: "UPDATE agent SET serial = ? WHERE id = ?",
  readSession: "SELECT session FROM agent WHERE id = ?",
  readSourceStore: "SELECT store_id FROM agent WHERE id = ?",
  beginSession: `UPDATE agent SET session = session + 1, store_id = ?, nonce = ?, hello_ms = ?
    WHERE id = ? RETURNING session`,

  // Index: the primary keys of channel and epoch.
  readChannel: `SELECT epoch, last_seq, chain FROM channel
    WHERE agent = ? AND channel = ? AND direction = 0`,
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
    meta, repeat_of, possible_repeat, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  findMessage: `SELECT id, sha256 FROM inbox
    WHERE agent = ? AND channel = ? AND epoch = ? AND seq = ?`,
  readMessages: `SELECT epoch, seq, sha256, received_ms, stored_ms, meta, length(body),
      possible_repeat, NULL FROM inbox
    WHERE agent = ? AND channel = ? AND (epoch, seq) > (?, ?) AND (epoch, seq) <= (?, ?)
      AND repeat_of IS NULL ORDER BY epoch, seq LIMIT ?`,
  readMessagesWithBody: `SELECT epoch, seq, sha256, received_ms, stored_ms, meta, length(body),
      possible_repeat, body FROM inbox
    WHERE agent = ? AND channel = ? AND (epoch, seq) > (?, ?) AND (epoch, seq) <= (?, ?)
      AND repeat_of IS NULL ORDER BY epoch, seq LIMIT ?`,

  // Index: gap(agent, channel, direction, epoch), or gap(agent, channel, direction, id).
  insertGap: `INSERT INTO gap (agent, channel, direction, epoch, first_seq, last_seq, kind,
    recorded_ms, source_store, sink_store) VALUES (?, ?, 0, ?, ?, ?, ?, ?, ?, ?)`,
  findGap: `SELECT 1 FROM gap WHERE agent = ? AND channel = ? AND direction = 0 AND epoch = ?
    AND first_seq <= ? AND (last_seq IS NULL OR last_seq >= ?) LIMIT 1`,
  readGaps: `SELECT id, epoch, first_seq, last_seq, kind, recorded_ms FROM gap
    WHERE agent = ? AND channel = ? AND direction = 0 AND id > ? ORDER BY id LIMIT ?`,
} as const satisfies Record<string, string>;
