/**
 * What every store has to do for retention (TP38): one suite, run by each.
 *
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { OutletStore } from "#receiver/store/outlets.ts";
import type { MessageRecord, PruneCall, Store } from "#receiver/store/store.ts";
import { LargeMessage } from "./partial-suite.ts";
import { Caller, itemOf } from "./store-suite.ts";

const DAY_MS = 86_400_000;
const OK = { kind: "ok", unverifiedCount: 0, gap: null } as const;

/** Every step of retention, to its end, with outlets that take all channels. */
export async function prune(
  store: Store,
  beforeMs: number,
  ...outlets: readonly string[]
): Promise<void> {
  await pruneBy(store, {
    beforeMs,
    outlets: outlets.map((outlet) => ({ outlet, channels: null })),
  });
}

async function pruneBy(store: Store, call: Omit<PruneCall, "after">): Promise<void> {
  let after: number | null = null;
  do {
    const result = await store.prune({ ...call, after });
    assert.ok(result.kind === "ok");
    after = result.next;
  } while (after !== null);
}

/** Stores message 1 of each channel, with the name as its body. */
async function storeIn(
  { store, ...caller }: Caller,
  ...channels: readonly string[]
): Promise<void> {
  for (const channel of channels) {
    const call = { ...caller, channel, epoch: 1n };
    await store.open({ ...call, previous: null });
    const result = await store.ingest({ ...call, first: 1n, items: [itemOf(channel)] });
    assert.deepEqual(result, { ...OK, last: 1n });
  }
}

async function bodyIn({ store, agent }: Caller, channel: string): Promise<string> {
  const place = { agent, channel, epoch: 1n, seq: 1n, from: 0, maxBytes: 100 };
  return Buffer.from(await store.readBody(place)).toString();
}

