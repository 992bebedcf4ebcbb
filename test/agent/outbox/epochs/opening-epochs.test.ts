import assert from "node:assert/strict";
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import Sqlite from "better-sqlite3";
import { HighWater } from "#agent/outbox/epochs/high-water.ts";
import type { StoreNotice } from "#agent/outbox/writing/writer-messages.ts";
import { inspectStore } from "#test/faults/stored-messages.ts";
import { epochsOf, noticesOf, shown } from "#test/support/epoch-rows.ts";
import { TEST_KEK } from "#test/support/test-keys.ts";
import { appendTo, entryOf, TestOutbox } from "#test/support/test-outbox.ts";

/** A store whose folder can be put back to an older copy, and what it has told. */
class OldCopies implements AsyncDisposable {
  readonly store: TestOutbox;
  readonly notices: StoreNotice[];

  private constructor(store: TestOutbox, notices: StoreNotice[]) {
    this.store = store;
    this.notices = notices;
  }

  static async open(): Promise<OldCopies> {
    const notices: StoreNotice[] = [];
    const onNotice = (notice: StoreNotice): void => void notices.push(notice);
    return new OldCopies(await TestOutbox.open({ onNotice }), notices);
  }

  get folder(): string {
    return join(this.store.stateDir, "outbox");
  }

  get mark(): string {
    return join(this.folder, "high-water");
  }

  async append(...names: readonly string[]): Promise<void> {
    for (const controlId of names) await appendTo(this.store.outbox, entryOf({ controlId }));
  }

  /** The database as it is now, closed. */
  async copy(): Promise<void> {
    await this.store.close();
    rmSync(`${this.folder}.old`, { recursive: true, force: true });
    cpSync(this.folder, `${this.folder}.old`, { recursive: true });
    await this.store.reopen();
  }

  /** Puts the copied database back; the mark stays as it is. */
  async rollBack(): Promise<void> {
    await this.store.close();
    const mark = readFileSync(this.mark);
    rmSync(this.folder, { recursive: true });
    cpSync(`${this.folder}.old`, this.folder, { recursive: true });
    writeFileSync(this.mark, mark);
    this.notices.length = 0;
    await this.store.reopen();
  }

  /** `channel epoch first last cause`. */
  async missing(): Promise<string[]> {
    const { missing } = await this.store.outbox.standing();
    return missing.map(
      (one) => `${one.channel} ${one.epoch} ${one.firstSeq} ${one.lastSeq} ${one.cause}`,
    );
  }

  get told(): string[] {
    const ranges = noticesOf(this.notices, "missing").map(
      ({ name, range }) => `missing ${name} ${range.firstSeq}-${range.lastSeq} ${range.cause}`,
    );
    const due = noticesOf(this.notices, "epochDue").map(
      ({ name, epoch, cause }) => `epoch ${name} ${epoch} ${cause}`,
    );
    return [...ranges, ...due];
  }

  /** The oracle reads plain numbers. */
  isBeyondOracle = false;

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store.close();
    if (this.isBeyondOracle) return await this.store[Symbol.asyncDispose]();
    const { reasons } = inspectStore(this.store.stateDir, TEST_KEK.current);
    assert.deepEqual(reasons, []);
    await this.store[Symbol.asyncDispose]();
  }
}

/** Rewrites the mark of a closed store. */
function markAs(
  file: string,
  change: (found: HighWater["found"]) => Parameters<HighWater["write"]>[0],
): void {
  using mark = HighWater.open(file);
  mark.write(change(mark.found));
}

function edit(store: TestOutbox, sql: string): void {
  const db = new Sqlite(store.databaseFile);
  db.exec(sql);
  db.close();
}

