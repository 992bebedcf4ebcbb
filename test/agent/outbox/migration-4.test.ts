/** A store of schema version 3, as earlier programs left it, gets its inbox from this one (05 S5). */
import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import Sqlite from "better-sqlite3";
import { systemClock } from "#agent/host/clock.ts";
import { INBOX_SCHEMA } from "#agent/outbox/format/migration-4.ts";
import { SCHEMA_VERSION } from "#agent/outbox/format/migrations.ts";
import { verifyBackup } from "#agent/outbox/upkeep/backup-check.ts";
import type { Manifest } from "#agent/outbox/upkeep/backup-manifest.ts";
import { restoreStore } from "#agent/outbox/upkeep/restore.ts";
import { wronglyCounted } from "#test/faults/store-accounting.ts";
import { Source } from "#test/support/test-inbox.ts";
import { TEST_KEK } from "#test/support/test-keys.ts";
import { appendTo, entryOf, stagedEntry, TestOutbox } from "#test/support/test-outbox.ts";

/** Copied, and never to be changed: what is on the disks of those who had version 3, in order of the name. */
const VERSION_3 = `
CREATE TABLE ack_exception (first_id INTEGER PRIMARY KEY, last_id INTEGER NOT NULL, state INTEGER NOT NULL) STRICT
CREATE TABLE channel (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT
CREATE TABLE cursor (channel INTEGER NOT NULL REFERENCES channel (id), epoch INTEGER NOT NULL, sent INTEGER NOT NULL DEFAULT 0, acked INTEGER NOT NULL DEFAULT 0, trimmed INTEGER NOT NULL DEFAULT 0, acked_bytes INTEGER NOT NULL DEFAULT 0, trimmed_bytes INTEGER NOT NULL DEFAULT 0, trimmed_chain BLOB, ended INTEGER NOT NULL DEFAULT 0, final INTEGER, moved INTEGER, PRIMARY KEY (channel, epoch)) STRICT, WITHOUT ROWID
CREATE TABLE identity (id INTEGER PRIMARY KEY CHECK (id = 1), store_id BLOB NOT NULL, created_at_ms INTEGER NOT NULL, opened_at_ms INTEGER NOT NULL, ack_through INTEGER NOT NULL DEFAULT 0, quarantine_count INTEGER NOT NULL DEFAULT 0, quarantine_bytes INTEGER NOT NULL DEFAULT 0 , clean INTEGER NOT NULL DEFAULT 0, restored INTEGER NOT NULL DEFAULT 0, verified_at_ms INTEGER NOT NULL DEFAULT 0) STRICT
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

/** Takes what came later out of a store that holds none of it: what is left is a store of version 3. */
function takeBack(file: string): void {
  const database = new Sqlite(file);
  const tables = database
    .prepare(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB 'inbox*' OR type = 'table' AND name GLOB 'file_*' OR type = 'table' AND name GLOB 'trust_*' OR name = 'audit_entry' OR type = 'table' AND name GLOB 'support_*' OR name IN ('stretch', 'hour_count', 'hour_told')",
    )
    .pluck()
    .all() as string[];
  for (const table of tables) database.exec(`DROP TABLE ${table}`);
  database.pragma("user_version = 3");
  const left = database
    .prepare(
      "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY name",
    )
    .pluck()
    .all() as string[];
  const plain = left.map((sql) => sql.replace(/\s+/g, " ").replace(/\( | (?=\)(?! ,))/g, trimmed));
  assert.deepEqual(plain, VERSION_3.trim().split("\n"));
  database.close();
}

const trimmed = (text: string): string => text.trim();

/** A closed store of version 3 with messages, a large body, a block set aside, and two that are settled. */
async function oldStore(): Promise<TestOutbox> {
  const made = await TestOutbox.open();
  const { outbox } = made;
  for (const controlId of BODIES) await appendTo(outbox, entryOf({ controlId }));
  await appendTo(outbox, stagedEntry(outbox, "BIG", BIG));
  await appendTo(outbox, entryOf({ controlId: "Q1", quarantine: "noMessageType" }));
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

describe("a store of version 3", () => {
  test("[S5, I-2] keeps every message and gets an inbox, which works", async () => {
    await using made = await oldStore();
    await made.reopen({ downstream: ["orders"] });
    await isWhole(made);
    const source = new Source(() => made.outbox.inbox);
    await source.opened();
    await source.sent(1n, "one");
    await made.reopen({ downstream: ["orders"] });
    assert.deepEqual(await source.delivered(), ["one"]);
    await appendTo(made.outbox, entryOf({ controlId: "M4" }));
    assert.equal((await made.bodies()).at(-1), "M4");
    await made.close();
    const database = new Sqlite(made.databaseFile);
    assert.equal(database.pragma("user_version", { simple: true }), SCHEMA_VERSION);
    assert.equal(database.pragma("integrity_check", { simple: true }), "ok");
    assert.deepEqual(wronglyCounted(database), []);
    database.close();
  });

  test("[S5] a crash inside the step leaves version 3, and the next start makes it again", async () => {
    await using made = await oldStore();
    using crashed = new Folder();
    const database = new Sqlite(made.databaseFile);
    database.pragma("journal_mode = WAL");
    // So that pages of the open transaction are in the log already.
    database.pragma("cache_size = 1");
    database.exec("BEGIN IMMEDIATE");
    database.exec(INBOX_SCHEMA);
    database.pragma("user_version = 4");
    cpSync(made.stateDir, crashed.path, { recursive: true });
    database.exec("ROLLBACK");
    database.close();
    assert.ok(statSync(`${join(crashed.path, "outbox/holdfast.db")}-wal`).size > 4_096);
    rmSync(made.stateDir, { recursive: true });
    cpSync(crashed.path, made.stateDir, { recursive: true });
    await made.reopen({ downstream: ["orders"] });
    await isWhole(made);
    assert.equal((await new Source(() => made.outbox.inbox).open()).kind, "ok");
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
    const old = asOfVersion3(manifest, file);
    rmSync(join(backup, "manifest.json"));
    writeFileSync(join(backup, "manifest.json"), JSON.stringify(old));
    assert.deepEqual(verifyBackup(backup, TEST_KEK, systemClock), old);
    const digest = hash("sha256", readFileSync(file));
    restoreStore({
      folder: backup,
      manifest: old,
      stateDir: made.stateDir,
      replace: true,
      nowMs: 7,
    });
    assert.equal(hash("sha256", readFileSync(file)), digest);
    await made.reopen();
    await isRestored(made);
  });
});

/** What an earlier program would have written beside it. */
function asOfVersion3(manifest: Manifest, file: string): Manifest {
  const { inbox: _, files: __, ...counts } = manifest.counts;
  const [, ...keys] = manifest.files;
  const bytes = readFileSync(file);
  const first = { name: "holdfast.db", bytes: bytes.length, sha256: hash("sha256", bytes) };
  return { ...manifest, schema: 3, counts, files: [first, ...keys] };
}

async function isRestored(made: TestOutbox): Promise<void> {
  const range = { channel: 1, epoch: 1n, afterSeq: 0n, maxBytes: 1 << 20, maxCount: 10 };
  const { messages } = await made.outbox.read(range);
  assert.deepEqual(
    messages.map(({ seq }) => seq),
    [1n, 2n, 3n, 4n],
  );
}

class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "holdfast-version-3-"));

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
