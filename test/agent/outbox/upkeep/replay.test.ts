import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Replay } from "#agent/outbox/upkeep/replay.ts";
import type { ReplayResult, ReplaySelection } from "#agent/outbox/upkeep/replay-selection.ts";
import { latin1, textOf } from "#test/support/messages.ts";
import { appendTo, entryOf, sha256, stagedEntry, TestOutbox } from "#test/support/test-outbox.ts";
import { ThreadlessStore } from "#test/support/threadless-store.ts";

const AT_MS = 1_700_000_000_000;
const NOW_MS = 1_800_000_000_000;

/** Ten messages on channel 1, a minute apart, the last two unsettled; the sixth in slices. */
async function filled(): Promise<TestOutbox> {
  const store = await TestOutbox.open();
  const { outbox } = store;
  for (let i = 1; i <= 10; i++) {
    const receivedAtMs = AT_MS + i * 60_000;
    const body = new Uint8Array(300_000).fill(0x43);
    const entry =
      i === 6
        ? { ...stagedEntry(outbox, "M6", body), receivedAtMs }
        : entryOf({ controlId: `M${i}`, receivedAtMs, attributes: i === 2 ? '{"a":"b"}' : "" });
    assert.equal((await appendTo(outbox, entry)).kind, "stored");
  }
  await appendTo(outbox, entryOf({ controlId: "other", channel: 2 }));
  outbox.settle(1, 1n, 8n);
  outbox.settle(2, 1n, 1n);
  await outbox.probe();
  return store;
}

function replay(
  { outbox }: TestOutbox,
  selection: Partial<ReplaySelection>,
  dryRun = false,
): Promise<ReplayResult> {
  return outbox.upkeep.replay({ selection: { channel: 1, ...selection }, dryRun, nowMs: NOW_MS });
}

interface Copied {
  readonly seq: bigint;
  readonly controlId: string;
  readonly bytes: number;
  readonly attributes: unknown;
}

async function behind(store: TestOutbox, afterSeq: bigint): Promise<Copied[]> {
  const range = { channel: 1, epoch: 1n, afterSeq, maxBytes: 1 << 22, maxCount: 100 };
  const { messages, damagedSeq } = await store.outbox.read(range);
  assert.equal(damagedSeq, undefined);
  const copied: Copied[] = [];
  for (const { seq, controlId, body, upload, attributes, sha256: digest, length } of messages) {
    const bytes = body ?? (await store.slices(upload));
    assert.equal(bytes.length, length);
    assert.deepEqual(new Uint8Array(sha256(bytes)), digest);
    copied.push({
      ...{ seq, controlId: textOf(controlId), bytes: bytes.length },
      attributes: attributes === "" ? {} : JSON.parse(attributes),
    });
  }
  return copied;
}

const countsOf = ({ count, pruned, unsettled, damaged }: ReplayResult): number[] => [
  ...[count, pruned, unsettled, damaged],
];

describe("a replay", () => {
  test("[D3] settled messages are appended again, whole and in order, and say which ones they were", async () => {
    await using store = await filled();
    const heard: [number, bigint][] = [];
    store.outbox.onAppended((channel, lastSeq) => heard.push([channel, lastSeq]));
    const result = await replay(store, { epoch: 1n, seqs: { first: 2n, last: 9n } });
    assert.deepEqual(countsOf(result), [7, 0, 1, 0]);
    assert.deepEqual(result.appended, { epoch: 1n, first: 11n, last: 17n });
    assert.deepEqual(result.first, { epoch: 1n, seq: 2n, receivedAtMs: AT_MS + 120_000 });
    assert.deepEqual(result.last, { epoch: 1n, seq: 8n, receivedAtMs: AT_MS + 480_000 });
    const copied = await behind(store, 10n);
    assert.deepEqual(
      copied.map(({ controlId }) => controlId),
      ["M2", "M3", "M4", "M5", "M6", "M7", "M8"],
    );
    assert.equal(copied[4]?.bytes, 300_000);
    assert.deepEqual(copied[0]?.attributes, {
      ...{ "replay.epoch": "1", "replay.seq": "2", a: "b" },
      "replay.receivedAt": new Date(AT_MS + 120_000).toISOString(),
    });
    assert.deepEqual(heard.at(-1), [1, 17n], "the relay hears of them");
    assert.equal((await store.tail()).waiting.count, 9n);
    assert.ok(store.outbox.backlogBytes(1) > 300_000);
  });

  test("[D3] a dry run says the same and changes nothing", async () => {
    await using store = await filled();
    const dry = await replay(store, {}, true);
    assert.deepEqual(countsOf(dry), [8, 0, 2, 0]);
    assert.equal(dry.appended, undefined);
    assert.deepEqual(await behind(store, 10n), []);
    const { appended: _, ...wet } = await replay(store, {});
    const { appended: _none, ...same } = dry;
    assert.deepEqual(wet, same);
  });

  const SELECTIONS: readonly (readonly [string, Partial<ReplaySelection>, readonly string[]])[] = [
    ["a time", { times: { fromMs: AT_MS + 180_000, toMs: AT_MS + 240_000 } }, ["M3", "M4"]],
    ["a control id", { controlId: latin1("M7") }, ["M7"]],
    [
      "a control id and a time that exclude each other",
      { controlId: latin1("M7"), times: { fromMs: 0, toMs: AT_MS } },
      [],
    ],
    ["a control id of nobody", { controlId: latin1("M77") }, []],
    ["an epoch that is none", { epoch: 2n }, []],
    ["one seq", { seqs: { first: 1n, last: 1n } }, ["M1"]],
    ["seqs beyond the end", { seqs: { first: 11n, last: 99n } }, []],
    ["another channel", { channel: 3 }, []],
  ];
  test("[D3] it takes what was selected", async () => {
    for (const [what, selection, expected] of SELECTIONS) {
      await using store = await filled();
      const { count } = await replay(store, selection);
      const copied = await behind(store, 10n);
      assert.deepEqual(
        copied.map(({ controlId }) => controlId),
        expected,
        what,
      );
      assert.equal(count, expected.length, what);
    }
  });

  test("[D1, D3] it is exempt from the duplicate check, and its sender's repeat is still one of the first", async () => {
    await using store = await filled();
    await replay(store, { controlId: latin1("M1") });
    const again = entryOf({ controlId: "M1", receivedAtMs: AT_MS + 900_000 });
    assert.deepEqual(await appendTo(store.outbox, again), { kind: "repeat", id: 1, seq: 1n });
    assert.equal((await behind(store, 10n)).length, 1);
  });

  test("[E5] trace shows the copy as replayed, and that nobody waits for a reply to it", async () => {
    await using store = await filled();
    await replay(store, { controlId: latin1("M1") });
    const found = await store.outbox.trace(latin1("M1"));
    assert.deepEqual(
      found.map(({ seq, replayed, ack, receivedAtMs }) => [seq, replayed, ack, receivedAtMs]),
      [
        [11n, true, "notOwed", NOW_MS],
        [1n, false, "pending", AT_MS + 60_000],
      ],
    );
  });

  test("[D3] a copy can be replayed again, and keeps the number of the first", async () => {
    await using store = await filled();
    await replay(store, { controlId: latin1("M6") });
    store.outbox.settle(1, 1n, 11n);
    await store.outbox.probe();
    const result = await replay(store, { seqs: { first: 11n, last: 11n } });
    assert.equal(result.count, 1);
    const [copy] = await behind(store, 11n);
    assert.partialDeepStrictEqual(copy?.attributes, { "replay.seq": "6" });
  });

  test("[D3] two at once come one behind the other; after a restart all of it is there", async () => {
    await using store = await filled();
    const both = [
      replay(store, { controlId: latin1("M1") }),
      replay(store, { controlId: latin1("M2") }),
    ];
    await Promise.all(both);
    await store.reopen();
    const copied = await behind(store, 10n);
    assert.deepEqual(
      copied.map(({ controlId }) => controlId),
      ["M1", "M2"],
    );
  });
});

