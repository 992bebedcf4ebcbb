/** What support asked and what left, in the store (08 4.1, 5.4). */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import {
  COPIES_MAX_COUNT,
  COPY_PART,
  COPY_SLICE_BYTES,
  COPY_STATE,
} from "#agent/outbox/support/support-messages.ts";
import { SupportRows } from "#agent/outbox/support/support-rows.ts";
import { HOUR_MS, RoomStore } from "#test/support/room-store.ts";
import { TestOutbox } from "#test/support/test-outbox.ts";

const nonce = (number: number): Uint8Array => {
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setUint32(0, number);
  return bytes;
};
const ANSWER = new Uint8Array(2 * COPY_SLICE_BYTES + 7).map((_, index) => index % 251);

const rowsOf = ({ store }: RoomStore): SupportRows =>
  new SupportRows({ store, onRefused: () => {} });

async function kept(made: TestOutbox, number: number, atMs = 5): Promise<number> {
  const { support } = made.outbox;
  const id = await support.begin(nonce(number), atMs, '{"asked":true}');
  await support.write(id, COPY_PART.plain, ANSWER);
  await support.write(id, COPY_PART.sealed, ANSWER.subarray(0, 9));
  await support.keep(id, COPY_STATE.owed, '{"answered":true}');
  return id;
}

describe("copies of what left", () => {
  test("[08 5.4] the exact bytes are there after a kill, by nonce and by number, and nothing of them in clear", async () => {
    await using made = await TestOutbox.open();
    const id = await kept(made, 1);
    await made.kill();
    await made.reopen();
    const { support } = made.outbox;
    const found = await support.find(nonce(1));
    const { owed } = COPY_STATE;
    const bytes = ANSWER.length + 9;
    const head = '{"answered":true}';
    assert.deepEqual(found, { id, nonce: nonce(1), atMs: 5, state: owed, bytes, head });
    assert.deepEqual(await support.read(id, COPY_PART.plain), ANSWER);
    assert.deepEqual(await support.read(id, COPY_PART.sealed), ANSWER.slice(0, 9));
    assert.deepEqual(await support.owed(9), [found]);
    assert.equal(await support.find(nonce(2)), undefined);
    const file = Buffer.concat([readFileSync(made.databaseFile), readFileSync(made.walFile)]);
    for (const canary of [Buffer.from(head), ANSWER.subarray(0, 40)]) {
      assert.equal(file.indexOf(canary), -1, "sealed");
    }
  });

  test("[TP36] a question that was accepted is not accepted twice, and one that a crash cut off is found", async () => {
    await using made = await TestOutbox.open();
    const { support } = made.outbox;
    await support.begin(nonce(1), 5, "{}");
    await assert.rejects(support.begin(nonce(1), 6, "{}"), { code: "NONCE_SEEN" });
    await made.kill();
    await made.reopen();
    const [cut] = await made.outbox.support.owed(9);
    assert.deepEqual([cut?.state, cut?.head], [COPY_STATE.asked, "{}"]);
    await made.outbox.support.move(cut?.id ?? 0, COPY_STATE.done);
    assert.deepEqual(await made.outbox.support.owed(9), []);
  });

  test("[08 5.4] what is older than its days goes whole, and what is younger stays", async () => {
    await using made = await TestOutbox.open();
    const [first, second] = [await kept(made, 1, 100), await kept(made, 2, 200)];
    const { support } = made.outbox;
    await support.forgetBefore(200);
    assert.deepEqual(
      (await support.list(Number.MAX_SAFE_INTEGER, 9)).map(({ id }) => id),
      [second],
    );
    assert.equal((await support.read(first, COPY_PART.plain)).length, 0);
    const third = await support.begin(nonce(3), 300, "{}");
    assert.ok(third > second, "no number is used twice");
  });

  test("[08 5.4] [I-8] where there is no room for its copy nothing is asked, and nothing is forgotten for it", () => {
    using room = new RoomStore({ retainHours: 72 });
    room.database.exec(`
      WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ${COPIES_MAX_COUNT})
      INSERT INTO support_copy (nonce, at_ms, state) SELECT randomblob(16), 1, 2 FROM number`);
    const { supportTotals } = room.store.prepared;
    assert.deepEqual(supportTotals.get(), [COPIES_MAX_COUNT, 0]);
    assert.throws(() => rowsOf(room).begin({ nonce: nonce(1), atMs: 1, head: "{}" }), {
      code: "SUPPORT_COPIES_FULL",
    });
    assert.deepEqual(supportTotals.get(), [COPIES_MAX_COUNT, 0]);
  });

  test("[R03] [08 5.4] they are sealed again when their key goes, and open afterwards", () => {
    using room = new RoomStore({ retainHours: 0 });
    const id = rowsOf(room).begin({ nonce: nonce(1), atMs: 1, head: '{"a":1}' });
    for (let ordinal = 0; ordinal < 20; ordinal++) {
      const bytes = new Uint8Array(9).fill(ordinal);
      rowsOf(room).slice({ id, part: COPY_PART.plain, ordinal, bytes });
    }
    room.append(["M1"]);
    room.settle(1n);
    room.clock.advance(24 * HOUR_MS - 60_000);
    room.chore("shred").step(false);
    room.clock.advance(60_000);
    room.append(["M2"]);
    room.settle(2n);
    room.workAll();
    const deleted = room.notices.flatMap((one) => (one.notice === "keysDeleted" ? one.epochs : []));
    assert.deepEqual(deleted, [1]);
    assert.equal(rowsOf(room).find({ nonce: nonce(1) })?.head, '{"a":1}');
    const last = rowsOf(room).read({ id, part: COPY_PART.plain, ordinal: 19 });
    assert.deepEqual(last, new Uint8Array(9).fill(19));
  });
});
