/** Bytes are altered on their way: under TLS, and behind it (T-N07). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { decodeFrame, encodeFrame } from "#protocol/codec.ts";
import { type DataFrame, REJECT_CODE, type RejectFrame } from "#protocol/frame.ts";
import { FilteredLine } from "#test/support/filtered-line.ts";
import { until } from "#test/support/processes.ts";
import { RelayLine } from "#test/support/relay-line.ts";

const filler = "-".repeat(2_000);
const ROUNDS = 5;
/** Per byte: acks are much smaller than what they are about. */
const CHANCES = { up: 1e-4, down: 2e-3 } as const;

/** How many bits the rig has flipped; it counts them beside what `FaultProxy` declares. */
function flipCount(stats: object): number {
  return "flipped" in stats ? Number(stats.flipped) : Number.NaN;
}

describe("bits flipped on the TLS stream", () => {
  for (const direction of ["up", "down"] as const) {
    test(`[T-N07] on its way ${direction}: the connection ends, and each message arrives once, unchanged`, async (context) => {
      // Of a length that is altered the other side hears nothing: the heartbeat ends it.
      await using line = await RelayLine.open(500);
      line.openTunnel();
      await line.tunnel.reaches("streaming");
      const session = (): number => line.tunnel.tunnel.standing.session ?? 0;
      for (let round = 1; round <= ROUNDS; round++) {
        const [before, flips] = [session(), flipCount(line.proxy.stats())];
        line.proxy.set({ [`${direction}.corrupt`]: CHANCES[direction] });
        await until("a bit is flipped", async () => {
          await line.append(`${line.sent[0]?.length} ${filler}`);
          return flipCount(line.proxy.stats()) > flips;
        });
        line.proxy.set({ corrupt: 0 });
        await until("another connection", () => session() > before, 20_000);
      }
      line.proxy.clear();
      await line.arrivesWhole();
      context.diagnostic(`${flipCount(line.proxy.stats())} bits, session ${session()}`);
    });
  }
});

/** What a broken middle does with a chunk. The payload is a view into the frame: written to, it is altered. */
type Alteration = (frame: DataFrame, bytes: Uint8Array) => Uint8Array;

function flip(bytes: Uint8Array, at: number): void {
  bytes[at] = (bytes[at] ?? 0) ^ 0x20;
}

const payloadByte: Alteration = ({ payload }, bytes) => {
  flip(payload, payload.length >> 1);
  return bytes;
};

const hashByte: Alteration = (frame, bytes) => {
  if (frame.meta === undefined) return bytes;
  const sha256 = new Uint8Array(frame.meta.sha256);
  flip(sha256, 0);
  return encodeFrame({ ...frame, meta: { ...frame.meta, sha256 } });
};

/** What went by: every DATA of the message that is altered, and every REJECT. */
interface Seen {
  readonly starts: DataFrame[];
  readonly rejects: RejectFrame[];
}

/** Alters one chunk of message `seq`, the first time that it comes with `offset` or beyond. */
function alterOnce(
  { middle }: FilteredLine,
  { seq, offset, alteration }: { seq: bigint; offset: number; alteration: Alteration },
): Seen {
  const seen: Seen = { starts: [], rejects: [] };
  let isDone = false;
  middle.filter = (bytes) => {
    const frame = decodeFrame(bytes);
    if (frame?.type === "reject") seen.rejects.push(frame);
    if (frame?.type !== "data" || frame.seq !== seq) return bytes;
    if (frame.first) seen.starts.push(frame);
    if (isDone || frame.offset < offset) return bytes;
    isDone = true;
    return alteration(frame, bytes);
  };
  return seen;
}

/** Message 2 is altered: `line.end.sent` says what was sent. */
async function refusedThenWhole(line: FilteredLine, seen: Seen): Promise<void> {
  await line.connect();
  await until("the receiver refuses it", () => seen.rejects.length > 0);
  let stored: string[] = [];
  await until("what came before it is stored", async () => {
    stored = await line.agent.stored();
    return stored.length > 0;
  });
  const sent = line.end.sent.flat();
  assert.deepEqual(stored, sent.slice(0, stored.length), "nothing altered is stored");
  await line.arrivesWhole();
  assert.deepEqual(
    seen.rejects.map(({ seq, code, permanent }) => [seq, code, permanent]),
    [[2n, REJECT_CODE.hash, false]],
  );
  assert.equal(seen.starts.length, 2, "it was sent again, once");
  assert.equal(line.middle.connectionCount, 1, "on the same connection");
}

describe("bytes altered inside TLS, between two real ends", () => {
  for (const [what, alteration] of [
    ["one byte of its body", payloadByte],
    ["one byte of its hash", hashByte],
  ] as const) {
    test(`[T-N07] [TP9] [RI1] ${what}: hash refused, never stored, sent again, arrives whole`, async () => {
      await using line = await FilteredLine.open();
      await line.end.append("first", `second ${filler}`, "third");
      await refusedThenWhole(line, alterOnce(line, { seq: 2n, offset: 0, alteration }));
    });
  }

  test("[T-N07] [TP9] [RI1] one byte in the middle of a large message: refused as a whole, arrives whole", async () => {
    await using line = await FilteredLine.open();
    const large = `large ${"0123456789abcdef".repeat(200_000)}`;
    await line.end.append("first");
    await line.end.appendLarge("large", large);
    await line.end.append("third");
    const where = { seq: 2n, offset: 1_500_000, alteration: payloadByte };
    await refusedThenWhole(line, alterOnce(line, where));
  });
});
