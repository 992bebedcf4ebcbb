/**
 * Frames as nobody should send them (T-P01): truncated, longer, oversize, with another type, with a
 * byte changed, at the wrong time, or no frame at all.
 *
 * @module
 */
import fc from "fast-check";
import { decodeFrame, encodeFrame } from "#protocol/codec.ts";
import type { ERROR_CODE, Frame } from "#protocol/frame.ts";
import { ERROR_CODE as CODES } from "#protocol/frame.ts";
import { FRAME_MAX_BYTES } from "#protocol/limits.ts";
import { ProtocolError } from "#protocol/protocol-error.ts";
import { frameArbitrary } from "#test/protocol/frame-arbitrary.ts";

/** One websocket message. */
export type Wire = Uint8Array;

/** What a conversation had reached before the first of `wires` came. */
export interface FrameCase<Stage extends string> {
  readonly stage: Stage;
  readonly wires: readonly Wire[];
}

/** @param fitting frames that belong into such a conversation: what is done to them goes deeper */
export function frameCase<Stage extends string>(
  stages: readonly Stage[],
  fitting: readonly Frame[],
  most = 5,
): fc.Arbitrary<FrameCase<Stage>> {
  const wires = fc.array(wireOf(fitting), { minLength: 1, maxLength: most });
  return fc.record({ stage: fc.constantFrom(...stages), wires });
}

function wireOf(fitting: readonly Frame[]): fc.Arbitrary<Wire> {
  const frame = fc.oneof(
    { arbitrary: fc.constantFrom(...fitting), weight: 3 },
    { arbitrary: frameArbitrary, weight: 1 },
  );
  return fc.oneof(
    { arbitrary: frame.chain((one) => spoiled(encodeFrame(one))), weight: 6 },
    { arbitrary: fc.uint8Array({ maxLength: 64 }), weight: 1 },
    { arbitrary: unknownFrame, weight: 1 },
    { arbitrary: oversize(frame), weight: 1 },
  );
}

function spoiled(bytes: Wire): fc.Arbitrary<Wire> {
  const at = fc.nat(Math.max(0, bytes.length - 1));
  return fc.oneof(
    // As it is: what is wrong with it is the moment.
    fc.constant(bytes),
    at.map((end) => bytes.slice(0, end)),
    fc
      .uint8Array({ minLength: 1, maxLength: 8 })
      .map((more) => Uint8Array.from([...bytes, ...more])),
    fc.tuple(fc.nat(3), fc.nat(255)).map(([index, value]) => changed(bytes, index, value)),
    fc.tuple(at, fc.nat(255)).map(([index, value]) => changed(bytes, index, value)),
  );
}

/** With and without the flag that lets it be skipped (TP6). */
const unknownFrame: fc.Arbitrary<Wire> = fc
  .tuple(
    fc.integer({ min: 0x12, max: 0xff }),
    fc.constantFrom(0, 0x80, 0x01, 0xff),
    fc.uint8Array({ maxLength: 20 }),
  )
  .map(([type, flags, body]) => Uint8Array.of(type, flags, 0, 1, ...body));

function oversize(frame: fc.Arbitrary<Frame>): fc.Arbitrary<Wire> {
  return fc.tuple(frame, fc.constantFrom(1, 200_000)).map(([one, beyond]) => {
    const bytes = encodeFrame(one);
    const padded = new Uint8Array(FRAME_MAX_BYTES + beyond);
    padded.set(bytes.subarray(0, padded.length));
    return padded;
  });
}

function changed(bytes: Wire, index: number, value: number): Wire {
  const copy = bytes.slice();
  if (index < copy.length) copy[index] = value;
  return copy;
}

/** What the codec says of a message; the machines behind it are what is tested. */
export type Reading =
  | { readonly kind: "frame"; readonly frame: Frame }
  | { readonly kind: "skipped" }
  | { readonly kind: "fault"; readonly code: (typeof ERROR_CODE)[keyof typeof ERROR_CODE] };

export function readingOf(wire: Wire, limitBytes: number): Reading {
  if (wire.length > limitBytes) return { kind: "fault", code: CODES.limit };
  try {
    const frame = decodeFrame(wire);
    return frame === undefined ? { kind: "skipped" } : { kind: "frame", frame };
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { kind: "fault", code: error.code };
  }
}

export function showFrameCase({ stage, wires }: FrameCase<string>): string {
  const shown = wires.map((wire) => {
    const hex = Buffer.from(wire.subarray(0, 200)).toString("hex");
    return wire.length > 200 ? `${hex}… (${wire.length} bytes)` : hex;
  });
  return `${stage}\n${shown.join("\n")}`;
}
