import assert from "node:assert/strict";
import { test } from "node:test";
import { comparePlaces, type OutletEvent, START } from "#receiver/outlets/event.ts";
import { type FeedStore, readEvents } from "#receiver/outlets/feed.ts";
import type { MessageRecord, Store } from "#receiver/store/store.ts";
import { OutletStage, textOfEvent } from "../support/outlet-stage.ts";
import { LargeMessage } from "../support/partial-suite.ts";
import { sha256, textOf } from "../support/played-agent.ts";
import { Caller, itemOf } from "../support/store-suite.ts";

async function readAll(stage: OutletStage, store: FeedStore = stage.store): Promise<OutletEvent[]> {
  const all: OutletEvent[] = [];
  while (true) {
    const page = await readEvents(store, stage.channel, all.at(-1)?.end ?? START);
    if (page.length === 0) return all;
    all.push(...page);
  }
}

const textsOf = (events: readonly OutletEvent[]) => Promise.all(events.map(textOfEvent));

test("[TP38] [RI8] messages and gaps are handed on in the order of their channel, over epochs", async () => {
  await using stage = await OutletStage.open();
  const { caller } = stage;
  await caller.ingest(1n, 1n, "a", "b");
  await caller.skip(1n, 3n, 4n);
  await caller.ingest(1n, 5n, "e");
  await caller.open(2n, { epoch: 1n, finalSeq: 9n });
  await caller.open(3n, { epoch: 2n, finalSeq: 0n });
  await caller.skip(3n, 1n, 1n);
  await caller.ingest(3n, 2n, "x");
  await caller.open(4n);
  assert.deepEqual(await textsOf(await readAll(stage)), [
    "1.1:a",
    "1.2:b",
    "1.3-4 quarantined",
    "1.5:e",
    "1.6-9 rolledBack",
    "3.1-1 quarantined",
    "3.2:x",
    "3.3-null rolledBack",
  ]);
});

test("[RI8] a channel whose agent had an older store begins with that gap", async () => {
  await using stage = await OutletStage.open();
  const { caller, store } = stage;
  await caller.open(5n, { epoch: 4n, finalSeq: 9n }, "oru");
  const events = await readEvents(store, { ...stage.channel, channel: "oru" }, START);
  assert.deepEqual(await textsOf(events), ["4.1-9 storeReplaced"]);
});

test("[RI6] repeats are not handed on, and what replaces a message that is gone is flagged", async () => {
  await using stage = await OutletStage.open();
  const { caller } = stage;
  await caller.ingest(1n, 1n, "a", "b");
  await caller.open(2n, { epoch: 1n, finalSeq: 2n });
  await caller.ingest(2n, 1n, itemOf("b", { epoch: 1n, seq: 2n }), "c");
  assert.deepEqual(await textsOf(await readAll(stage)), ["1.1:a", "1.2:b", "2.2:c"]);
});

test("[TP38] reading goes on behind any event, and from the middle of a gap with the gap", async () => {
  await using stage = await OutletStage.open();
  const { caller, store, channel } = stage;
  await caller.ingest(1n, 1n, "a", "b");
  await caller.skip(1n, 3n, 6n);
  await caller.ingest(1n, 7n, "g");
  const all = await readAll(stage);
  for (const [index, { end }] of all.entries()) {
    const texts = await textsOf(all.slice(index + 1));
    const rest: OutletEvent[] = [];
    for (let after = end; ; after = rest.at(-1)?.end ?? after) {
      const page = await readEvents(store, channel, after);
      if (page.length === 0) break;
      rest.push(...page);
    }
    assert.deepEqual(await textsOf(rest), texts);
  }
  const middle = await readEvents(store, channel, { epoch: 1n, seq: 4n });
  assert.deepEqual(await textsOf(middle), ["1.3-6 quarantined"]);
});

test("[TP38] thousands of messages and gaps come without a hole, whatever the pages", async () => {
  await using stage = await OutletStage.open();
  const { caller } = stage;
  const calls: Promise<unknown>[] = [];
  let seq = 1n;
  for (let round = 0; round < 12; round++) {
    // Runs of both kinds that are longer than a page.
    const count = round % 3 === 0 ? 700 : 40;
    for (let i = 0; i < count; i++, seq += 1n) {
      const isGap = round % 2 === 0;
      calls.push(isGap ? caller.skip(1n, seq, seq) : caller.ingest(1n, seq, `${seq}`));
    }
  }
  await Promise.all(calls);
  const events = await readAll(stage);
  assert.deepEqual(
    events.map(({ end }) => end.seq),
    Array.from({ length: Number(seq - 1n) }, (_, i) => BigInt(i + 1)),
  );
});

