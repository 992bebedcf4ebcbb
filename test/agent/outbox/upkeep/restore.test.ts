import assert from "node:assert/strict";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import Sqlite from "better-sqlite3";
import { systemChance, systemClock } from "#agent/host/clock.ts";
import { Outbox } from "#agent/outbox/outbox.ts";
import { verifyBackup } from "#agent/outbox/upkeep/backup-check.ts";
import type { Manifest } from "#agent/outbox/upkeep/backup-manifest.ts";
import { type Restored, restoreStore } from "#agent/outbox/upkeep/restore.ts";
import { SmallDisk } from "#test/support/small-disk.ts";
import { TEST_KEK } from "#test/support/test-keys.ts";
import { appendTo, entryOf, TestOutbox } from "#test/support/test-outbox.ts";

const scratch = mkdtempSync(join(tmpdir(), "holdfast-restore-"));
const backupFolder = join(scratch, "backup");
/** The store that was backed up, as it went on and was closed: one message more. */
const goneOn = join(scratch, "gone-on");
let manifest: Manifest;

before(async () => {
  await using store = await TestOutbox.open();
  for (const controlId of ["M1", "M2", "M3"]) await appendTo(store.outbox, entryOf({ controlId }));
  const request = { folder: backupFolder, kek: TEST_KEK, version: "1", madeAt: () => "now" };
  await store.outbox.upkeep.backup(request);
  await appendTo(store.outbox, entryOf({ controlId: "M4" }));
  await store.close();
  cpSync(store.stateDir, goneOn, { recursive: true });
  manifest = verifyBackup(backupFolder, TEST_KEK, systemClock);
});
after(() => rmSync(scratch, { recursive: true, force: true }));

/** A state folder of its own. */
class StateFolder implements Disposable {
  readonly path = mkdtempSync(join(scratch, "state-"));

  constructor(from?: string) {
    if (from !== undefined) cpSync(from, this.path, { recursive: true });
  }

  restore(replace: boolean, onStep: (step: string) => void = () => {}): Restored {
    const stateDir = this.path;
    return restoreStore({ folder: backupFolder, manifest, stateDir, replace, nowMs: 77, onStep });
  }

  /** Every body of channel 1 in its first epoch, as an agent would find it. */
  async bodies(): Promise<string[]> {
    await using outbox = await Outbox.open({
      stateDir: this.path,
      allowVolatileState: true,
      channels: [{ name: "adt" }, { name: "oru" }],
      clock: systemClock,
      chance: systemChance,
      kek: TEST_KEK,
      onFatal: (error) => assert.fail(error),
    });
    const range = { channel: 1, epoch: 1n, afterSeq: 0n, maxBytes: 1 << 20, maxCount: 100 };
    const { messages, damagedSeq } = await outbox.read(range);
    assert.equal(damagedSeq, undefined);
    return messages.map(({ body }) => Buffer.from(body ?? []).toString("latin1"));
  }

