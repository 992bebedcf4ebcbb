/**
 * What every store has to do for outlets (TP38): one suite, run by each.
 *
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { OutletStore, Place } from "#receiver/store/outlets.ts";
import type { Store } from "#receiver/store/store.ts";
import { Caller } from "./store-suite.ts";

const START: Place = { epoch: -1n, seq: 0n };
const FAR: Place = { epoch: 2n ** 62n, seq: 0n };

/** @param open as of `storeSuite` */
export function outletSuite(name: string, open: () => Promise<Store & OutletStore>): void {
  const greeted = async (
    act: (caller: Caller, store: Store & OutletStore) => Promise<void>,
  ): Promise<void> => {
    await using store = await open();
    await act(await Caller.greet(store), store);
  };
  const keyOf = ({ agent }: Caller) => ({ outlet: "lab", agent, channel: "adt" });

  test(`[TP38] ${name}: an outlet's position is null, then what it was moved to, never backwards`, () =>
    greeted(async (caller, store) => {
      const key = keyOf(caller);
      const move = (epoch: bigint, seq: bigint) =>
        store.movePosition({ ...key, epoch, seq, atMs: 1, isRewind: false });
      assert.equal(await store.findPosition(key), null);
      assert.deepEqual(await move(1n, 5n), { kind: "ok", position: { epoch: 1n, seq: 5n } });
      assert.deepEqual(await move(1n, 4n), { kind: "ok", position: { epoch: 1n, seq: 5n } });
      assert.deepEqual(await move(2n, 1n), { kind: "ok", position: { epoch: 2n, seq: 1n } });
      assert.deepEqual(await move(1n, 9n), { kind: "ok", position: { epoch: 2n, seq: 1n } });
      assert.deepEqual(await store.findPosition(key), { epoch: 2n, seq: 1n });
    }));

  test(`[TP38] ${name}: a rewind goes backwards, and only that`, () =>
    greeted(async (caller, store) => {
      const key = keyOf(caller);
      const to = (epoch: bigint, seq: bigint) => ({ ...key, epoch, seq, atMs: 1 });
      await store.movePosition({ ...to(3n, 2n ** 63n - 1n), isRewind: false });
      const rewound = await store.movePosition({ ...to(1n, 7n), isRewind: true });
      assert.deepEqual(rewound, { kind: "ok", position: { epoch: 1n, seq: 7n } });
      assert.deepEqual(await store.findPosition(key), { epoch: 1n, seq: 7n });
    }));

  test(`[TP38] ${name}: positions of other outlets, agents and channels are others`, () =>
    greeted(async (caller, store) => {
      const key = keyOf(caller);
      const other = await Caller.greet(store, "ward-2");
      await store.movePosition({ ...key, epoch: 1n, seq: 5n, atMs: 1, isRewind: false });
      const strangers = [
        { ...key, outlet: "bank" },
        { ...key, channel: "oru" },
        { ...key, agent: other.agent },
      ];
      for (const stranger of strangers) assert.equal(await store.findPosition(stranger), null);
    }));

  test(`[RI8] ${name}: gaps are found by where they end, in the order of the channel`, () =>
    greeted(async (caller, store) => {
      await caller.open(1n);
      await caller.skip(1n, 1n, 3n);
      await caller.ingest(1n, 4n, "d");
      await caller.skip(1n, 5n, 5n);
      await caller.open(2n, { epoch: 1n, finalSeq: 9n });
      await caller.skip(2n, 1n, 1n);
      // Of unknown length.
      await caller.open(3n);
      const { agent } = caller;
      const find = async (after: Place, upTo: Place) => {
        const gaps = await store.findGaps({ agent, channel: "adt", after, upTo });
        return gaps.map(({ epoch, firstSeq, lastSeq }) => `${epoch}.${firstSeq}-${lastSeq}`);
      };
      const all = ["1.1-3", "1.5-5", "1.6-9", "2.1-1", "2.2-null"];
      assert.deepEqual(await find(START, FAR), all);
      assert.deepEqual(await find({ epoch: 1n, seq: 2n }, FAR), all, "in the middle of the first");
      assert.deepEqual(await find({ epoch: 1n, seq: 3n }, FAR), all.slice(1));
      assert.deepEqual(await find(START, { epoch: 1n, seq: 5n }), all.slice(0, 2));
      assert.deepEqual(await find(START, { epoch: 1n, seq: 4n }), all.slice(0, 1));
      assert.deepEqual(await find({ epoch: 2n, seq: 1n }, { epoch: 3n, seq: 0n }), ["2.2-null"]);
      assert.deepEqual(await find({ epoch: 2n, seq: 2n }, FAR), []);
    }));

  test(`[RI8] ${name}: a page of gaps ends, and the next one goes on behind it`, () =>
    greeted(async (caller, store) => {
      await caller.open(1n);
      for (let seq = 1n; seq <= 1_100n; seq += 1n) void caller.skip(1n, seq, seq);
      await caller.open(1n);
      let after = START;
      let count = 0;
      while (true) {
        const page = await store.findGaps({
          agent: caller.agent,
          channel: "adt",
          after,
          upTo: FAR,
        });
        const last = page.at(-1);
        if (last === undefined) break;
        count += page.length;
        assert.ok(page.length <= 500);
        after = { epoch: last.epoch, seq: last.lastSeq ?? 0n };
      }
      assert.equal(count, 1_100);
    }));
}
