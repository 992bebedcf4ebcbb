/**
 * Schema version 5: what is known of dropped files, from the moment that one is claimed (04 P17).
 *
 * New tables alone, as in version 4. `file_claim` has a row a file, with its side-car and control file; its `state`
 * is as in `file-states.ts`. Names and targets are patient data, and the digest confirms a guess: all three are
 * sealed (04 P34, 08 2.1). The two tokens find a row by what is sealed: by the name, inode, size and time of its data
 * file, and by its content (P26). Messages of the file in the outbox are `first_seq` to `last_seq` of `epoch`; where
 * the receiver has `wait_seq` of `wait_epoch`, it has everything of the file. `left_behind`: the file is where it
 * was (P19).
 *
 * `content_token` and `digest` of a claimed row are those of the content of which `appended` entries are stored, in
 * steps (P24). `file_step` has the messages of each step but the last, whose range the row has.
 *
 * `file_block` names the blocks of quarantine that hold something of a file, as long as they are there (P30).
 * `file_epoch` says where a reissued epoch (06 TP18) went: what was unsettled of it, and more, stands at or before
 * `to_seq` of `to_epoch`.
 *
 * @module
 */

/** Each begins with `CREATE TABLE`. */
export const FILE_TABLES: readonly string[] = [
  `CREATE TABLE file_claim (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     claim TEXT NOT NULL UNIQUE,
     channel INTEGER NOT NULL,
     state INTEGER NOT NULL,
     attempts INTEGER NOT NULL DEFAULT 0,
     claimed_at_ms INTEGER NOT NULL,
     decided_at_ms INTEGER,
     moved_at_ms INTEGER,
     verdict TEXT,
     reason TEXT,
     message_count INTEGER NOT NULL DEFAULT 0,
     aside_count INTEGER NOT NULL DEFAULT 0,
     epoch INTEGER,
     first_seq INTEGER,
     last_seq INTEGER,
     wait_epoch INTEGER,
     wait_seq INTEGER,
     left_behind INTEGER NOT NULL DEFAULT 0,
     identity_token BLOB NOT NULL,
     content_token BLOB,
     head BLOB NOT NULL,
     targets BLOB,
     digest BLOB,
     appended INTEGER NOT NULL DEFAULT 0
   ) STRICT`,
  `CREATE TABLE file_step (
     claim INTEGER NOT NULL,
     channel INTEGER NOT NULL,
     epoch INTEGER NOT NULL,
     first_seq INTEGER NOT NULL,
     last_seq INTEGER NOT NULL,
     PRIMARY KEY (claim, epoch, first_seq)
   ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE file_block (
     claim INTEGER NOT NULL,
     block INTEGER NOT NULL,
     PRIMARY KEY (claim, block)
   ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE file_epoch (
     channel INTEGER NOT NULL,
     epoch INTEGER NOT NULL,
     to_epoch INTEGER NOT NULL,
     to_seq INTEGER NOT NULL,
     PRIMARY KEY (channel, epoch)
   ) STRICT, WITHOUT ROWID`,
];

/** States as in `file-states.ts`: 3 moved. */
const INDEXES: readonly string[] = [
  "CREATE INDEX file_listed ON file_claim (channel, id)",
  "CREATE INDEX file_open ON file_claim (channel, id) WHERE state < 3",
  "CREATE INDEX file_counted ON file_claim (channel, state) WHERE state < 3",
  "CREATE INDEX file_left ON file_claim (channel, id) WHERE left_behind = 1",
  "CREATE INDEX file_same ON file_claim (channel, identity_token) WHERE verdict IS NOT NULL",
  `CREATE INDEX file_content ON file_claim (channel, content_token, decided_at_ms)
     WHERE verdict IN ('sent', 'partial')`,
  `CREATE INDEX file_unfinished ON file_claim (channel, content_token)
     WHERE verdict IS NULL AND state >= 2 AND appended > 0`,
  "CREATE INDEX file_decided ON file_claim (channel, decided_at_ms, id)",
  "CREATE INDEX file_moved ON file_claim (channel, moved_at_ms, id) WHERE state = 3",
  "CREATE INDEX file_by_seq ON file_claim (channel, epoch, last_seq) WHERE epoch IS NOT NULL",
  "CREATE INDEX file_step_by_seq ON file_step (channel, epoch, last_seq)",
  "CREATE INDEX file_by_block ON file_block (block)",
];

export const FILE_SCHEMA: string = [...FILE_TABLES, ...INDEXES].join(";\n");
