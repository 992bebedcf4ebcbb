import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { encodeFrame } from "#protocol/codec.ts";
import { ERROR_CODE, type Frame, OPENED_STATUS } from "#protocol/frame.ts";
import { FRAME_MAX_BYTES } from "#protocol/limits.ts";
import { type FakeConnection, FakeReceiver } from "#test/support/fake-receiver.ts";
import { ListedSource } from "#test/support/listed-source.ts";
import { until } from "#test/support/processes.ts";
import { TestTunnel } from "#test/support/test-tunnel.ts";

interface Scene extends AsyncDisposable {
  readonly receiver: FakeReceiver;
  readonly tunnel: TestTunnel;
  readonly agent: FakeConnection;
}

/** A tunnel that has just connected; nothing has been answered. */
async function connected(...sources: readonly ListedSource[]): Promise<Scene> {
  const receiver = await FakeReceiver.open();
  const tunnel = new TestTunnel(receiver.url, {}, sources);
  const agent = await receiver.connection();
  const dispose = async (): Promise<void> => {
    await tunnel[Symbol.asyncDispose]();
    await receiver[Symbol.asyncDispose]();
  };
  return { receiver, tunnel, agent, [Symbol.asyncDispose]: dispose };
}

/** The same, welcomed and with its one channel opened. */
async function streaming(source: ListedSource): Promise<Scene> {
  const scene = await connected(source);
  await scene.agent.welcome();
  await scene.agent.opened();
  await scene.tunnel.reaches("streaming");
  return scene;
}

const PING: Frame = { type: "ping", stream: 0, nonce: 42 };
const STRAY_ACK: Frame = { type: "ack", stream: 99, epoch: 1n, lastSeq: 1n, credit: {} };
const SKIP: Frame = {
  type: "skip",
  stream: 1,
  firstSeq: 1n,
  lastSeq: 1n,
  reason: 1,
  chain: null,
};

