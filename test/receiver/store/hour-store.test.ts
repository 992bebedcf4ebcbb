import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import Database from "better-sqlite3";
import { reportOf } from "#receiver/report/report.ts";
import { HOUR_SQL } from "#receiver/store/sqlite/hour-statements.ts";
import { migrate } from "#receiver/store/sqlite/migrations.ts";
import { hourSuite } from "../support/hour-suite.ts";
import { PostgresServer, withoutPostgres } from "../support/postgres.ts";
import { openTemporaryStore } from "../support/temporary-store.ts";

describe("SQLite store, hours", () => {
  hourSuite("SQLite", openTemporaryStore);

  test("[S5] every statement of hours uses an index: none scans a table", () => {
    const db = new Database(":memory:");
    migrate(db);
    for (const [name, sql] of Object.entries(HOUR_SQL)) {
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

  test("[D4] an agent that has told nothing has no hours", async () => {
    await using store = await openTemporaryStore();
    const added = await store.registry.registerAgent({ tenant: "north", name: "w", atMs: 4 });
    assert.ok("agent" in added);
    const call = { fromHour: 0, toHour: 1e6, channel: null };
    const report = await reportOf(store, added.agent, call);
    assert.deepEqual(report, { agent: "north/w", told: null, lines: [] });
  });
});

const skip = withoutPostgres();

describe("PostgreSQL store, hours", { skip }, async () => {
  if (skip !== false) return;
  const server = await PostgresServer.start();
  after(() => server[Symbol.asyncDispose]());
  hourSuite("PostgreSQL", () => server.openNewStore());
});
