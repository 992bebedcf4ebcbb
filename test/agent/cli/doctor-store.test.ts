/** What `doctor` sees of a store that is there: header, mark, key files; and that it disturbs nobody. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  closeSync,
  copyFileSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { lookAtDatabase, lookAtIdentity, lookAtKeyFiles } from "#agent/cli/doctor-store.ts";
import { readHighWater } from "#agent/outbox/epochs/high-water.ts";
import { SCHEMA_VERSION } from "#agent/outbox/format/migrations.ts";
import { TEST_KEK } from "#test/support/test-keys.ts";
import { appendTo, entryOf, TestOutbox } from "#test/support/test-outbox.ts";

const outboxOf = ({ stateDir }: TestOutbox): string => join(stateDir, "outbox");

/** Every file of the store with size, time of change and digest. */
function shape({ stateDir }: TestOutbox): string[] {
  return readdirSync(stateDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => {
      const file = join(entry.parentPath, entry.name);
      const { size, mtimeMs } = statSync(file);
      const digest = createHash("sha256").update(readFileSync(file)).digest("hex");
      return `${entry.name} ${size} ${mtimeMs} ${digest}`;
    })
    .sort();
}

function overwrite(file: string, at: number, ...bytes: readonly number[]): void {
  const descriptor = openSync(file, "r+");
  writeSync(descriptor, Buffer.from(bytes), 0, bytes.length, at);
  closeSync(descriptor);
}

async function closedStore(): Promise<TestOutbox> {
  const store = await TestOutbox.open();
  await appendTo(store.outbox, entryOf({ controlId: "M1" }));
  await store.close();
  return store;
}

describe("doctor and the store's files", () => {
  test("[S3] a sound store is ok, and no byte of it changes", async () => {
    await using store = await closedStore();
    const before = shape(store);
    const database = lookAtDatabase(outboxOf(store));
    assert.equal(database.verdict, "ok", database.text);
    assert.deepEqual(database.facts, {
      schema: SCHEMA_VERSION,
      known: SCHEMA_VERSION,
      pageBytes: 4_096,
    });
    const identity = lookAtIdentity(outboxOf(store));
    const mark = readHighWater(join(outboxOf(store), "high-water"));
    assert.ok(mark !== undefined);
    assert.match(identity.text, new RegExp(Buffer.from(mark.storeId).toString("hex")));
    const keys = lookAtKeyFiles(store.stateDir, TEST_KEK);
    assert.deepEqual([keys.verdict, keys.facts], ["ok", { opened: 2, otherKek: 0, damaged: 0 }]);
    assert.deepEqual(shape(store), before);
  });

  test("[S1] beside an agent that runs it sees the same, and the agent goes on", async () => {
    await using store = await TestOutbox.open();
    await appendTo(store.outbox, entryOf({ controlId: "M1" }));
    await store.reopen();
    for (const look of [lookAtDatabase, lookAtIdentity]) {
      assert.equal(look(outboxOf(store)).verdict, "ok");
    }
    assert.equal(lookAtKeyFiles(store.stateDir, TEST_KEK).verdict, "ok");
    const { kind } = await appendTo(store.outbox, entryOf({ controlId: "M2" }));
    assert.equal(kind, "stored");
    assert.deepEqual(store.fatals, []);
  });

  for (const [what, at, bytes, code] of [
    ["a header that is none of SQLite's", 0, [0x53, 0x71], "STORE_CORRUPT"],
    ["a page size that no database has", 16, [0x10, 0x01], "STORE_CORRUPT"],
    ["a schema that a newer program wrote", 60, [0, 0, 3, 0], "STORE_NEWER_SCHEMA"],
  ] as const) {
    test(`[S3] ${what} fails`, async () => {
      await using store = await closedStore();
      overwrite(store.databaseFile, at, ...bytes);
      const { verdict, facts } = lookAtDatabase(outboxOf(store));
      assert.deepEqual([verdict, facts["code"]], ["problem", code]);
    });
  }

  test("[S2] another journal mode warns; an older schema is told, and is no fault", async () => {
    await using store = await closedStore();
    overwrite(store.databaseFile, 60, 0, 0, 0, 1);
    assert.match(lookAtDatabase(outboxOf(store)).text, new RegExp(`brought to ${SCHEMA_VERSION}`));
    overwrite(store.databaseFile, 18, 1, 1);
    assert.equal(lookAtDatabase(outboxOf(store)).verdict, "warning");
    writeFileSync(store.databaseFile, "");
    assert.equal(lookAtDatabase(outboxOf(store)).verdict, "ok");
    rmSync(store.databaseFile);
    assert.equal(lookAtDatabase(outboxOf(store)).text, "No store yet");
  });

  test("[S17] a store without its mark warns, and its keys are then not opened", async () => {
    await using store = await closedStore();
    rmSync(join(outboxOf(store), "high-water"));
    assert.equal(lookAtIdentity(outboxOf(store)).verdict, "warning");
    const { verdict, text } = lookAtKeyFiles(store.stateDir, TEST_KEK);
    assert.equal(verdict, "warning");
    assert.match(text, /without the mark/);
    assert.ok(!readdirSync(outboxOf(store)).includes("high-water"), "and none is made");
  });

  test("[R06, R08] key files: of another KEK, altered, in the place of another, without an index", async () => {
    await using store = await closedStore();
    const look = (kek = TEST_KEK) => lookAtKeyFiles(store.stateDir, kek);
    const key = (name: string): string => join(store.stateDir, "keys", name);
    const other = look({ current: new Uint8Array(32).fill(1) });
    assert.deepEqual([other.facts["code"], other.facts["otherKek"]], ["KEK_WRONG", 2]);
    assert.equal(look({ current: new Uint8Array(32), previous: TEST_KEK.current }).verdict, "ok");
    copyFileSync(key("1.key"), key("7.key"));
    const { facts } = look();
    const found = [facts["code"], facts["opened"], facts["damaged"], facts["keyEpoch"]];
    assert.deepEqual(found, ["KEY_FILE_DAMAGED", 2, 1, 7]);
    rmSync(key("7.key"));
    writeFileSync(key("2.key.new"), "left by a crash");
    assert.equal(look().verdict, "ok", "what a start sweeps is no key file");
    rmSync(key("index.key"));
    assert.deepEqual([look().facts["code"], look().facts["keyEpoch"]], ["KEY_FILE_DAMAGED", 0]);
    assert.equal(lookAtKeyFiles(store.stateDir, undefined).verdict, "warning");
  });
});
