/**
 * Whatever comes, the decoder gives a frame of the protocol, skips it, or refuses it with a code; a frame
 * that it gave can be sent, and means the same then (T-P01).
 *
 * @module
 */
import assert from "node:assert/strict";
import { decodeFrame, encodeFrame } from "#protocol/codec.ts";
import { ERROR_CODE, FRAME_TYPE, type Frame } from "#protocol/frame.ts";
import { FRAME_MAX_NEGOTIABLE_BYTES } from "#protocol/limits.ts";
import { dataFrames, helloFrame, openFrame, textOf } from "#test/receiver/support/played-agent.ts";
import { type FrameCase, frameCase, readingOf, type Wire } from "./frame-cases.ts";

const FITTING: readonly Frame[] = [
  helloFrame(),
  openFrame(),
  ...dataFrames(1, 1n, textOf("a")),
  ...dataFrames(1, 2n, new Uint8Array(70_000)),
  { type: "ack", stream: 1, epoch: 1n, lastSeq: 1n, credit: { bytesReceived: 1 } },
];
const IGNORABLE = 0x80;
const KNOWN_TYPES: ReadonlySet<number | undefined> = new Set(Object.values(FRAME_TYPE));
const CODES: ReadonlySet<number> = new Set(Object.values(ERROR_CODE));

export const decoderFrames = frameCase(["decoding"], FITTING);

export function checkDecoder({ wires }: FrameCase<"decoding">): void {
  for (const wire of wires) {
    const before = wire.slice();
    const reading = readingOf(wire, FRAME_MAX_NEGOTIABLE_BYTES);
    assert.deepEqual(wire, before, "what came is not altered");
    const [type, flags = 0] = wire;
    switch (reading.kind) {
      case "skipped":
        assert.ok(
          !KNOWN_TYPES.has(type) && (flags & IGNORABLE) !== 0,
          "only what may be is skipped",
        );
        break;
      case "fault":
        assert.ok(CODES.has(reading.code));
        break;
      case "frame":
        assert.equal(FRAME_TYPE[reading.frame.type], type);
        assert.deepEqual(decodeFrame(encodeFrame(reading.frame)), reading.frame);
        if (reading.frame.type !== "data") refusesAround(wire);
        break;
    }
  }
}

/** TP7: the body is exactly one map; with a byte more or less it is none. */
function refusesAround(wire: Wire): void {
  for (const other of [Uint8Array.from([...wire, 0]), wire.subarray(0, wire.length - 1)]) {
    assert.equal(readingOf(other, FRAME_MAX_NEGOTIABLE_BYTES).kind, "fault");
  }
}