  names(): string[] {
    return readdirSync(this.path).sort();
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

const OLD = ["M1", "M2", "M3", "M4"];
const NEW = ["M1", "M2", "M3"];

describe("a restore", () => {
  test("[S19] into an empty state folder gives the store of the backup, marked as restored", async () => {
    using state = new StateFolder();
    assert.deepEqual(state.restore(false), { aside: [] });
    assert.deepEqual(state.names(), ["keys", "outbox"]);
    const database = new Sqlite(join(state.path, "outbox/holdfast.db"), { readonly: true });
    assert.equal(database.prepare("SELECT restored FROM identity").pluck().get(), 1);
    database.close();
    assert.deepEqual(await state.bodies(), NEW);
  });

  test("[S19] a store that is there stays unless it may be replaced, and then lies beside, whole", async () => {
    using state = new StateFolder(goneOn);
    const before = readFileSync(join(state.path, "outbox/holdfast.db"));
    assert.throws(() => state.restore(false), { code: "STORE_EXISTS" });
    assert.deepEqual(await state.bodies(), OLD);
    const { aside } = state.restore(true);
    assert.deepEqual(
      aside,
      ["outbox.replaced-77", "keys.replaced-77"].map((name) => join(state.path, name)),
    );
    assert.deepEqual(await state.bodies(), NEW);
    assert.ok(before.length > 0);
    using old = new StateFolder();
    for (const name of ["outbox", "keys"]) {
      cpSync(join(state.path, `${name}.replaced-77`), join(old.path, name), { recursive: true });
    }
    assert.deepEqual(await old.bodies(), OLD);
  });

  test("[S17, S19] the high-water mark of the same store is kept: it says what the backup lacks", () => {
    using state = new StateFolder(goneOn);
    const mark = join(state.path, "outbox/high-water");
    const before = readFileSync(mark);
    state.restore(true);
    assert.ok(existsSync(mark) && readFileSync(mark).equals(before));
  });

  test("[S17, S19] the mark of another store is not", async () => {
    await using other = await TestOutbox.open();
    await appendTo(other.outbox, entryOf({ controlId: "X" }));
    await other.close();
    using state = new StateFolder(other.stateDir);
    state.restore(true);
    assert.equal(existsSync(join(state.path, "outbox/high-water")), false);
  });

  test("[S19, T-S18] not under a running agent: its lock is respected, and it goes on", async () => {
    await using running = await TestOutbox.open();
    await appendTo(running.outbox, entryOf({ controlId: "X" }));
    const stateDir = running.stateDir;
    for (const replace of [false, true]) {
      assert.throws(
        () => restoreStore({ folder: backupFolder, manifest, stateDir, replace, nowMs: 1 }),
        { code: "STORE_RUNNING" },
      );
    }
    assert.equal((await appendTo(running.outbox, entryOf({ controlId: "Y" }))).kind, "stored");
    assert.deepEqual(await running.bodies(), ["X", "Y"]);
  });

  test("[S19] a disk that is full leaves the old store, and nothing of the new one", (context) => {
    const made = SmallDisk.make(1 << 20);
    if (typeof made === "string") return context.skip(made);
    using disk = made;
    cpSync(goneOn, disk.stateDir, { recursive: true });
    disk.fill();
    const request = { folder: backupFolder, manifest, stateDir: disk.stateDir, replace: true };
    assert.throws(() => restoreStore({ ...request, nowMs: 1 }), { code: "STORE_FULL" });
    assert.equal(existsSync(join(disk.stateDir, "restoring")), false);
    assert.ok(existsSync(join(disk.stateDir, "outbox/holdfast.db")));
  });

  test("[S19] a store that is no database any more can be replaced", async () => {
    using state = new StateFolder(goneOn);
    const file = join(state.path, "outbox/holdfast.db");
    const { writeFileSync } = await import("node:fs");
    writeFileSync(file, "this was a database once");
    state.restore(true);
    assert.deepEqual(await state.bodies(), NEW);
  });

  test("[S19, T-S12] interrupted between any two steps, the old store or the new one is there", async () => {
    const steps: string[] = [];
    {
      using state = new StateFolder(goneOn);
      state.restore(true, (step) => steps.push(step));
    }
    assert.ok(steps.length >= 9, steps.join(", "));
    const placing = steps.indexOf("placing");
    for (const [index, step] of steps.entries()) {
      using state = new StateFolder(goneOn);
      let count = -1;
      assert.throws(
        () =>
          state.restore(true, () => {
            count += 1;
            if (count === index) throw new Error("the power is gone");
          }),
        (error: Error) => /AGENT_DEFECT/.test(error.message),
      );
      assert.deepEqual(await state.bodies(), index < placing ? OLD : NEW, `after ${step}`);
      // Again, as its operator will: to the end.
      state.restore(true);
      assert.deepEqual(await state.bodies(), NEW, `again after ${step}`);
      assert.equal(existsSync(join(state.path, "restoring")), false);
      const kept = state.names().filter((name) => name.startsWith("outbox.replaced"));
      assert.ok(kept.length >= 1, "nothing was deleted");
    }
  });
});
