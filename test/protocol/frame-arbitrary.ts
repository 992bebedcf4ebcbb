/**
 * Any frame that the protocol allows, for property tests.
 *
 * @module
 */
import fc from "fast-check";
import type { Frame, MessageMeta } from "#protocol/frame.ts";

const UINT63_MAX = 2n ** 63n - 1n;

const uint = fc.oneof(
  fc.nat({ max: 300 }),
  fc.constantFrom(0xffff, 0x1_0000, 0xffff_ffff, 0x1_0000_0000),
  fc.maxSafeNat(),
);
const seq = fc.oneof(fc.bigInt({ min: 1n, max: 300n }), fc.bigInt({ min: 1n, max: UINT63_MAX }));
const uint63 = fc.oneof(fc.constant(0n), seq);
const bytes = (min: number, max: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: min, maxLength: max });
const id = bytes(16, 16);
const hash = bytes(32, 32);
const textUpTo = (maxLength: number): fc.Arbitrary<string> =>
  // One code point is at most four bytes.
  fc.oneof(fc.string({ maxLength }), fc.string({ unit: "binary", maxLength: maxLength / 4 }));
const text = textUpTo(256);
const stream = fc.integer({ min: 1, max: 0xffff });
const capabilities = fc.array(fc.string({ minLength: 1, maxLength: 32 }), { maxLength: 5 });

const size = fc.integer({ min: 0, max: 536_870_912 });

const credit = fc.record(
  { streamLimit: uint, connectionLimit: uint, bytesReceived: uint },
  { requiredKeys: [] },
);

const meta: fc.Arbitrary<MessageMeta> = fc.record(
  {
    sha256: hash,
    receivedAtMs: uint,
    mediaType: text,
    encoding: fc.constantFrom(0, 1, 2),
    length: size,
    source: text,
    traceparent: text,
    replaces: fc.record({ epoch: uint63, seq }),
    attributes: fc.dictionary(textUpTo(40), text, { maxKeys: 16 }),
  },
  { requiredKeys: ["sha256", "receivedAtMs"] },
);

const chunk = { stream, last: fc.boolean(), seq, payload: bytes(0, 64) };

const arbitraries: { [Name in Frame["type"]]: fc.Arbitrary<Extract<Frame, { type: Name }>> } = {
  hello: fc.record({
    ...connection("hello"),
    minorRange: fc.tuple(uint, uint),
    capabilities,
    storeId: id,
    instanceNonce: id,
    version: text,
    frameLimit: uint,
    nowMs: uint,
    downstreamCredit: uint,
  }),
  welcome: fc.record({
    ...connection("welcome"),
    minor: uint,
    capabilities,
    session: uint,
    frameLimit: uint,
    heartbeatMs: uint,
    upstreamCredit: uint,
    nowMs: uint,
    messageLimit: uint,
    receiverStoreId: id,
  }),
  open: fc.record(
    {
      type: fc.constant("open" as const),
      stream,
      channel: textUpTo(128),
      epoch: uint63,
      nextSeq: seq,
      oldestRetainedSeq: fc.option(seq),
      previousEpoch: fc.option(fc.record({ epoch: uint63, finalSeq: fc.option(uint63) })),
      priority: fc.constantFrom(0, 1, 2),
      newEpochReason: uint,
    },
    {
      requiredKeys: [
        "type",
        "stream",
        "channel",
        "epoch",
        "nextSeq",
        "oldestRetainedSeq",
        "previousEpoch",
        "priority",
      ],
    },
  ),
  opened: fc.record(
    {
      type: fc.constant("opened" as const),
      stream,
      status: fc.constantFrom(0, 1, 2, 3, 4),
      epoch: uint63,
      credit,
      lastSeq: uint63,
      chain: fc.option(hash),
      partial: fc.record({ seq, durableOffset: uint }),
      text,
      retryAfterMs: uint,
    },
    { requiredKeys: ["type", "stream", "status", "epoch", "credit", "lastSeq", "chain"] },
  ),
  data: fc.oneof(
    fc.record({
      type: fc.constant("data" as const),
      ...chunk,
      first: fc.constant(true),
      offset: size,
      total: size,
      meta,
    }),
    fc.record({
      type: fc.constant("data" as const),
      ...chunk,
      first: fc.constant(false),
      offset: size,
      total: size,
    }),
  ),
  skip: fc
    .record(
      {
        type: fc.constant("skip" as const),
        stream,
        firstSeq: seq,
        lastSeq: seq,
        reason: fc.constantFrom(1, 2, 3, 4),
        chain: fc.option(hash),
        text,
      },
      { requiredKeys: ["type", "stream", "firstSeq", "lastSeq", "reason", "chain"] },
    )
    .filter((skip) => skip.firstSeq <= skip.lastSeq),
  ack: fc.record({
    type: fc.constant("ack" as const),
    stream,
    epoch: uint63,
    lastSeq: uint63,
    credit,
  }),
  partial: fc.record({ type: fc.constant("partial" as const), stream, seq, durableOffset: uint }),
  credit: fc.record({
    type: fc.constant("credit" as const),
    stream: fc.integer({ min: 0, max: 0xffff }),
    credit,
  }),
  reject: fc.record(
    {
      type: fc.constant("reject" as const),
      stream,
      seq,
      code: fc.constantFrom(1, 2, 3, 4, 5, 6, 7, 8),
      permanent: fc.boolean(),
      retryAfterMs: uint,
      text,
    },
    { requiredKeys: ["type", "stream", "seq", "code", "permanent"] },
  ),
  ping: fc.record(
    { ...connection("ping"), nonce: uint, unsettledCount: uint, oldestAgeMs: uint },
    { requiredKeys: ["type", "stream", "nonce"] },
  ),
  pong: fc.record({ ...connection("pong"), nonce: uint }),
  cmd: fc.record({ ...connection("cmd"), id, document: bytes(0, 300) }),
  cmdResult: fc.record(
    {
      ...connection("cmdResult"),
      id,
      result: uint,
      answer: bytes(0, 300),
      answerAt: fc.record({ epoch: uint63, seq }),
      text,
    },
    { requiredKeys: ["type", "stream", "id", "result"] },
  ),
  cmdDone: fc.record({ ...connection("cmdDone"), id }),
  goaway: fc.record(
    {
      ...connection("goaway"),
      code: fc.constantFrom(1, 2, 3, 4, 5, 6, 7, 8),
      retryAfterMs: uint,
      text,
    },
    { requiredKeys: ["type", "stream", "code"] },
  ),
  error: fc.record(
    { ...connection("error"), code: fc.constantFrom(1, 2, 3, 4, 5), frameType: uint, text },
    { requiredKeys: ["type", "stream", "code"] },
  ),
};

// Records of fast-check may lack a prototype, which a decoded frame never does; a clone has one.
export const frameArbitrary: fc.Arbitrary<Frame> = fc
  .oneof(...Object.values(arbitraries))
  .map((frame): Frame => structuredClone(frame));

function connection<Name extends Frame["type"]>(
  name: Name,
): { type: fc.Arbitrary<Name>; stream: fc.Arbitrary<0> } {
  return { type: fc.constant(name), stream: fc.constant(0) };
}
