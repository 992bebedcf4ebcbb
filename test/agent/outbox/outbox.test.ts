import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { AppendOutcome } from "#agent/outbox/writing/ticket-queue.ts";
import type { WriterOrder } from "#agent/outbox/writing/writer-messages.ts";
import { until } from "#test/support/processes.ts";
import { appendTo, entryOf, TestOutbox } from "#test/support/test-outbox.ts";
import { commitCount } from "#test/support/wal-file.ts";

const ids = (from: number, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `M${from + index}`);

const seqOf = (outcome: AppendOutcome): bigint => {
  assert.equal(outcome.kind, "stored");
  return outcome.seq;
};

describe("outbox numbers what it stores", () => {
  test("[S6] epoch and seq are gapless a channel and go on over restarts; the store keeps its id", async () => {
    await using store = await TestOutbox.open();
    const { storeId } = store.outbox;
    const sent: string[] = [];
    for (let round = 0; round < 3; round++) {
      const outbox = round === 0 ? store.outbox : await store.reopen();
      assert.deepEqual(outbox.storeId, storeId);
      assert.deepEqual(outbox.channels[0]?.lastSeq, BigInt(sent.length));
      const more = ids(round * 10, 5);
      const appended = more.map((controlId) => appendTo(outbox, entryOf({ controlId })));
      const seqs = (await Promise.all(appended)).map(seqOf);
      assert.deepEqual(
        seqs,
        more.map((_, index) => BigInt(sent.length + index + 1)),
      );
      sent.push(...more);
    }
    assert.deepEqual(await store.bodies(), sent);
    assert.equal((await store.tail()).epoch, 1n);
  });

  test("[S6] channels number on their own, also when their messages share a commit", async () => {
    await using store = await TestOutbox.open();
    const turns = ids(0, 60).map((controlId, index) =>
      appendTo(store.outbox, entryOf({ controlId, channel: 1 + (index % 2) })),
    );
    const seqs = (await Promise.all(turns)).map(seqOf);
    assert.deepEqual(
      seqs,
      ids(0, 60).map((_, index) => BigInt(Math.floor(index / 2) + 1)),
    );
    assert.deepEqual(
      await store.bodies(1),
      ids(0, 60).filter((_, index) => index % 2 === 0),
    );
    assert.deepEqual(
      await store.bodies(2),
      ids(0, 60).filter((_, index) => index % 2 === 1),
    );
  });

  test("[S6] a channel that is no longer configured keeps its number and its messages", async () => {
    await using store = await TestOutbox.open({ channels: [{ name: "adt" }, { name: "oru" }] });
    await appendTo(store.outbox, entryOf({ controlId: "A", channel: 2 }));
    const outbox = await store.reopen({ channels: [{ name: "lab" }, { name: "adt" }] });
    const known = outbox.channels.map(({ channel, name }) => `${channel} ${name}`);
    assert.deepEqual(known, ["1 adt", "2 oru", "3 lab"]);
    assert.deepEqual(await store.bodies(2), ["A"]);
  });

  test("[S6] an id, once given, is given to one content only, whatever was refused in between", async () => {
    await using store = await TestOutbox.open();
    const given = new Map<number, string>();
    for (const controlId of [...ids(0, 5), ...ids(0, 5), ...ids(3, 5)]) {
      const outcome = await appendTo(store.outbox, entryOf({ controlId }));
      assert.ok(outcome.kind === "stored" || outcome.kind === "repeat");
      assert.equal(given.get(outcome.id) ?? controlId, controlId);
      given.set(outcome.id, controlId);
    }
    assert.equal(given.size, 8);
  });
});

