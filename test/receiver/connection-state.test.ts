import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ERROR_CODE, type Frame, GOAWAY_CODE } from "#protocol/frame.ts";
import { type ConnectionEvent, type ConnectionState, step } from "#receiver/connection-state.ts";
import { dataFrames, helloFrame, openFrame, textOf } from "./support/played-agent.ts";

const hello = helloFrame();
const [data] = dataFrames(1, 1n, textOf("a"));
assert.ok(data);

const STATES: readonly ConnectionState[] = [
  { at: "new" },
  { at: "auth", hello: null },
  { at: "auth", hello },
  { at: "welcomed" },
  { at: "streaming" },
  { at: "draining" },
  { at: "fenced" },
  { at: "closed" },
];

const FRAMES: Readonly<Record<string, Frame>> = {
  hello,
  open: openFrame(),
  data,
  skip: { type: "skip", stream: 1, firstSeq: 1n, lastSeq: 1n, reason: 1, chain: null },
  ping: { type: "ping", stream: 0, nonce: 1 },
  pong: { type: "pong", stream: 0, nonce: 1 },
  goaway: { type: "goaway", stream: 0, code: 1 },
  error: { type: "error", stream: 0, code: 1 },
  ack: { type: "ack", stream: 2, epoch: 1n, lastSeq: 1n, credit: {} },
  cmdDone: { type: "cmdDone", stream: 0, id: new Uint8Array(16) },
};

const SIMPLE = [
  "gatePassed",
  "helloExpired",
  "fenced",
  "duplicate",
  "shutdown",
  "emptied",
  "drainExpired",
  "silent",
  "lost",
] as const;

/** What a state and an event lead to: `next: effect effect`, or `-` for nothing at all. */
function told(state: ConnectionState, event: ConnectionEvent): string {
  const { state: next, effects } = step(state, event);
  if (next === state && effects.length === 0) return "-";
  const done = effects.map((effect) => {
    if (effect.do === "goaway" || effect.do === "error") return `${effect.do} ${effect.code}`;
    return effect.do;
  });
  return `${next.at}: ${done.join(", ")}`;
}

const OUT_OF_ORDER = `closed: error ${ERROR_CODE.outOfOrder}, close, release`;
const GONE = "closed: release";
const SILENT = "closed: destroy, release";
const FENCE = `fenced: goaway ${GOAWAY_CODE.fenced}, close, release`;
const LOCK = `fenced: goaway ${GOAWAY_CODE.duplicateIdentity}, close, release`;
const LEAVE = `closed: goaway ${GOAWAY_CODE.draining}, close, release`;
const DRAIN = `draining: goaway ${GOAWAY_CODE.draining}, armDrain`;
const END = "closed: close, release";

/** From WELCOME on, without another state. */
function whileLive(effect: string): readonly string[] {
  const live = ["welcomed", "streaming", "draining"].map((state) => `${state}: ${effect}`);
  return ["-", OUT_OF_ORDER, OUT_OF_ORDER, ...live, "-", "-"];
}

