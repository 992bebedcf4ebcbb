import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { STATEMENTS, type Statement } from "#agent/outbox/format/statements.ts";
import { compiledOnce, prepareAll } from "#agent/outbox/writing/prepared.ts";
import { openTestDatabase } from "#test/support/test-keys.ts";

const stateDir = mkdtempSync(join(tmpdir(), "holdfast-plans-"));
const { database } = openTestDatabase({ stateDir });
after(() => {
  database.close();
  rmSync(stateDir, { recursive: true });
});

function planOf(sql: string): string[] {
  const parameters = new Array(sql.split("?").length - 1).fill(1);
  const rows = database.prepare(`EXPLAIN QUERY PLAN ${compiledOnce(sql)}`).all(...parameters);
  return (rows as { detail: string }[]).map(({ detail }) => detail);
}

/** What a line of the plan may say for each promise. */
const PROMISED: Readonly<Record<Statement["uses"], RegExp>> = {
  "primary key":
    /^SEARCH \w+ USING (?:INTEGER PRIMARY KEY|PRIMARY KEY|(?:COVERING )?INDEX sqlite_autoindex_\w+) \(/,
  message_by_seq: /^SEARCH message USING (?:COVERING )?INDEX message_by_seq \(/,
  upload_incomplete: /(?:SEARCH|SCAN) upload USING (?:COVERING )?INDEX upload_incomplete/,
  quarantine_by_content: /^SEARCH quarantine USING INDEX quarantine_by_content \(/,
  quarantine_expendable: /^SEARCH quarantine USING INDEX quarantine_expendable \(/,
  "small table": /^SCAN (?:channel|quarantine_total|sqlite_sequence|key_mark|support_copy)\b/,
  inbox_by_seq: /^SEARCH inbox USING INDEX inbox_by_seq \(/,
  // One condition alone: all of the small index.
  inbox_waiting: /^(?:SEARCH|SCAN) inbox USING INDEX inbox_waiting\b/,
  inbox_awaiting: /^(?:SEARCH|SCAN) inbox USING INDEX inbox_awaiting\b/,
  inbox_aside:
    /^SEARCH (?:inbox USING INDEX inbox_aside|inbox_channel USING INTEGER PRIMARY KEY) \(/,
  inbox_held: /^SEARCH inbox USING INDEX inbox_held \(/,
  inbox_kept: /^SEARCH inbox USING (?:COVERING )?INDEX inbox_kept \(/,
  inbox_prunable: /^SEARCH inbox USING INDEX inbox_prunable \(/,
  inbox_ledger: /^SEARCH inbox USING (?:COVERING )?INDEX inbox_ledger \(/,
  file_listed: /^SEARCH file_claim USING INDEX file_listed \(/,
  file_open: /^SEARCH file_claim USING INDEX file_open \(/,
  file_counted: /^SEARCH file_claim USING COVERING INDEX file_counted \(/,
  file_aside: /^SEARCH file_claim USING COVERING INDEX file_aside \(/,
  file_left: /^SEARCH file_claim USING INDEX file_left \(/,
  file_same: /^SEARCH file_claim USING INDEX file_same \(/,
  file_content: /^SEARCH file_claim USING (?:COVERING )?INDEX file_content \(/,
  file_decided: /^SEARCH file_claim USING INDEX file_decided \(/,
  file_moved: /^SEARCH file_claim USING INDEX file_moved \(/,
  file_by_seq: /^SEARCH file_claim USING INDEX file_by_seq \(/,
  file_step_by_seq: /^SEARCH file_step USING (?:COVERING )?INDEX file_step_by_seq \(/,
  file_unfinished: /^SEARCH file_claim USING INDEX file_unfinished \(/,
  file_by_block: /^SEARCH file_block USING (?:COVERING )?INDEX file_by_block \(/,
  trust_document_by_digest: /^SEARCH trust_document USING INDEX trust_document_by_digest \(/,
  trust_document_by_kind:
    /^SEARCH trust_document USING (?:COVERING )?INDEX trust_document_by_kind \(/,
  trust_nonce_by_end: /^SEARCH trust_nonce USING (?:COVERING )?INDEX trust_nonce_by_end \(/,
  support_by_nonce: /^SEARCH support_copy USING INDEX support_by_nonce \(/,
  support_owed: /^(?:SEARCH|SCAN) support_copy USING INDEX support_owed\b/,
  stretch_by_seq: /^SEARCH stretch USING INDEX stretch_by_seq \(/,
  stretch_by_hour: /^SEARCH stretch USING (?:COVERING )?INDEX stretch_by_hour \(/,
  stretch_untold: /^SEARCH stretch USING INDEX stretch_untold \(/,
  hour_count_untold: /^SEARCH hour_count USING INDEX hour_count_untold \(/,
  insert: /^never$/,
};
/** `max` of the key: SQLite steps to the last row and names nothing. */
const LAST_ROW = /^SELECT (?:min|max)\(id\) FROM (\w+)$/;
/** The only ones that may read a whole table because it is small: one row a channel, or some thousand. */
const SMALL: ReadonlySet<string> = new Set([
  "channelList",
  "quarantineTotals",
  "keyMarkList",
  "sequenceRead",
  "sequenceMove",
  "segmentSequence",
  "uploadSequence",
  "quarantineSequence",
  "fileSequence",
  "supportTotals",
]);

describe("statements of the outbox", () => {
  for (const [name, { sql, uses }] of Object.entries<Statement>(STATEMENTS)) {
    test(`[S5] ${name} uses ${uses}`, () => {
      const plan = planOf(sql);
      if (uses === "insert") {
        assert.match(sql, /^INSERT /);
        assert.deepEqual(plan, []);
        return;
      }
      assert.ok(plan.length > 0, "there is a plan");
      if (uses === "small table") assert.ok(SMALL.has(name), `${name} scans a table`);
      const [, lastOf] = LAST_ROW.exec(sql) ?? [];
      for (const line of plan) {
        assert.match(
          line,
          lastOf === undefined ? PROMISED[uses] : new RegExp(`^SEARCH ${lastOf}$`),
        );
        assert.doesNotMatch(line, /USE TEMP B-TREE|AUTOMATIC/);
      }
    });
  }

  test("[S5] every statement compiles once, and none gives rows as objects", () => {
    for (const [name, statement] of Object.entries(prepareAll(database))) {
      // Of one that the planner sees, each new value is a reason to compile again.
      assert.doesNotMatch(statement.source, /(?<!\+)\?/, `${name} has a parameter that is seen`);
      if (!statement.reader) continue;
      const bound = new Array(statement.source.split("?").length - 1).fill(1);
      const row: unknown = statement.get(...bound);
      const isRow = row === undefined || Array.isArray(row);
      assert.ok(isRow || statement.columns().length === 1, `${name} gives ${typeof row}`);
    }
  });

  test("[S5] tables are STRICT, and message is keyed by an AUTOINCREMENT id", () => {
    const tables = database.prepare("PRAGMA table_list").all() as {
      name: string;
      strict: number;
    }[];
    const own = tables.filter(({ name }) => !name.startsWith("sqlite_"));
    assert.ok(own.length >= 10);
    for (const { name, strict } of own) assert.equal(strict, 1, name);
    const sql = database.prepare("SELECT sql FROM sqlite_schema WHERE name = 'message'").pluck();
    assert.match(String(sql.get()), /id INTEGER PRIMARY KEY AUTOINCREMENT/);
  });
});
