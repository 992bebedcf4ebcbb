/** What is looked at when a store is opened: nothing after a clean end, all of a small one after another (S18). @module */
import assert from "node:assert/strict";
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import Sqlite from "better-sqlite3";
import { ERROR_CATALOGUE } from "#agent/errors.ts";
import { openTestDatabase } from "#test/support/test-keys.ts";

const PAGE_BYTES = 4_096;

/** A store with 2,000 rows, as it is on the disk once no process has it open. */
class ClosedStore implements Disposable {
  readonly stateDir = mkdtempSync(join(tmpdir(), "holdfast-quick-check-"));
  readonly file = join(this.stateDir, "outbox/holdfast.db");

  constructor() {
    const { database } = openTestDatabase({ stateDir: this.stateDir });
    database.exec(`
      WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
      INSERT INTO message (channel, epoch, seq, received_at_ms, length, flags, segment, record_at,
          upload, upload_at, through_bytes, control_token, content_token)
        SELECT 1, 1, i, 1, 1, 0, i, 0, 0, 0, i, x'', x'' FROM n`);
    database.close();
  }

  run(sql: string): unknown {
    const database = new Sqlite(this.file);
    try {
      const statement = database.prepare(sql);
      return statement.reader ? statement.pluck().get() : statement.run();
    } finally {
      database.close();
    }
  }

  /** Zeroes 64 bytes in the middle of a page, as a sector that was never written. */
  damage(page: number): void {
    const descriptor = openSync(this.file, "r+");
    const at = (page - 1) * PAGE_BYTES + PAGE_BYTES / 2;
    const found = Buffer.alloc(64);
    readSync(descriptor, found, 0, 64, at);
    assert.ok(found.some((byte) => byte !== 0));
    writeSync(descriptor, Buffer.alloc(64), 0, 64, at);
    closeSync(descriptor);
  }

  open(): ReturnType<typeof openTestDatabase> {
    return openTestDatabase({ stateDir: this.stateDir });
  }

  [Symbol.dispose](): void {
    rmSync(this.stateDir, { recursive: true, force: true });
  }
}

/** A leaf of the index by which every message is found. */
const LEAF_OF_INDEX = `SELECT max(pageno) FROM dbstat
  WHERE name = 'message_by_seq' AND pagetype = 'leaf' AND ncell > 20`;

describe("opening a store", () => {
  test("[S18, T-S08] after an unclean end a damaged index page is found, and nothing starts", () => {
    using store = new ClosedStore();
    const { unclean, checked, database } = store.open();
    assert.deepEqual([unclean, checked], [true, true]);
    database.close();
    store.damage(leafOf(store));
    assert.throws(() => store.open(), { code: "STORE_CORRUPT" });
  });

  test("[S18] after a clean end nothing is scanned", () => {
    using store = new ClosedStore();
    store.run("UPDATE identity SET clean = 1");
    store.damage(leafOf(store));
    const { unclean, checked, database } = store.open();
    assert.deepEqual([unclean, checked], [false, true]);
    database.close();
  });

  test("[S18] a store above 256 MiB is opened unchecked after an unclean end, and says so", () => {
    using store = new ClosedStore();
    store.run("INSERT INTO segment VALUES (1, zeroblob(270000000))");
    const { unclean, checked, database } = store.open();
    assert.deepEqual([unclean, checked], [true, false]);
    database.close();
  });

  test("[S3] who reads of a damaged store is told how a backup takes its place", () => {
    assert.match(ERROR_CATALOGUE.STORE_CORRUPT.remedy, /holdfast backup restore/);
  });
});

/** A page of the index that holds cells in its middle. */
function leafOf(store: ClosedStore): number {
  try {
    return store.run(LEAF_OF_INDEX) as number;
  } catch {
    // Built without dbstat: the root is an inner page, the last child of which is named at byte 8.
    const root = store.run("SELECT rootpage FROM sqlite_schema WHERE name = 'message_by_seq'");
    const descriptor = openSync(store.file, "r");
    const pointer = Buffer.alloc(4);
    readSync(descriptor, pointer, 0, 4, (Number(root) - 1) * PAGE_BYTES + 8);
    closeSync(descriptor);
    return pointer.readUInt32BE();
  }
}