describe("session", () => {
  test("[TP10, TP13] HELLO comes first, with store, instance, version and limits; OPEN after WELCOME", async () => {
    await using scene = await connected(new ListedSource("adt"), new ListedSource("oru"));
    const { agent, tunnel } = scene;
    const before = Date.now();
    const hello = await agent.next("hello");
    assert.deepEqual(
      agent.history.map(({ type }) => type),
      ["hello"],
    );
    assert.deepEqual(hello.minorRange, [0, 0]);
    assert.deepEqual([...hello.storeId], new Array(16).fill(3));
    assert.deepEqual([...hello.instanceNonce], new Array(16).fill(5));
    assert.deepEqual([hello.version, hello.frameLimit], ["0.1.0", FRAME_MAX_BYTES]);
    assert.ok(Math.abs(hello.nowMs - before) < 60_000);
    agent.frames.unshift(hello);
    await agent.welcome({ nowMs: hello.nowMs + 5_000 });
    assert.deepEqual((await agent.opened()).stream, 1);
    assert.deepEqual((await agent.opened()).stream, 3);
    await tunnel.reaches("streaming");
    const { clockSkewMs = 0, session } = tunnel.tunnel.standing;
    assert.ok(Math.abs(clockSkewMs - 5_000) < 1_000);
    assert.equal(session, 1);
  });

  test("[TP14] OPEN names channel, epoch, next unsettled seq and what is retained", async () => {
    await using scene = await connected(new ListedSource("adt", "a", "b"));
    await scene.agent.welcome();
    const { channel, epoch, nextSeq, oldestRetainedSeq, previousEpoch } =
      await scene.agent.opened();
    assert.deepEqual([channel, epoch, nextSeq, oldestRetainedSeq], ["adt", 1n, 1n, 1n]);
    assert.equal(previousEpoch, null);
  });

  for (const [what, frame, code] of [
    ["PING", PING, ERROR_CODE.outOfOrder],
    ["ACK", { type: "ack", stream: 1, epoch: 1n, lastSeq: 1n, credit: {} }, ERROR_CODE.outOfOrder],
    ["CREDIT", { type: "credit", stream: 0, credit: {} }, ERROR_CODE.outOfOrder],
  ] as const satisfies readonly (readonly [string, Frame, number])[]) {
    test(`[TP10] ${what} before WELCOME is answered ERROR, close 1002, and tried again`, async () => {
      await using scene = await connected(new ListedSource("adt"));
      const { agent, receiver, tunnel } = scene;
      await agent.next("hello");
      agent.send(frame);
      assert.equal((await agent.next("error")).code, code);
      await agent.closed();
      assert.equal(agent.closeCode, 1002);
      await receiver.connection();
      assert.equal(tunnel.lastError?.code, "TUNNEL_PROTOCOL");
    });
  }

  test("[TP10] a frame in the same packet as the upgrade is read, and refused like any other", async () => {
    await using receiver = await FakeReceiver.open({ withUpgrade: encodeFrame(PING) });
    await using tunnel = new TestTunnel(receiver.url, {}, []);
    const agent = await receiver.connection();
    assert.equal((await agent.next("error")).code, ERROR_CODE.outOfOrder);
    await until("it is known", () => tunnel.lastError?.code === "TUNNEL_PROTOCOL");
  });

  for (const [what, bytes, code] of [
    ["a text message", "hello", ERROR_CODE.malformed],
    ["an unknown frame", new Uint8Array([0x7f, 0, 0, 0]), ERROR_CODE.unknownFrame],
    ["a frame that ends in its header", new Uint8Array([1]), ERROR_CODE.malformed],
    ["a second WELCOME", undefined, ERROR_CODE.outOfOrder],
    ["SKIP", encodeFrame(SKIP), ERROR_CODE.outOfOrder],
    ["an ACK for a stream that is not open", encodeFrame(STRAY_ACK), ERROR_CODE.outOfOrder],
  ] as const) {
    test(`[TP3, TP6] ${what} is answered ERROR and close 1002`, async () => {
      await using scene = await streaming(new ListedSource("adt"));
      const { agent } = scene;
      if (bytes === undefined) {
        agent.frames.push({ ...(agent.history[0] as Extract<Frame, { type: "hello" }>) });
        await agent.welcome();
      } else agent.socket.send(bytes);
      assert.equal((await agent.next("error")).code, code);
      await agent.closed();
      assert.equal(agent.closeCode, 1002);
    });
  }

  test("[TP3] a message above the frame limit closes with 1009", async () => {
    await using scene = await streaming(new ListedSource("adt"));
    scene.agent.socket.send(new Uint8Array(FRAME_MAX_BYTES + 1));
    await scene.agent.closed();
    assert.equal(scene.agent.closeCode, 1009);
  });

  test("[TP6, TP7] an unknown frame that may be ignored is", async () => {
    await using scene = await streaming(new ListedSource("adt"));
    scene.agent.socket.send(new Uint8Array([0x7f, 0x80, 0, 0, 1, 2, 3]));
    scene.agent.send(PING);
    assert.equal((await scene.agent.next("pong")).nonce, 42);
  });

  test("[TP26, TP3] PING is answered with its nonce; a websocket ping too, and means nothing", async () => {
    await using scene = await streaming(new ListedSource("adt"));
    const { agent } = scene;
    const ponged = new Promise((resolve) => agent.socket.once("pong", resolve));
    agent.socket.ping();
    await ponged;
    agent.send(PING);
    assert.equal((await agent.next("pong")).nonce, 42);
  });

  test("[TP34] a downstream channel is refused as unknown", async () => {
    await using scene = await streaming(new ListedSource("adt"));
    const open = { type: "open", stream: 2, channel: "orders", epoch: 4n, nextSeq: 1n } as const;
    scene.agent.send({ ...open, oldestRetainedSeq: null, previousEpoch: null, priority: 1 });
    const { stream, status, epoch } = await scene.agent.next("opened");
    assert.deepEqual([stream, status, epoch], [2, OPENED_STATUS.unknown, 4n]);
  });

  for (const [what, more] of [
    ["a frame limit below what may be negotiated", { frameLimit: 8_000 }],
    ["a minor version that was not offered", { minor: 1 }],
    ["a heartbeat of nothing", { heartbeatMs: 0 }],
  ] as const) {
    test(`[TP11, TP26] WELCOME with ${what} is answered ERROR`, async () => {
      await using scene = await connected(new ListedSource("adt"));
      await scene.agent.welcome(more);
      await scene.agent.next("error");
      await scene.agent.closed();
      assert.equal(scene.agent.closeCode, 1002);
    });
  }
});

