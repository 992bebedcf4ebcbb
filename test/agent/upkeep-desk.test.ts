import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { Facts } from "#agent/errors.ts";
import type { Log, LogEvent } from "#agent/host/log.ts";
import { type Outcome, UpkeepDesk } from "#agent/upkeep-desk.ts";
import type { LocalConfig } from "#config/local.ts";
import { TEST_KEK } from "#test/support/test-keys.ts";
import { appendTo, entryOf, TestOutbox } from "#test/support/test-outbox.ts";

class Desk implements AsyncDisposable {
  readonly store: TestOutbox;
  readonly scratch = mkdtempSync(join(tmpdir(), "holdfast-desk-"));
  readonly logged: [LogEvent, Facts][] = [];
  readonly desk: UpkeepDesk;

  private constructor(store: TestOutbox) {
    this.store = store;
    const log: Log = {
      write: (event, facts) => void this.logged.push([event, facts]),
      fault: (event, { code }) => void this.logged.push([event, { code: code as never }]),
    };
    writeFileSync(join(this.scratch, "kek"), TEST_KEK.current, { mode: 0o400 });
    const config = { stateDir: store.stateDir, kek: { custody: "credential" } } as LocalConfig;
    const { outbox } = store;
    this.desk = new UpkeepDesk({ outbox, log, config, credentials: this.scratch, version: "1" });
  }

  static async open(): Promise<Desk> {
    const store = await TestOutbox.open();
    await appendTo(store.outbox, entryOf({ controlId: "M1" }));
    return new Desk(store);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    rmSync(this.scratch, { recursive: true, force: true });
    await this.store[Symbol.asyncDispose]();
  }
}

const codeOf = (outcome: Outcome<unknown>): string =>
  "fault" in outcome ? outcome.fault.code : "done";

describe("looking after the store", () => {
  test("[S19] a backup is refused inside the state folder, by whatever name, and where there is no folder", async () => {
    await using made = await Desk.open();
    const { desk, store, scratch } = made;
    symlinkSync(store.stateDir, join(scratch, "link"));
    for (const folder of [
      join(store.stateDir, "backup"),
      join(store.stateDir, "outbox/backup"),
      join(scratch, "link/backup"),
      store.stateDir,
      "relative",
    ]) {
      assert.equal(codeOf(await desk.backup(folder)), "BACKUP_MISPLACED", folder);
    }
    assert.equal(codeOf(await desk.backup(join(scratch, "none/backup"))), "BACKUP_FAILED");
    assert.equal(existsSync(join(store.stateDir, "backup")), false);
    assert.equal(codeOf(await desk.backup(`${store.stateDir}-not-inside`)), "done");
    rmSync(`${store.stateDir}-not-inside`, { recursive: true });
  });

  test("[S19] it is logged with its counts, or with its code", async () => {
    await using made = await Desk.open();
    const folder = join(made.scratch, "backup");
    assert.deepEqual(made.desk.progress(), { running: false });
    const making = made.desk.backup(folder);
    assert.equal(made.desk.progress().running, true);
    assert.equal(codeOf(await making), "done");
    assert.equal(codeOf(await made.desk.backup(folder)), "BACKUP_FOLDER_TAKEN");
    assert.deepEqual(made.logged, [
      ["backupMade", { count: 1, quarantined: 0, damaged: 0 }],
      ["backupFailed", { code: "BACKUP_FOLDER_TAKEN" }],
    ]);
  });

  test("[R06] a credential is replaced by whoever gives it: both are given, then one", async () => {
    await using made = await Desk.open();
    const { desk, store, scratch } = made;
    assert.equal(codeOf(await desk.rekey()), "KEK_CREDENTIAL");
    const next = new Uint8Array(32).fill(9);
    rmSync(join(scratch, "kek"));
    writeFileSync(join(scratch, "kek"), next, { mode: 0o400 });
    writeFileSync(join(scratch, "kek-previous"), TEST_KEK.current, { mode: 0o400 });
    assert.deepEqual(await desk.rekey(), { done: { custody: "credential" } });
    await store.reopen({ kek: { current: next } });
    assert.deepEqual(await store.bodies(), ["M1"]);
    await assert.rejects(store.reopen(), { code: "KEK_WRONG" });
  });

  test("[D3] a replay by seq is one of the current epoch, and of a channel that exists", async () => {
    await using made = await Desk.open();
    const { desk, store } = made;
    store.outbox.settle(1, 1n, 1n);
    await store.outbox.probe();
    const bySeq = { channel: "adt", firstSeq: 1, lastSeq: 1, dryRun: true };
    const found = await desk.replay(bySeq);
    assert.ok("done" in found);
    assert.equal(found.done.count, 1);
    const earlier = await desk.replay({ ...bySeq, epoch: 7 });
    assert.ok("done" in earlier);
    assert.equal(earlier.done.count, 0);
    assert.equal(codeOf(await desk.replay({ ...bySeq, channel: "none" })), "CHANNEL_UNKNOWN");
    const all = await desk.replay({ channel: "adt", fromMs: 1, dryRun: false });
    assert.ok("done" in all);
    assert.deepEqual(made.logged.at(-1), ["replayed", { channel: "adt", count: 1 }]);
  });
});
