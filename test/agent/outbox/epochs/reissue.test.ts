import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  FLAG_ACK_NOT_OWED,
  FLAG_CONTROL_ID_REUSED,
  FLAG_DUPLICATE,
  FLAG_REISSUED,
  FLAG_RELEASED,
} from "#agent/outbox/writing/appender.ts";
import type { StoreNotice } from "#agent/outbox/writing/writer-messages.ts";
import { inspectStore } from "#test/faults/stored-messages.ts";
import {
  damageRecord,
  epochsOf,
  movedTo,
  noticesOf,
  rowsOf,
  shown,
} from "#test/support/epoch-rows.ts";
import { latin1 } from "#test/support/messages.ts";
import { until } from "#test/support/processes.ts";
import { TEST_KEK } from "#test/support/test-keys.ts";
import { appendTo, entryOf, stagedEntry, TestOutbox } from "#test/support/test-outbox.ts";

async function append(store: TestOutbox, ...names: readonly string[]): Promise<void> {
  for (const controlId of names) {
    const outcome = await appendTo(store.outbox, entryOf({ controlId }));
    assert.equal(outcome.kind, "stored");
  }
}

/** Settled as far as `seq`, durably. */
async function settled(store: TestOutbox, epoch: bigint, seq: bigint): Promise<void> {
  store.outbox.settle(1, epoch, seq);
  await store.outbox.flushProgress();
}

/** What the independent oracle says of the closed store. */
async function reasonsOf(store: TestOutbox): Promise<readonly string[]> {
  await store.close();
  return inspectStore(store.stateDir, TEST_KEK.current).reasons;
}

