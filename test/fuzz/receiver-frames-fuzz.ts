/**
 * Whatever an agent sends, the receiver answers with a frame of the protocol or ends the connection
 * with ERROR, and what was wrong changes nothing in its store: nothing is stored that was not sent whole
 * (T-P01).
 *
 * @module
 */

import assert from "node:assert/strict";
import { SPOKEN_CAPABILITIES } from "#protocol/capabilities.ts";
import { encodeFrame } from "#protocol/codec.ts";
import { ERROR_CODE, FRAME_TYPE, type Frame } from "#protocol/frame.ts";
import { FRAME_MAX_BYTES } from "#protocol/limits.ts";
import { Connection } from "#receiver/connection.ts";
import { CreditPool } from "#receiver/credit-pool.ts";
import { identifierFrom } from "#receiver/errors.ts";
import { type Clock, systemChance, systemClock } from "#receiver/host/clock.ts";
import { silentLog } from "#receiver/host/log.ts";
import { LiveAgents } from "#receiver/live-agents.ts";
import type { OutgoingStore } from "#receiver/store/outgoing.ts";
import type { Store } from "#receiver/store/store.ts";
import { Budget } from "#streams/sink/credit.ts";
import type { IngestCall, IngestItem, OpenCall, SkipCall } from "#streams/sink/sink-store.ts";
import { dataFrames, helloFrame, openFrame, textOf } from "#test/receiver/support/played-agent.ts";
import { isStoreFault } from "#test/receiver/support/sink-options.ts";
import { type FrameCase, frameCase, readingOf, type Wire } from "./frame-cases.ts";
import { RecordedSocket, settled } from "./recorded-socket.ts";
import { SentMessages } from "./sent-messages.ts";

const STAGES = ["upgraded", "welcomed", "streaming", "sending"] as const;
type Stage = (typeof STAGES)[number];

const POOL_BYTES = 1e9;
const LARGE = dataFrames(1, 1n, new Uint8Array(100_000));
const HELLO = helloFrame({ capabilities: SPOKEN_CAPABILITIES, downstreamCredit: 1_000 });
const FITTING: readonly Frame[] = [
  HELLO,
  helloFrame(),
  openFrame(),
  openFrame({ stream: 3, channel: "oru" }),
  ...dataFrames(1, 1n, textOf("a")),
  ...dataFrames(1, 2n, textOf("b")),
  ...dataFrames(1, 1n, textOf("a"), { sha256: new Uint8Array(32) }),
  ...LARGE,
  { type: "skip", stream: 1, firstSeq: 1n, lastSeq: 1n, reason: 1, chain: null },
  { type: "ping", stream: 0, nonce: 1 },
  { type: "goaway", stream: 0, code: 1 },
  { type: "cmdResult", stream: 0, id: new Uint8Array(16), result: 0 },
  {
    type: "cmdResult",
    stream: 0,
    id: new Uint8Array(16),
    result: 1,
    answer: new Uint8Array(20_000),
  },
];

/** Nothing in these conversations waits for time to pass. */
const STILL: Clock = {
  ...systemClock,
  after: () => ({ [Symbol.dispose]: () => {} }),
  every: () => ({ [Symbol.dispose]: () => {} }),
};

export const receiverFrames = frameCase(STAGES, FITTING);

export async function checkReceiverFrames({ stage, wires }: FrameCase<Stage>): Promise<void> {
  const { socket, calls, sent, stored, live, credit } = await conversation(stage);
  for (const wire of wires) {
    sent.add(wire);
    const before = { sent: socket.sent.length, calls: calls.length, isOver: socket.isOver };
    socket.emit("message", Buffer.from(wire), true);
    await settled();
    const answered = socket.sent.slice(before.sent);
    if (before.isOver) {
      assert.deepEqual([answered.length, calls.length], [0, before.calls], "it is over");
    } else judge(socket, wire, answered, calls.length - before.calls);
  }
  for (const [seq, item] of stored) assert.ok(sent.holds(seq, item), `${seq} was not sent whole`);
  socket.emit("close", 1006);
  assert.deepEqual([live.silentCount, credit.freeBytes], [0, POOL_BYTES], "nothing is left of it");
}

