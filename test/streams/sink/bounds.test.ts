import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ERROR_CODE, type Frame, SKIP_REASON } from "#protocol/frame.ts";
import { ProtocolError } from "#protocol/protocol-error.ts";
import { Budget, CreditAccount } from "#streams/sink/credit.ts";
import { SKIPS_MAX_COUNT } from "#streams/sink/limits.ts";
import { Sink } from "#streams/sink/sink.ts";
import type { SinkStore } from "#streams/sink/sink-store.ts";

const STILL = {
  nowMs: () => 0,
  monotonicMs: () => 0,
  after: () => ({ [Symbol.dispose]: () => {} }),
};

/** A store that opens everything, and never answers anything else. */
function stuckStore(kind: "ok" | "unknown"): SinkStore {
  const never = (): Promise<never> => new Promise(() => {});
  return {
    open: async ({ epoch }) =>
      kind === "ok"
        ? { kind, gap: null, position: { epoch, lastSeq: 0n, chain: null, partial: null } }
        : { kind },
    ...{ ingest: never, savePartial: never, skip: never },
  };
}

function sinkOver(store: SinkStore, budget = new Budget(1_000_000)) {
  const sent: Frame[] = [];
  const violations: number[] = [];
  const sink = new Sink(
    {
      send: (frame) => void sent.push(frame),
      violated: (code) => void violations.push(code),
      ...{ fenced: () => {}, emptied: () => {}, storeFailed: () => {}, log: () => {} },
    },
    {
      ...{ store, clock: STILL, chance: { unit: () => 0 }, isStoreFault: () => true, budget },
      ...{ parity: 1, serves: () => true, agent: 1, session: 1, frameBytes: 65_536 },
      ...{ messageLimitBytes: 10_000_000, isPartialInForce: true, windowBytes: () => 1_000_000 },
    },
  );
  sink.initialLimit();
  const open = async (stream: number, previous: bigint | null = null): Promise<void> => {
    sink.open({
      ...{ type: "open", stream, channel: `c${stream}`, epoch: 1n, nextSeq: 1n, priority: 1 },
      oldestRetainedSeq: null,
      previousEpoch: previous === null ? null : { epoch: previous, finalSeq: null },
    });
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { sink, sent, violations, open };
}

describe("bounds of a sink", () => {
  test("[I-8] SKIPs cost no credit: over all streams of a connection only so many wait", async () => {
    const { sink, open } = sinkOver(stuckStore("ok"));
    for (const stream of [1, 3]) await open(stream);
    const skip = (stream: number, seq: bigint): void =>
      sink.takeSkip({
        ...{ type: "skip", stream, firstSeq: seq, lastSeq: seq, reason: SKIP_REASON.pruned },
        chain: null,
      });
    let taken = 0;
    const flood = (): void => {
      for (let seq = 1n; ; seq++) {
        skip(seq % 2n === 0n ? 1 : 3, seq);
        taken += 1;
      }
    };
    assert.throws(
      flood,
      (error) => error instanceof ProtocolError && error.code === ERROR_CODE.limit,
    );
    assert.equal(taken, SKIPS_MAX_COUNT);
  });

  test("[I-8] one connection does not take all the memory of messages in parts", () => {
    const whole = new Budget(100);
    const [one, other] = [new Budget(60, whole), new Budget(60, whole)];
    assert.equal(one.take(61), false);
    assert.equal(one.take(60), true);
    assert.equal(other.take(41), false, "the whole is full");
    assert.equal(other.take(40), true);
    one.giveBack(60);
    assert.equal(other.take(20), true);
    assert.equal(whole.take(40), true);
  });

  test("[TP34] [TP20] a window of nothing opens nothing, however little is held", () => {
    const account = new CreditAccount();
    account.raise({ windowBytes: 100, frameBytes: 50 });
    account.receive(100);
    account.drop(100);
    assert.equal(account.raise({ windowBytes: 0, frameBytes: 50 }), 100);
    assert.equal(account.raise({ windowBytes: 10, frameBytes: 50 }), 150);
  });

  test("[TP16] [I-8] a channel more than an agent may have is answered UNKNOWN", async () => {
    const { sent, open } = sinkOver(stuckStore("unknown"));
    await open(1);
    const [opened] = sent;
    assert.ok(opened?.type === "opened");
    assert.equal(opened.status, 3);
    assert.ok((opened.retryAfterMs ?? 0) > 0);
  });

  test("[TP17] an OPEN whose previous epoch is not before its own is out of order", async () => {
    const { violations, open } = sinkOver(stuckStore("ok"));
    await open(1, 1n);
    assert.deepEqual(violations, [ERROR_CODE.outOfOrder]);
  });
});
