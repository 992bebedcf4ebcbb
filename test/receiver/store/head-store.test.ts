import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import Database from "better-sqlite3";
import { PAGE_MAX_COUNT } from "#receiver/limits.ts";
import { HEAD_SQL } from "#receiver/store/sqlite/head-statements.ts";
import { migrate } from "#receiver/store/sqlite/migrations.ts";
import { allHeads } from "#receiver/store/walk.ts";
import { headOf, headSuite, listed } from "../support/head-suite.ts";
import { PostgresServer, withoutPostgres } from "../support/postgres.ts";
import { openTemporaryStore } from "../support/temporary-store.ts";

describe("SQLite store, heads", () => {
  headSuite("SQLite", openTemporaryStore);

  test("[S5] every statement of heads uses an index: none scans a table", () => {
    const db = new Database(":memory:");
    migrate(db);
    for (const [name, sql] of Object.entries(HEAD_SQL)) {
      const parameters = Array.from(sql.matchAll(/\?/g), () => null);
      const plan = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...parameters) as {
        detail: string;
      }[];
      for (const { detail } of plan) {
        assert.doesNotMatch(detail, /\bSCAN\b|TEMP B-TREE/, `${name}: ${detail}`);
      }
    }
    db.close();
  });

  test("[U21] SQLite: more than a page of them comes in order", async () => {
    await using store = await openTemporaryStore();
    for (let counter = 1; counter <= PAGE_MAX_COUNT + 2; counter++) {
      await store.heads.addHead(headOf(1, counter));
    }
    const kept = await listed(allHeads(store.heads, 1));
    const counters = Array.from({ length: PAGE_MAX_COUNT + 2 }, (_, index) => index + 1);
    assert.deepEqual(
      kept.map(({ counter }) => counter),
      counters,
    );
  });

  test("[U21] SQLite: rows of heads are neither changed nor removed", () => {
    const db = new Database(":memory:");
    migrate(db);
    const add = db.prepare(HEAD_SQL.addHead);
    add.run(1, "k", "d", 1, 1, "h", 1, 1, 1, "h", 1, 1, "{}");
    assert.throws(() => db.exec("UPDATE head SET counter = 2"), /append-only/);
    assert.throws(() => db.exec("DELETE FROM head"), /append-only/);
    db.close();
  });
});

const skip = withoutPostgres();

describe("PostgreSQL store, heads", { skip }, async () => {
  if (skip !== false) return;
  const server = await PostgresServer.start();
  after(() => server[Symbol.asyncDispose]());
  headSuite("PostgreSQL", () => server.openNewStore());
});
