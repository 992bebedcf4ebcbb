import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeFrame, encodeFrame } from "#protocol/codec.ts";
import type { DataFrame, Frame } from "#protocol/frame.ts";
import { ERROR_CODE } from "#protocol/frame.ts";
import { ProtocolError } from "#protocol/protocol-error.ts";
import { frameArbitrary } from "./frame-arbitrary.ts";
import { bytesFrom, type FrameVector, hexFrom, vectorsIn } from "./vectors.ts";

const HASH = new Uint8Array(32).fill(7);
const ID = new Uint8Array(16).fill(9);
const LONGEST = "é".repeat(128);

const data: DataFrame = {
  type: "data",
  stream: 3,
  first: true,
  last: true,
  seq: 1n,
  offset: 0,
  total: 1,
  meta: { sha256: HASH, receivedAtMs: 0 },
  payload: new Uint8Array(1),
};

test("[TP6] encodeFrame and decodeFrame are each other's inverse", () => {
  fc.assert(
    fc.property(frameArbitrary, (frame) => {
      assert.deepEqual(decodeFrame(encodeFrame(frame)), frame);
    }),
    { numRuns: 3_000 },
  );
});

test("[TP7] decodeFrame refuses every frame that is cut short, and nothing but that happens", () => {
  const whole = vectorsIn<FrameVector>("frames.json").map((vector) => bytesFrom(vector.hex));
  for (const bytes of whole.filter((bytes) => bytes[0] !== 0x05)) {
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => decodeFrame(bytes.subarray(0, length)), ProtocolError);
    }
  }
});

test("[TP7] decodeFrame throws nothing but ProtocolError, and takes nothing it could not send", () => {
  const damaged = fc
    .tuple(
      frameArbitrary,
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 }),
      fc.nat({ max: 8 }),
    )
    .map(([frame, damages, cut]) => {
      const bytes = encodeFrame(frame);
      for (const [at, byte] of damages) bytes[at % bytes.length] = byte;
      return bytes.subarray(0, bytes.length - cut);
    });
  const noise = fc
    .tuple(fc.nat(0x13), fc.constantFrom(0, 1, 2, 3, 0x80), fc.uint8Array({ maxLength: 80 }))
    .map(([type, flags, body]) => Uint8Array.of(type, flags, 0, type < 0x0b ? 1 : 0, ...body));
  fc.assert(
    fc.property(fc.oneof(damaged, noise), (bytes) => {
      const frame = decodedOrRefused(bytes);
      if (frame !== undefined) assert.deepEqual(decodeFrame(encodeFrame(frame)), frame);
    }),
    { numRuns: 20_000 },
  );
});

test("[TP6] a ProtocolError names the type of the frame, if there was one", () => {
  assert.throws(() => decodeFrame(bytesFrom("0b000000a0")), { frameType: 0x0b, code: 1 });
  assert.throws(() => decodeFrame(bytesFrom("12000000a0")), { frameType: 0x12, code: 2 });
  assert.throws(() => decodeFrame(bytesFrom("0b00")), { frameType: undefined, code: 1 });
});

test("a ProtocolError does not quote what the peer sent", () => {
  const secret = Buffer.from("SECRET").toString("hex");
  for (const hex of [
    `0b000000a10166${secret}`,
    `0b000000a10166${secret}00`,
    `0b000000a166${secret}01`,
  ]) {
    assert.throws(
      () => decodeFrame(bytesFrom(hex)),
      (error) => {
        assert.ok(error instanceof ProtocolError);
        for (let at: unknown = error; at instanceof Error; at = at.cause) {
          assert.doesNotMatch(at.message, /SECRET|534543524554/);
        }
        return true;
      },
    );
  }
});

test("[TP8] the payload of a decoded DATA is a view, its metadata a copy, also out of a Buffer", () => {
  const bytes = Buffer.concat([Buffer.from("pad"), encodeFrame(data)]).subarray(3);
  const decoded = decodeFrame(bytes);
  assert.ok(decoded?.type === "data");
  bytes.fill(0xee);
  assert.deepEqual(decoded.payload, Uint8Array.of(0xee));
  assert.deepEqual(decoded.meta?.sha256, HASH);
});

test("[TP7] the byte strings of any other frame are copies, also out of a Buffer", () => {
  const done: Frame = { type: "cmdDone", stream: 0, id: ID };
  const bytes = Buffer.from(encodeFrame(done));
  const decoded = decodeFrame(bytes);
  bytes.fill(0xee);
  assert.deepEqual(decoded, done);
});

test("[TP6] an encoded frame is in memory of its own", () => {
  const first = encodeFrame({ type: "ping", stream: 0, nonce: 1 });
  encodeFrame({ type: "ping", stream: 0, nonce: 2 });
  assert.equal(hexFrom(first), "0b000000a10101");
  assert.equal(first.buffer.byteLength, first.length);
});

