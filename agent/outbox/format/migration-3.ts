/**
 * Schema version 3: everything that a store of version 2 holds in clear is sealed (08 2.1).
 *
 * Every row is written again, in one transaction; the caller has `secure_delete` on, so that what is left behind is
 * overwritten.
 *
 * @module
 */
import type Sqlite from "better-sqlite3";
import { SEGMENT_MAX_BYTES } from "../../limits.ts";
import type { Sealer } from "../../sealing/sealer.ts";
import { NO_IDENTITY, recordHead } from "./record.ts";
import { TOKEN_OF_CONTENT, TOKEN_OF_CONTROL_ID } from "./tokens.ts";

const OLD_TABLES = ["message", "segment", "slice", "upload", "quarantine", "recent", "cursor"];

const SCHEMA = `
  CREATE TABLE cursor (
    channel INTEGER NOT NULL REFERENCES channel (id),
    epoch INTEGER NOT NULL,
    sent INTEGER NOT NULL DEFAULT 0,
    acked INTEGER NOT NULL DEFAULT 0,
    trimmed INTEGER NOT NULL DEFAULT 0,
    acked_bytes INTEGER NOT NULL DEFAULT 0,
    trimmed_bytes INTEGER NOT NULL DEFAULT 0,
    trimmed_chain BLOB,
    ended INTEGER NOT NULL DEFAULT 0,
    final INTEGER,
    moved INTEGER,
    PRIMARY KEY (channel, epoch)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    channel INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    received_at_ms INTEGER NOT NULL,
    length INTEGER NOT NULL,
    flags INTEGER NOT NULL,
    segment INTEGER NOT NULL,
    record_at INTEGER NOT NULL,
    upload INTEGER NOT NULL,
    upload_at INTEGER NOT NULL,
    through_bytes INTEGER NOT NULL,
    control_token BLOB NOT NULL,
    content_token BLOB NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX message_by_seq ON message (channel, epoch, seq);
  CREATE TABLE segment (id INTEGER PRIMARY KEY AUTOINCREMENT, bytes BLOB NOT NULL) STRICT;
  CREATE TABLE upload (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    complete INTEGER NOT NULL,
    uses INTEGER NOT NULL DEFAULT 1
  ) STRICT;
  CREATE INDEX upload_incomplete ON upload (complete) WHERE complete = 0;
  CREATE TABLE slice (
    upload INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (upload, ordinal)
  ) STRICT;
  CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    channel INTEGER NOT NULL,
    received_at_ms INTEGER NOT NULL,
    last_at_ms INTEGER,
    repeat_count INTEGER NOT NULL DEFAULT 0,
    reason TEXT NOT NULL,
    length INTEGER NOT NULL,
    content_token BLOB NOT NULL,
    sealed BLOB NOT NULL,
    kept_bytes INTEGER NOT NULL,
    upload INTEGER,
    body_at INTEGER NOT NULL,
    kept INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX quarantine_by_content ON quarantine (channel, content_token);
  CREATE INDEX quarantine_expendable ON quarantine (channel, id)
    WHERE reason IN ('abandoned', 'partial', 'tooLarge', 'junk');
  CREATE TABLE recent (id INTEGER PRIMARY KEY, entries BLOB NOT NULL) STRICT;
  CREATE TABLE settle_mark (
    channel INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (channel, epoch, at_ms)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE key_mark (
    epoch INTEGER PRIMARY KEY,
    segment INTEGER NOT NULL,
    upload INTEGER NOT NULL,
    quarantine INTEGER NOT NULL,
    recent INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE missing (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    channel INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    cause TEXT NOT NULL,
    found_at_ms INTEGER NOT NULL
  ) STRICT;
  ALTER TABLE identity ADD COLUMN clean INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE identity ADD COLUMN restored INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE identity ADD COLUMN verified_at_ms INTEGER NOT NULL DEFAULT 0;`;

