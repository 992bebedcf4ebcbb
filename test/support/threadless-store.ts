/** The store without its thread, for what works between two commits: every step is the test's. @module */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "#agent/host/clock.ts";
import { AppendBatch, type AppendEntry } from "#agent/outbox/writing/append-batch.ts";
import { GroupCommit } from "#agent/outbox/writing/group-commit.ts";
import { type OpenedStore, openStore } from "#agent/outbox/writing/open-store.ts";
import { TEST_KEK } from "./test-keys.ts";
import { type EntryFields, entryOf, sha256 } from "./test-outbox.ts";

const SLICE_BYTES = 131_072;

export class ThreadlessStore implements Disposable {
  readonly stateDir = mkdtempSync(join(tmpdir(), "holdfast-store-"));
  readonly opened: OpenedStore;
  readonly store: GroupCommit;
  #ticket = 0;
  #upload = 0;

  constructor(diskBudgetBytes?: number) {
    this.opened = openStore(
      {
        stateDir: this.stateDir,
        allowVolatileState: true,
        channels: [],
        newStoreId: new Uint8Array(16).fill(7),
        kek: TEST_KEK,
        duplicateMemoryKeys: 62_500,
      },
      systemClock,
    );
    this.store = new GroupCommit(this.opened.database, this.opened.sealer, {
      channels: [{ name: "adt" }, { name: "oru" }],
      ...(diskBudgetBytes === undefined ? {} : { diskBudgetBytes }),
    });
  }

  /** Each message in a commit, and so in a segment, of its own. */
  append(...entries: readonly EntryFields[]): void {
    for (const entry of entries) this.commit(entryOf(entry));
  }

  /** All in one commit. */
  commit(...entries: readonly AppendEntry[]): void {
    const batch = new AppendBatch();
    for (const entry of entries) batch.add(++this.#ticket, entry);
    assert.ok(this.store.commit([{ order: "append", batch: batch.take() }]).committed);
  }

  /** A message in slices. */
  appendLarge(controlId: string, body: Uint8Array, more: EntryFields = {}): void {
    const upload = ++this.#upload;
    for (let ordinal = 0; ordinal * SLICE_BYTES < body.length; ordinal++) {
      const bytes = new Uint8Array(
        body.subarray(ordinal * SLICE_BYTES, (ordinal + 1) * SLICE_BYTES),
      );
      assert.ok(this.store.commit([{ order: "stage", upload, ordinal, bytes }]).committed);
    }
    const whole = { length: body.length, uploadBytes: body.length, sha256: sha256(body) };
    this.commit(entryOf({ controlId, body: new Uint8Array(0), ...whole, ...more, upload }));
  }

  /** The receiver has everything up to `seq`. */
  settle(seq: bigint, channel = 1): void {
    this.store.defer({ order: "settle", channel, epoch: 1n, seq });
    assert.ok(this.store.commit([]).committed);
  }

  run(sql: string, ...bound: readonly unknown[]): void {
    this.opened.database.prepare(sql).run(...bound);
  }

  number(sql: string): number {
    return this.opened.database.prepare(sql).pluck().get() as number;
  }

  /** Flips one bit in the middle of a sealed value. */
  flip(table: "segment" | "slice", where: string): void {
    const read = `SELECT bytes FROM ${table} WHERE ${where}`;
    const bytes = this.opened.database.prepare(read).pluck().get() as Buffer;
    const at = bytes.length >> 1;
    bytes[at] = (bytes[at] ?? 0) ^ 0x04;
    this.run(`UPDATE ${table} SET bytes = ? WHERE ${where}`, bytes);
  }

  [Symbol.dispose](): void {
    this.opened.database.close();
    rmSync(this.stateDir, { recursive: true, force: true });
  }
}