test("[TP8] DATA carries a chunk of 32,768 bytes with 8,192 bytes of metadata, and no more", () => {
  // The map, hash and time take 38 bytes; the key and the head of the source take 4.
  const source = "s".repeat(8_192 - 42);
  const largest = {
    ...data,
    total: 536_870_912,
    meta: { sha256: HASH, receivedAtMs: 0, source },
    payload: new Uint8Array(32_768).fill(1),
  };
  const bytes = encodeFrame(largest);
  assert.equal(bytes.length, 4 + 18 + 8_192 + 32_768);
  assert.deepEqual(decodeFrame(bytes), largest);
  assert.throws(() => decodeFrame(Buffer.concat([bytes, Buffer.from("x")])), {
    code: ERROR_CODE.limit,
    frameType: 0x05,
  });
  assert.throws(() => encodeFrame({ ...largest, payload: new Uint8Array(32_769) }), RangeError);
  assert.throws(
    () => encodeFrame({ ...largest, meta: { ...largest.meta, source: `${source}s` } }),
    RangeError,
  );
});

test("[TP3] a frame of 262,144 bytes is the largest", () => {
  // Header, map, two keys, the id and the heads of two byte strings are the rest.
  const cmd = { type: "cmd", stream: 0, id: ID } as const;
  const largest = { ...cmd, document: new Uint8Array(262_144 - 29) };
  const bytes = encodeFrame(largest);
  assert.equal(bytes.length, 262_144);
  assert.deepEqual(decodeFrame(bytes), largest);
  assert.throws(() => encodeFrame({ ...cmd, document: new Uint8Array(262_144 - 28) }), RangeError);
  assert.throws(() => encodeFrame({ ...cmd, document: new Uint8Array(262_144) }), RangeError);
  assert.throws(() => decodeFrame(new Uint8Array(262_145)), { code: ERROR_CODE.limit });
});

const ack = { type: "ack", stream: 1, epoch: 1n, lastSeq: 1n, credit: {} } as const;
const skip = {
  type: "skip",
  stream: 1,
  firstSeq: 1n,
  lastSeq: 1n,
  reason: 1,
  chain: null,
} as const;
const goaway = { type: "goaway", stream: 0, code: 1 } as const;
const { meta: _, ...later } = data;

const MISTAKES: readonly [string, Frame][] = [
  ["an ACK on stream 0", { ...ack, stream: 0 }],
  ["an ACK on stream 65,536", { ...ack, stream: 65_536 }],
  ["an ACK on stream 1.5", { ...ack, stream: 1.5 }],
  ["an epoch below 0", { ...ack, epoch: -1n }],
  ["a last seq of 2^63", { ...ack, lastSeq: 2n ** 63n }],
  ["a credit of -1", { ...ack, credit: { streamLimit: -1 } }],
  ["a credit of 2^53", { ...ack, credit: { connectionLimit: 2 ** 53 } }],
  ["a credit that is no integer", { ...ack, credit: { bytesReceived: 0.5 } }],
  ["a SKIP whose last is below its first", { ...skip, firstSeq: 2n }],
  ["a SKIP of seq 0", { ...skip, firstSeq: 0n }],
  ["a chain of 31 bytes", { ...skip, chain: new Uint8Array(31) }],
  ["a text of 257 bytes", { ...goaway, text: `${LONGEST}e` }],
  ["a text with half a surrogate pair", { ...goaway, text: "\ud800" }],
  ["an id of 15 bytes", { type: "cmdDone", stream: 0, id: new Uint8Array(15) }],
  ["FIRST without metadata", { ...later }],
  ["metadata without FIRST", { ...data, first: false }],
  ["DATA with seq 0", { ...data, seq: 0n }],
  ["DATA with seq 2^63", { ...data, seq: 2n ** 63n }],
  ["DATA with an offset below 0", { ...data, offset: -1 }],
  ["DATA with a total of 512 MiB and one byte", { ...data, total: 536_870_913 }],
  ["a hash of 31 bytes", { ...data, meta: { sha256: new Uint8Array(31), receivedAtMs: 0 } }],
  [
    "an attribute name with half a surrogate pair",
    { ...data, meta: { sha256: HASH, receivedAtMs: 0, attributes: { "\udc00": "" } } },
  ],
  [
    "a length of 512 MiB and one byte",
    { ...data, meta: { sha256: HASH, receivedAtMs: 0, length: 536_870_913 } },
  ],
  [
    "17 attributes",
    {
      ...data,
      meta: {
        sha256: HASH,
        receivedAtMs: 0,
        attributes: Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`a${index}`, ""])),
      },
    },
  ],
];

for (const [name, frame] of MISTAKES) {
  test(`encodeFrame refuses ${name} as the caller's mistake`, () => {
    assert.throws(() => encodeFrame(frame), RangeError);
  });
}

test("encodeFrame takes a text of 256 bytes", () => {
  assert.deepEqual(decodeFrame(encodeFrame({ ...goaway, text: LONGEST })), {
    ...goaway,
    text: LONGEST,
  });
});

function decodedOrRefused(bytes: Uint8Array): Frame | undefined {
  try {
    return decodeFrame(bytes);
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}
