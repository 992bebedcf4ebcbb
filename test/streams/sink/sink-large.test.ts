import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { encodeFrame } from "#protocol/codec.ts";
import type { Credit, Frame } from "#protocol/frame.ts";
import { REJECT_CODE } from "#protocol/frame.ts";
import { FRAME_MAX_BYTES } from "#protocol/limits.ts";
import type { Clock } from "#receiver/host/clock.ts";
import { HELD_MIN_BYTES } from "#receiver/limits.ts";
import type { Store } from "#receiver/store/store.ts";
import { Budget } from "#streams/sink/credit.ts";
import { SPOOL_PIECE_BYTES } from "#streams/sink/limits.ts";
import { Sink } from "#streams/sink/sink.ts";
import { RECEIVER_SINK } from "#test/receiver/support/sink-options.ts";
import { chunksOf } from "../../receiver/support/large-sender.ts";
import { LargeMessage } from "../../receiver/support/partial-suite.ts";
import { openFrame } from "../../receiver/support/played-agent.ts";
import { Caller } from "../../receiver/support/store-suite.ts";
import { openTemporaryStore } from "../../receiver/support/temporary-store.ts";
import { ManualClock } from "../../support/clocks.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

class SinkClock extends ManualClock implements Clock {
  every(): never {
    throw new Error("A sink looks at nothing in intervals");
  }
}

/** A sink over a real store, with the smallest window that a connection can have. */
class Small implements AsyncDisposable {
  readonly sent: Frame[] = [];
  readonly clock = new SinkClock();
  readonly budget = new Budget(SPOOL_PIECE_BYTES);
  readonly caller: Caller;
  readonly sink: Sink;
  readonly #store: Store;
  #sentBytes = 0;

  private constructor(caller: Caller, store: Store, asked: Store, windowBytes: number) {
    this.caller = caller;
    this.#store = store;
    this.sink = new Sink(
      {
        send: (frame) => this.sent.push(frame),
        fenced: () => {},
        violated: (code) => assert.fail(`violation ${code}`),
        emptied: () => {},
        storeFailed: () => {},
        log: () => {},
      },
      {
        ...RECEIVER_SINK,
        store: asked,
        clock: this.clock,
        budget: this.budget,
        agent: caller.agent,
        session: caller.session,
        frameBytes: FRAME_MAX_BYTES,
        messageLimitBytes: 100_000_000,
        isPartialInForce: true,
        windowBytes: () => windowBytes,
      },
    );
    this.sink.initialLimit();
  }

  /** @param asked what the sink asks in place of the store itself */
  static async open(
    prepare: (caller: Caller) => Promise<unknown> = async () => {},
    asked: (store: Store) => Store = (store) => store,
    windowBytes = HELD_MIN_BYTES,
  ): Promise<Small> {
    const store = await openTemporaryStore();
    const caller = await Caller.greet(store);
    await caller.open(1n);
    await prepare(caller);
    const small = new Small(caller, store, asked(store), windowBytes);
    small.sink.open(openFrame());
    await small.until("opened");
    return small;
  }

  /** Sends a part of message 1, within the credit that was given. @param begins on this connection */
  async send(large: LargeMessage, from = 0, to = large.totalBytes, begins = true): Promise<void> {
    for (const chunk of chunksOf(1n, large, from, to)) {
      const { meta: _, ...rest } = chunk;
      const frame = begins ? chunk : { ...rest, first: false };
      const bytes = encodeFrame(frame).length - 4;
      while (this.#sentBytes + bytes > this.#limitBytes) await turn();
      this.#sentBytes += bytes;
      this.sink.take(frame, bytes);
    }
  }

  get #limitBytes(): number {
    const limits = this.sent.map(creditIn).map(({ streamLimit = 0 }) => streamLimit);
    return Math.max(...limits);
  }

  count(type: Frame["type"]): number {
    return this.sent.filter((frame) => frame.type === type).length;
  }