/** The step; inside the caller's transaction. */
export function sealEverything(database: Sqlite.Database, sealer: Sealer): void {
  for (const index of ["message_by_seq", "upload_incomplete", "quarantine_by_content"]) {
    database.exec(`DROP INDEX ${index}`);
  }
  database.exec("DROP INDEX quarantine_expendable");
  for (const table of OLD_TABLES) database.exec(`ALTER TABLE ${table} RENAME TO old_${table}`);
  database.exec(SCHEMA);
  sealMessages(database, sealer);
  sealSlices(database, sealer);
  sealQuarantine(database, sealer);
  sealRecent(database, sealer);
  database.exec(`
    INSERT INTO cursor (channel, epoch, sent, acked, acked_bytes)
      SELECT channel, epoch, sent, acked, acked_bytes FROM old_cursor;
    INSERT INTO upload SELECT id, complete, uses FROM old_upload`);
  continueNumbers(database, "quarantine", "old_quarantine");
  continueNumbers(database, "message", "old_message");
  for (const table of [...OLD_TABLES].reverse()) database.exec(`DROP TABLE old_${table}`);
}

/** Numbers go on where they were, even if the last rows are gone. */
function continueNumbers(database: Sqlite.Database, table: string, before: string): void {
  const sequence = database.prepare("SELECT seq FROM sqlite_sequence WHERE name = ?").pluck();
  const last = (sequence.get(before) as number | undefined) ?? 0;
  if (last <= ((sequence.get(table) as number | undefined) ?? 0)) return;
  database.prepare("DELETE FROM sqlite_sequence WHERE name = ?").run(table);
  database.prepare("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)").run(table, last);
}

type MessageRow = [
  number,
  number,
  bigint,
  bigint,
  number,
  number,
  Uint8Array,
  Uint8Array,
  Uint8Array,
  string,
  number,
  number,
  number,
  number,
  string,
];

interface OpenSegment {
  readonly id: number;
  readonly parts: Uint8Array[];
  bytes: number;
}

