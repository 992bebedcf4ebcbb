import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import Database from "better-sqlite3";
import { CONSOLE_SQL } from "#receiver/store/sqlite/console-statements.ts";
import { migrate } from "#receiver/store/sqlite/migrations.ts";
import { consoleSuite } from "../support/console-suite.ts";
import { PostgresServer, withoutPostgres } from "../support/postgres.ts";
import { openTemporaryStore } from "../support/temporary-store.ts";

const ENTRY = `INSERT INTO console_entry (at_ms, who, role, action, agent, detail)
  VALUES (1, 'Ana', 'viewer', 'signedIn', '', '')`;

describe("SQLite store, console", () => {
  consoleSuite("SQLite", openTemporaryStore);

  test("[S5] every statement of the console uses an index: none scans a table", () => {
    const db = new Database(":memory:");
    migrate(db);
    for (const [name, sql] of Object.entries(CONSOLE_SQL)) {
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

  test("[01 Receive] nobody changes what people did", () => {
    const db = new Database(":memory:");
    migrate(db);
    db.exec(ENTRY);
    assert.throws(() => db.exec("UPDATE console_entry SET who = 'Bea'"), /append-only/);
    assert.throws(() => db.exec("DELETE FROM console_entry"), /append-only/);
    const other = ENTRY.replace("INSERT", "INSERT OR REPLACE").replace("(at_ms", "(id, at_ms");
    const replace = other.replace("VALUES (1", "VALUES (1, 1");
    assert.throws(() => db.exec(replace), /append-only/);
    db.exec(ENTRY);
    db.close();
  });
});

const skip = withoutPostgres();

describe("PostgreSQL store, console", { skip }, async () => {
  if (skip !== false) return;
  const server = await PostgresServer.start();
  after(() => server[Symbol.asyncDispose]());
  consoleSuite("PostgreSQL", () => server.openNewStore());

  test("[01 Receive] nobody changes what people did, on PostgreSQL", async () => {
    await using store = await server.openNewStore();
    const entry = { atMs: 1, who: "Ana", role: "viewer", action: "a", agent: "", detail: "" };
    await store.console.addEntry(entry);
    const name = await server.ask(
      "postgres",
      "SELECT datname FROM pg_database WHERE datname LIKE 'store%' ORDER BY oid DESC LIMIT 1",
    );
    for (const change of [
      "UPDATE holdfast.console_entry SET who = 'B'",
      "DELETE FROM holdfast.console_entry",
      "TRUNCATE holdfast.console_entry",
    ]) {
      await assert.rejects(server.ask(name, change), /append-only/);
    }
  });
});