/** Rows in the order of STATES: new, auth, auth with HELLO, welcomed, streaming, draining, fenced, closed. */
const TABLE: Readonly<Record<string, readonly string[]>> = {
  gatePassed: ["auth: armHello", "-", "-", "-", "-", "-", "-", "-"],
  helloExpired: ["-", OUT_OF_ORDER, "-", "-", "-", "-", "-", "-"],
  fenced: [FENCE, FENCE, FENCE, FENCE, FENCE, FENCE, "-", "-"],
  duplicate: [LOCK, LOCK, LOCK, LOCK, LOCK, LOCK, "-", "-"],
  shutdown: [LEAVE, LEAVE, LEAVE, DRAIN, DRAIN, "-", "-", "-"],
  emptied: ["-", "-", "-", "-", "-", END, "-", "-"],
  drainExpired: ["-", "-", "-", "-", "-", END, "-", "-"],
  silent: [SILENT, SILENT, SILENT, SILENT, SILENT, SILENT, SILENT, "-"],
  lost: [GONE, GONE, GONE, GONE, GONE, GONE, GONE, "-"],
  hello: [
    "-",
    "auth: beginSession",
    OUT_OF_ORDER,
    OUT_OF_ORDER,
    OUT_OF_ORDER,
    OUT_OF_ORDER,
    "-",
    "-",
  ],
  open: ["-", OUT_OF_ORDER, OUT_OF_ORDER, "streaming: open", "streaming: open", "-", "-", "-"],
  data: ["-", OUT_OF_ORDER, OUT_OF_ORDER, OUT_OF_ORDER, "streaming: take", "-", "-", "-"],
  skip: ["-", OUT_OF_ORDER, OUT_OF_ORDER, OUT_OF_ORDER, "streaming: take", "-", "-", "-"],
  ping: whileLive("pong"),
  pong: whileLive("ponged"),
  goaway: ["-", OUT_OF_ORDER, OUT_OF_ORDER, "-", "-", "-", "-", "-"],
  error: ["-", OUT_OF_ORDER, OUT_OF_ORDER, END, END, END, "-", "-"],
  // Whether downstream is in force the driver knows.
  ack: whileLive("heed"),
  cmdDone: ["-", OUT_OF_ORDER, OUT_OF_ORDER, OUT_OF_ORDER, OUT_OF_ORDER, OUT_OF_ORDER, "-", "-"],
};

describe("connection state", () => {
  for (const [name, row] of Object.entries(TABLE)) {
    test(`[06 11] ${name} leads where the table says from every state`, () => {
      const frame = FRAMES[name];
      const on = SIMPLE.find((simple) => simple === name);
      const event: ConnectionEvent | undefined =
        frame === undefined ? on && { on } : { on: "frame", frame };
      assert.ok(event);
      assert.deepEqual(
        STATES.map((state) => told(state, event)),
        row,
      );
    });
  }

  test("[TP10] a session that begins is welcomed once, and only after its HELLO", () => {
    const event = { on: "sessionBegun", session: 4 } as const;
    const told = STATES.map((state) => step(state, event).state.at);
    assert.deepEqual(told, [
      "new",
      "auth",
      "welcomed",
      "welcomed",
      "streaming",
      "draining",
      "fenced",
      "closed",
    ]);
    const { effects } = step({ at: "auth", hello }, event);
    assert.deepEqual(effects, [{ do: "welcome", hello, session: 4 }]);
  });

  test("[TP11] no common minor is answered GOAWAY VERSION; a common one is not", () => {
    const greet = (lowest: number, highest: number) =>
      told(
        { at: "auth", hello: null },
        { on: "frame", frame: helloFrame({ minorRange: [lowest, highest] }) },
      );
    assert.equal(greet(1, 3), `closed: goaway ${GOAWAY_CODE.version}, close, release`);
    assert.equal(greet(0, 9), "auth: beginSession");
  });

  test("[06 3] a frame limit that is too small for the largest metadata is refused", () => {
    const frame = helloFrame({ frameLimit: 32_767 });
    const said = told({ at: "auth", hello: null }, { on: "frame", frame });
    assert.equal(said, `closed: error ${ERROR_CODE.limit}, close, release`);
  });

  test("[TP32] a violation is answered with its code and frame type, and then nothing", () => {
    const event = { on: "violated", code: ERROR_CODE.credit, frameType: 5 } as const;
    const { state, effects } = step({ at: "streaming" }, event);
    assert.equal(state.at, "closed");
    assert.deepEqual(effects, [
      { do: "error", code: ERROR_CODE.credit, frameType: 5 },
      { do: "close", code: 1002 },
      { do: "release" },
    ]);
    assert.equal(told({ at: "fenced" }, event), "-");
    assert.equal(told({ at: "closed" }, event), "-");
  });
});