describe("channel whose history has parted from the receiver's", () => {
  test("[TP18] what is unsettled stands again in a new epoch, in order, each with its old number", async () => {
    await using store = await TestOutbox.open();
    await append(store, "A", "B", "C", "D");
    await settled(store, 1n, 2n);
    assert.equal(await store.outbox.epochs.part(1, 1n, { epoch: 1n, lastSeq: 2n }), true);
    await movedTo(store, 2n);
    assert.deepEqual(await shown(store, 2n), ["1 C 1/3", "2 D 1/4"]);
    assert.deepEqual(await shown(store, 1n), ["1 A -", "2 B -", "3 C -", "4 D -"]);
    await append(store, "E");
    assert.deepEqual((await shown(store, 2n)).at(-1), "3 E -");
    const { waiting } = await store.tail();
    assert.equal(waiting.count, 3n, "the old ones are not counted twice");
    assert.deepEqual(await epochsOf(store), ["1 reissued 2", "2 current -"]);
    assert.deepEqual(await epochsOf(store, 2), ["1 current -"], "the other channel stays");
    assert.deepEqual(await reasonsOf(store), []);
  });

  test("[TP17] the new number is one above the highest that either side knows", async () => {
    await using store = await TestOutbox.open();
    await append(store, "A", "B");
    await store.outbox.epochs.part(1, 1n, { epoch: 41n, lastSeq: 7n });
    await movedTo(store, 42n);
    assert.deepEqual(await epochsOf(store), ["1 reissued -", "41 reissued 7", "42 current -"]);
    assert.deepEqual(await shown(store, 42n), ["1 A 1/1", "2 B 1/2"]);
  });

  test("[TP18] an epoch that has ended already is not moved again, and one on its way not twice", async () => {
    await using store = await TestOutbox.open();
    await append(store, "A");
    const sink = { epoch: 1n, lastSeq: 0n };
    const { epochs } = store.outbox;
    const both = [epochs.part(1, 1n, sink), epochs.part(1, 1n, sink)];
    assert.deepEqual(await Promise.all(both), [true, true]);
    await movedTo(store, 2n);
    assert.equal(await epochs.part(1, 1n, sink), false);
    assert.deepEqual(await epochsOf(store), ["1 reissued 0", "2 current -"]);
    assert.deepEqual(await shown(store, 2n), ["1 A 1/1"]);
  });

  test("[TP18] messages that come meanwhile go along: order holds, and none is left behind", async () => {
    await using store = await TestOutbox.open();
    const names = Array.from({ length: 3_000 }, (_, index) => `M${index}`);
    const body = (name: string): string => name.padEnd(1_500, ".");
    const send = (some: readonly string[]): Promise<unknown> =>
      Promise.all(
        some.map((controlId) =>
          appendTo(store.outbox, entryOf({ controlId, body: body(controlId) }), 60_000),
        ),
      );
    await send(names.slice(0, 2_000));
    const parted = store.outbox.epochs.part(1, 1n, { epoch: 1n, lastSeq: 0n });
    for (let from = 2_000; from < 3_000; from += 50) await send(names.slice(from, from + 50));
    assert.equal(await parted, true);
    await movedTo(store, 2n);
    const rows = await rowsOf(store, 2n);
    assert.deepEqual(
      rows.map(({ text }) => text),
      names.map(body),
    );
    assert.deepEqual(await reasonsOf(store), []);
  });

  test("[TP18] while it moves, a start goes on with it; killed at any step, each message comes once", async () => {
    const count = 1_500;
    const names = Array.from({ length: count }, (_, index) => `K${index}`);
    for (const afterMs of [0, 3, 6, 10, 15, 25, 40]) {
      await using store = await TestOutbox.open();
      await Promise.all(
        names.map((controlId) =>
          appendTo(store.outbox, entryOf({ controlId, body: controlId.padEnd(2_000, ".") })),
        ),
      );
      await store.outbox.epochs.part(1, 1n, { epoch: 1n, lastSeq: 0n });
      await new Promise((resolve) => setTimeout(resolve, afterMs));
      await store.kill();
      const found = inspectStore(store.stateDir, TEST_KEK.current);
      assert.deepEqual(found.reasons, []);
      await store.reopen();
      await movedTo(store, 2n);
      const rows = await rowsOf(store, 2n);
      assert.deepEqual(
        rows.map(({ text }) => text.replace(/\.+$/, "")),
        names,
      );
      assert.deepEqual(await reasonsOf(store), []);
    }
  });

  test("[TP18, D2, D3, E7] what is known of a message stays with it", async () => {
    await using store = await TestOutbox.open();
    await append(store, "A");
    await appendTo(store.outbox, entryOf({ controlId: "A", body: "other" }));
    await appendTo(store.outbox, entryOf({ controlId: "A", duplicates: "forwardFlagged" }));
    await appendTo(store.outbox, entryOf({ controlId: "N", ackOwed: false }));
    const junk = await appendTo(
      store.outbox,
      entryOf({ controlId: "Q", quarantine: "notAllowed" }),
    );
    assert.ok(junk.kind === "quarantined");
    await store.outbox.release(junk.id);
    const source = "10.1.2.3";
    const attributes = '{"a":"b"}';
    await appendTo(store.outbox, entryOf({ controlId: "S", source, attributes }));
    const before = await rowsOf(store, 1n);
    await store.outbox.epochs.part(1, 1n, { epoch: 1n, lastSeq: 0n });
    await movedTo(store, 2n);
    const after = await rowsOf(store, 2n);
    const kept =
      FLAG_CONTROL_ID_REUSED | FLAG_DUPLICATE | FLAG_RELEASED | FLAG_ACK_NOT_OWED | FLAG_REISSUED;
    assert.deepEqual(
      after.map(({ text, flags }) => [text, flags & kept]),
      before.map(({ text, flags }) => [text, (flags & kept) | FLAG_REISSUED]),
    );
    const flags = before.map((row) => row.flags);
    for (const flag of [FLAG_CONTROL_ID_REUSED, FLAG_DUPLICATE, FLAG_RELEASED, FLAG_ACK_NOT_OWED]) {
      assert.ok(flags.some((one) => (one & flag) !== 0));
    }
    const range = { channel: 1, epoch: 2n, afterSeq: 5n, maxBytes: 1 << 20, maxCount: 10 };
    const [last] = (await store.outbox.read(range)).messages;
    assert.deepEqual([last?.source, last?.attributes], [source, attributes]);
    assert.deepEqual(await reasonsOf(store), []);
  });

  test("[TP18, S11] a large body moves without being copied, and stays whole when the old row goes", async () => {
    await using store = await TestOutbox.open();
    const body = Buffer.alloc(400_000, "abcdefg");
    await appendTo(store.outbox, stagedEntry(store.outbox, "BIG", body));
    await store.outbox.epochs.part(1, 1n, { epoch: 1n, lastSeq: 0n });
    await movedTo(store, 2n);
    const [row] = await rowsOf(store, 2n);
    assert.ok(latin1(row?.text ?? "").equals(body));
    assert.deepEqual(await reasonsOf(store), [], "the upload counts both rows");
  });

  test("[TP18, D1] a sender that sends again meets the copy, before and after a start", async () => {
    await using store = await TestOutbox.open();
    await append(store, "A", "B");
    await store.outbox.epochs.part(1, 1n, { epoch: 1n, lastSeq: 0n });
    await movedTo(store, 2n);
    const copies = await rowsOf(store, 2n);
    for (const again of [false, true]) {
      if (again) await store.reopen();
      const repeat = await appendTo(store.outbox, entryOf({ controlId: "B" }));
      assert.ok(repeat.kind === "repeat");
      assert.deepEqual([repeat.id, repeat.seq], [copies[1]?.id, 2n]);
    }
    assert.equal((await store.tail()).lastSeq, 2n);
  });

  test("[A3, TP18] a repeat of a message that is on its way to another epoch counts as settled by no number", async () => {
    await using store = await TestOutbox.open();
    await append(store, "A", "B");
    await store.outbox.epochs.part(1, 1n, { epoch: 9n, lastSeq: 5n });
    const repeat = appendTo(store.outbox, entryOf({ controlId: "B" }));
    await movedTo(store, 10n);
    const outcome = await repeat;
    assert.ok(outcome.kind === "repeat" && outcome.seq !== 0n);
  });

  test("[TP18, TP37] what the receiver lost of what was settled comes again, too", async () => {
    await using store = await TestOutbox.open();
    await append(store, "A", "B", "C", "D");
    await settled(store, 1n, 3n);
    await store.outbox.epochs.part(1, 1n, { epoch: 1n, lastSeq: 1n });
    await movedTo(store, 2n);
    assert.deepEqual(await shown(store, 2n), ["1 B 1/2", "2 C 1/3", "3 D 1/4"]);
    assert.deepEqual(await epochsOf(store), ["1 reissued 1", "2 current -"]);
  });

  test("[S20] what waits is counted once at every moment of a move", async () => {
    await using store = await TestOutbox.open();
    const names = Array.from({ length: 1_200 }, (_, index) => `W${index}`);
    await Promise.all(
      names.map((controlId) =>
        appendTo(store.outbox, entryOf({ controlId, body: controlId.padEnd(1_000, "-") })),
      ),
    );
    const { bytes } = (await store.tail()).waiting;
    await store.outbox.epochs.part(1, 1n, { epoch: 1n, lastSeq: 0n });
    await until("it has moved", async () => {
      const { waiting, epoch } = await store.tail();
      assert.deepEqual([waiting.count, waiting.bytes], [1_200n, bytes]);
      return epoch === 2n;
    });
  });

  test("[T-S14] epochs and seqs near 2^53 and 2^63 keep every digit; a receiver cannot use them up", async () => {
    const near53 = 2n ** 53n - 1n;
    for (const epoch of [near53 - 1n, near53, near53 + 1n, 2n ** 63n - 2n ** 33n]) {
      await using store = await TestOutbox.open();
      await append(store, "A");
      await store.outbox.epochs.part(1, 1n, { epoch, lastSeq: 2n ** 63n - 2n });
      await movedTo(store, epoch + 1n);
      assert.deepEqual(await shown(store, epoch + 1n), ["1 A 1/1"]);
      assert.equal((await epochsOf(store))[1], `${epoch} reissued ${2n ** 63n - 2n}`);
      const sink = { epoch: epoch + 1n, lastSeq: 0n };
      await store.outbox.epochs.part(1, epoch + 1n, sink);
      await movedTo(store, epoch + 2n);
      assert.deepEqual(await shown(store, epoch + 2n), [`1 A ${epoch + 1n}/1`]);
      await store.reopen();
      assert.deepEqual(await shown(store, epoch + 2n), [`1 A ${epoch + 1n}/1`]);
    }
    await using store = await TestOutbox.open();
    for (const epoch of [2n ** 63n - 2n ** 32n, 2n ** 63n - 1n]) {
      const parted = store.outbox.epochs.part(1, 1n, { epoch, lastSeq: 1n });
      await assert.rejects(parted, { code: "CHANNEL_PARTED" });
    }
    await append(store, "still");
  });

  test("[S16, TP18] a message that cannot be read is named, and the others move", async () => {
    const notices: StoreNotice[] = [];
    await using store = await TestOutbox.open({ onNotice: (notice) => void notices.push(notice) });
    await append(store, "A", "B", "C", "D");
    await store.close();
    damageRecord(store, 3n);
    await store.reopen();
    await store.outbox.epochs.part(1, 1n, { epoch: 1n, lastSeq: 0n });
    await movedTo(store, 2n);
    assert.deepEqual(await shown(store, 2n), ["1 A 1/1", "2 B 1/2", "3 D 1/4"]);
    const { missing } = await store.outbox.standing();
    const found = missing.map((one) => `${one.epoch} ${one.firstSeq} ${one.lastSeq} ${one.cause}`);
    assert.deepEqual(found, ["1 3 3 damaged"]);
    assert.deepEqual(
      noticesOf(notices, "missing").map(({ name, range }) => `${name} ${range.firstSeq}`),
      ["adt 3"],
    );
  });
});