describe("session and the word of the receiver", () => {
  test("[TP14] a channel streams as soon as its own OPENED is here", async () => {
    const [adt, oru] = [new ListedSource("adt", "a"), new ListedSource("oru", "b")];
    await using scene = await connected(adt, oru);
    const { agent, tunnel } = scene;
    await agent.welcome();
    await agent.opened();
    await agent.next("data");
    assert.equal(tunnel.state, "resuming");
    assert.ok(agent.history.every((frame) => frame.type !== "data" || frame.stream === 1));
    const late = { status: OPENED_STATUS.ok, epoch: 1n, credit: { streamLimit: 1_000 } } as const;
    agent.send({ type: "opened", stream: 3, ...late, lastSeq: 0n, chain: null });
    assert.equal((await agent.next("data")).stream, 3);
    await tunnel.reaches("streaming");
  });

  test("[TP14] nothing leaves on a stream whose OPENED was not OK, or whose source says no", async () => {
    const [held, silent, flowing] = [
      new ListedSource("held", "a"),
      new ListedSource("silent", "b"),
      new ListedSource("flowing", "c"),
    ];
    silent.mayFlow = false;
    await using scene = await connected(held, silent, flowing);
    const { agent, tunnel } = scene;
    await agent.welcome();
    await agent.opened({ status: OPENED_STATUS.held });
    await agent.opened();
    await agent.opened();
    await agent.next("data");
    await tunnel.reaches("streaming");
    agent.send(PING);
    await agent.next("pong");
    const streams = agent.history.flatMap((frame) => (frame.type === "data" ? [frame.stream] : []));
    assert.deepEqual(streams, [5]);
  });

  test("[TP19, T-P02] repeated and reordered ACK and CREDIT have no effect beyond the newest", async () => {
    const source = new ListedSource("adt", "a", "b", "c", "d");
    await using scene = await connected(source);
    const { agent } = scene;
    await agent.welcome({ upstreamCredit: 200 });
    await agent.opened({ credit: { streamLimit: 200 } });
    await agent.next("data");
    const sent = agent.dataBytes;
    const credit = { streamLimit: 100, connectionLimit: 100 };
    for (const lastSeq of [1n, 1n, 0n, 1n]) {
      agent.send({ type: "ack", stream: 1, epoch: 1n, lastSeq, credit });
      agent.send({ type: "credit", stream: 1, credit }, { type: "credit", stream: 0, credit });
    }
    agent.send(PING);
    await agent.next("pong");
    assert.equal(agent.dataBytes, sent, "no lower limit frees a byte");
    assert.equal(source.inFlight, source.nextIndex > 1);
    agent.send({
      type: "credit",
      stream: 1,
      credit: { streamLimit: 10_000, connectionLimit: 10_000 },
    });
    await until("all arrived", () => agent.arrivedSeqs.length === 4);
    assert.deepEqual(agent.arrivedSeqs, [1n, 2n, 3n, 4n]);
  });

  test("[TP29] REJECT is told to its source, and no other stream", async () => {
    const [adt, oru] = [new ListedSource("adt", "a"), new ListedSource("oru", "b")];
    await using scene = await connected(adt, oru);
    const { agent } = scene;
    await agent.welcome();
    await agent.opened();
    await agent.opened();
    agent.send({ type: "reject", stream: 3, seq: 1n, code: 8, permanent: false, retryAfterMs: 9 });
    await until("it is told", () => oru.heard.includes("rejected 1 8 false"));
    assert.ok(!adt.heard.some((line) => line.startsWith("rejected")));
  });

  test("[06 8] ERROR from the receiver ends the connection; no reply is owed", async () => {
    await using scene = await streaming(new ListedSource("adt"));
    const { agent, receiver, tunnel } = scene;
    const before = agent.history.length;
    agent.send({ type: "error", stream: 0, code: ERROR_CODE.credit });
    await agent.closed();
    assert.equal(agent.history.length, before);
    await receiver.connection();
    assert.equal(tunnel.lastError?.code, "TUNNEL_PROTOCOL");
  });
});
