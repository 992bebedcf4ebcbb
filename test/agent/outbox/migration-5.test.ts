/** A store of schema version 4, as earlier programs left it, learns of dropped files from this one (05 S5). */
import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import Sqlite from "better-sqlite3";
import { systemClock } from "#agent/host/clock.ts";
import { FILE_SCHEMA } from "#agent/outbox/format/migration-5.ts";
import { SCHEMA_VERSION } from "#agent/outbox/format/migrations.ts";
import { verifyBackup } from "#agent/outbox/upkeep/backup-check.ts";
import type { Manifest } from "#agent/outbox/upkeep/backup-manifest.ts";
import { restoreStore } from "#agent/outbox/upkeep/restore.ts";
import { wronglyCounted } from "#test/faults/store-accounting.ts";
import { appendFile, claimOne, entriesOf, markOf } from "#test/support/test-files.ts";
import { Source } from "#test/support/test-inbox.ts";
import { TEST_KEK } from "#test/support/test-keys.ts";
import { appendTo, entryOf, stagedEntry, TestOutbox } from "#test/support/test-outbox.ts";

/** Copied, and never to be changed: what is on the disks of those who had version 4, in order of the name. */
const VERSION_4 = `
CREATE TABLE ack_exception (first_id INTEGER PRIMARY KEY, last_id INTEGER NOT NULL, state INTEGER NOT NULL) STRICT
CREATE TABLE channel (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT
CREATE TABLE cursor (channel INTEGER NOT NULL REFERENCES channel (id), epoch INTEGER NOT NULL, sent INTEGER NOT NULL DEFAULT 0, acked INTEGER NOT NULL DEFAULT 0, trimmed INTEGER NOT NULL DEFAULT 0, acked_bytes INTEGER NOT NULL DEFAULT 0, trimmed_bytes INTEGER NOT NULL DEFAULT 0, trimmed_chain BLOB, ended INTEGER NOT NULL DEFAULT 0, final INTEGER, moved INTEGER, PRIMARY KEY (channel, epoch)) STRICT, WITHOUT ROWID
CREATE TABLE identity (id INTEGER PRIMARY KEY CHECK (id = 1), store_id BLOB NOT NULL, created_at_ms INTEGER NOT NULL, opened_at_ms INTEGER NOT NULL, ack_through INTEGER NOT NULL DEFAULT 0, quarantine_count INTEGER NOT NULL DEFAULT 0, quarantine_bytes INTEGER NOT NULL DEFAULT 0 , clean INTEGER NOT NULL DEFAULT 0, restored INTEGER NOT NULL DEFAULT 0, verified_at_ms INTEGER NOT NULL DEFAULT 0) STRICT
CREATE TABLE inbox (id INTEGER PRIMARY KEY AUTOINCREMENT, channel INTEGER NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, received_at_ms INTEGER NOT NULL, stored_at_ms INTEGER NOT NULL, length INTEGER NOT NULL, content_token BLOB NOT NULL, kept INTEGER NOT NULL, head BLOB, repeat_of INTEGER, possible_repeat INTEGER NOT NULL, state INTEGER NOT NULL, claimed INTEGER NOT NULL DEFAULT 0, negative_count INTEGER NOT NULL DEFAULT 0, reply_error_count INTEGER NOT NULL DEFAULT 0, timeout_count INTEGER NOT NULL DEFAULT 0, await_until_ms INTEGER, hold TEXT, flags TEXT NOT NULL DEFAULT '', settled_at_ms INTEGER, reason TEXT, code TEXT, answer BLOB) STRICT
CREATE INDEX inbox_aside ON inbox (id) WHERE state = 3
CREATE INDEX inbox_awaiting ON inbox (channel, id) WHERE state = 1
CREATE UNIQUE INDEX inbox_by_seq ON inbox (channel, epoch, seq)
CREATE TABLE inbox_channel (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, epoch INTEGER NOT NULL, last_seq INTEGER NOT NULL, chain BLOB, repeat_through INTEGER NOT NULL DEFAULT 0, open_count INTEGER NOT NULL DEFAULT 0, open_bytes INTEGER NOT NULL DEFAULT 0, aside_count INTEGER NOT NULL DEFAULT 0, aside_bytes INTEGER NOT NULL DEFAULT 0) STRICT
CREATE TABLE inbox_doomed (body INTEGER PRIMARY KEY) STRICT
CREATE TABLE inbox_epoch (channel INTEGER NOT NULL, epoch INTEGER NOT NULL, final_seq INTEGER NOT NULL, final_chain BLOB, PRIMARY KEY (channel, epoch)) STRICT, WITHOUT ROWID
CREATE TABLE inbox_gap (id INTEGER PRIMARY KEY AUTOINCREMENT, channel INTEGER NOT NULL, epoch INTEGER NOT NULL, first_seq INTEGER, last_seq INTEGER, kind TEXT NOT NULL, recorded_at_ms INTEGER NOT NULL, source_store BLOB, sink_store BLOB NOT NULL, acknowledged_at_ms INTEGER) STRICT
CREATE INDEX inbox_held ON inbox (channel) WHERE hold IS NOT NULL
CREATE INDEX inbox_kept ON inbox (id) WHERE kept = 1
CREATE TABLE inbox_key_mark (epoch INTEGER PRIMARY KEY, body INTEGER NOT NULL) STRICT
CREATE INDEX inbox_ledger ON inbox (stored_at_ms) WHERE kept = 0
CREATE TABLE inbox_partial (id INTEGER PRIMARY KEY AUTOINCREMENT, channel INTEGER NOT NULL UNIQUE, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, total INTEGER NOT NULL, durable INTEGER NOT NULL, head BLOB NOT NULL) STRICT
CREATE INDEX inbox_prunable ON inbox (settled_at_ms) WHERE kept = 1 AND state = 2
CREATE TABLE inbox_slice (body INTEGER NOT NULL, ordinal INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (body, ordinal)) STRICT
CREATE INDEX inbox_waiting ON inbox (channel, epoch, seq) WHERE state = 0
CREATE TABLE key_mark (epoch INTEGER PRIMARY KEY, segment INTEGER NOT NULL, upload INTEGER NOT NULL, quarantine INTEGER NOT NULL, recent INTEGER NOT NULL) STRICT
CREATE TABLE message (id INTEGER PRIMARY KEY AUTOINCREMENT, channel INTEGER NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, received_at_ms INTEGER NOT NULL, length INTEGER NOT NULL, flags INTEGER NOT NULL, segment INTEGER NOT NULL, record_at INTEGER NOT NULL, upload INTEGER NOT NULL, upload_at INTEGER NOT NULL, through_bytes INTEGER NOT NULL, control_token BLOB NOT NULL, content_token BLOB NOT NULL) STRICT
CREATE UNIQUE INDEX message_by_seq ON message (channel, epoch, seq)
CREATE TABLE missing (id INTEGER PRIMARY KEY AUTOINCREMENT, channel INTEGER NOT NULL, epoch INTEGER NOT NULL, first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL, cause TEXT NOT NULL, found_at_ms INTEGER NOT NULL) STRICT
CREATE TABLE quarantine (id INTEGER PRIMARY KEY AUTOINCREMENT, channel INTEGER NOT NULL, received_at_ms INTEGER NOT NULL, last_at_ms INTEGER, repeat_count INTEGER NOT NULL DEFAULT 0, reason TEXT NOT NULL, length INTEGER NOT NULL, content_token BLOB NOT NULL, sealed BLOB NOT NULL, kept_bytes INTEGER NOT NULL, upload INTEGER, body_at INTEGER NOT NULL, kept INTEGER NOT NULL) STRICT
CREATE INDEX quarantine_by_content ON quarantine (channel, content_token)
CREATE INDEX quarantine_expendable ON quarantine (channel, id) WHERE reason IN ('abandoned', 'partial', 'tooLarge', 'junk')
CREATE TABLE quarantine_total (channel INTEGER PRIMARY KEY, count INTEGER NOT NULL, bytes INTEGER NOT NULL) STRICT
CREATE TABLE recent (id INTEGER PRIMARY KEY, entries BLOB NOT NULL) STRICT
CREATE TABLE segment (id INTEGER PRIMARY KEY AUTOINCREMENT, bytes BLOB NOT NULL) STRICT
CREATE TABLE settle_mark (channel INTEGER NOT NULL, epoch INTEGER NOT NULL, at_ms INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (channel, epoch, at_ms)) STRICT, WITHOUT ROWID
CREATE TABLE slice (upload INTEGER NOT NULL, ordinal INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (upload, ordinal)) STRICT
CREATE TABLE upload (id INTEGER PRIMARY KEY AUTOINCREMENT, complete INTEGER NOT NULL, uses INTEGER NOT NULL DEFAULT 1) STRICT
CREATE INDEX upload_incomplete ON upload (complete) WHERE complete = 0`;

