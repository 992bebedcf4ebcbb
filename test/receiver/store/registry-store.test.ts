import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import Database from "better-sqlite3";
import { migrate } from "#receiver/store/sqlite/migrations.ts";
import { REGISTRY_SQL } from "#receiver/store/sqlite/registry-statements.ts";
import { PostgresServer, withoutPostgres } from "../support/postgres.ts";
import { registrySuite } from "../support/registry-suite.ts";
import { openTemporaryStore } from "../support/temporary-store.ts";

describe("SQLite store, identities", () => {
  registrySuite("SQLite", openTemporaryStore);

  test("[S5] every statement of the register uses an index: none scans a table", () => {
    const db = new Database(":memory:");
    migrate(db);
    for (const [name, sql] of Object.entries(REGISTRY_SQL)) {
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
});

const skip = withoutPostgres();

describe("PostgreSQL store, identities", { skip }, async () => {
  if (skip !== false) return;
  const server = await PostgresServer.start();
  after(() => server[Symbol.asyncDispose]());
  registrySuite("PostgreSQL", () => server.openNewStore());
});