test("[TP38] whatever is written between the calls of one read, nothing is passed over", async () => {
  await using stage = await OutletStage.open();
  // Every way in which three writes can fall between the calls of a feed.
  for (let place = 0; place < 64; place++) {
    const due = [place % 4, Math.floor(place / 4) % 4, Math.floor(place / 16)];
    if ((due[0] ?? 0) > (due[1] ?? 0) || (due[1] ?? 0) > (due[2] ?? 0)) continue;
    const caller = await Caller.greet(stage.store, `ward-${place + 10}`);
    await caller.open(1n);
    const writes = [
      () => caller.ingest(1n, 1n, "a"),
      () => caller.skip(1n, 2n, 2n),
      () => caller.ingest(1n, 3n, "c"),
    ];
    let callCount = 0;
    const writeDue = async (): Promise<void> => {
      while (writes.length > 0 && (due[3 - writes.length] ?? 0) <= callCount)
        await writes.shift()?.();
      callCount += 1;
    };
    const store: FeedStore = {
      readBody: stage.store.readBody,
      readMessages: async (call) => {
        await writeDue();
        return await stage.store.readMessages(call);
      },
      findGaps: async (call) => {
        await writeDue();
        return await stage.store.findGaps(call);
      },
    };
    const channel = { ...stage.channel, agent: caller.agent };
    const seen: OutletEvent[] = [];
    for (let turn = 0; turn < 6; turn++) {
      seen.push(...(await readEvents(store, channel, seen.at(-1)?.end ?? START)));
    }
    assert.deepEqual(await textsOf(seen), ["1.1:a", "1.2-2 quarantined", "1.3:c"], `${due}`);
  }
});

test("[TP38] a large body comes in slices, and is read again by whoever asks again", async () => {
  await using stage = await OutletStage.open();
  const { caller } = stage;
  const large = new LargeMessage(1_700_001);
  await caller.save(1n, large, 0, large.totalBytes);
  await caller.end(1n, large);
  const [event] = await readAll(stage);
  assert.ok(event?.kind === "message");
  assert.equal(event.bytes, large.totalBytes);
  for (let round = 0; round < 2; round++) {
    const slices: Uint8Array[] = [];
    for await (const slice of event.slices()) slices.push(slice);
    assert.ok(slices.length > 1 && slices.every((slice) => slice.length <= 1_048_576));
    assert.deepEqual(new Uint8Array(Buffer.concat(slices)), large.bytes);
  }
  assert.deepEqual(await event.body(), large.bytes);
});

/** A store that has lost, or changed, bytes of the bodies. */
function withBodies(store: Store, change: (body: Uint8Array) => Uint8Array): Store["readMessages"] {
  return async (call) => {
    const page: readonly MessageRecord[] = await store.readMessages(call);
    return page.map((record) => ({ ...record, body: record.body && change(record.body) }));
  };
}

test("[01] a body that is not what was acknowledged is never handed over as a whole", async () => {
  await using stage = await OutletStage.open();
  await stage.caller.ingest(1n, 1n, "abc");
  const readMessages = withBodies(stage.store, (body) => {
    const changed = body.slice();
    changed[1] = 0x58;
    return changed;
  });
  const { readBody, findGaps } = stage.store;
  const [event] = await readAll(stage, { readMessages, readBody, findGaps });
  assert.ok(event?.kind === "message");
  await assert.rejects(event.body(), { code: "OUTLET_BODY_DAMAGED" });
});

test("[TP38] a message whose body was pruned is handed on as a gap; an empty one as a message", async () => {
  await using stage = await OutletStage.open();
  const { caller, store } = stage;
  const large = new LargeMessage(1_700_001);
  await caller.ingest(1n, 1n, "abc", "");
  await caller.save(3n, large, 0, large.totalBytes);
  await caller.end(3n, large);
  await caller.ingest(1n, 4n, "d");
  const key = { outlet: "lab", agent: caller.agent, channel: "adt", isRewind: false, atMs: 1 };
  await store.movePosition({ ...key, epoch: 1n, seq: 3n });
  // What the outlet has not taken stays.
  const outlets = [{ outlet: "lab", channels: null }];
  await store.prune({ beforeMs: 2e12, outlets, after: null });
  assert.deepEqual(await textsOf(await readAll(stage)), [
    "1.1-1 pruned",
    "1.2:",
    "1.3-3 pruned",
    "1.4:d",
  ]);
});

test("what the agent said of a message is handed on with it", async () => {
  await using stage = await OutletStage.open();
  const meta = {
    mediaType: "application/hl7-v2",
    source: "10.0.0.1",
    attributes: { "hl7.controlId": "M1" },
  };
  const body = textOf("MSH|");
  const item = { ...itemOf("MSH|"), meta: JSON.stringify(meta), receivedAtMs: 5 };
  await stage.caller.ingest(1n, 1n, item);
  const [event] = await readAll(stage);
  assert.ok(event?.kind === "message");
  const { agent, channel, mediaType, source, traceparent, attributes, receivedAtMs } = event;
  assert.deepEqual(
    { agent, channel, mediaType, source, traceparent, attributes, receivedAtMs },
    { agent: "north/ward-1", channel: "adt", traceparent: null, receivedAtMs: 5, ...meta },
  );
  assert.deepEqual(new Uint8Array(event.sha256), sha256(body));
});

test("places are compared by epoch, then by seq", () => {
  const place = (epoch: bigint, seq: bigint) => ({ epoch, seq });
  const inOrder = [START, place(0n, 0n), place(0n, 2n ** 60n), place(1n, 0n), place(1n, 1n)];
  for (const [i, a] of inOrder.entries()) {
    for (const [j, b] of inOrder.entries()) {
      assert.equal(Math.sign(comparePlaces(a, b)), Math.sign(i - j));
    }
  }
});