const BIG = Buffer.alloc(300_000, "large body ");
const BODIES = ["M1", "M2", "M3"];

/** Takes dropped files out of a store that holds none: what is left is a store of version 4. */
function takeBack(file: string): void {
  const database = new Sqlite(file);
  const trust = ["trust_value", "trust_document", "trust_nonce", "audit_entry"];
  const hours = ["stretch", "hour_count", "hour_told"];
  const later = [...trust, "support_copy", "support_slice", ...hours];
  for (const table of ["file_claim", "file_step", "file_block", "file_epoch", ...later]) {
    database.exec(`DROP TABLE ${table}`);
  }
  database.pragma("user_version = 4");
  const left = database
    .prepare(
      "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY name",
    )
    .pluck()
    .all() as string[];
  const plain = left.map((sql) => sql.replace(/\s+/g, " ").replace(/\( | (?=\)(?! ,))/g, trimmed));
  assert.deepEqual(plain, VERSION_4.trim().split("\n"));
  database.close();
}

const trimmed = (text: string): string => text.trim();

/** A closed store of version 4: messages, a large body, a block set aside, one that came down. */
async function oldStore(): Promise<TestOutbox> {
  const made = await TestOutbox.open({ downstream: ["orders"] });
  const { outbox } = made;
  for (const controlId of BODIES) await appendTo(outbox, entryOf({ controlId }));
  await appendTo(outbox, stagedEntry(outbox, "BIG", BIG));
  await appendTo(outbox, entryOf({ controlId: "Q1", quarantine: "noMessageType" }));
  const source = new Source(() => outbox.inbox);
  await source.opened();
  await source.sent(1n, "came down");
  outbox.settle(1, 1n, 2n);
  await outbox.flushProgress();
  await made.close();
  takeBack(made.databaseFile);
  return made;
}