describe("store that is opened", () => {
  test("[S17, TP17, T-S15] an older database beside a newer mark: new epoch, and the range that is gone is named", async () => {
    await using old = await OldCopies.open();
    await old.append("A", "B");
    await old.copy();
    await old.append("C", "D", "E");
    await old.rollBack();
    assert.deepEqual(await old.missing(), ["1 1 3 5 rollback"]);
    assert.deepEqual(old.told, ["missing adt 3-5 rollback", "epoch adt 2 rollback"]);
    assert.deepEqual(await epochsOf(old.store), ["1 draining 5", "2 current -"]);
    assert.deepEqual(await epochsOf(old.store, 2), ["1 current -"], "the other channel goes on");
    await old.append("C");
    assert.deepEqual(await shown(old.store, 2n), ["1 C -"], "no duplicate of what is gone");
    assert.deepEqual(await shown(old.store, 1n), ["1 A -", "2 B -"]);
    assert.equal((await old.store.tail()).waiting.count, 3n);
  });

  test("[S17] what was found once is not found again", async () => {
    await using old = await OldCopies.open();
    await old.append("A");
    await old.copy();
    await old.append("B");
    await old.rollBack();
    await old.store.reopen();
    await old.store.kill();
    await old.store.reopen();
    assert.deepEqual(await old.missing(), ["1 1 2 2 rollback"]);
    assert.deepEqual(await epochsOf(old.store), ["1 draining 2", "2 current -"]);
  });

  test("[S17] killed between the new epoch and its mark, the next start finds nothing new", async () => {
    await using old = await OldCopies.open();
    await old.append("A");
    await appendTo(old.store.outbox, entryOf({ controlId: "Q", quarantine: "notAllowed" }));
    await old.copy();
    await old.append("B");
    await appendTo(old.store.outbox, entryOf({ controlId: "R", quarantine: "notAllowed" }));
    await old.store.close();
    const mark = readFileSync(old.mark);
    await old.rollBack();
    await old.store.close();
    writeFileSync(old.mark, mark);
    old.notices.length = 0;
    await old.store.reopen();
    assert.deepEqual(old.told, []);
    assert.deepEqual(await old.missing(), ["0 0 2 2 rollback", "1 1 2 2 rollback"]);
    assert.deepEqual(await epochsOf(old.store), ["1 draining 2", "2 current -"]);
  });

  test("[S17] a database that is ahead of its mark is the usual case after a kill", async () => {
    await using old = await OldCopies.open();
    await old.append("A");
    await old.store.close();
    const mark = readFileSync(old.mark);
    await old.store.reopen();
    await old.append("B", "C");
    await old.store.kill();
    writeFileSync(old.mark, mark);
    await old.store.reopen();
    assert.deepEqual([old.told, await old.missing()], [[], []]);
    assert.deepEqual(await epochsOf(old.store), ["1 current -"]);
  });

  test("[S17] the mark follows every commit that appends or sets aside, also up to a kill", async () => {
    await using old = await OldCopies.open();
    await old.append("A", "B");
    await appendTo(old.store.outbox, entryOf({ controlId: "Q", quarantine: "notAllowed" }));
    await old.store.outbox.standing();
    await old.store.kill();
    using mark = HighWater.open(old.mark);
    assert.deepEqual(mark.found?.channels, [
      { name: "adt", epoch: 1n, lastSeq: 2n },
      { name: "oru", epoch: 1n, lastSeq: 0n },
    ]);
    assert.deepEqual([mark.found?.lastMessageId, mark.found?.lastQuarantineId], [2, 1]);
  });

  test("[S17] blocks of quarantine that are gone are named, and their numbers do not come again", async () => {
    await using old = await OldCopies.open();
    const set = (controlId: string): Promise<{ readonly kind: string }> =>
      appendTo(old.store.outbox, entryOf({ controlId, quarantine: "notAllowed" }));
    await set("Q1");
    await old.copy();
    await set("Q2");
    await set("Q3");
    await old.rollBack();
    assert.deepEqual(await old.missing(), ["0 0 2 3 rollback"]);
    const next = await set("Q4");
    assert.ok("id" in next && next.id === 4);
  });

  test("[S17, TP17] a new store beside an old mark begins above it, and names all that is gone", async () => {
    await using old = await OldCopies.open();
    await old.append("A", "B", "C");
    await old.store.close();
    const mark = readFileSync(old.mark);
    rmSync(old.folder, { recursive: true });
    await old.store.reopen();
    await old.store.close();
    for (const name of ["holdfast.db", "holdfast.db-wal"]) {
      rmSync(join(old.folder, name), { force: true });
    }
    writeFileSync(old.mark, mark);
    old.notices.length = 0;
    await old.store.reopen();
    assert.deepEqual(await old.missing(), ["1 1 1 3 rollback"]);
    assert.deepEqual(await epochsOf(old.store), ["1 draining 3", "2 current -"]);
    assert.deepEqual(await epochsOf(old.store, 2), ["1 current -"], "of oru there was nothing");
    const { waiting, lastSeq } = await old.store.tail();
    assert.deepEqual([waiting.count, waiting.bytes, lastSeq], [0n, 0, 0n]);
    await old.append("A");
    assert.deepEqual(await shown(old.store, 2n), ["1 A -"]);
  });

  test("[S17] a mark in a later epoch: that one's range is named, how the own one went on is not known", async () => {
    await using old = await OldCopies.open();
    await old.append("A", "B");
    await old.store.close();
    markAs(old.mark, (found) => {
      assert.ok(found !== undefined);
      return { ...found, channels: [{ name: "adt", epoch: 5n, lastSeq: 70n }] };
    });
    await old.store.reopen();
    assert.deepEqual(await old.missing(), ["1 5 1 70 rollback"]);
    assert.deepEqual(await epochsOf(old.store), ["1 draining -", "5 draining 70", "6 current -"]);
  });

  test("[S17] a channel that only the mark knows is named", async () => {
    await using old = await OldCopies.open();
    await old.store.close();
    markAs(old.mark, (found) => {
      assert.ok(found !== undefined);
      return { ...found, channels: [{ name: "gone", epoch: 1n, lastSeq: 9n }] };
    });
    await old.store.reopen();
    assert.deepEqual(await old.missing(), ["3 1 1 9 rollback"]);
    assert.deepEqual(await epochsOf(old.store, 3), ["1 draining 9", "2 current -"]);
  });

  test("[S6, S19] a store that was restored begins new epochs for all channels, once", async () => {
    await using old = await OldCopies.open();
    await old.append("A");
    await old.store.close();
    edit(old.store, "UPDATE identity SET restored = 1");
    await old.store.reopen();
    assert.deepEqual(await epochsOf(old.store), ["1 draining 1", "2 current -"]);
    assert.deepEqual(await epochsOf(old.store, 2), ["1 draining 0", "2 current -"]);
    assert.deepEqual(await old.missing(), []);
    await old.store.reopen();
    assert.deepEqual(await epochsOf(old.store), ["1 draining 1", "2 current -"]);
  });

  test("[S6, TP17] restored where no mark says how far it had been, its end is not known", async () => {
    await using old = await OldCopies.open();
    await old.append("A");
    await old.store.close();
    edit(old.store, "UPDATE identity SET restored = 1");
    rmSync(old.mark);
    await old.store.reopen();
    assert.deepEqual(await epochsOf(old.store), ["1 draining -", "2 current -"]);
  });

  test("[S16, S6] a last record that does not open ends its epoch; a message is accepted all the same", async () => {
    await using store = await TestOutbox.open();
    await appendTo(store.outbox, entryOf({ controlId: "A" }));
    await appendTo(store.outbox, entryOf({ controlId: "B" }));
    await store.close();
    edit(store, "UPDATE segment SET bytes = zeroblob(length(bytes)) WHERE id = 2");
    const notices: StoreNotice[] = [];
    await store.reopen({ onNotice: (notice) => void notices.push(notice) });
    assert.deepEqual(await epochsOf(store), ["1 draining 2", "2 current -"]);
    const [missing] = noticesOf(notices, "missing");
    assert.deepEqual([missing?.range.firstSeq, missing?.range.cause], [2n, "damaged"]);
    const outcome = await appendTo(store.outbox, entryOf({ controlId: "C" }));
    assert.equal(outcome.kind, "stored");
    assert.deepEqual(await shown(store, 2n), ["1 C -"]);
  });

  test("[S17, T-S08] a mark that is damaged is told of, and nothing else happens", async () => {
    await using old = await OldCopies.open();
    await old.append("A");
    await old.store.close();
    writeFileSync(old.mark, Buffer.alloc(131_072, 0xa5));
    await old.store.reopen();
    assert.equal(noticesOf(old.notices, "highWaterDamaged").length, 1);
    assert.deepEqual([old.told, await old.missing()], [[], []]);
    await old.append("B");
    await old.append("C");
    await old.store.reopen();
    assert.equal(noticesOf(old.notices, "highWaterDamaged").length, 1, "it is whole again");
  });

  test("[T-S14] epochs and seqs of the mark near 2^53 and 2^63 are named to the digit", async () => {
    for (const at of [2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 2n]) {
      await using old = await OldCopies.open();
      old.isBeyondOracle = true;
      await old.append("A");
      await old.store.close();
      markAs(old.mark, (found) => {
        assert.ok(found !== undefined);
        return { ...found, channels: [{ name: "adt", epoch: at, lastSeq: at }] };
      });
      await old.store.reopen();
      assert.deepEqual(await old.missing(), [`1 ${at} 1 ${at} rollback`]);
      assert.equal((await old.store.tail()).epoch, at + 1n);
      await old.append("B");
      assert.deepEqual(await shown(old.store, at + 1n), ["1 B -"]);
    }
  });
});
