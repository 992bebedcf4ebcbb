/** A message that goes on where the receiver has it (06 TP14, TP25), as a source sends it. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type DataFrame, ERROR_CODE, type OpenedFrame } from "#protocol/frame.ts";
import { CHUNK_MAX_BYTES } from "#protocol/limits.ts";
import { type FakeConnection, FakeReceiver } from "#test/support/fake-receiver.ts";
import { ListedSource } from "#test/support/listed-source.ts";
import { until } from "#test/support/processes.ts";
import { TestTunnel } from "#test/support/test-tunnel.ts";

/** Begins its messages where OPENED says. */
class ResumingSource extends ListedSource {
  override async opened(frame: OpenedFrame): Promise<boolean> {
    this.from = frame.partial?.durableOffset ?? 0;
    return super.opened(frame);
  }
}

const body = Uint8Array.from({ length: 100_000 }, (_, index) => index % 251);

async function dataFrom(
  source: ResumingSource,
  capabilities: readonly string[],
  durableOffset: number,
): Promise<DataFrame[]> {
  await using receiver = await FakeReceiver.open();
  await using _tunnel = new TestTunnel(receiver.url, {}, [source]);
  const agent = await receiver.connection();
  await agent.welcome({ capabilities });
  await agent.opened({ partial: { seq: 1n, durableOffset } });
  return await dataOf(agent);
}

async function dataOf(agent: FakeConnection): Promise<DataFrame[]> {
  const frames = (): DataFrame[] =>
    agent.history.flatMap((frame) => (frame.type === "data" ? [frame] : []));
  await until("the last chunk", () => frames().some(({ last }) => last));
  return frames();
}

const offsets = (frames: readonly DataFrame[]): number[] => frames.map(({ offset }) => offset);

describe("message that is resumed", () => {
  test("[TP12] HELLO lists what the agent speaks", async () => {
    await using receiver = await FakeReceiver.open();
    await using _tunnel = new TestTunnel(receiver.url, {}, []);
    const agent = await receiver.connection();
    assert.deepEqual((await agent.welcome()).capabilities, ["partial", "downstream", "commands"]);
  });

  for (const [kind, partBytes] of [
    ["whole", undefined],
    ["in parts", 10_000],
  ] as const) {
    test(`[TP14] [TP8] ${kind}, it goes on at the offset of OPENED; FIRST carries the metadata there`, async () => {
      const source = new ResumingSource("adt");
      source.messages.push({ body, ...(partBytes === undefined ? {} : { partBytes }) });
      const frames = await dataFrom(source, ["partial", "later"], 50_001);
      const [first, ...rest] = frames;
      assert.ok(first?.first);
      assert.equal(first.offset, 50_001);
      assert.equal(first.total, body.length);
      assert.ok((first.meta?.sha256.length ?? 0) > 0);
      assert.ok(rest.every((frame) => !frame.first && frame.meta === undefined));
      const sent = Buffer.concat(frames.map(({ payload }) => payload));
      assert.deepEqual(sent, Buffer.from(body.subarray(50_001)));
      assert.equal(frames.at(-1)?.last, true);
    });

    test(`[TP14] ${kind}, of a message that the receiver has to its end one empty chunk leaves`, async () => {
      const source = new ResumingSource("adt");
      source.messages.push({ body, ...(partBytes === undefined ? {} : { partBytes }) });
      const frames = await dataFrom(source, ["partial"], body.length);
      assert.equal(frames.length, 1);
      const [only] = frames;
      assert.deepEqual([only?.first, only?.last, only?.payload.length], [true, true, 0]);
      assert.equal(only?.offset, body.length);
    });
  }

  test("[TP25] without the capability in force it begins at 0, whatever OPENED says", async () => {
    const source = new ResumingSource("adt", body);
    assert.deepEqual(offsets(await dataFrom(source, ["zstd"], 50_000)), [
      0,
      CHUNK_MAX_BYTES,
      2 * CHUNK_MAX_BYTES,
      3 * CHUNK_MAX_BYTES,
    ]);
  });

  test("[TP14] OPENED again on one connection, as after REJECT, tells the offset again", async () => {
    const source = new ResumingSource("adt");
    await using receiver = await FakeReceiver.open();
    await using tunnel = new TestTunnel(receiver.url, {}, [source]);
    const agent = await receiver.connection();
    await agent.welcome({ capabilities: ["partial"] });
    await agent.opened();
    await tunnel.reaches("streaming");
    source.add(body);
    tunnel.tunnel.wake(source);
    await dataOf(agent);
    agent.history.length = 0;
    agent.send({ type: "reject", stream: 1, seq: 1n, code: 6, permanent: false });
    tunnel.tunnel.reopen(source);
    await agent.opened({ partial: { seq: 1n, durableOffset: 99_000 } });
    const again = await dataOf(agent);
    assert.deepEqual(
      again.map(({ first, offset, meta }) => [first, offset, meta !== undefined]),
      [[true, 99_000, true]],
    );
  });

  test("[TP25] PARTIAL is taken where it is in force, and out of order where it is not", async () => {
    for (const capabilities of [["partial"], []]) {
      await using receiver = await FakeReceiver.open();
      await using _tunnel = new TestTunnel(receiver.url, {}, [new ListedSource("adt", "a")]);
      const agent = await receiver.connection();
      await agent.welcome({ capabilities });
      await agent.opened();
      agent.send({ type: "partial", stream: 1, seq: 1n, durableOffset: 7 });
      agent.send({ type: "ping", stream: 0, nonce: 42 });
      if (capabilities.length > 0) assert.equal((await agent.next("pong")).nonce, 42);
      else assert.equal((await agent.next("error")).code, ERROR_CODE.outOfOrder);
    }
  });
});
