import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { channelFacts, seqBefore, waitsOf } from "#receiver/console/channel-facts.ts";
import { lookUp } from "#receiver/console/look-up.ts";
import type { ConsoleStore } from "#receiver/store/console.ts";
import { withMessages } from "../support/console-suite.ts";
import { openTemporaryStore } from "../support/temporary-store.ts";

/** A store that has these messages alone: number and time. */
function storeOf(rows: ReadonlyMap<bigint, number>): { store: ConsoleStore; calls: () => number } {
  let calls = 0;
  const messageTimes = async ({ seqs }: { readonly seqs: readonly bigint[] }) => {
    calls += 1;
    return seqs.flatMap((seq) => {
      const storedMs = rows.get(seq);
      return storedMs === undefined ? [] : [{ seq, storedMs, receivedMs: storedMs - 5 }];
    });
  };
  return { store: { console: { messageTimes } } as unknown as ConsoleStore, calls: () => calls };
}

const placeOf = (lastSeq: bigint) => ({ agent: 1, channel: "adt", epoch: 1n, lastSeq });

describe("[01 Receive] what came on a channel is found by the keys of messages", () => {
  test("the last message before a time is found, whatever the times are", async () => {
    const steps = fc.array(fc.nat(3), { maxLength: 400 });
    await fc.assert(
      fc.asyncProperty(steps, fc.nat(700), async (times, atMs) => {
        let nowMs = 0;
        const rows = times.map((step, at) => {
          nowMs += step;
          return [BigInt(at + 1), nowMs] as const;
        });
        const { store } = storeOf(new Map(rows));
        const found = await seqBefore(store, placeOf(BigInt(rows.length)), atMs);
        const expected = rows.filter(([, ms]) => ms < atMs).at(-1)?.[0] ?? 0n;
        assert.equal(found, expected);
      }),
      { numRuns: 60 },
    );
  });

  test("numbers without a message end no search, and a hundred million messages cost a few steps", async () => {
    const many = { get: (seq: bigint) => (seq % 3n === 0n ? undefined : Number(seq)) };
    const { store, calls } = storeOf(many as unknown as Map<bigint, number>);
    const found = await seqBefore(store, placeOf(100_000_000n), 77_000_000);
    assert.ok(found >= 76_999_997n && found < 77_000_000n, String(found));
    assert.ok(calls() < 12, String(calls()));
    assert.equal(await seqBefore(storeOf(new Map()).store, placeOf(5n), 10), 0n);
  });

  test("the last hour, the last message and the waits of a day", async () => {
    const HOUR = 3_600_000;
    const nowMs = 100 * HOUR;
    const rows = Array.from(
      { length: 300 },
      (_, at) => [BigInt(at + 1), nowMs - (300 - at) * 60_000] as const,
    );
    const { store } = storeOf(new Map(rows));
    const place = placeOf(300n);
    assert.deepEqual(await channelFacts(store, place, nowMs), {
      ...{ lastMs: nowMs - 60_000, waitedMs: 5, lastHourCount: 60 },
    });
    const waits = await waitsOf(store, place, nowMs);
    assert.ok(waits.length > 100 && waits.length <= 200);
    assert.equal(waits.at(-1)?.atMs, nowMs - 60_000);
    const quiet = await channelFacts(store, place, nowMs + 2 * HOUR);
    assert.equal(quiet.lastHourCount, 0);
  });
});

describe("[01 Receive] a look-up by control id", () => {
  test("goes back from the newest, ends after so many rows, and goes on from there", async () => {
    await using store = await openTemporaryStore();
    const added = await store.registry.registerAgent({ tenant: "north", name: "w", atMs: 4 });
    assert.ok("agent" in added);
    const { agent } = added;
    const times = Array.from({ length: 1_200 }, (_, at) => [at, 1_000 + at - (at % 20)] as const);
    const named = (at: number) =>
      JSON.stringify({ attributes: { "hl7.controlId": at % 600 === 10 ? "X" : `M${at}` } });
    await withMessages(store, agent.id, "adt", times, named);
    const call = { agent, controlId: "X", fromMs: 0, beforeMs: 9_999 };
    const all = await lookUp(store, call);
    const seqs = all.lines.map(({ seq }) => seq);
    assert.deepEqual([seqs, all.cameToMs, all.lookedAtCount], [["611", "11"], null, 1_200]);
    const first = await lookUp(store, call, 500);
    assert.deepEqual([first.lines, first.lookedAtCount], [[], 500]);
    assert.equal(first.cameToMs, 1_700);
    const second = await lookUp(store, { ...call, beforeMs: first.cameToMs ?? 0 }, 500);
    assert.deepEqual(
      second.lines.map(({ seq }) => seq),
      ["611"],
    );
    const recent = await lookUp(store, { ...call, fromMs: 1_605 });
    assert.deepEqual([recent.lines.length, recent.lookedAtCount], [0, 580]);
    const none = await lookUp(store, { ...call, controlId: "M" });
    assert.deepEqual(none.lines, []);
  });
});
