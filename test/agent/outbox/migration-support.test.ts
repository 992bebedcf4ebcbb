/** A store from before support could ask: it gets a place for what is asked, and keeps the rest (05 S5). */
import assert from "node:assert/strict";
import { test } from "node:test";
import Sqlite from "better-sqlite3";
import { SUPPORT_SCHEMA } from "#agent/outbox/format/migration-support.ts";
import { MIGRATIONS } from "#agent/outbox/format/migrations.ts";
import { appendTo, entryOf, TestOutbox } from "#test/support/test-outbox.ts";

const OWN = MIGRATIONS.indexOf(SUPPORT_SCHEMA) + 1;

/** As the version before it left it; what came behind it goes, too. */
function takeBack(file: string): void {
  const database = new Sqlite(file);
  const later = ["support_copy", "support_slice", "stretch", "hour_count", "hour_told"];
  for (const table of later) database.exec(`DROP TABLE ${table}`);
  database.pragma(`user_version = ${OWN - 1}`);
  database.close();
}

test("[S5, I-2] it keeps every message, and takes a copy of what leaves", async () => {
  await using made = await TestOutbox.open();
  await appendTo(made.outbox, entryOf({ controlId: "M1" }));
  await made.close();
  takeBack(made.databaseFile);
  await made.reopen();
  assert.deepEqual(await made.bodies(), ["M1"]);
  const { support } = made.outbox;
  const nonce = new Uint8Array(16).fill(1);
  const id = await support.begin(nonce, 5, "{}");
  await made.reopen();
  assert.equal((await made.outbox.support.find(nonce))?.id, id);
});
