import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { hash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import Sqlite from "better-sqlite3";
import type { ErrorCode } from "#agent/errors.ts";
import { type Database, DURABLE_PRAGMAS } from "#agent/outbox/format/database.ts";
import { migrate, SCHEMA_VERSION } from "#agent/outbox/format/migrations.ts";
import type { Sealer } from "#agent/sealing/sealer.ts";
import { SmallDisk } from "#test/support/small-disk.ts";
import { openTestDatabase } from "#test/support/test-keys.ts";

const NO_SEALER = undefined as unknown as Sealer;

class StateFolder implements Disposable {
  readonly stateDir = mkdtempSync(join(tmpdir(), "holdfast-database-"));
  readonly file = join(this.stateDir, "outbox/holdfast.db");

  /** @param replaced pragmas by their name, in the place of ours */
  open(replaced: Readonly<Record<string, string>> = {}): Database {
    const pragmas = DURABLE_PRAGMAS.map((pragma) => {
      const [name = ""] = pragma.split(" ", 1);
      return replaced[name] ?? pragma;
    });
    return openTestDatabase({ stateDir: this.stateDir, pragmas }).database;
  }

  refuses(code: ErrorCode, replaced: Readonly<Record<string, string>> = {}): void {
    assert.throws(() => this.open(replaced), { code });
  }

  [Symbol.dispose](): void {
    rmSync(this.stateDir, { recursive: true, force: true });
  }
}

/** Nobody waits five seconds for a lock in a test of what happens then. */
const IMPATIENT = { busy_timeout: "busy_timeout = 20" };

const READ_BACK: Readonly<Record<string, number | string>> = {
  auto_vacuum: 2,
  journal_mode: "wal",
  synchronous: 2,
  foreign_keys: 1,
  cell_size_check: 1,
  trusted_schema: 0,
  temp_store: 2,
  mmap_size: 0,
  secure_delete: 2,
  locking_mode: "exclusive",
  busy_timeout: 5_000,
  wal_autocheckpoint: 1_000,
  journal_size_limit: 33_554_432,
  cache_size: -16_384,
};

describe("database", () => {
  for (const which of ["a fresh file", "a reopened file"] as const) {
    test(`[S2, T-S04] every setting is in force after the first write of ${which}`, () => {
      using folder = new StateFolder();
      if (which === "a reopened file") folder.open().close();
      const database = folder.open();
      for (const [pragma, expected] of Object.entries(READ_BACK)) {
        assert.equal(database.pragma(pragma, { simple: true }), expected, pragma);
      }
      database.close();
    });
  }

  for (const [what, planted] of [
    ["NORMAL", { synchronous: "synchronous = NORMAL" }],
    ["OFF", { synchronous: "synchronous = OFF" }],
    // better-sqlite3 falls back to NORMAL by itself, and says FULL until the first write.
    ["nothing, so that the build's default holds,", { synchronous: "busy_timeout = 20" }],
    ["a rollback journal", { journal_mode: "journal_mode = DELETE" }],
  ] as const) {
    for (const reopened of [false, true]) {
      const which = reopened ? "a reopened file" : "a fresh file";
      test(`[S2, T-S04] openDatabase refuses ${which} under which ${what} was planted`, () => {
        using folder = new StateFolder();
        if (reopened) folder.open().close();
        folder.refuses("STORE_NOT_DURABLE", planted);
        folder.open().close();
      });
    }
  }

  test("[S1] the open store has no shared memory file, and only its owner may read it", () => {
    using folder = new StateFolder();
    const database = folder.open();
    const files = readdirSync(join(folder.stateDir, "outbox")).sort();
    assert.deepEqual(files, ["holdfast.db", "holdfast.db-wal"]);
    for (const file of files) {
      const { mode } = statSync(join(folder.stateDir, "outbox", file));
      assert.equal(mode & 0o077, 0, file);
    }
    database.close();
  });

  test("[S1, T-S18] a second agent and a database tool are refused as locked; neither does harm", () => {
    using folder = new StateFolder();
    const database = folder.open();
    folder.refuses("STORE_LOCKED", IMPATIENT);
    const tool = new Sqlite(folder.file, { timeout: 20 });
    for (const sql of ["SELECT * FROM identity", "DELETE FROM identity", "VACUUM"]) {
      assert.throws(() => tool.exec(sql), { code: /SQLITE_BUSY/ }, sql);
    }
    tool.close();
    database.exec("INSERT INTO channel (name) VALUES ('after')");
    assert.equal(database.pragma("integrity_check", { simple: true }), "ok");
    assert.ok(!existsSync(`${folder.file}-shm`));
    database.close();
  });

  test("[S5] a store of a newer schema is refused, and its file not touched", () => {
    using folder = new StateFolder();
    const newer = folder.open();
    newer.pragma(`user_version = ${SCHEMA_VERSION + 1}`);
    newer.close();
    const before = hash("sha256", readFileSync(folder.file));
    folder.refuses("STORE_NEWER_SCHEMA");
    assert.equal(hash("sha256", readFileSync(folder.file)), before);
    assert.deepEqual(readdirSync(join(folder.stateDir, "outbox")), ["holdfast.db"]);
  });

  test("[S5] a migration that fails leaves the schema of the step before it", () => {
    const database = new Sqlite(":memory:");
    const steps = ["CREATE TABLE a (x) STRICT", "CREATE TABLE a (x INT) STRICT; nonsense"];
    assert.throws(() =>
      migrate(database, NO_SEALER, ["CREATE TABLE a (x INT) STRICT", ...steps.slice(1)]),
    );
    if (database.inTransaction) database.exec("ROLLBACK");
    assert.equal(database.pragma("user_version", { simple: true }), 1);
    migrate(database, NO_SEALER, ["", "CREATE TABLE b (x INT) STRICT"]);
    assert.equal(database.pragma("user_version", { simple: true }), 2);
    migrate(database, NO_SEALER, ["", "nonsense that ran before"]);
    database.close();
  });

  test("[S6] the identity of the store is made once and kept", () => {
    using folder = new StateFolder();
    const { stateDir } = folder;
    openTestDatabase({
      stateDir,
      nowMs: 5,
      newStoreId: new Uint8Array(16).fill(1),
    }).database.close();
    const newStoreId = new Uint8Array(16).fill(2);
    const { database: again } = openTestDatabase({ stateDir, nowMs: 9, newStoreId });
    const row = again.prepare("SELECT * FROM identity").raw().get() as [
      number,
      Buffer,
      number,
      number,
    ];
    assert.deepEqual([...row[1]], new Array(16).fill(1));
    assert.deepEqual([row[2], row[3]], [5, 9]);
    again.close();
  });
});

describe("database that cannot be trusted", () => {
  test("[S3] a corrupt header is refused as corrupt, and left as it is", () => {
    using folder = new StateFolder();
    folder.open().close();
    const bytes = readFileSync(folder.file);
    bytes.fill(0xff, 0, 100);
    writeFileSync(folder.file, bytes);
    folder.refuses("STORE_CORRUPT");
    assert.ok(readFileSync(folder.file).equals(bytes));
  });

  test("[S3] a file that is no database is refused as corrupt", () => {
    using folder = new StateFolder();
    mkdirSync(join(folder.stateDir, "outbox"), { mode: 0o700 });
    writeFileSync(
      folder.file,
      "not a database, but long enough to be looked at as one\n".repeat(200),
    );
    folder.refuses("STORE_CORRUPT");
  });

  for (const [mode, which] of [
    [0o770, "stateDir"],
    [0o702, "stateDir"],
    [0o720, "outbox"],
  ] as const) {
    test(`[S3, T-S09] a ${which} of mode ${mode.toString(8)}, writable by others, is refused`, () => {
      using folder = new StateFolder();
      folder.open().close();
      chmodSync(which === "outbox" ? join(folder.stateDir, which) : folder.stateDir, mode);
      folder.refuses("STORE_NOT_PERMITTED");
    });
  }

  test("[S3] a file system that is mounted read-only is said to be that, with a store or without one", (t) => {
    const disk = SmallDisk.make(4 << 20);
    if (typeof disk === "string") return t.skip(disk);
    using _disk = disk;
    mkdirSync(disk.stateDir, { mode: 0o700 });
    const { stateDir } = disk;
    openTestDatabase({ stateDir }).database.close();
    mkdirSync(join(disk.path, "other"), { mode: 0o700 });
    spawnSync("mount", ["-o", "remount,ro", disk.path]);
    for (const folder of [stateDir, join(disk.path, "other")]) {
      assert.throws(() => openTestDatabase({ stateDir: folder }), {
        ...{ code: "STORE_READ_ONLY", exit: 77, remedy: /remount/ },
      });
    }
  });

  test("[S3, T-S09] a folder in the place of the file, and a file in the place of the folder, are refused", () => {
    using folder = new StateFolder();
    mkdirSync(folder.file, { recursive: true, mode: 0o700 });
    folder.refuses("STORE_CANNOT_OPEN");
    using other = new StateFolder();
    writeFileSync(join(other.stateDir, "outbox"), "");
    other.refuses("STORE_CANNOT_OPEN");
  });

  test("[S3, T-S09] a parent that is a file is refused: nothing is kept in memory instead", () => {
    using folder = new StateFolder();
    const file = join(folder.stateDir, "file");
    writeFileSync(file, "");
    assert.throws(() => openTestDatabase({ stateDir: join(file, "state") }), {
      code: "STORE_CANNOT_OPEN",
    });
  });
});