describe("outbox commits in groups", () => {
  test("[S7] many appends of one turn are one commit, in their order", async () => {
    await using store = await TestOutbox.open();
    await appendTo(store.outbox, entryOf({ controlId: "first" }));
    const before = commitCount(store.walFile);
    const settled: string[] = [];
    await Promise.all(
      ids(0, 500).map((controlId) =>
        appendTo(store.outbox, entryOf({ controlId })).then(() => settled.push(controlId)),
      ),
    );
    assert.equal(commitCount(store.walFile) - before, 1);
    assert.deepEqual(settled, ids(0, 500));
    assert.deepEqual(await store.bodies(), ["first", ...ids(0, 500)]);
  });

  test("[S7] appends of different turns need no more commits than batches were handed over", async () => {
    await using store = await TestOutbox.open();
    const before = commitCount(store.walFile);
    const waiting: Promise<AppendOutcome>[] = [];
    for (const controlId of ids(0, 200)) {
      waiting.push(appendTo(store.outbox, entryOf({ controlId })));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(waiting);
    const commits = commitCount(store.walFile) - before;
    assert.ok(commits >= 2 && commits < 200, `${commits} commits of 200 turns`);
    assert.deepEqual(await store.bodies(), ids(0, 200));
  });

  test("[S7] while a batch is with the writer the next one forms, and goes as one", async () => {
    await using store = await TestOutbox.open();
    const { worker, outbox } = store;
    const posted: number[] = [];
    const post = worker.postMessage.bind(worker);
    worker.postMessage = (order: WriterOrder, transfer: ArrayBuffer[]) => {
      if (order.order === "append") posted.push(order.batch.count);
      post(order, transfer);
    };
    // One slice that takes the writer far longer than twenty turns of this loop.
    outbox.stage(outbox.newUpload(), 0, new Uint8Array(48 << 20));
    const waiting: Promise<AppendOutcome>[] = [];
    for (const controlId of ids(0, 20)) {
      waiting.push(appendTo(outbox, entryOf({ controlId })));
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.deepEqual(posted, [1]);
    await Promise.all(waiting);
    assert.deepEqual(posted, [1, 19]);
    assert.deepEqual(await store.bodies(), ids(0, 20));
  });

  test("[S7, A1] nothing settles before the log holds its commit", async () => {
    await using store = await TestOutbox.open();
    for (const controlId of ids(0, 10)) {
      const before = commitCount(store.walFile);
      await appendTo(store.outbox, entryOf({ controlId }));
      assert.ok(commitCount(store.walFile) > before, controlId);
    }
  });

  test("[S7] a channel's listeners hear of each commit with its last seq, in order", async () => {
    await using store = await TestOutbox.open();
    const heard: string[] = [];
    store.outbox.onAppended((channel, lastSeq) => heard.push(`${channel} ${lastSeq}`));
    const both = [entryOf({ controlId: "A" }), entryOf({ controlId: "B", channel: 2 })];
    await Promise.all(both.map((entry) => appendTo(store.outbox, entry)));
    await appendTo(store.outbox, entryOf({ controlId: "C" }));
    await appendTo(store.outbox, entryOf({ controlId: "C" }));
    assert.deepEqual(heard, ["1 1", "2 1", "1 2"]);
  });

  test("[S7] a disposal commits what was handed over before it", async () => {
    await using store = await TestOutbox.open();
    const waiting = ids(0, 50).map((controlId) => appendTo(store.outbox, entryOf({ controlId })));
    await store.close();
    for (const outcome of await Promise.all(waiting)) assert.equal(outcome.kind, "stored");
    await store.reopen();
    assert.deepEqual(await store.bodies(), ids(0, 50));
  });
});

describe("outbox bounds what waits", () => {
  test("[S8] it is saturated at 64 MiB, says when there is room again, and loses nothing", async () => {
    await using store = await TestOutbox.open();
    let rooms = 0;
    store.outbox.onRoom(() => {
      rooms += 1;
    });
    const body = new Uint8Array(4 << 20).fill(0x41);
    const waiting: Promise<AppendOutcome>[] = [];
    for (const controlId of ids(0, 16)) {
      assert.equal(store.outbox.saturated, false);
      waiting.push(appendTo(store.outbox, entryOf({ controlId, body })));
    }
    assert.equal(store.outbox.saturated, true);
    assert.equal(rooms, 0);
    for (const outcome of await Promise.all(waiting)) assert.equal(outcome.kind, "stored");
    await until("there is room", () => rooms > 0);
    assert.equal(store.outbox.saturated, false);
    assert.equal((await store.tail()).lastSeq, 16n);
  });

  test("[S8, S11] slices on their way to the store count as what waits", async () => {
    await using store = await TestOutbox.open();
    const upload = store.outbox.newUpload();
    for (let ordinal = 0; ordinal < 520; ordinal++) {
      store.outbox.stage(upload, ordinal, new Uint8Array(128 * 1024));
    }
    assert.equal(store.outbox.saturated, true, "65 MiB are queued and nobody is told to stop");
  });
});

describe("outbox probe", () => {
  test("[E1] a probe is a durable transaction of its own", async () => {
    await using store = await TestOutbox.open();
    const before = commitCount(store.walFile);
    await store.outbox.probe();
    assert.ok(commitCount(store.walFile) > before);
  });
});
