import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import Database from "better-sqlite3";
import { readAlarms } from "#receiver/downstream/alarm-records.ts";
import { ALARM_SQL } from "#receiver/store/sqlite/alarm-statements.ts";
import { migrate } from "#receiver/store/sqlite/migrations.ts";
import { alarmRecord, alarmSuite } from "../support/alarm-suite.ts";
import { PostgresServer, withoutPostgres } from "../support/postgres.ts";
import { openTemporaryStore } from "../support/temporary-store.ts";

test("[PL9] a record of alarms holds codes and numbers; what holds more is none", () => {
  assert.equal(readAlarms(alarmRecord(["diskLow"]))?.alarms.length, 1);
  for (const bytes of [
    alarmRecord(["disk low"]),
    alarmRecord(["diskLow"], { patient: "DOE" }),
    alarmRecord(["diskLow"], { facts: { name: "DOE^JANE" } }),
    alarmRecord(Array.from({ length: 1_001 }, () => "diskLow")),
    Buffer.from('{"record":"alarms","version":2,"at":"2026-01-31T08:00:00Z","alarms":[]}'),
    Buffer.from("MSH|^~\\&|"),
    Buffer.from([0xff, 0xfe]),
  ]) {
    assert.equal(readAlarms(bytes), undefined);
  }
});

describe("SQLite store, alarms", () => {
  alarmSuite("SQLite", openTemporaryStore);

  test("[S5] every statement of alarms uses an index: none scans a table", () => {
    const db = new Database(":memory:");
    migrate(db);
    for (const [name, sql] of Object.entries(ALARM_SQL)) {
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

describe("PostgreSQL store, alarms", { skip }, async () => {
  if (skip !== false) return;
  const server = await PostgresServer.start();
  after(() => server[Symbol.asyncDispose]());
  alarmSuite("PostgreSQL", () => server.openNewStore());
});
