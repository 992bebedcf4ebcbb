/** What becomes of a body in slices of which the store refused one (03 E1, 05 S11). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { until } from "#test/support/processes.ts";
import { MIB } from "#test/support/room-store.ts";
import { appendTo, entryOf, sha256, stagedEntry, TestOutbox } from "#test/support/test-outbox.ts";

const SLICE = 128 * 1024;

describe("a refused slice", () => {
  test("[E1] [S11] is known by its upload while the body arrives, and no longer", async () => {
    await using store = await TestOutbox.open({ diskBudgetBytes: 2 * MIB });
    const { outbox } = store;
    const [lost, other] = [outbox.newUpload(), outbox.newUpload()];
    outbox.stage(other, 0, new Uint8Array(SLICE));
    await until("it is stored", () => outbox.stagedBytes(other) === 0);
    for (let ordinal = 0; ordinal < 30; ordinal++) {
      outbox.stage(lost, ordinal, new Uint8Array(SLICE));
    }
    await until("one is refused", () => outbox.isLost(lost));
    await until("all have been tried", () => outbox.stagedBytes(lost) === 0);
    assert.ok(!outbox.isLost(other));
    outbox.unstage(lost);
    assert.ok(!outbox.isLost(lost), "nobody asks any more");
    // A refused message takes its slices with it: each try brings its own.
    await until("there is room again", async () => {
      const entry = stagedEntry(outbox, "ROOM", new Uint8Array(SLICE));
      return (await appendTo(outbox, entry)).kind === "stored";
    });
    const body = new Uint8Array(SLICE);
    const whole = { length: SLICE, uploadBytes: SLICE, upload: other, sha256: sha256(body) };
    const entry = entryOf({ controlId: "OTHER", ...whole, body: new Uint8Array(0) });
    assert.equal((await appendTo(outbox, entry)).kind, "stored", "its slices were kept");
  });

  test("[E1] what was named before the refusal is refused with its group, and not remembered", async () => {
    await using store = await TestOutbox.open({ diskBudgetBytes: 2 * MIB });
    const { outbox } = store;
    const entry = stagedEntry(outbox, "BIG", new Uint8Array(4 * MIB));
    assert.equal((await appendTo(outbox, entry)).kind, "refused");
    assert.ok(!outbox.isLost(entry.upload));
  });
});
