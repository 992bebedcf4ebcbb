/** A store of schema version 7, as earlier programs left it, counts hours from this one on (05 S5, 03 D4). */
import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import Sqlite from "better-sqlite3";
import { systemClock } from "#agent/host/clock.ts";
import type { HourStretch } from "#agent/outbox/hours/hour-messages.ts";
import { verifyBackup } from "#agent/outbox/upkeep/backup-check.ts";
import type { Manifest } from "#agent/outbox/upkeep/backup-manifest.ts";
import { restoreStore } from "#agent/outbox/upkeep/restore.ts";
import { wronglyCounted } from "#test/faults/store-accounting.ts";
import { TEST_KEK } from "#test/support/test-keys.ts";
import { appendTo, entryOf, TestOutbox } from "#test/support/test-outbox.ts";

/** Copied, and never to be changed: SHA-256 of the schema of version 7, as `plainSchema` gives it. */
const VERSION_7 = "c39718334efdf88c0719c3d931303fb9b836ab305291177e3794ab40d87bbebc";
const BODIES = ["M1", "M2", "M3"];

/** Takes hours out of a store: what is left is one of version 7. */
function takeBack(file: string): void {
  const database = new Sqlite(file);
  for (const table of ["stretch", "hour_count", "hour_told"]) database.exec(`DROP TABLE ${table}`);
  database.pragma("user_version = 7");
  assert.equal(hash("sha256", plainSchema(database)), VERSION_7);
  database.close();
}

function plainSchema(database: Sqlite.Database): string {
  const left = database
    .prepare(
      "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY name",
    )
    .pluck()
    .all() as string[];
  return left.map((sql) => sql.replace(/\s+/g, " ")).join("\n");
}

async function oldStore(): Promise<TestOutbox> {
  const made = await TestOutbox.open();
  for (const controlId of BODIES) await appendTo(made.outbox, entryOf({ controlId }));
  await made.close();
  takeBack(made.databaseFile);
  return made;
}

async function stretches(made: TestOutbox): Promise<HourStretch[]> {
  const found: HourStretch[] = [];
  const all = { fromHour: 0, toHour: Number.MAX_SAFE_INTEGER };
  for await (const page of made.outbox.hours.pages(all)) found.push(...page.stretches);
  return found;
}

describe("a store of version 7", () => {
  test("[S5, I-2] keeps every message, and counts those that come from now on", async () => {
    await using made = await oldStore();
    await made.reopen();
    assert.deepEqual(await made.bodies(), BODIES);
    assert.deepEqual(await stretches(made), []);
    await appendTo(made.outbox, entryOf({ controlId: "M4", receivedAtMs: systemClock.nowMs() }));
    const [one, ...others] = await stretches(made);
    assert.deepEqual([one?.firstSeq, one?.lastSeq, others], [4n, 4n, []]);
    await made.close();
    const database = new Sqlite(made.databaseFile);
    assert.equal(database.pragma("user_version", { simple: true }), 8);
    assert.equal(database.pragma("integrity_check", { simple: true }), "ok");
    assert.deepEqual(wronglyCounted(database), []);
    database.close();
  });

  test("[S19] a backup of it is verified as it lies there, and restored into this version", async () => {
    await using made = await oldStore();
    await made.reopen();
    const folder = mkdtempSync(join(tmpdir(), "holdfast-version-7-"));
    const backup = join(folder, "backup");
    const request = { folder: backup, kek: TEST_KEK, version: "1", madeAt: () => "then" };
    const manifest = await made.outbox.upkeep.backup(request);
    await made.close();
    const file = join(backup, "holdfast.db");
    takeBack(file);
    const old = asOfVersion7(manifest, file);
    rmSync(join(backup, "manifest.json"));
    writeFileSync(join(backup, "manifest.json"), JSON.stringify(old));
    assert.deepEqual(verifyBackup(backup, TEST_KEK, systemClock), old);
    const { stateDir } = made;
    restoreStore({ folder: backup, manifest: old, stateDir, replace: true, nowMs: 7 });
    await made.reopen();
    assert.deepEqual(await made.bodies(), BODIES);
    rmSync(folder, { recursive: true });
  });
});

/** What an earlier program would have written beside it. */
function asOfVersion7(manifest: Manifest, file: string): Manifest {
  const [, ...keys] = manifest.files;
  const bytes = readFileSync(file);
  const first = { name: "holdfast.db", bytes: bytes.length, sha256: hash("sha256", bytes) };
  return { ...manifest, schema: 7, files: [first, ...keys] };
}