function judge(
  socket: RecordedSocket,
  wire: Wire,
  answered: readonly Frame[],
  callCount: number,
): void {
  const reading = readingOf(wire, FRAME_MAX_BYTES);
  const last = answered.at(-1);
  assert.equal(socket.isGone, false, "an answer is owed, not silence");
  if (reading.kind === "skipped") {
    assert.deepEqual([answered.length, callCount, socket.isOver], [0, 0, false]);
    return;
  }
  if (reading.kind === "fault") assert.equal(last?.type, "error", "what is no frame is refused");
  if (last?.type !== "error") return;
  // ERROR, close, and nothing done.
  assert.equal(socket.closeCode, 1002);
  assert.equal(callCount, 0, "a refused frame reached the store");
  if (reading.kind === "fault") assert.equal(last.code, reading.code);
  else {
    assert.notEqual(last.code, ERROR_CODE.unknownFrame);
    assert.equal(last.frameType, FRAME_TYPE[reading.frame.type]);
  }
}

/** A connection that has come as far as `stage` by frames that are right. */
async function conversation(stage: Stage) {
  const socket = new RecordedSocket();
  const calls: string[] = [];
  const sent = new SentMessages();
  const stored: (readonly [seq: bigint, IngestItem])[] = [];
  const live = new LiveAgents();
  const credit = new CreditPool(POOL_BYTES, STILL);
  const agent = { id: 1, tenant: "north", name: "ward-1", serialHex: "1f", session: 0 };
  const times = { addedAtMs: 0, helloAtMs: null, lockedAtMs: null };
  new Connection(
    socket.asWebSocket(),
    { ...agent, ...times, peer: identifierFrom("192.0.2.1:1") },
    {
      ...{ store: storeOf(calls, stored), clock: STILL, log: silentLog, live },
      ...{ chance: systemChance, isStoreFault },
      ...{ budget: new Budget(1e9), credit },
      ...{ messageLimitBytes: 10_000_000, heartbeatMs: 10_000 },
    },
  );
  const frames: Frame[] = [HELLO, openFrame(), ...LARGE.slice(0, 1)];
  for (const frame of frames.slice(0, STAGES.indexOf(stage))) {
    const wire = encodeFrame(frame);
    sent.add(wire);
    socket.emit("message", Buffer.from(wire), true);
    await settled();
  }
  assert.equal(socket.isOver, false);
  return { socket, calls, sent, stored, live, credit };
}

/**
 * Answers what a connection asks, as a store does in which all goes well; `calls` names what was asked,
 * `kept` has what was to be stored.
 */
function storeOf(calls: string[], kept: (readonly [bigint, IngestItem])[]): Store & OutgoingStore {
  const position = (epoch: bigint) => ({ epoch, lastSeq: 0n, chain: null, partial: null });
  const stored = (last: bigint) => ({ kind: "ok", last, unverifiedCount: 0, gap: null });
  const store = {
    storeId: new Uint8Array(16),
    hello: async () => {
      calls.push("hello");
      return { session: 1 };
    },
    open: async ({ epoch }: OpenCall) => {
      calls.push("open");
      return { kind: "ok", position: position(epoch), gap: null };
    },
    ingest: async ({ first, items }: IngestCall) => {
      calls.push("ingest");
      for (const [index, item] of items.entries()) kept.push([first + BigInt(index), item]);
      return stored(first + BigInt(items.length) - 1n);
    },
    skip: async ({ last }: SkipCall) => {
      calls.push("skip");
      return stored(last);
    },
    // What arrived of a large message before the end is kept: that is no effect of the end.
    savePartial: async () => ({ kind: "ok", durableBytes: 0 }),
    outgoingChannels: async () => [],
    openCommands: async () => [{ key: "00".repeat(16), document: textOf("{}") }],
    answerCommand: async () => {
      calls.push("answerCommand");
      return { kind: "ok" };
    },
  };
  return store as unknown as Store & OutgoingStore;
}
