import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { CHAIN_START, chainInput } from "#protocol/chain.ts";
import { type ArrivingMessage, ChunkOrder, type DurablePart } from "#protocol/chunk-order.ts";
import { decodeFrame, encodeFrame } from "#protocol/codec.ts";
import { ERROR_CODE } from "#protocol/frame.ts";
import { type AssembledMessage, MessageAssembler } from "#protocol/message-assembler.ts";
import { ProtocolError } from "#protocol/protocol-error.ts";
import { windowAfterPing, windowStart } from "#protocol/window.ts";
import { bytesFrom, type ErrorName, type FrameVector, hexFrom, vectorsIn } from "./vectors.ts";

const FRAME_FILES = [
  ["TP8", "data.json"],
  ["TP39", "frames.json"],
  ["TP7", "cbor.json"],
  ["TP6", "headers.json"],
  ["TP39", "sequence-numbers.json"],
] as const;

interface Conversation {
  readonly name: string;
  readonly messageLimitBytes: number;
  readonly frames: readonly string[];
  readonly messages?: readonly { readonly seq: bigint; readonly body: Uint8Array }[];
  readonly error?: ErrorName;
}

interface ResumeVector {
  readonly name: string;
  /** What the sink has said of a message that it holds in part. */
  readonly durable: DurablePart;
  readonly frames: readonly string[];
  /** The messages that end, and where each began in this connection. */
  readonly messages?: readonly Pick<ArrivingMessage, "seq" | "from" | "total">[];
  readonly error?: ErrorName;
}

interface WindowVector {
  readonly name: string;
  readonly samples: readonly {
    readonly roundTripMs: number;
    readonly nowMs: number;
    readonly full: boolean;
  }[];
  readonly windowBytes: readonly number[];
}

interface ChainVector {
  readonly name: string;
  readonly previous: string;
  readonly epoch: bigint;
  readonly seq: bigint;
  readonly sha256: string;
  readonly input: string;
  readonly chain: string;
}

/** The table at the end of 06; chain[1] is the first of chain.json. */
const SPECIFIED = [
  "0b000000 a101182a",
  "07000001 a20101021b0000000100000000",
  "05030003 0000000000000001 00000000 00000005 002e a20158202cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824021b0000018bcfe56800 68656c6c6f",
];
const SPECIFIED_CHAIN = "7d4aa940fd24a50528cbcba13cb43c9ff1d3f832693a420a2ea603c865606f72";

test("[TP39] the vectors of 06 are among these", () => {
  const frames = vectorsIn<FrameVector>("frames.json").map((vector) => vector.hex);
  for (const hex of SPECIFIED) assert.ok(frames.includes(hex.replaceAll(" ", "")), hex);
  assert.equal(vectorsIn<ChainVector>("chain.json")[0]?.chain, SPECIFIED_CHAIN);
});

test("[TP39] every vector file is read by a test", () => {
  // The agent's own: test/agent/tunnel/backoff-vectors.test.ts.
  const agents = ["backoff.json"];
  const own = ["chunks.json", "resume.json", "window.json", "chain.json"];
  const ofBothEnds = ["versions.json"];
  const read = [...FRAME_FILES.map(([, file]) => file), ...own, ...agents, ...ofBothEnds];
  const folder = new URL("../vectors/tunnel/", import.meta.url);
  assert.deepEqual(readdirSync(folder).sort(), read.sort());
});

for (const [rule, file] of FRAME_FILES) {
  for (const vector of vectorsIn<FrameVector>(file)) {
    test(`[${rule}] vector ${file}: ${vector.name}`, () => checkFrame(vector));
  }
}

function checkFrame(vector: FrameVector): void {
  const bytes = bytesFrom(vector.hex);
  if ("error" in vector) {
    assert.throws(() => decodeFrame(bytes), refusal(vector.error));
    return;
  }
  const decoded = decodeFrame(bytes);
  if ("ignored" in vector) {
    assert.equal(decoded, undefined);
    return;
  }
  assert.deepEqual(decoded, vector.frame);
  assert.equal(hexFrom(encodeFrame(vector.frame)) === vector.hex, !vector.oneWay);
}

for (const vector of vectorsIn<Conversation>("chunks.json")) {
  test(`[TP8] vector chunks.json: ${vector.name}`, () => {
    const assembler = new MessageAssembler(vector.messageLimitBytes);
    const push = (hex: string): AssembledMessage | undefined => {
      const frame = decodeFrame(bytesFrom(hex));
      assert.ok(frame?.type === "data");
      assert.equal(hexFrom(encodeFrame(frame)), hex);
      return assembler.push(frame);
    };
    const before = vector.error === undefined ? vector.frames : vector.frames.slice(0, -1);
    const messages = before.map(push).filter((message) => message !== undefined);
    assert.deepEqual(
      messages.map(({ seq, body }) => ({ seq, body })),
      vector.messages ?? [],
    );
    if (vector.error === undefined) return;
    assert.throws(() => push(vector.frames.at(-1) ?? ""), refusal(vector.error));
  });
}

for (const vector of vectorsIn<ResumeVector>("resume.json")) {
  test(`[TP14] vector resume.json: ${vector.name}`, () => {
    const order = new ChunkOrder(1_000);
    const push = (hex: string): ArrivingMessage | undefined => {
      const frame = decodeFrame(bytesFrom(hex));
      assert.ok(frame?.type === "data");
      assert.equal(hexFrom(encodeFrame(frame)), hex);
      const message = order.push(frame, vector.durable);
      return frame.last ? message : undefined;
    };
    const before = vector.error === undefined ? vector.frames : vector.frames.slice(0, -1);
    const messages = before.map(push).filter((message) => message !== undefined);
    assert.deepEqual(
      messages.map(({ seq, from, total }) => ({ seq, from, total })),
      vector.messages ?? [],
    );
    if (vector.error === undefined) return;
    assert.throws(() => push(vector.frames.at(-1) ?? ""), refusal(vector.error));
  });
}

for (const vector of vectorsIn<WindowVector>("window.json")) {
  test(`[TP22] vector window.json: ${vector.name}`, () => {
    let state = windowStart();
    const windowBytes = vector.samples.map((sample) => {
      state = windowAfterPing(state, sample);
      return state.windowBytes;
    });
    assert.deepEqual(windowBytes, vector.windowBytes);
  });
}

test("[TP15] the chain of an epoch starts with 32 zero bytes", () => {
  assert.equal(hexFrom(CHAIN_START), "00".repeat(32));
});

for (const vector of vectorsIn<ChainVector>("chain.json")) {
  test(`[TP15] vector chain.json: ${vector.name}`, () => {
    const { epoch, seq } = vector;
    const input = chainInput(bytesFrom(vector.previous), epoch, seq, bytesFrom(vector.sha256));
    assert.equal(hexFrom(input), vector.input);
    assert.equal(createHash("sha256").update(input).digest("hex"), vector.chain);
  });
}

function refusal(name: ErrorName): (error: unknown) => boolean {
  return (error) => error instanceof ProtocolError && error.code === ERROR_CODE[name];
}
