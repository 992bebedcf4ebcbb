/** A store that is older than it was: what comes again may have been delivered since (06 TP37, RI5, RI6). */
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { systemClock } from "#agent/host/clock.ts";
import { SCHEMA_VERSION } from "#agent/outbox/format/migrations.ts";
import { verifyBackup } from "#agent/outbox/upkeep/backup-check.ts";
import { restoreStore } from "#agent/outbox/upkeep/restore.ts";
import { itemOf, okOf, openInbox, reportsOf, Source } from "#test/support/test-inbox.ts";
import { TEST_KEK } from "#test/support/test-keys.ts";
import type { TestOutbox } from "#test/support/test-outbox.ts";

const sourceOf = (made: TestOutbox, epoch = 1n): Source =>
  new Source(() => made.outbox.inbox, "orders", epoch);

class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "holdfast-put-back-"));

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** What is reported of each message that is delivered now. */
async function flagsOf(made: TestOutbox): Promise<[unknown, unknown][]> {
  await sourceOf(made).delivered();
  return (await reportsOf(made)).map(({ seq, flags }) => [seq, flags]);
}

describe("an inbox that was put back", () => {
  test("[S19, TP34] a restored store says of everything that may have been delivered since", async () => {
    await using made = await openInbox();
    using folder = new Folder();
    const source = sourceOf(made);
    await source.opened();
    await source.sent(1n, "one", "two");
    const queue = made.outbox.inbox.queueOf("orders");
    const first = await queue.next();
    await queue.settle(first?.id ?? 0, { kind: "accepted", flags: [], reply: undefined });
    const backup = join(folder.path, "backup");
    const request = { folder: backup, kek: TEST_KEK, version: "1", madeAt: () => "then" };
    const made2 = await made.outbox.upkeep.backup(request);
    assert.deepEqual([made2.counts.inbox, made2.schema], [2, SCHEMA_VERSION]);
    assert.deepEqual(verifyBackup(backup, TEST_KEK, systemClock), made2);
    await source.sent(3n, "three");
    await source.delivered();
    await made.close();
    const { stateDir } = made;
    restoreStore({ folder: backup, manifest: made2, stateDir, replace: true, nowMs: 7 });
    await made.reopen();
    assert.equal((await made.outbox.inbox.queueOf("orders").next())?.claimed, true);
    // The receiver had settled 3; what it sends from 4 on is new.
    assert.equal((await source.opened({ nextSeq: 4n })).lastSeq, 2n);
    assert.deepEqual(await source.send(2n, "two", "three", "four"), okOf(4n, 2));
    const tail = made.outbox.channels.find(({ name }) => name === "$outcomes");
    assert.equal(tail?.epoch, 2n, "reports go on in an epoch of their own");
    await source.delivered();
    const range = { channel: tail?.channel ?? 0, epoch: 2n, afterSeq: 0n };
    const { messages } = await made.outbox.read({ ...range, maxBytes: 1 << 20, maxCount: 10 });
    const reports = messages.map(({ body }) => JSON.parse(String(Buffer.from(body ?? []))));
    assert.deepEqual(
      reports.map(({ seq, flags }) => [seq, flags]),
      [
        ["2", ["possibleRepeat"]],
        ["3", ["possibleRepeat"]],
        ["4", []],
      ],
    );
  });

  test("[TP37, S17] a copy of the machine that was put back: what the source had settled may repeat", async () => {
    await using made = await openInbox();
    using folder = new Folder();
    const source = sourceOf(made);
    await source.opened();
    await source.sent(1n, "one", "two");
    await made.close();
    cpSync(made.stateDir, folder.path, { recursive: true });
    await made.reopen();
    await source.sent(3n, "three");
    await source.delivered();
    await made.close();
    rmSync(made.stateDir, { recursive: true });
    cpSync(folder.path, made.stateDir, { recursive: true });
    await made.reopen();
    assert.equal((await source.opened({ nextSeq: 4n })).lastSeq, 2n);
    await source.sent(3n, "three", "four");
    assert.deepEqual(await flagsOf(made), [
      ["1", ["possibleRepeat"]],
      ["2", ["possibleRepeat"]],
      ["3", ["possibleRepeat"]],
      ["4", []],
    ]);
  });

  test("[TP37] a store that is not behind says nothing of repeats", async () => {
    await using made = await openInbox();
    const source = sourceOf(made);
    await source.opened();
    await source.sent(1n, "one");
    await source.opened({ nextSeq: 2n });
    await source.sent(2n, "two");
    assert.deepEqual(await flagsOf(made), [
      ["1", []],
      ["2", []],
    ]);
  });

  test("[TP17] a store that was made anew: what the one before had settled may repeat", async () => {
    await using made = await openInbox();
    const source = sourceOf(made);
    assert.equal((await source.opened({ nextSeq: 3n })).lastSeq, 0n);
    await source.sent(1n, "one", "two", "three");
    const flags = (await flagsOf(made)).map(([, found]) => found);
    assert.deepEqual(flags, [["possibleRepeat"], ["possibleRepeat"], []]);
  });

  test("[RI6] a message that replaces one whose row is gone is handed on, and may repeat", async () => {
    await using made = await openInbox({ retainHours: 0, ledgerDays: 0 });
    const source = sourceOf(made);
    await source.opened();
    await source.sent(1n, "one");
    await source.delivered();
    await made.close();
    // Chores have had no time: the row goes as its ledger entry would.
    const { default: Sqlite } = await import("better-sqlite3");
    const database = new Sqlite(made.databaseFile);
    database.exec("DELETE FROM inbox; DELETE FROM inbox_slice");
    database.close();
    await made.reopen();
    const next = sourceOf(made, 2n);
    await next.opened({ previous: { epoch: 1n, finalSeq: 1n } });
    await next.sent(1n, itemOf("one", { replaces: { epoch: 1n, seq: 1n } }));
    await next.sent(2n, itemOf("two", { replaces: { epoch: 1n, seq: 9n } }));
    await next.delivered();
    const flags = (await reportsOf(made)).map(({ epoch, seq, flags: found }) => [
      epoch,
      seq,
      found,
    ]);
    assert.deepEqual(flags, [
      ["1", "1", []],
      ["2", "1", ["possibleRepeat"]],
      ["2", "2", []],
    ]);
  });
});