  async until(type: Frame["type"]): Promise<Frame> {
    while (true) {
      const found = this.sent.findLast((frame) => frame.type === type);
      if (found !== undefined) return found;
      await turn();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.sink.close();
    await this.#store[Symbol.asyncDispose]();
  }
}

const creditIn = (frame: Frame): Credit => ("credit" in frame ? frame.credit : {});

describe("sink of large messages", () => {
  const large = new LargeMessage(3_000_001);

  test("[TP20] [I-8] the smallest window and one piece of memory carry a message of any size", async () => {
    await using small = await Small.open();
    await small.send(large);
    await small.until("ack");
    assert.deepEqual(await small.caller.bodyOf(1n), large.bytes);
    assert.ok(small.budget.take(SPOOL_PIECE_BYTES), "the memory was given back");
  });

  test("[I-8] a large message for whose piece there is no memory is BUSY", async () => {
    await using small = await Small.open();
    assert.ok(small.budget.take(1));
    await small.send(large, 0, 1_000);
    const reject = await small.until("reject");
    assert.ok(reject.type === "reject");
    assert.deepEqual([reject.seq, reject.code], [1n, REJECT_CODE.busy]);
  });

  test("[TP25] what arrived within 5 s is made durable and told, however little it is", async () => {
    await using small = await Small.open();
    await small.send(large, 0, 10_000);
    small.clock.advance(4_999);
    await turn();
    assert.equal(await small.caller.partial(1n), null);
    small.clock.advance(1);
    const partial = await small.until("partial");
    assert.deepEqual(partial, { type: "partial", stream: 1, seq: 1n, durableOffset: 10_000 });
  });

  test("[TP25] PARTIAL comes again after 5 s, or a MiB, and not before", async () => {
    await using small = await Small.open();
    const frames = chunksOf(1n, large, 0, large.totalBytes - 1);
    const take = async (count: number): Promise<void> => {
      const creditCount = small.count("credit");
      for (const frame of frames.splice(0, count)) {
        small.sink.take(frame, encodeFrame(frame).length - 4);
      }
      while (small.count("credit") === creditCount) await turn();
    };
    const until = async (bytes: number): Promise<void> => {
      while (((await small.caller.partial(1n))?.[1] ?? 0) < bytes) await turn();
      await turn();
    };
    await take(8);
    await until(8 * 32_768);
    await take(8);
    await until(16 * 32_768);
    assert.equal(small.count("partial"), 1, "the first piece is told, the second is not");
    small.clock.advance(5_000);
    await take(8);
    await until(24 * 32_768);
    assert.equal(small.count("partial"), 2, "5 s have passed");
    for (let pieces = 4; pieces <= 7; pieces++) {
      await take(8);
      await until(pieces * 8 * 32_768);
    }
    assert.equal(small.count("partial"), 3, "a MiB has come");
  });

  test("[TP14] the end of a message that is all there is an empty chunk at its total", async () => {
    await using small = await Small.open((caller) => caller.save(1n, large, 0, large.totalBytes));
    const opened = await small.until("opened");
    assert.ok(opened.type === "opened");
    assert.deepEqual(opened.partial, { seq: 1n, durableOffset: large.totalBytes });
    await small.send(large, large.totalBytes);
    await small.until("ack");
    assert.deepEqual(await small.caller.bodyOf(1n), large.bytes);
  });

  test("[06 12] a piece that the store cannot take for 30 s is rejected with BUSY, and taken later", async () => {
    let isFull = true;
    const asked = (store: Store): Store =>
      Object.create(store, {
        open: { value: (call: Parameters<Store["open"]>[0]) => store.open(call) },
        ingest: { value: (call: Parameters<Store["ingest"]>[0]) => store.ingest(call) },
        savePartial: {
          value: (call: Parameters<Store["savePartial"]>[0]) =>
            isFull ? Promise.resolve({ kind: "busy" }) : store.savePartial(call),
        },
      });
    await using small = await Small.open(undefined, asked);
    await small.send(large, 0, SPOOL_PIECE_BYTES);
    for (let second = 0; second < 31; second++) {
      for (let i = 0; i < 4; i++) await turn();
      small.clock.advance(1_000);
    }
    const reject = await small.until("reject");
    assert.ok(reject.type === "reject");
    assert.deepEqual([reject.seq, reject.code, reject.permanent], [1n, REJECT_CODE.busy, false]);
    isFull = false;
    await small.send(large);
    await small.until("ack");
    assert.deepEqual(await small.caller.bodyOf(1n), large.bytes);
  });

  test("[S7] pieces that collect while a call is away go in one call, of at most a MiB", async () => {
    const calls: number[] = [];
    const gate = Promise.withResolvers<void>();
    const asked = (store: Store): Store =>
      Object.create(store, {
        open: { value: (call: Parameters<Store["open"]>[0]) => store.open(call) },
        ingest: { value: (call: Parameters<Store["ingest"]>[0]) => store.ingest(call) },
        savePartial: {
          value: async (call: Parameters<Store["savePartial"]>[0]) => {
            calls.push(call.bytes.length);
            const result = await store.savePartial(call);
            await gate.promise;
            return result;
          },
        },
      });
    await using small = await Small.open(undefined, asked, 8 * SPOOL_PIECE_BYTES);
    await small.send(large, 0, SPOOL_PIECE_BYTES);
    await turn();
    await small.send(large, SPOOL_PIECE_BYTES, 7 * SPOOL_PIECE_BYTES, false);
    gate.resolve();
    while ((await small.caller.partial(1n))?.[1] !== 7 * SPOOL_PIECE_BYTES) await turn();
    assert.deepEqual(
      calls,
      [1, 4, 2].map((pieces) => pieces * SPOOL_PIECE_BYTES),
    );
    await small.send(large, 7 * SPOOL_PIECE_BYTES, large.totalBytes, false);
    await small.until("ack");
    assert.deepEqual(await small.caller.bodyOf(1n), large.bytes);
  });

  test("[RI7] after close no frame is sent, and what has arrived is kept", async () => {
    await using small = await Small.open();
    await small.send(large, 0, 300_000);
    small.sent.length = 0;
    small.sink.close();
    assert.deepEqual(await small.caller.partial(1n), [1n, 300_000]);
    assert.deepEqual(small.sent, []);
  });
});
