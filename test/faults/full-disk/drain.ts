/** T-S06: the store reaches its budget, is drained, and gives the room back. @module */
import { statSync } from "node:fs";
import Sqlite from "better-sqlite3";
import { until } from "#test/support/processes.ts";
import { TEST_KEK } from "#test/support/test-keys.ts";
import { appendTo, entryOf, TestOutbox } from "#test/support/test-outbox.ts";
import { inspectDatabase } from "../stored-messages.ts";

const MIB = 1024 * 1024;
const BATCH = 1_000;

export interface DrainReport {
  /** Rows that were stored, and what the file took then. */
  readonly rows: number;
  readonly fullBytes: number;
  /** Why the next one was refused, if `rows` did not fit. */
  readonly refusal: string | undefined;
  readonly drainedBytes: number;
  readonly liveBytes: number;
  /** Whether another message was taken after the drain. */
  readonly takesMore: boolean;
  /** What an oracle found wrong. */
  readonly reasons: readonly string[];
}

/** @param rows at most; fewer where the budget ends first */
export async function drain(rows: number, diskBudgetBytes: number): Promise<DrainReport> {
  await using store = await TestOutbox.open({ diskBudgetBytes, retainHours: 0 });
  const { outbox } = store;
  let stored = 0;
  let refusal: string | undefined;
  while (stored < rows && refusal === undefined) {
    const outcomes = await Promise.all(
      Array.from({ length: BATCH }, (_, index) => {
        const controlId = `M${stored + index}`;
        return appendTo(outbox, entryOf({ controlId, body: controlId.padEnd(300, "x") }), 60_000);
      }),
    );
    for (const outcome of outcomes) {
      if (outcome.kind === "stored") stored += 1;
      else if (outcome.kind === "refused") refusal = JSON.stringify(outcome.error.facts);
    }
  }
  const fullBytes = statSync(store.databaseFile).size;
  // The receiver confirms in steps, while chores work.
  for (let seq = 0; seq < stored; seq += 5_000) {
    outbox.settle(1, 1n, BigInt(Math.min(stored, seq + 5_000)));
    await outbox.standing();
  }
  outbox.settle(1, 1n, BigInt(stored));
  await until(
    "everything is pruned",
    async () => (await store.tail()).trimmedSeq === BigInt(stored),
    300_000,
  );
  const sizes = async (): Promise<readonly [number, number]> => {
    const { space } = await outbox.standing();
    return [statSync(store.databaseFile).size, space.usedBytes];
  };
  await until(
    "the file has shrunk",
    async () => {
      const [fileBytes, usedBytes] = await sizes();
      return fileBytes <= Math.max(2 * usedBytes, usedBytes + 2 * MIB);
    },
    300_000,
  );
  const [drainedBytes, liveBytes] = await sizes();
  const more = await appendTo(outbox, entryOf({ controlId: "MORE" }));
  await store.close();
  const database = new Sqlite(store.databaseFile);
  const { reasons } = inspectDatabase(database, store.stateDir, TEST_KEK.current);
  database.close();
  const takesMore = more.kind === "stored";
  return { rows: stored, fullBytes, refusal, drainedBytes, liveBytes, takesMore, reasons };
}