async function isWhole(made: TestOutbox): Promise<void> {
  assert.deepEqual(await made.bodies(), [...BODIES, BIG.toString("latin1")]);
  const { lastSeq, ackedSeq, quarantineCount } = await made.tail();
  assert.deepEqual([lastSeq, ackedSeq, quarantineCount], [4n, 2n, 1]);
}

describe("a store of version 4", () => {
  test("[S5, I-2] keeps every message, up and down, and takes files", async () => {
    await using made = await oldStore();
    await made.reopen();
    await isWhole(made);
    assert.deepEqual(await new Source(() => made.outbox.inbox).delivered(), ["came down"]);
    const id = await claimOne(made.outbox.files.of("adt"));
    await appendFile(made.outbox, entriesOf(markOf(id), { controlId: "M4" }));
    await made.reopen();
    assert.equal((await made.outbox.files.of("adt").open())[0]?.state, "committed");
    assert.equal((await made.bodies()).at(-1), "M4");
    await made.close();
    const database = new Sqlite(made.databaseFile);
    assert.equal(database.pragma("user_version", { simple: true }), SCHEMA_VERSION);
    assert.equal(database.pragma("integrity_check", { simple: true }), "ok");
    assert.deepEqual(wronglyCounted(database), []);
    database.close();
  });

  test("[S5] a crash inside the step leaves version 4, and the next start makes it again", async () => {
    await using made = await oldStore();
    using crashed = new Folder();
    const database = new Sqlite(made.databaseFile);
    database.pragma("journal_mode = WAL");
    // So that pages of the open transaction are in the log already.
    database.pragma("cache_size = 1");
    database.exec("BEGIN IMMEDIATE");
    database.exec(FILE_SCHEMA);
    database.pragma("user_version = 5");
    cpSync(made.stateDir, crashed.path, { recursive: true });
    database.exec("ROLLBACK");
    database.close();
    rmSync(made.stateDir, { recursive: true });
    cpSync(crashed.path, made.stateDir, { recursive: true });
    await made.reopen();
    await isWhole(made);
    assert.deepEqual(await made.outbox.files.of("adt").open(), []);
  });

  test("[S19] a backup of it is verified as it lies there, and restored into this version", async () => {
    await using made = await oldStore();
    await made.reopen();
    using folder = new Folder();
    const backup = join(folder.path, "backup");
    const request = { folder: backup, kek: TEST_KEK, version: "1", madeAt: () => "then" };
    const manifest = await made.outbox.upkeep.backup(request);
    await made.close();
    const file = join(backup, "holdfast.db");
    takeBack(file);
    const old = asOfVersion4(manifest, file);
    rmSync(join(backup, "manifest.json"));
    writeFileSync(join(backup, "manifest.json"), JSON.stringify(old));
    assert.deepEqual(verifyBackup(backup, TEST_KEK, systemClock), old);
    const { stateDir } = made;
    restoreStore({ folder: backup, manifest: old, stateDir, replace: true, nowMs: 7 });
    await made.reopen();
    assert.deepEqual(await made.bodies(), [...BODIES, BIG.toString("latin1")]);
    assert.ok((await claimOne(made.outbox.files.of("adt"))) > 0);
  });

  test("[S19, P20] a backup of this version holds its files' rows, and they come back with it", async () => {
    await using made = await oldStore();
    await made.reopen();
    const files = made.outbox.files.of("adt");
    const id = await claimOne(files, { name: "before" });
    using folder = new Folder();
    const backup = join(folder.path, "backup");
    const request = { folder: backup, kek: TEST_KEK, version: "1", madeAt: () => "then" };
    const manifest = await made.outbox.upkeep.backup(request);
    assert.deepEqual([manifest.schema, manifest.counts.files], [SCHEMA_VERSION, 1]);
    await appendFile(made.outbox, entriesOf(markOf(id), { controlId: "M4" }));
    await claimOne(files, { name: "after" });
    await made.close();
    assert.deepEqual(verifyBackup(backup, TEST_KEK, systemClock), manifest);
    restoreStore({ folder: backup, manifest, stateDir: made.stateDir, replace: true, nowMs: 7 });
    await made.reopen();
    const [row, ...more] = await made.outbox.files.of("adt").open();
    assert.deepEqual([row?.id, row?.state, more], [id, "claimed", []]);
    assert.equal(Buffer.from(row?.files[0]?.name ?? []).toString(), "before");
  });
});

/** What an earlier program would have written beside it. */
function asOfVersion4(manifest: Manifest, file: string): Manifest {
  const { files: _, ...counts } = manifest.counts;
  const [, ...keys] = manifest.files;
  const bytes = readFileSync(file);
  const first = { name: "holdfast.db", bytes: bytes.length, sha256: hash("sha256", bytes) };
  return { ...manifest, schema: 4, counts, files: [first, ...keys] };
}

class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "holdfast-version-4-"));

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