/** @param onStep called between two steps of the chore */
async function stepped(
  { store }: ThreadlessStore,
  onStep: () => void = () => {},
): Promise<ReplayResult> {
  const chore = new Replay(store, () => {});
  const done = chore.run({ selection: { channel: 1 }, dryRun: false, nowMs: NOW_MS });
  while (chore.step() === 0) onStep();
  return await done;
}

describe("a replay of what is not whole", () => {
  test("[S16, D3] damaged messages are named and left out, in segments as in slices", async () => {
    using made = new ThreadlessStore();
    made.append({ controlId: "M1" }, { controlId: "M2" });
    made.appendLarge("M3", new Uint8Array(400_000));
    made.append({ controlId: "M4" });
    made.settle(4n);
    made.flip("segment", "id = 2");
    made.flip("slice", "ordinal = 1");
    const result = await stepped(made);
    assert.deepEqual(countsOf(result), [2, 0, 0, 2]);
    assert.deepEqual(
      result.damagedPlaces.map(({ seq }) => seq),
      [2n, 3n],
    );
    assert.equal(made.number("SELECT count(*) FROM message"), 6);
  });

  test("[S14, D3] what is pruned is counted; also what is pruned while it runs", async () => {
    using made = new ThreadlessStore();
    made.append({ controlId: "M1" });
    for (const name of ["M2", "M3", "M4"]) made.appendLarge(name, new Uint8Array(200_000));
    made.settle(4n);
    const prune = (through: number): void => {
      made.run(
        `DELETE FROM segment WHERE id IN (SELECT segment FROM message WHERE seq <= ${through})`,
      );
      made.run(
        `DELETE FROM slice WHERE upload IN (SELECT upload FROM message WHERE seq <= ${through})`,
      );
      made.run(
        `DELETE FROM upload WHERE id IN (SELECT upload FROM message WHERE seq <= ${through})`,
      );
      made.run(`UPDATE cursor SET trimmed = ${through} WHERE channel = 1`);
      made.store.reload();
    };
    prune(1);
    let pruned = false;
    const result = await stepped(made, () => {
      if (!pruned) prune(2);
      pruned = true;
    });
    assert.deepEqual(countsOf(result), [2, 2, 0, 0]);
    assert.equal(made.number("SELECT count(*) FROM message"), 6);
    assert.deepEqual(made.number("SELECT sum(uses) FROM upload"), 4, "each slice is kept twice");
  });

  test("[S12, D3] a store that is full ends it, and what was appended is said", async () => {
    using made = new ThreadlessStore(2_400_000);
    for (let i = 1; i <= 8; i++) made.append({ controlId: `M${i}`, body: "x".repeat(200_000) });
    made.settle(8n);
    const { fault, count, appended } = await stepped(made);
    assert.equal(fault?.code, "STORE_FULL");
    const copies = made.number("SELECT count(*) FROM message") - 8;
    assert.ok(copies >= 2 && copies < 8, `${copies} copies`);
    assert.equal(count, copies);
    assert.equal(appended?.last, BigInt(8 + copies));
  });
});
