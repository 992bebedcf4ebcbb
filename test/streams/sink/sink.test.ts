import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Frame } from "#protocol/frame.ts";
import { REJECT_CODE } from "#protocol/frame.ts";
import { systemClock } from "#receiver/host/clock.ts";
import { HELD_MAX_BYTES } from "#receiver/limits.ts";
import type { Store } from "#receiver/store/store.ts";
import { Budget } from "#streams/sink/credit.ts";
import { Sink } from "#streams/sink/sink.ts";
import { RECEIVER_SINK } from "#test/receiver/support/sink-options.ts";
import { dataFrames, openFrame, textOf } from "../../receiver/support/played-agent.ts";
import { Caller } from "../../receiver/support/store-suite.ts";
import { openTemporaryStore } from "../../receiver/support/temporary-store.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A sink over a real store whose answers to ingest can be held back. */
class Held implements AsyncDisposable {
  readonly sent: Frame[] = [];
  readonly caller: Caller;
  readonly sink: Sink;
  callCount = 0;
  readonly #store: Store;
  #gate: Promise<void> = Promise.resolve();
  #release = (): void => {};

  private constructor(caller: Caller, store: Store, budget: Budget) {
    this.caller = caller;
    this.#store = store;
    const held: Store = Object.create(store, {
      ingest: {
        value: async (call: Parameters<Store["ingest"]>[0]) => {
          this.callCount += 1;
          const result = await store.ingest(call);
          await this.#gate;
          return result;
        },
      },
      open: { value: (call: Parameters<Store["open"]>[0]) => store.open(call) },
    });
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
        store: held,
        clock: systemClock,
        budget,
        agent: caller.agent,
        session: caller.session,
        frameBytes: 65_536,
        messageLimitBytes: 100_000_000,
        isPartialInForce: true,
        windowBytes: () => HELD_MAX_BYTES,
      },
    );
    this.sink.initialLimit();
  }

  static async open(budget = new Budget(1_000_000)): Promise<Held> {
    const store = await openTemporaryStore();
    const held = new Held(await Caller.greet(store), store, budget);
    held.sink.open(openFrame());
    await held.until("opened");
    return held;
  }

  hold(): void {
    ({ promise: this.#gate, resolve: this.#release } = Promise.withResolvers<void>());
  }

  release(): void {
    this.#release();
  }

  /** Takes one whole message. */
  take(seq: bigint, text: string): void {
    const [frame] = dataFrames(1, seq, textOf(text));
    assert.ok(frame);
    this.sink.take(frame, 100 + text.length);
  }

  async until(type: Frame["type"]): Promise<Frame> {
    while (true) {
      const found = this.sent.find((frame) => frame.type === type);
      if (found !== undefined) return found;
      await turn();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.release();
    this.sink.close();
    await this.#store[Symbol.asyncDispose]();
  }
}

describe("sink", () => {
  test("[RI5] [TP29] while an answer is out nothing else of the stream goes to the store", async () => {
    await using held = await Held.open();
    held.take(1n, "a");
    await held.until("ack");
    held.hold();
    held.take(1n, "another content");
    await turn();
    await turn();
    held.take(2n, "b");
    held.take(3n, "c");
    for (let i = 0; i < 50; i++) await turn();
    assert.equal(held.callCount, 2);
    held.release();
    const reject = await held.until("reject");
    assert.ok(reject.type === "reject");
    assert.deepEqual([reject.seq, reject.code], [1n, REJECT_CODE.conflict]);
    for (let i = 0; i < 50; i++) await turn();
    assert.deepEqual(await held.caller.stored(), ["1.1:a"]);
    assert.ok(!held.sent.some((frame) => frame.type === "ack" && frame.lastSeq > 1n));
  });

  test("[TP24] what arrives while an answer is out is one call and one ACK", async () => {
    await using held = await Held.open();
    held.hold();
    held.take(1n, "a");
    await turn();
    for (let seq = 2n; seq <= 200n; seq++) held.take(seq, "b");
    await turn();
    held.release();
    while (!held.sent.some((frame) => frame.type === "ack" && frame.lastSeq === 200n)) await turn();
    assert.equal(held.callCount, 2);
    assert.equal(held.sent.filter((frame) => frame.type === "ack").length, 2);
  });

  test("[TP14] an answer to a call of before a second OPEN is not acknowledged after it", async () => {
    await using held = await Held.open();
    held.hold();
    held.take(1n, "a");
    await turn();
    held.sent.length = 0;
    held.sink.open(openFrame());
    const opened = await held.until("opened");
    assert.ok(opened.type === "opened");
    assert.equal(opened.lastSeq, 1n);
    held.release();
    for (let i = 0; i < 50; i++) await turn();
    assert.ok(!held.sent.some((frame) => frame.type === "ack"));
  });

  test("[RI7] after close no frame is sent, whatever the store answers", async () => {
    await using held = await Held.open();
    held.hold();
    held.take(1n, "a");
    await turn();
    held.sent.length = 0;
    held.sink.close();
    held.release();
    for (let i = 0; i < 50; i++) await turn();
    assert.deepEqual(held.sent, []);
    assert.deepEqual(await held.caller.stored(), ["1.1:a"]);
  });

  test("[I-8] a large message for which there is no memory is BUSY, and taken when there is", async () => {
    const budget = new Budget(100_000);
    await using held = await Held.open(budget);
    assert.ok(budget.take(50_000));
    const frames = dataFrames(1, 1n, new Uint8Array(80_000));
    for (const frame of frames) held.sink.take(frame, 100 + frame.payload.length);
    const reject = await held.until("reject");
    assert.ok(reject.type === "reject");
    assert.deepEqual([reject.code, reject.permanent], [REJECT_CODE.busy, false]);
    budget.giveBack(50_000);
    for (const frame of frames) held.sink.take(frame, 100 + frame.payload.length);
    await held.until("ack");
    assert.ok(budget.take(100_000), "all of it was given back");
  });
});