function sealMessages(database: Sqlite.Database, sealer: Sealer): void {
  const rows = database
    .prepare(
      `SELECT CAST(id AS REAL), CAST(channel AS REAL), epoch, seq, CAST(received_at_ms AS REAL), CAST(length AS REAL),
         sha256, chain, control_id, source, CAST(flags AS REAL), CAST(body AS REAL), CAST(body_at AS REAL),
         CAST(through_bytes AS REAL), attributes
       FROM old_message WHERE id > ? ORDER BY id LIMIT 500`,
    )
    .raw()
    .safeIntegers();
  const segmentBytes = database.prepare("SELECT bytes FROM old_segment WHERE id = ?").pluck();
  const insert = database.prepare(
    `INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const insertSegment = database.prepare("INSERT INTO segment (id, bytes) VALUES (?, ?)");
  const open = new Map<number, OpenSegment>();
  let nextSegment = 1;
  const close = (channel: number): void => {
    const segment = open.get(channel);
    if (segment === undefined) return;
    open.delete(channel);
    const place = { column: "segment.bytes", channel, row: segment.id } as const;
    insertSegment.run(segment.id, sealer.seal(segment.parts, place));
  };
  let held: { id: number; bytes: Buffer } = { id: 0, bytes: Buffer.alloc(0) };
  for (let after = 0; ; ) {
    const some = rows.all(after) as MessageRow[];
    for (const row of some) {
      const [id, channel, epoch, seq, receivedAtMs, length, sha256, chain, controlId] = row;
      const [source, flags, body, bodyAt, throughBytes, attributes] = row.slice(9) as [
        string,
        number,
        number,
        number,
        number,
        string,
      ];
      after = id;
      if (body >= 0 && held.id !== body) {
        const bytes = (segmentBytes.get(body) as Buffer | undefined) ?? Buffer.alloc(0);
        held = { id: body, bytes };
      }
      const bytes = body < 0 ? Buffer.alloc(0) : held.bytes.subarray(bodyAt, bodyAt + length);
      const identity = { epoch, seq };
      const fields = {
        identity,
        sha256,
        chain,
        replaces: undefined,
        controlId,
        source,
        attributes,
      };
      const head = recordHead({ ...fields, body: bytes });
      const size = head.length + bytes.length;
      if ((open.get(channel)?.bytes ?? 0) + size > SEGMENT_MAX_BYTES) close(channel);
      let segment = open.get(channel);
      if (segment === undefined) {
        segment = { id: nextSegment++, parts: [], bytes: 0 };
        open.set(channel, segment);
      }
      const at = segment.bytes;
      segment.parts.push(head, bytes);
      segment.bytes += size;
      const control =
        controlId.length === 0 ? new Uint8Array(0) : sealer.token(TOKEN_OF_CONTROL_ID, controlId);
      insert.run(
        ...[id, channel, epoch, seq, receivedAtMs, length, flags, segment.id, at],
        ...[body < 0 ? -body : 0, body < 0 ? bodyAt : 0, throughBytes, control],
        sealer.token(TOKEN_OF_CONTENT, sha256),
      );
    }
    if (some.length === 0) break;
  }
  for (const channel of [...open.keys()]) close(channel);
}

function sealSlices(database: Sqlite.Database, sealer: Sealer): void {
  const next = database
    .prepare(
      `SELECT upload, ordinal, bytes FROM old_slice WHERE (upload, ordinal) > (?, ?)
       ORDER BY upload, ordinal LIMIT 1`,
    )
    .raw();
  const insert = database.prepare("INSERT INTO slice VALUES (?, ?, ?)");
  for (let at: [number, number] = [0, -1]; ; ) {
    const row = next.get(...at) as [number, number, Uint8Array] | undefined;
    if (row === undefined) return;
    const [upload, ordinal, bytes] = row;
    const place = { column: "slice.bytes", channel: 0, row: upload, extra: ordinal } as const;
    insert.run(upload, ordinal, sealer.seal([bytes], place));
    at = [upload, ordinal];
  }
}

type QuarantineRow = [
  number,
  number,
  number,
  number | null,
  number,
  string,
  number,
  Uint8Array,
  Uint8Array,
  string,
  Uint8Array,
  number | null,
  number,
  number,
  string,
  Uint8Array,
];

function sealQuarantine(database: Sqlite.Database, sealer: Sealer): void {
  const next = database
    .prepare(
      `SELECT id, channel, received_at_ms, last_at_ms, repeat_count, reason, length, sha256, control_id,
         source, bytes, upload, body_at, kept, attributes, control_key
       FROM old_quarantine WHERE id > ? ORDER BY id LIMIT 1`,
    )
    .raw();
  const insert = database.prepare(
    "INSERT INTO quarantine VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
  );
  for (let after = 0; ; ) {
    const row = next.get(after) as QuarantineRow | undefined;
    if (row === undefined) return;
    const [id, channel, receivedAtMs, lastAtMs, repeats, reason, length, sha256, controlId] = row;
    const [source, body, upload, bodyAt, kept, attributes, chain] = row.slice(9) as [
      string,
      Uint8Array,
      number | null,
      number,
      number,
      string,
      Uint8Array,
    ];
    after = id;
    const texts = { controlId, source, attributes };
    const fields = { identity: NO_IDENTITY, sha256, chain, replaces: undefined, ...texts };
    const head = recordHead({ ...fields, body });
    const place = { column: "quarantine.sealed", channel, row: id } as const;
    insert.run(
      ...[id, channel, receivedAtMs, lastAtMs, repeats, reason, length],
      ...[sealer.token(TOKEN_OF_CONTENT, sha256), sealer.seal([head, body], place)],
      ...[body.length, upload, bodyAt, kept],
    );
  }
}

function sealRecent(database: Sqlite.Database, sealer: Sealer): void {
  const next = database
    .prepare("SELECT id, entries FROM old_recent WHERE id > ? ORDER BY id LIMIT 1")
    .raw();
  const insert = database.prepare("INSERT INTO recent VALUES (?, ?)");
  for (let after = 0; ; ) {
    const row = next.get(after) as [number, Uint8Array] | undefined;
    if (row === undefined) return;
    const [id, entries] = row;
    after = id;
    const place = { column: "recent.entries", channel: 0, row: id } as const;
    insert.run(id, sealer.seal([entries], place));
  }
}
