/**
 * What every store has to do with large messages (TP14, TP25, RI1): one suite, run by each.
 *
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Store } from "#receiver/store/store.ts";
import type { PartialResult } from "#streams/sink/sink-store.ts";
import { sha256 } from "./played-agent.ts";
import { Caller } from "./store-suite.ts";

/** Bytes that differ by place, so that a slice in another's place shows. */
export class LargeMessage {
  readonly bytes: Uint8Array;
  readonly sha256: Uint8Array;
  readonly totalBytes: number;

  constructor(totalBytes: number, seed = 1) {
    const words = new Uint32Array(Math.ceil(totalBytes / 4));
    for (let i = 0; i < words.length; i++) words[i] = Math.imul(i + seed, 0x9e3779b1);
    this.bytes = new Uint8Array(words.buffer, 0, totalBytes);
    this.sha256 = sha256(this.bytes);
    this.totalBytes = totalBytes;
  }
}

export const durable = (durableBytes: number): PartialResult => ({ kind: "ok", durableBytes });

const OK = { kind: "ok", unverifiedCount: 0, gap: null } as const;

/** @param open as of `storeSuite` */
export function partialSuite(name: string, open: () => Promise<Store>): void {
  const large = new LargeMessage(1_700_001);
  const other = new LargeMessage(1_700_001, 2);
  const total = large.totalBytes;

  const opened = async (act: (caller: Caller, store: Store) => Promise<void>): Promise<void> => {
    await using store = await open();
    const caller = await Caller.greet(store);
    await caller.open(1n);
    await act(caller, store);
  };

  test(`[TP14] [TP25] ${name}: a large message is kept in pieces, and OPENED says how far it is`, () =>
    opened(async (caller) => {
      assert.equal(await caller.partial(1n), null);
      assert.deepEqual(await caller.save(1n, large, 0, 300_000), durable(300_000));
      assert.deepEqual(await caller.save(1n, large, 300_000, 300_007), durable(300_007));
      assert.deepEqual(await caller.partial(1n), [1n, 300_007]);
      assert.deepEqual(await caller.stored(), [], "nothing is handed on before it is whole");
      assert.deepEqual(await caller.save(1n, large, 300_007, total), durable(total));
      assert.deepEqual(await caller.end(1n, large), { ...OK, last: 1n });
      assert.equal(await caller.partial(1n), null);
      assert.deepEqual(await caller.bodyOf(1n), large.bytes);
      assert.deepEqual(await caller.bodyOf(1n, 1n, 100_003), large.bytes);
    }));

  test(`[RI7] [TP15] ${name}: the chain goes on over a large message`, () =>
    opened(async (caller, store) => {
      await caller.save(1n, large, 0, total);
      await caller.end(1n, large);
      await caller.ingest(1n, 2n, "b");
      const small = await Caller.greet(store, "ward-2");
      await small.open(1n);
      const body = large.bytes.slice();
      const item = { sha256: large.sha256, receivedAtMs: 1, meta: "{}", replaces: null, body };
      await small.ingest(1n, 1n, item, "b");
      const [one, two] = [await caller.open(1n), await small.open(1n)];
      assert.ok("position" in one && "position" in two);
      assert.equal(one.position.lastSeq, 2n);
      assert.deepEqual(
        Buffer.from(one.position.chain ?? []),
        Buffer.from(two.position.chain ?? []),
      );
    }));

  test(`[RI5] ${name}: a large message that is told to end twice is stored once`, () =>
    opened(async (caller) => {
      await caller.save(1n, large, 0, total);
      const [first, second] = await Promise.all([caller.end(1n, large), caller.end(1n, large)]);
      assert.deepEqual(
        [first, second],
        [
          { ...OK, last: 1n },
          { ...OK, last: 1n },
        ],
      );
      assert.deepEqual(await caller.end(1n, other), { kind: "conflict", seq: 1n });
      assert.deepEqual(await caller.bodyOf(1n), large.bytes);
    }));

  test(`[TP14] ${name}: a piece that does not follow what is durable is told to begin again`, () =>
    opened(async (caller) => {
      assert.deepEqual(await caller.save(1n, large, 5, 10), { kind: "restart" });
      await caller.save(1n, large, 0, 1_000);
      assert.deepEqual(await caller.save(1n, large, 999, 2_000), { kind: "restart" });
      assert.deepEqual(await caller.save(1n, large, 1_001, 2_000), { kind: "restart" });
      assert.deepEqual(await caller.save(2n, large, 0, 1_000), { kind: "restart" });
      assert.deepEqual(await caller.partial(1n), [1n, 1_000]);
    }));

  test(`[TP14] ${name}: a piece at 0 begins anew, as a source without the capability does`, () =>
    opened(async (caller) => {
      await caller.save(1n, large, 0, 900_000);
      assert.deepEqual(await caller.save(1n, large, 0, 1_000), durable(1_000));
      assert.deepEqual(await caller.save(1n, large, 1_000, total), durable(total));
      await caller.end(1n, large);
      assert.deepEqual(await caller.bodyOf(1n), large.bytes);
    }));

  test(`[TP14] ${name}: a message of another hash or length makes the old one forgotten`, () =>
    opened(async (caller) => {
      await caller.save(1n, large, 0, 1_000);
      assert.deepEqual(await caller.save(1n, other, 1_000, 2_000), { kind: "restart" });
      assert.equal(await caller.partial(1n), null);
      assert.deepEqual(await caller.save(1n, other, 0, 2_000), durable(2_000));
      const longer = new LargeMessage(total + 1);
      assert.deepEqual(await caller.save(1n, longer, 2_000, 3_000), { kind: "restart" });
      assert.equal(await caller.partial(1n), null);
    }));

  test(`[RI1] ${name}: a large message whose bytes are not what was announced is forgotten`, () =>
    opened(async (caller) => {
      const liar = Object.assign(new LargeMessage(total), { sha256: other.sha256 });
      await caller.save(1n, liar, 0, total);
      assert.deepEqual(await caller.end(1n, liar), { kind: "hash", seq: 1n });
      assert.equal(await caller.partial(1n), null);
      assert.deepEqual(await caller.end(1n, large), { kind: "hash", seq: 1n }, "nothing is there");
      await caller.save(1n, large, 0, total);
      assert.deepEqual(await caller.end(1n, large), { ...OK, last: 1n });
    }));

  test(`[RI1] ${name}: a large message that lacks bytes is no message`, () =>
    opened(async (caller) => {
      await caller.save(1n, large, 0, total - 1);
      assert.deepEqual(await caller.end(1n, large), { kind: "hash", seq: 1n });
      assert.deepEqual(await caller.stored(), []);
    }));

  test(`[RI2] [RI3] ${name}: pieces are fenced, and belong to an open epoch`, () =>
    opened(async (caller, store) => {
      await caller.save(1n, large, 0, total);
      assert.deepEqual(await caller.save(1n, large, 0, 9, 2n), { kind: "unopened" });
      const young = new Caller(store, caller.agent);
      await young.hello();
      assert.deepEqual(await caller.save(1n, large, 0, 9), { kind: "fenced" });
      assert.deepEqual(await caller.end(1n, large), { kind: "fenced" });
      assert.deepEqual(await young.partial(1n), [1n, total], "what was durable is still there");
      assert.deepEqual(await young.end(1n, large), { ...OK, last: 1n });
      await young.open(2n, { epoch: 1n, finalSeq: 1n });
      assert.deepEqual(await young.save(2n, large, 0, 9), { kind: "staleEpoch" });
    }));

  test(`[TP31] [TP17] ${name}: a SKIP, a new epoch and a body of the same seq forget the pieces`, () =>
    opened(async (caller) => {
      await caller.save(1n, large, 0, 1_000);
      await caller.skip(1n, 1n, 1n);
      assert.equal(await caller.partial(1n), null);
      assert.deepEqual(await caller.save(2n, large, 0, 1_000), durable(1_000));
      await caller.ingest(1n, 2n, "small");
      assert.equal(await caller.partial(1n), null);
      assert.deepEqual(await caller.save(3n, large, 0, 1_000), durable(1_000));
      const result = await caller.open(2n, { epoch: 1n, finalSeq: 2n });
      assert.ok("position" in result);
      assert.equal(result.position.partial, null);
      assert.equal(await caller.partial(2n), null);
      assert.deepEqual(await caller.save(1n, large, 1_000, 2_000, 2n), { kind: "restart" });
    }));

  test(`[RI2] ${name}: a piece asked for before a HELLO counts, and OPENED of the new session tells it`, () =>
    opened(async (caller, store) => {
      const young = new Caller(store, caller.agent);
      const saved = caller.save(1n, large, 0, 1_000);
      await young.hello();
      assert.deepEqual(await saved, durable(1_000));
      assert.deepEqual(await young.partial(1n), [1n, 1_000]);
    }));

  test(`[TP25] ${name}: only bodies up to 1 MiB come with their rows`, () =>
    opened(async (caller, store) => {
      await caller.ingest(1n, 1n, "a", "");
      await caller.save(3n, large, 0, total);
      await caller.end(3n, large);
      const rows = await store.readMessages({
        ...{ agent: caller.agent, channel: "adt", after: { epoch: 0n, seq: 0n } },
        ...{ upTo: { epoch: 1n, seq: 9n }, withBody: true },
      });
      assert.deepEqual(
        rows.map(({ bytes, body }) => [bytes, body?.length]),
        [
          [1, 1],
          [0, 0],
          [total, undefined],
        ],
      );
      assert.deepEqual(Buffer.from(await caller.bodyOf(1n)).toString(), "a");
      assert.equal((await caller.bodyOf(2n)).length, 0);
      assert.equal((await caller.bodyOf(9n)).length, 0);
    }));
}
