import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { Database } from "#agent/outbox/format/database.ts";
import { RECORD_HEADER_BYTES } from "#agent/outbox/format/record.ts";
import { AppendBatch, type AppendEntry } from "#agent/outbox/writing/append-batch.ts";
import { OUTCOME } from "#agent/outbox/writing/appender.ts";
import { GroupCommit, type GroupResult } from "#agent/outbox/writing/group-commit.ts";
import type { WriteOrder } from "#agent/outbox/writing/writer-messages.ts";
import { SEAL_OVERHEAD_BYTES } from "#agent/sealing/sealer.ts";
import { openTestDatabase } from "#test/support/test-keys.ts";
import { entryOf } from "#test/support/test-outbox.ts";

/** The store without its thread. */
class Store implements Disposable {
  readonly stateDir = mkdtempSync(join(tmpdir(), "holdfast-group-"));
  readonly database: Database;
  readonly store: GroupCommit;
  #ticket = 0;

  constructor() {
    const { database, sealer } = openTestDatabase({ stateDir: this.stateDir });
    this.database = database;
    this.store = new GroupCommit(database, sealer, {
      channels: [{ name: "adt" }, { name: "oru" }],
    });
  }

  order(...entries: readonly AppendEntry[]): WriteOrder {
    const batch = new AppendBatch();
    for (const entry of entries) batch.add(++this.#ticket, entry);
    return { order: "append", batch: batch.take() };
  }

  commit(...entries: readonly AppendEntry[]): GroupResult {
    return this.store.commit([this.order(...entries)]);
  }

  count(table: string): number {
    return this.database.prepare(`SELECT count(*) FROM ${table}`).pluck().get() as number;
  }

  [Symbol.dispose](): void {
    this.database.close();
    rmSync(this.stateDir, { recursive: true, force: true });
  }
}

const outcomesOf = (result: GroupResult): string[] => {
  assert.ok(result.committed);
  const names = Object.keys(OUTCOME);
  return result.appended.map(({ outcome, seq }) => `${names[outcome]} ${seq}`);
};

describe("group commit", () => {
  test("[S7] one group is one transaction; tickets come back in order with gapless seqs a channel", () => {
    using store = new Store();
    const result = store.commit(
      entryOf({ controlId: "A" }),
      entryOf({ controlId: "B", channel: 2 }),
      entryOf({ controlId: "C" }),
      entryOf({ controlId: "A" }),
      entryOf({ controlId: "D", quarantine: "noHeader" }),
    );
    assert.ok(result.committed);
    assert.deepEqual(
      result.appended.map(({ ticket }) => ticket),
      [1, 2, 3, 4, 5],
    );
    assert.deepEqual(outcomesOf(result), [
      "stored 1",
      "stored 1",
      "stored 2",
      "repeat 1",
      "quarantined 0",
    ]);
  });

  test("[S7, S9] an entry that cannot be stored takes its whole group with it", () => {
    using store = new Store();
    store.commit(entryOf({ controlId: "A" }));
    const result = store.commit(
      entryOf({ controlId: "B" }),
      entryOf({ controlId: "C", channel: 99 }),
    );
    assert.ok(!result.committed);
    assert.deepEqual([result.tickets, result.error.code], [[2, 3], "AGENT_DEFECT"]);
    assert.equal(store.count("message"), 1);
    assert.deepEqual(outcomesOf(store.commit(entryOf({ controlId: "B" }))), ["stored 2"]);
  });

  test("[S7, E1] a full store refuses the group whole; afterwards the resend is new, not a repeat", () => {
    using store = new Store();
    store.commit(entryOf({ controlId: "A" }));
    const pages = Number(store.database.pragma("page_count", { simple: true }));
    store.database.pragma(`max_page_count = ${pages + 4}`);
    const large = entryOf({ controlId: "B", body: "b".repeat(200_000) });
    const refused = store.commit(entryOf({ controlId: "S" }), large);
    assert.ok(!refused.committed);
    assert.deepEqual([refused.tickets, refused.error.code], [[2, 3], "STORE_FULL"]);
    assert.equal(refused.error.disposition, "retry");
    assert.equal(store.count("message"), 1);
    store.database.pragma("max_page_count = 1000000");
    assert.deepEqual(outcomesOf(store.commit(entryOf({ controlId: "S" }), large)), [
      "stored 2",
      "stored 3",
    ]);
    assert.deepEqual(outcomesOf(store.commit(large)), ["repeat 3"]);
  });

  test("[S7] progress that was deferred goes with the next group, the newest of each channel", () => {
    using store = new Store();
    store.commit(
      entryOf({ controlId: "A" }),
      entryOf({ controlId: "B" }),
      entryOf({ controlId: "C" }),
    );
    for (const seq of [1n, 3n, 2n])
      store.store.defer({ order: "settle", channel: 1, epoch: 1n, seq });
    assert.equal(store.store.hasDeferred, true);
    store.commit(entryOf({ controlId: "D" }));
    assert.equal(store.store.hasDeferred, false);
    assert.equal(store.store.tails.get(1)?.ackedSeq, 3n);
    store.store.defer({ order: "settle", channel: 1, epoch: 1n, seq: 1n });
    store.store.commit([]);
    assert.equal(store.store.tails.get(1)?.ackedSeq, 3n, "a cursor never moves back");
  });

  test("[S7, S9] progress is kept over a group that failed", () => {
    using store = new Store();
    store.commit(entryOf({ controlId: "A" }));
    store.store.defer({ order: "settle", channel: 1, epoch: 1n, seq: 1n });
    assert.equal(store.commit(entryOf({ controlId: "B", channel: 99 })).committed, false);
    assert.equal(store.store.tails.get(1)?.ackedSeq, 0n);
    assert.equal(store.store.hasDeferred, true);
    store.store.commit([]);
    assert.equal(store.store.tails.get(1)?.ackedSeq, 1n);
  });

  test("[S9] a receiver's word about a message that is not there halts", () => {
    using store = new Store();
    store.commit(entryOf({ controlId: "A" }));
    store.store.defer({ order: "settle", channel: 1, epoch: 1n, seq: 2n });
    const result = store.store.commit([]);
    assert.ok(!result.committed);
    assert.equal(result.error.disposition, "halt");
  });

  test("[S5] records of a group lie one behind another in one sealed segment a channel, a new one at 64 KiB", () => {
    using store = new Store();
    const body = (letter: string): string => letter.repeat(30_000);
    store.commit(
      ...["A", "B", "C", "D"].map((id) => entryOf({ controlId: id, body: body(id) })),
      entryOf({ controlId: "E", channel: 2 }),
    );
    const sizes = store.database.prepare("SELECT length(bytes) FROM segment ORDER BY id").pluck();
    const [first = 0, second = 0, third = 0] = (sizes.all() as number[]).sort((a, b) => b - a);
    const head = RECORD_HEADER_BYTES + "A127.0.0.1".length;
    assert.equal(first, SEAL_OVERHEAD_BYTES + 2 * (head + 30_000));
    assert.equal(second, first);
    assert.equal(third, SEAL_OVERHEAD_BYTES + head + 1);
  });
});
