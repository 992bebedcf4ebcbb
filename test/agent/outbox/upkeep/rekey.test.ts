/** New keys in a running store: in steps, between which everything goes on. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { createKek, loadKek } from "#agent/sealing/kek.ts";
import type { Kek } from "#agent/sealing/key-ring.ts";
import { RoomStore } from "#test/support/room-store.ts";
import { TEST_KEK } from "#test/support/test-keys.ts";
import { appendTo, entryOf, TestOutbox } from "#test/support/test-outbox.ts";

const KEYS = 60;
const NEXT: Kek = { current: new Uint8Array(32).fill(9) };

/** A store with a message under each of 60 keys. */
async function withManyKeys(): Promise<TestOutbox> {
  const store = await TestOutbox.open();
  await store.close();
  {
    using room = new RoomStore({ stateDir: store.stateDir });
    for (let count = 1; count <= KEYS; count++) {
      room.keys.renew();
      room.append([`M${count}`]);
    }
  }
  await store.reopen();
  return store;
}

describe("replacing the key-encryption key of a running store", () => {
  test("[R06, S7] messages are stored and read between two steps; all opens with the new one alone", async () => {
    await using store = await withManyKeys();
    const { outbox } = store;
    let isDone = false;
    const rekeyed = outbox.upkeep.rekey({ kek: NEXT.current }).then(() => {
      isDone = true;
    });
    const { kind } = await appendTo(outbox, entryOf({ controlId: "BETWEEN" }));
    assert.equal(kind, "stored");
    assert.equal(isDone, false, "it was stored before all files were wrapped");
    await rekeyed;
    await assert.rejects(store.reopen({ kek: TEST_KEK }), { code: "KEK_WRONG" });
    await store.reopen({ kek: NEXT });
    assert.equal((await store.bodies()).length, KEYS + 1);
  });

  test("[R06, S19] meanwhile no backup is begun, and no second one", async () => {
    await using store = await withManyKeys();
    const { upkeep } = store.outbox;
    const first = upkeep.rekey({ kek: NEXT.current });
    await assert.rejects(upkeep.rekey({ kek: TEST_KEK.current }), { code: "REKEY_RUNNING" });
    const folder = join(store.stateDir, "../never");
    const request = { folder, kek: NEXT, version: "1", madeAt: () => "" };
    await assert.rejects(upkeep.backup(request), { code: "REKEY_RUNNING" });
    assert.ok(!existsSync(folder));
    await first;
    await upkeep.rekey({ kek: TEST_KEK.current });
  });

  test("[R06] a stop ends it between two steps: the old KEK stays, and the next one completes it", async () => {
    await using store = await withManyKeys();
    const scratch = mkdtempSync(join(tmpdir(), "holdfast-rekey-"));
    try {
      const file = join(scratch, "kek/holdfast.kek");
      createKek(file);
      const load = (): Kek => loadKek({ custody: "file", file }, store.stateDir);
      await store.outbox.upkeep.rekey({ kek: load().current });
      const outbox = await store.reopen({ kek: load() });
      const before = load().current;
      const rekeyed = outbox.upkeep.rekey({ file }).catch((error: unknown) => error);
      await outbox.probe();
      await store.close();
      await rekeyed;
      const { current, previous } = load();
      assert.deepEqual(current, before, "it was not replaced behind the back of the next agent");
      assert.ok(previous !== undefined);
      await store.reopen({ kek: load() });
      await store.outbox.upkeep.rekey({ file });
      assert.deepEqual(load(), { current: previous });
      await store.reopen({ kek: load() });
      assert.equal((await store.bodies()).length, KEYS);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  });
});
