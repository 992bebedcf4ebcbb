/** A move to a new epoch, step by step and without its thread: the process dies between any two of them. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { beginDueEpochs } from "#agent/outbox/epochs/opening-epochs.ts";
import { Reissue } from "#agent/outbox/epochs/reissue.ts";
import type { Database } from "#agent/outbox/format/database.ts";
import { readRange } from "#agent/outbox/reader.ts";
import { AppendBatch } from "#agent/outbox/writing/append-batch.ts";
import { GroupCommit } from "#agent/outbox/writing/group-commit.ts";
import type { StoreNotice } from "#agent/outbox/writing/writer-messages.ts";
import { inspectStore } from "#test/faults/stored-messages.ts";
import { textOf } from "#test/support/messages.ts";
import { openTestDatabase, TEST_KEK } from "#test/support/test-keys.ts";
import { entryOf } from "#test/support/test-outbox.ts";

const BODY_BYTES = 20_000;
const COUNT = 120;
const bodyOf = (name: string): string => `${name} `.padEnd(BODY_BYTES, ".");
const nameOf = (body: string): string => body.split(" ")[0] ?? "";

/** The store in one process; `die` leaves it as a kill would. */
class Process implements Disposable {
  readonly store: GroupCommit;
  readonly reissue: Reissue;
  readonly notices: StoreNotice[] = [];
  readonly #database: Database;

  constructor(stateDir: string) {
    const opened = openTestDatabase({ stateDir });
    const channels = [{ name: "adt" }];
    beginDueEpochs({ ...opened, channels, mark: undefined, nowMs: 1 });
    this.#database = opened.database;
    this.store = new GroupCommit(opened.database, opened.sealer, { channels });
    const tell = (notice: StoreNotice): void => void this.notices.push(notice);
    this.reissue = new Reissue({ store: this.store, tell, nowMs: () => 1 });
  }

  append(...names: readonly string[]): void {
    for (const controlId of names) {
      const batch = new AppendBatch();
      batch.add(1, entryOf({ controlId, body: bodyOf(controlId) }));
      assert.ok(this.store.commit([{ order: "append", batch: batch.take() }]).committed);
    }
  }

  /** Names of the messages of an epoch, in order. */
  names(epoch: bigint): string[] {
    const range = { channel: 1, epoch, afterSeq: 0n, maxBytes: 1 << 30, maxCount: 10_000 };
    return readRange(this.store.readParts, range).messages.map(({ body }) => nameOf(textOf(body)));
  }

  get epoch(): bigint {
    return this.store.tails.get(1)?.epoch ?? 0n;
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}

describe("a move that is interrupted", () => {
  const names = Array.from({ length: COUNT }, (_, index) => `S${index}`);

  for (let steps = 0; steps < 7; steps++) {
    test(`[TP18, T-S12] after ${steps} steps: the next start goes on, and each message stands once, in order`, () => {
      const stateDir = mkdtempSync(join(tmpdir(), "holdfast-steps-"));
      try {
        {
          using first = new Process(stateDir);
          first.append(...names);
          assert.ok(first.reissue.begin(1, 1n, { epoch: 1n, lastSeq: 0n }));
          for (let step = 0; step < steps; step++) first.reissue.step();
        }
        const between = inspectStore(stateDir, TEST_KEK.current).reasons;
        assert.deepEqual(between, [], "sound at every moment");
        {
          using second = new Process(stateDir);
          const goesOn = second.epoch === 1n;
          assert.equal(second.store.tails.get(1)?.filling?.epoch, goesOn ? 2n : undefined);
          second.append("between");
          while (second.reissue.step() === 0);
          assert.deepEqual(second.names(2n), [...names, "between"]);
          assert.equal(second.epoch, 2n);
          const begun = second.notices.filter(({ notice }) => notice === "epochBegun");
          assert.equal(begun.length, goesOn ? 1 : 0);
        }
        assert.deepEqual(inspectStore(stateDir, TEST_KEK.current).reasons, []);
      } finally {
        rmSync(stateDir, { recursive: true });
      }
    });
  }

  test("[S7, S23] a step is short, and grows only where messages come faster than it moves them", () => {
    const stateDir = mkdtempSync(join(tmpdir(), "holdfast-steps-"));
    try {
      using one = new Process(stateDir);
      one.append(...names);
      one.reissue.begin(1, 1n, { epoch: 1n, lastSeq: 0n });
      const moved: number[] = [];
      for (let before = 0; one.epoch === 1n; ) {
        one.reissue.step();
        const after = one.names(2n).length;
        moved.push(after - before);
        before = after;
        if (moved.length < 4)
          one.append(...Array.from({ length: 40 }, (_, i) => `${moved.length}.${i}`));
      }
      assert.ok(moved[0] !== undefined && moved[0] * BODY_BYTES <= 600 * 1024, "half a MiB");
      assert.ok(Math.max(...moved) > 1.9 * moved[0], `${moved}`);
      assert.equal(one.names(2n).length, COUNT + 120);
    } finally {
      rmSync(stateDir, { recursive: true });
    }
  });

  test("[S8, TP18] a step that the store refuses leaves everything as it was", () => {
    const stateDir = mkdtempSync(join(tmpdir(), "holdfast-steps-"));
    try {
      using one = new Process(stateDir);
      one.append(...names);
      one.reissue.begin(1, 1n, { epoch: 1n, lastSeq: 0n });
      one.reissue.step();
      const before = one.names(2n).length;
      const { prepared } = one.store;
      const run = prepared.cursorMove.run;
      prepared.cursorMove.run = () => {
        throw new Error("no room");
      };
      assert.throws(() => one.reissue.step(), /no room/);
      prepared.cursorMove.run = run;
      assert.equal(one.names(2n).length, before);
      one.append("after");
      while (one.reissue.step() === 0);
      assert.deepEqual(one.names(2n), [...names, "after"]);
    } finally {
      rmSync(stateDir, { recursive: true });
    }
  });
});
