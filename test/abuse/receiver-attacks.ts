/** What a receiver that has been taken over could send, as cases from a seed (08 9, D10). @module */
import { createHash } from "node:crypto";
import fc from "fast-check";
import { SPOKEN_CAPABILITIES } from "#protocol/capabilities.ts";
import type { Frame, OpenedFrame, WelcomeFrame } from "#protocol/frame.ts";
import { FRAME_MAX_BYTES } from "#protocol/limits.ts";
import { frameCase, type readingOf, type Wire } from "#test/fuzz/frame-cases.ts";
import { adt, latin1 } from "#test/support/messages.ts";
import { config, head, KEYS, signed, trust } from "#test/support/signed-documents.ts";

/**
 * unwelcomed: before HELLO was answered; hungry: no byte of a message may leave, so that nothing can be settled; fed:
 * messages leave, and are not acknowledged.
 */
const KINDS = ["unwelcomed", "hungry", "fed"] as const;

export interface Attack {
  readonly kind: (typeof KINDS)[number];
  readonly welcome: WelcomeFrame;
  /** How an OPEN is lied to while `hungry`. */
  readonly opened: Partial<OpenedFrame> | undefined;
  readonly wires: readonly Wire[];
}

const LAST_SEQ = (1n << 63n) - 1n;
const SEQS = [0n, 1n, 2n, 3n, 1_000n, LAST_SEQ];
const CHANNELS = [
  ...["orders", "adt", "files", "$documents", "$commands", "$status", "$outcomes", "$answers"],
  ...["elsewhere", "../../etc", "__proto__", "orders\0", ""],
];
const credit = { streamLimit: 1 << 30, connectionLimit: 1 << 30 };
const id = new Uint8Array(16);

const WELCOME: WelcomeFrame = {
  ...{ type: "welcome", stream: 0, minor: 0, capabilities: SPOKEN_CAPABILITIES, session: 1 },
  ...{ frameLimit: FRAME_MAX_BYTES, heartbeatMs: 10_000, upstreamCredit: 0, nowMs: Date.now() },
  ...{ messageLimit: 1 << 29, receiverStoreId: new Uint8Array(16).fill(9) },
};

function dataOf(stream: number, seq: bigint, bytes: Uint8Array): Frame {
  const sha256 = createHash("sha256").update(bytes).digest();
  return {
    ...{ type: "data", stream, seq, first: true, last: true, offset: 0, total: bytes.length },
    ...{ meta: { sha256, receivedAtMs: 0 }, payload: bytes },
  };
}

/** By keys that the attacker made, and by those that sign something else. */
function documents(name: { readonly tenant: string; readonly agent: string }): Uint8Array[] {
  const forged = [KEYS.hospital, KEYS.command, KEYS.head, KEYS.trust.slice(0, 1)];
  return forged.flatMap((keys) => [
    signed("config", config({ ...name, seq: 7 }), keys),
    signed("head", head({ ...name }), keys),
    signed("trust", trust({ tenant: name.tenant, version: 2 }), keys),
  ]);
}

/**
 * @param question an envelope that was good once
 * @param streams numbers that downstream channels may have
 * @param agent as TENANT/AGENT
 */
function fitting(question: Uint8Array, streams: readonly number[], agent: string): Frame[] {
  const [tenant = "", name = ""] = agent.split("/");
  const nonce = JSON.parse(Buffer.from(question).toString()) as object;
  const upstream = [1, 3, 5, 7, 9, 0xffff];
  const files = documents({ tenant, agent: name });
  return [
    ...upstream.flatMap((stream): Frame[] =>
      SEQS.flatMap((seq): Frame[] => [
        { type: "ack", stream, epoch: 1n, lastSeq: seq, credit },
        { type: "ack", stream, epoch: 2n, lastSeq: seq, credit },
        { type: "reject", stream, seq: seq === 0n ? 9n : seq, code: 3, permanent: true },
        { type: "partial", stream, seq: seq === 0n ? 9n : seq, durableOffset: 100 },
        { type: "opened", stream, status: 0, epoch: 1n, lastSeq: seq, chain: null, credit },
      ]),
    ),
    ...streams.flatMap((stream): Frame[] => [
      ...CHANNELS.filter((channel) => channel !== "").map(
        (channel): Frame => ({
          ...{ type: "open", stream, channel, epoch: 3n, nextSeq: 1n, priority: 1 },
          ...{ oldestRetainedSeq: null, previousEpoch: null },
        }),
      ),
      ...[1n, 2n, LAST_SEQ].map((seq) => dataOf(stream, seq, latin1(adt("ORDER")))),
      ...files.map((file, index) => dataOf(stream, BigInt(index + 1), file)),
      { type: "skip", stream, firstSeq: 1n, lastSeq: LAST_SEQ, reason: 2, chain: null },
    ]),
    ...[1, 2, 3, 4, 5, 6, 7, 8].map(
      (code): Frame => ({ type: "goaway", stream: 0, code: code as 1, retryAfterMs: 1 }),
    ),
    ...[question, Buffer.from(JSON.stringify(nonce)), ...files, new Uint8Array(16_384)].map(
      (document): Frame => ({ type: "cmd", stream: 0, id, document }),
    ),
    { type: "credit", stream: 0, credit },
    { type: "ping", stream: 0, nonce: 1 },
    { type: "pong", stream: 0, nonce: 1 },
    { type: "cmdDone", stream: 0, id },
    { type: "error", stream: 0, code: 1 },
    WELCOME,
  ];
}

const whole = fc.oneof(fc.nat(2), fc.constantFrom(65_535, 2 ** 31), fc.maxSafeNat());

const welcomes: fc.Arbitrary<WelcomeFrame> = fc
  .record(
    { session: whole, frameLimit: whole, heartbeatMs: whole, nowMs: whole, messageLimit: whole },
    { requiredKeys: [] },
  )
  .chain((change) => fc.constantFrom(WELCOME, WELCOME, { ...WELCOME, ...change }));

const lies: fc.Arbitrary<Partial<OpenedFrame> | undefined> = fc.option(
  fc.record(
    {
      status: fc.constantFrom(0, 1, 2, 3, 4),
      epoch: fc.constantFrom(0n, 1n, 2n, LAST_SEQ),
      lastSeq: fc.constantFrom(...SEQS),
      chain: fc.option(fc.uint8Array({ minLength: 32, maxLength: 32 })),
      credit: fc.constant({ streamLimit: 0 }),
      retryAfterMs: whole,
    },
    { requiredKeys: ["credit"] },
  ),
  { nil: { credit: { streamLimit: 0 } } },
);

/** Whole conversations; with one seed always the same. */
export function attacks(
  question: Uint8Array,
  streams: readonly number[],
  agent: string,
): fc.Arbitrary<Attack> {
  const frames = frameCase(KINDS, fitting(question, streams, agent), 12);
  return fc
    .record({ frames, welcome: welcomes, opened: lies })
    .map(({ frames: { stage, wires }, welcome, opened }) => ({
      kind: stage,
      welcome,
      opened,
      wires,
    }));
}

/** Whether a frame may come while messages leave: not one by which a receiver says that it has, or will never have, what it was sent. */
export function mayAppear(reading: ReturnType<typeof readingOf>): boolean {
  if (reading.kind !== "frame") return true;
  const { frame } = reading;
  if (frame.type === "ack") return frame.lastSeq === 0n || frame.lastSeq >= 1_000n;
  return frame.type !== "reject" && frame.type !== "opened";
}
