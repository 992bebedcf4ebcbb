import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { AppendOutcome } from "#agent/outbox/writing/ticket-queue.ts";
import { appendTo, entryOf, TestOutbox } from "#test/support/test-outbox.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("a group that is refused", () => {
  test("[I-3, E1] takes with it what has collected behind it: nothing overtakes its resend", async () => {
    await using store = await TestOutbox.open();
    const { outbox } = store;
    // A message whose slices are not all here is refused with its group.
    const upload = outbox.newUpload();
    outbox.stage(upload, 0, new Uint8Array(1 << 20));
    const outcomes: Promise<AppendOutcome>[] = [];
    outcomes.push(appendTo(outbox, entryOf({ controlId: "LARGE", upload, length: 3 << 20 })));
    await turn();
    for (const controlId of ["BEHIND-1", "BEHIND-2"]) {
      outcomes.push(appendTo(outbox, entryOf({ controlId })));
      await turn();
    }
    const kinds = (await Promise.all(outcomes)).map(({ kind }) => kind);
    assert.deepEqual(kinds, ["refused", "refused", "refused"]);
    assert.deepEqual(await store.bodies(), []);
    const again = await appendTo(outbox, entryOf({ controlId: "BEHIND-1" }));
    assert.equal(again.kind, "stored", "a resend of what was refused is no repeat");
  });

  test("[S11] leaves no slices behind: they go with the next commit", async () => {
    await using store = await TestOutbox.open();
    const { outbox } = store;
    const upload = outbox.newUpload();
    outbox.stage(upload, 0, new Uint8Array(1 << 20));
    const { kind } = await appendTo(outbox, entryOf({ controlId: "L", upload, length: 3 << 20 }));
    assert.equal(kind, "refused");
    await appendTo(outbox, entryOf({ controlId: "NEXT" }));
    assert.equal((await outbox.slices(upload, 0, 1 << 20)).length, 0);
  });

  test("[S11] leaves none behind of a whole message that had collected behind it either", async () => {
    await using store = await TestOutbox.open();
    const { outbox } = store;
    const [missing, whole] = [outbox.newUpload(), outbox.newUpload()];
    outbox.stage(missing, 0, new Uint8Array(1 << 20));
    outbox.stage(whole, 0, new Uint8Array(1 << 20));
    const first = appendTo(outbox, entryOf({ controlId: "A", upload: missing, length: 3 << 20 }));
    await turn();
    const second = appendTo(outbox, entryOf({ controlId: "B", upload: whole, length: 1 << 20 }));
    assert.deepEqual([(await first).kind, (await second).kind], ["refused", "refused"]);
    await appendTo(outbox, entryOf({ controlId: "NEXT" }));
    assert.equal((await outbox.slices(whole, 0, 1 << 20)).length, 0);
  });
});

test("[D1] a repeat is one inside the window that its entry names, and not longer", async () => {
  await using store = await TestOutbox.open();
  const at = 1_800_000_000_000;
  const duplicateWindowMs = 600_000;
  const send = async (receivedAtMs: number): Promise<string> =>
    (await appendTo(store.outbox, entryOf({ controlId: "", receivedAtMs, duplicateWindowMs })))
      .kind;
  assert.equal(await send(at), "stored");
  assert.equal(await send(at + 590_000), "repeat");
  assert.equal(await send(at + 700_000), "stored");
});