/** @param open as of `storeSuite` */
export function pruneSuite(name: string, open: () => Promise<Store & OutletStore>): void {
  const opened = async (
    act: (caller: Caller, store: Store & OutletStore) => Promise<void>,
  ): Promise<void> => {
    await using store = await open();
    const caller = await Caller.greet(store);
    await caller.open(1n);
    await act(caller, store);
  };
  const rowsOf = (caller: Caller): Promise<readonly MessageRecord[]> =>
    caller.store.readMessages({
      ...{ agent: caller.agent, channel: "adt", after: { epoch: 0n, seq: 0n } },
      ...{ upTo: { epoch: 9n, seq: 0n }, withBody: true },
    });
  const move = (
    caller: Caller & { store: Store },
    store: OutletStore,
    outlet: string,
    seq: bigint,
    channel = "adt",
  ) =>
    store.movePosition({
      ...{ outlet, agent: caller.agent, channel },
      ...{ epoch: 1n, seq, atMs: 1, isRewind: false },
    });

  test(`[TP38] ${name}: what is old loses its body and metadata, and nothing else`, () =>
    opened(async (caller, store) => {
      await caller.ingest(1n, 1n, { ...itemOf("old"), meta: '{"source":"here"}' });
      const [before] = await rowsOf(caller);
      assert.ok(before);
      caller.atMs += 2 * DAY_MS;
      await caller.ingest(1n, 2n, "young");
      await prune(store, caller.atMs - DAY_MS);
      const [old, young, ...more] = await rowsOf(caller);
      assert.deepEqual(old, { ...before, meta: "{}", body: null });
      assert.deepEqual(Buffer.from(young?.body ?? []).toString(), "young");
      assert.deepEqual(more, []);
      assert.equal((await caller.bodyOf(1n)).length, 0);
      assert.deepEqual(await caller.ingest(1n, 3n, "c"), { ...OK, last: 3n });
    }));

  test(`[RI5] [T-C09] ${name}: a repeat of what was pruned is recognised by its hash`, () =>
    opened(async (caller, store) => {
      await caller.ingest(1n, 1n, "a", "b");
      await prune(store, caller.atMs + 40 * DAY_MS);
      assert.equal((await caller.bodyOf(1n)).length, 0);
      caller.atMs += 30 * DAY_MS;
      assert.deepEqual(await caller.ingest(1n, 1n, "a", "b", "c"), { ...OK, last: 3n });
      assert.deepEqual(await caller.ingest(1n, 2n, "x"), { kind: "conflict", seq: 2n });
      assert.deepEqual(await caller.stored(), ["1.1:", "1.2:", "1.3:c"]);
    }));

  test(`[RI6] ${name}: a message that replaces one that was pruned is not handed on again`, () =>
    opened(async (caller, store) => {
      await caller.ingest(1n, 1n, "a", "b");
      await prune(store, caller.atMs + 2 * DAY_MS);
      await caller.open(2n, { epoch: 1n, finalSeq: 2n });
      const again = itemOf("b", { epoch: 1n, seq: 2n });
      const other = itemOf("x", { epoch: 1n, seq: 1n });
      assert.deepEqual(await caller.ingest(2n, 1n, again, other), { ...OK, last: 2n });
      assert.deepEqual(await caller.stored(), ["1.1:", "1.2:", "2.2:x"]);
    }));

  test(`[TP38] ${name}: what an outlet has not handed on stays, however old it is`, () =>
    opened(async (caller, store) => {
      await caller.ingest(1n, 1n, "a", "b");
      const far = caller.atMs + 400 * DAY_MS;
      await move(caller, store, "lab", 2n);
      await prune(store, far, "lab", "bank");
      assert.deepEqual(await caller.stored(), ["1.1:a", "1.2:b"]);
      await move(caller, store, "bank", 2n);
      await prune(store, far, "lab", "bank");
      assert.deepEqual(await caller.stored(), ["1.1:", "1.2:"]);
    }));

  test(`[TP38] ${name}: an outlet is waited for in the channels that it takes, and in no others`, () =>
    opened(async (caller, store) => {
      const beforeMs = caller.atMs + 2 * DAY_MS;
      const outlets = [
        { outlet: "lab", channels: ["adt", "mdm"] },
        { outlet: "bank", channels: ["oru"] },
      ];
      await storeIn(caller, "adt", "oru");
      await move(caller, store, "bank", 1n);
      await pruneBy(store, { beforeMs, outlets });
      assert.equal(await bodyIn(caller, "adt"), "adt", "bank does not take it, lab has not");
      await move(caller, store, "lab", 1n);
      await move(caller, store, "lab", 1n, "oru");
      await pruneBy(store, { beforeMs, outlets });
      assert.equal(await bodyIn(caller, "oru"), "oru", "lab does not take it, bank has not");
      await move(caller, store, "bank", 1n, "oru");
      await pruneBy(store, { beforeMs, outlets });
      assert.deepEqual([await bodyIn(caller, "adt"), await bodyIn(caller, "oru")], ["", ""]);
    }));

  test(`[TP38] ${name}: a channel that no outlet takes keeps its bodies, if it is to`, () =>
    opened(async (caller, store) => {
      const beforeMs = caller.atMs + 2 * DAY_MS;
      const outlets = [{ outlet: "lab", channels: ["oru"] }];
      await storeIn(caller, "adt");
      await pruneBy(store, { beforeMs, outlets, keepsUntaken: true });
      assert.equal(await bodyIn(caller, "adt"), "adt");
      await pruneBy(store, { beforeMs, outlets });
      assert.equal(await bodyIn(caller, "adt"), "");
    }));

  test(`[TP38] [TP35] ${name}: a reserved channel waits for who takes it by name, and for nobody else`, () =>
    opened(async (caller, store) => {
      const beforeMs = caller.atMs + 2 * DAY_MS;
      const outlets = [
        { outlet: "lab", channels: null },
        { outlet: "$outcomes", channels: ["$outcomes"] },
      ];
      await storeIn(caller, "$outcomes");
      await pruneBy(store, { beforeMs, outlets });
      assert.equal(await bodyIn(caller, "$outcomes"), "$outcomes");
      await move(caller, store, "$outcomes", 1n, "$outcomes");
      await pruneBy(store, { beforeMs, outlets });
      assert.equal(await bodyIn(caller, "$outcomes"), "", "lab takes none of it");
      // Of another channel the position of $outcomes says nothing.
      await storeIn(caller, "adt");
      await move(caller, store, "$outcomes", 1n);
      await pruneBy(store, { beforeMs, outlets });
      assert.equal(await bodyIn(caller, "adt"), "adt");
    }));

  test(`[TP38] [RI6] ${name}: no outlet is waited for because of a repeat, which is not handed on`, () =>
    opened(async (caller, store) => {
      await caller.ingest(1n, 1n, "a");
      await caller.open(2n, { epoch: 1n, finalSeq: 1n });
      await caller.ingest(2n, 1n, itemOf("a", { epoch: 1n, seq: 1n }));
      await move(caller, store, "lab", 1n);
      await prune(store, caller.atMs + 2 * DAY_MS, "lab");
      assert.equal((await caller.bodyOf(1n)).length, 0);
      assert.equal((await caller.bodyOf(1n, 2n)).length, 0);
    }));

  test(`[TP38] ${name}: one channel that is not handed on does not keep the days of the others for ever`, () =>
    opened(async (caller, store) => {
      const slow = await Caller.greet(store, "ward-2");
      await slow.open(1n);
      await slow.ingest(1n, 1n, "slow");
      caller.atMs += 2 * DAY_MS;
      await caller.ingest(1n, 1n, "fast");
      await move(caller, store, "lab", 1n);
      await prune(store, caller.atMs + 2 * DAY_MS, "lab");
      assert.deepEqual(await slow.stored(), ["1.1:slow"]);
      assert.deepEqual(await caller.stored(), ["1.1:"]);
    }));

  test(`[TP38] [TP25] ${name}: a large body goes too, but not while it arrives or is young`, () =>
    opened(async (caller, store) => {
      const large = new LargeMessage(1_300_000);
      await caller.save(1n, large, 0, 700_000);
      const began = caller.atMs;
      await prune(store, began + 2 * DAY_MS);
      assert.deepEqual(await caller.partial(1n), [1n, 700_000]);
      caller.atMs += 3 * DAY_MS;
      await caller.save(1n, large, 700_000, 1_300_000);
      assert.deepEqual(await caller.end(1n, large), { ...OK, last: 1n });
      await prune(store, began + 2 * DAY_MS);
      assert.deepEqual(await caller.bodyOf(1n), large.bytes);
      await prune(store, caller.atMs + 2 * DAY_MS);
      assert.equal((await caller.bodyOf(1n)).length, 0);
      const [row] = await rowsOf(caller);
      assert.deepEqual([row?.bytes, row?.body], [1_300_000, null]);
    }));
}
