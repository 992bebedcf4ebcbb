import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Reissue } from "#agent/outbox/epochs/reissue.ts";
import { OUTCOME } from "#agent/outbox/writing/appender.ts";
import { named, RoomStore } from "#test/support/room-store.ts";
import { entryOf } from "#test/support/test-outbox.ts";

const BUDGET_BYTES = 24 * 1024 * 1024;

/** Moves channel 1 to a new epoch, all of it. */
function moveAll(made: RoomStore, lastSeq = 0n): void {
  const reissue = new Reissue({ store: made.store, tell: () => {}, nowMs: () => 1 });
  assert.ok(reissue.begin(1, 1n, { epoch: 1n, lastSeq }));
  while (reissue.step() === 0);
}

describe("a channel that moves to a new epoch", () => {
  test("[TP18, S12] a backlog of more than half of the budget is moved, and then leaves room again", () => {
    using made = new RoomStore({ diskBudgetBytes: BUDGET_BYTES });
    made.append(named(0, 300, 50_000));
    moveAll(made);
    const tail = made.store.tails.get(1);
    assert.deepEqual([tail?.epoch, tail?.lastSeq, tail?.filling], [2n, 300n, undefined]);
    made.workAll();
    assert.equal(made.number("SELECT count(*) FROM segment"), 300, "the first copies are gone");
  });

  test("[D1, S16] a message that was lost on the way is no repeat when its sender sends it again", () => {
    using made = new RoomStore({});
    made.append(["A body", "B body", "C body"]);
    const [, second] = made.database
      .prepare("SELECT id, bytes FROM segment ORDER BY id")
      .raw()
      .all() as [number, Buffer][];
    const [id, bytes] = second ?? [0, Buffer.alloc(0)];
    bytes[40] = (bytes[40] ?? 0) ^ 1;
    made.database.prepare("UPDATE segment SET bytes = ? WHERE id = ?").run(bytes, id);
    moveAll(made);
    const again = (body: string): number | undefined => {
      const entry = entryOf({ controlId: body, body, receivedAtMs: made.clock.nowMs() });
      const result = made.commit(entry);
      return result.committed ? result.appended[0]?.outcome : undefined;
    };
    assert.equal(again("B body"), OUTCOME.stored);
    assert.equal(again("C body"), OUTCOME.repeat);
    assert.deepEqual(made.bodies(1, 0n, 2n), ["A body", "C body", "B body"]);
  });
});
