import assert from "node:assert/strict";
import { describe, test } from "node:test";
import Database from "better-sqlite3";
import { migrate } from "#receiver/store/sqlite/migrations.ts";
import { OUTLET_SQL } from "#receiver/store/sqlite/outlet-statements.ts";
import { openSqliteStore } from "#receiver/store/sqlite/sqlite-store.ts";
import { outletSuite } from "../support/outlet-suite.ts";
import { Caller } from "../support/store-suite.ts";
import { temporaryFolder } from "../support/temporary-store.ts";

describe("SQLite store, outlets", () => {
  outletSuite("SQLite", async () => {
    const folder = temporaryFolder();
    const store = await openSqliteStore(folder.file);
    const close = store[Symbol.asyncDispose].bind(store);
    store[Symbol.asyncDispose] = async () => {
      await close();
      folder[Symbol.dispose]();
    };
    return store;
  });

  test("[S5] every statement of the outlets uses an index: none scans a table", () => {
    const db = new Database(":memory:");
    migrate(db);
    for (const [name, sql] of Object.entries(OUTLET_SQL)) {
      const parameters = Array.from(sql.matchAll(/\?/g), () => null);
      const plan = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...parameters) as {
        detail: string;
      }[];
      for (const { detail } of plan) {
        assert.doesNotMatch(detail, /\bSCAN\b|TEMP B-TREE/, `${name}: ${detail}`);
        if (name === "findGaps") assert.match(detail, /gap_by_end .*\(epoch,end_seq\)>/);
      }
    }
    db.close();
  });

  test("[TP38] a position is there when the store is opened again", async () => {
    using folder = temporaryFolder();
    const key = { outlet: "lab", agent: 1, channel: "adt" };
    {
      await using store = await openSqliteStore(folder.file);
      await Caller.greet(store);
      await store.movePosition({ ...key, epoch: 1n, seq: 5n, atMs: 1, isRewind: false });
    }
    await using store = await openSqliteStore(folder.file);
    assert.deepEqual(await store.findPosition(key), { epoch: 1n, seq: 5n });
  });
});
