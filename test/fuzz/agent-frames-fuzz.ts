/**
 * Whatever a receiver sends, the agent answers with a frame of the protocol or ends the connection
 * with ERROR, once, and what was wrong settles no message (T-P01).
 *
 * @module
 */
import assert from "node:assert/strict";
import type { TLSSocket } from "node:tls";
import type { AgentError } from "#agent/errors.ts";
import { type Clock, systemChance, systemClock } from "#agent/host/clock.ts";
import { silentLog } from "#agent/host/silent-log.ts";
import { Session } from "#agent/tunnel/session.ts";
import { SPOKEN_CAPABILITIES } from "#protocol/capabilities.ts";
import { CHAIN_START } from "#protocol/chain.ts";
import { encodeFrame } from "#protocol/codec.ts";
import { type Frame, OPENED_STATUS } from "#protocol/frame.ts";
import { FRAME_MAX_BYTES, FRAME_MAX_NEGOTIABLE_BYTES } from "#protocol/limits.ts";
import { ListedSource } from "#test/support/listed-source.ts";
import { type FrameCase, frameCase, readingOf, type Wire } from "./frame-cases.ts";
import { RecordedSocket, settled } from "./recorded-socket.ts";

const STAGES = ["greeted", "welcomed", "streaming"] as const;
type Stage = (typeof STAGES)[number];

const CREDIT = { streamLimit: 1_000_000, connectionLimit: 1_000_000, bytesReceived: 1 };
const WELCOME: Frame = {
  ...{ type: "welcome", stream: 0, minor: 0, capabilities: SPOKEN_CAPABILITIES, session: 1 },
  ...{ frameLimit: FRAME_MAX_BYTES, heartbeatMs: 10_000, upstreamCredit: 1_000_000 },
  ...{ nowMs: 0, messageLimit: 1_000_000, receiverStoreId: new Uint8Array(16) },
};
const OPENED: Frame = {
  ...{ type: "opened", stream: 1, status: OPENED_STATUS.ok, epoch: 1n, credit: CREDIT },
  ...{ lastSeq: 0n, chain: CHAIN_START },
};
const FITTING: readonly Frame[] = [
  WELCOME,
  OPENED,
  { type: "ack", stream: 1, epoch: 1n, lastSeq: 1n, credit: CREDIT },
  { type: "ack", stream: 3, epoch: 1n, lastSeq: 1n, credit: CREDIT },
  { type: "reject", stream: 1, seq: 1n, code: 1, permanent: false },
  { type: "credit", stream: 0, credit: CREDIT },
  { type: "partial", stream: 1, seq: 1n, durableOffset: 1 },
  { type: "pong", stream: 0, nonce: 1 },
  { type: "ping", stream: 0, nonce: 1 },
  { type: "cmd", stream: 0, id: new Uint8Array(16), document: new Uint8Array(9) },
  { type: "cmdDone", stream: 0, id: new Uint8Array(16) },
];

const STILL: Clock = {
  ...systemClock,
  after: () => ({ refresh: () => {}, [Symbol.dispose]: () => {} }),
};
const NO_STREAM = {
  on: () => {},
  cork: () => {},
  uncork: () => {},
  destroySoon: () => {},
  destroy: () => {},
} as unknown as TLSSocket;

export const agentFrames = frameCase(STAGES, FITTING);

export async function checkAgentFrames({ stage, wires }: FrameCase<Stage>): Promise<void> {
  const { socket, source, ends } = await conversation(stage);
  for (const wire of wires) {
    const before = { sent: socket.sent.length, heard: source.heard.length, ends: ends.length };
    socket.emit("message", Buffer.from(wire), true);
    await settled();
    const answered = socket.sent.slice(before.sent);
    const heard = source.heard.slice(before.heard);
    if (before.ends > 0) assert.deepEqual([answered, heard], [[], []], "it is over");
    else judge(socket, wire, answered, heard, ends);
    assert.ok(ends.length <= 1, "it ends once");
    if (ends.length === 1) {
      const farewells = source.heard.filter((line) => line === "disconnected").length;
      assert.equal(farewells, stage === "greeted" && source.heard.length === 0 ? 0 : 1);
    }
  }
}

function judge(
  socket: RecordedSocket,
  wire: Wire,
  answered: readonly Frame[],
  heard: readonly string[],
  ends: readonly AgentError[],
): void {
  // A frame above the limit that was offered never gets here: the websocket refuses it (TP3).
  const reading = readingOf(wire, FRAME_MAX_NEGOTIABLE_BYTES);
  const last = answered.at(-1);
  if (reading.kind === "skipped") {
    assert.deepEqual([answered, heard, ends], [[], [], []]);
    return;
  }
  if (reading.kind === "fault") assert.equal(last?.type, "error", "what is no frame is refused");
  if (last?.type !== "error") return;
  assert.equal(socket.closeCode, 1002);
  assert.equal(ends[0]?.code, "TUNNEL_PROTOCOL");
  const news = heard.filter((line) => line !== "disconnected");
  assert.deepEqual(news, [], "a refused frame was taken for news");
  if (reading.kind === "fault") assert.equal(last.code, reading.code);
}

/** A session that has come as far as `stage` by frames that are right. */
async function conversation(stage: Stage) {
  const socket = new RecordedSocket();
  const source = new ListedSource("adt", "one", "two");
  const ends: AgentError[] = [];
  const session = new Session(
    { webSocket: socket.asWebSocket(), socket: NO_STREAM },
    {
      ...{ clock: STILL, version: "0.1.0", sources: [source] },
      ...{ chance: systemChance, log: silentLog, inbox: undefined },
      ...{ storeId: new Uint8Array(16), instanceNonce: new Uint8Array(16) },
      onWelcome: () => session.open(),
      onResumed: () => {},
      onThrottle: () => {},
      onGoaway: () => {},
      onDrained: () => {},
      onEnd: (error) => ends.push(error),
    },
  );
  session.hello();
  for (const frame of [WELCOME, OPENED].slice(0, STAGES.indexOf(stage))) {
    socket.emit("message", Buffer.from(encodeFrame(frame)), true);
    await settled();
  }
  assert.deepEqual(ends, []);
  return { socket, source, ends };
}
