import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ErrorCode } from "#agent/errors.ts";
import { GOAWAY_CODE, type GoawayCode, OPENED_STATUS } from "#protocol/frame.ts";
import { freePort } from "#scripts/free-port.ts";
import { ManualClock } from "#test/support/clocks.ts";
import { FakeReceiver, type FakeReceiverOptions } from "#test/support/fake-receiver.ts";
import { ListedSource } from "#test/support/listed-source.ts";
import { until } from "#test/support/processes.ts";
import { TestTunnel } from "#test/support/test-tunnel.ts";

/** A receiver, and a tunnel to it whose time stands still until told. */
class Scene implements AsyncDisposable {
  readonly receiver: FakeReceiver;
  readonly clock = new ManualClock();
  readonly source: ListedSource;
  readonly tunnel: TestTunnel;

  private constructor(receiver: FakeReceiver, source: ListedSource, chance: number) {
    this.receiver = receiver;
    this.source = source;
    const { clock } = this;
    const half = { unit: () => chance, bytes: (count: number) => new Uint8Array(count) };
    this.tunnel = new TestTunnel(receiver.url, { clock, chance: half }, [source]);
    clock.advance(0);
  }

  static async open(
    bodies: readonly string[] = [],
    chance = 0.5,
    options: FakeReceiverOptions = {},
  ): Promise<Scene> {
    const source = new ListedSource("adt", ...bodies);
    return new Scene(await FakeReceiver.open(options), source, chance);
  }

  async streaming() {
    const agent = await this.receiver.connection();
    await agent.welcome();
    await agent.opened();
    await this.tunnel.reaches("streaming");
    return agent;
  }

  /** Asserts that the next dial comes `delayMs` from now and not a millisecond before. */
  async dialsIn(delayMs: number): Promise<void> {
    this.clock.advance(delayMs - 1);
    assert.notEqual(this.tunnel.state, "connecting");
    this.clock.advance(1);
    await until("it dials", () => !["disconnected", "sticky"].includes(this.tunnel.state));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.tunnel[Symbol.asyncDispose]();
    await this.receiver[Symbol.asyncDispose]();
    // What a session leaves until its socket is certainly gone.
    this.clock.advance(1_000);
    assert.equal(this.clock.armedCount, 0, "no timer is left");
  }
}

describe("tunnel", () => {
  test("[07 1.9] a CA that is withdrawn ends the connection at once, with nothing more said, and the next one is dialled", async () => {
    await using scene = await Scene.open(["one"]);
    const agent = await scene.streaming();
    scene.tunnel.tunnel.distrust();
    assert.equal(scene.tunnel.state, "connecting");
    await agent.closed();
    assert.equal(agent.closeCode, 1006, "no closing handshake");
    assert.equal(scene.tunnel.lastError?.code, "TUNNEL_CA_WITHDRAWN");
    await scene.streaming();
  });

  test("[07 1.9] a dial that was begun before a CA was withdrawn is not gone on with", async () => {
    await using scene = await Scene.open();
    assert.equal(scene.tunnel.state, "connecting");
    scene.tunnel.tunnel.distrust();
    scene.tunnel.tunnel.distrust();
    await scene.streaming();
    assert.equal(scene.receiver.connections.length, 1, "two dials were given up");
  });

  test("[TP1, A8] the receiver is away at start: it dials again and again, with growing patience", async () => {
    const port = await freePort();
    const clock = new ManualClock();
    const chance = { unit: () => 0.5, bytes: (count: number) => new Uint8Array(count) };
    await using tunnel = new TestTunnel(new URL(`wss://127.0.0.1:${port}`), { clock, chance }, []);
    for (const delayMs of [0, 500, 1_000, 2_000, 4_000, 8_000]) {
      clock.advance(delayMs);
      assert.equal(tunnel.state, "connecting");
      await tunnel.reaches("disconnected");
      clock.advance(0);
      assert.equal(tunnel.state, "disconnected", "not at once");
    }
    assert.equal(tunnel.lastError?.code, "TUNNEL_TCP_REFUSED");
    assert.deepEqual(
      tunnel.conditions.list().map(({ condition }) => condition),
      ["tunnelDown"],
    );
  });

  test("[TP27] a lost connection is made again after its delay; the condition closes once it streams", async () => {
    await using scene = await Scene.open();
    const agent = await scene.streaming();
    assert.deepEqual(scene.tunnel.conditions.list(), []);
    agent.socket.terminate();
    await scene.tunnel.reaches("disconnected");
    assert.equal(scene.tunnel.conditions.list()[0]?.condition, "tunnelDown");
    assert.deepEqual(scene.source.heard.at(-1), "disconnected");
    await scene.dialsIn(500);
    await scene.streaming();
    assert.deepEqual(scene.tunnel.conditions.list(), []);
  });

  test("[TP27] after 60 s of streaming the first delay is up to 30 s", async () => {
    await using scene = await Scene.open();
    const agent = await scene.streaming();
    for (let i = 0; i < 12; i++) {
      scene.clock.advance(5_000);
      agent.send({ type: "ping", stream: 0, nonce: i });
      await agent.next("pong");
    }
    agent.socket.terminate();
    await scene.tunnel.reaches("disconnected");
    await scene.dialsIn(15_000);
  });

  test("[TP26] three heartbeats of silence destroy the socket, without a closing handshake", async () => {
    await using scene = await Scene.open();
    const agent = await scene.streaming();
    scene.clock.advance(10_000);
    await agent.next("ping");
    assert.equal(scene.tunnel.state, "streaming");
    scene.clock.advance(20_000);
    await scene.tunnel.reaches("disconnected");
    assert.equal(scene.tunnel.lastError?.code, "TUNNEL_SILENT");
    await agent.closed();
    assert.equal(agent.closeCode, 1006, "no close frame");
  });

  test("[TP26, TP3] answered websocket pings are no sign of life", async () => {
    await using scene = await Scene.open();
    const agent = await scene.streaming();
    for (let i = 0; i < 3; i++) {
      scene.clock.advance(9_000);
      const ponged = new Promise((resolve) => agent.socket.once("pong", resolve));
      agent.socket.ping();
      await ponged;
    }
    scene.clock.advance(3_000);
    await scene.tunnel.reaches("disconnected");
    assert.equal(scene.tunnel.lastError?.code, "TUNNEL_SILENT");
  });

  test("[06 10] no WELCOME within 10 s, and no OPENED within 30 s, lose the connection", async () => {
    await using scene = await Scene.open();
    const first = await scene.receiver.connection();
    await first.next("hello");
    scene.clock.advance(10_000);
    await scene.tunnel.reaches("disconnected");
    await scene.dialsIn(500);
    const second = await scene.receiver.connection();
    await second.welcome();
    await second.next("open");
    for (let i = 0; i < 3; i++) {
      second.send({ type: "ping", stream: 0, nonce: i });
      await second.next("pong");
      scene.clock.advance(10_000);
    }
    await scene.tunnel.reaches("disconnected");
    assert.equal(scene.tunnel.lastError?.code, "TUNNEL_SILENT");
  });

  test("[TP10] the instance keeps its nonce over connections, and each is a new session to HELLO", async () => {
    await using scene = await Scene.open();
    const first = await scene.receiver.connection();
    const { instanceNonce, storeId } = await first.welcome();
    first.socket.terminate();
    await scene.tunnel.reaches("disconnected");
    await scene.dialsIn(500);
    const second = await scene.receiver.connection();
    const again = await second.welcome({ session: 2 });
    assert.deepEqual([again.instanceNonce, again.storeId], [instanceNonce, storeId]);
    await until("it is known", () => scene.tunnel.tunnel.standing.session === 2);
  });

  test("[TP1] never two connections: the old socket is gone before the new one is opened", async () => {
    await using scene = await Scene.open();
    for (let i = 0; i < 5; i++) {
      const agent = await scene.streaming();
      agent.send({ type: "error", stream: 0, code: 1 });
      await agent.closed();
      assert.equal(scene.receiver.connections.length, i + 1);
      await scene.tunnel.reaches("disconnected");
      scene.clock.advance(scene.tunnel.tunnel.standing.nextAttemptInMs ?? 0);
    }
  });
});

describe("tunnel that is told to go away", () => {
  for (const name of ["draining", "overload", "maxAge"] as const) {
    for (const retryAfterMs of [undefined, 20_000]) {
      test(`[TP27, TP32] ${name}, retry after ${retryAfterMs ?? "nothing"}: finishes, waits for ACKs, comes back`, async () => {
        await using scene = await Scene.open(["a"]);
        const agent = await scene.streaming();
        await agent.next("data");
        const retry = retryAfterMs === undefined ? {} : { retryAfterMs };
        agent.send({ type: "goaway", stream: 0, code: GOAWAY_CODE[name], ...retry });
        await scene.tunnel.reaches("draining");
        assert.equal((await agent.next("goaway")).code, GOAWAY_CODE.draining);
        scene.source.add("not on this connection");
        scene.tunnel.tunnel.wake(scene.source);
        agent.ack(1n);
        await agent.closed();
        assert.deepEqual([agent.closeCode, agent.arrivedSeqs], [1000, [1n]]);
        await scene.tunnel.reaches("disconnected");
        await scene.dialsIn((retryAfterMs ?? 0) + 15_000);
      });
    }
  }

  test("[TP27, 06 10] GOAWAY before WELCOME is obeyed, too", async () => {
    await using scene = await Scene.open();
    const agent = await scene.receiver.connection();
    await agent.next("hello");
    agent.send({ type: "goaway", stream: 0, code: GOAWAY_CODE.overload, retryAfterMs: 60_000 });
    await scene.tunnel.reaches("disconnected");
    await scene.dialsIn(75_000);
  });

  test("[TP32] an ACK that does not come is waited for ten seconds", async () => {
    await using scene = await Scene.open(["a"]);
    const agent = await scene.streaming();
    await agent.next("data");
    agent.send({ type: "goaway", stream: 0, code: GOAWAY_CODE.draining });
    await scene.tunnel.reaches("draining");
    scene.clock.advance(9_999);
    assert.equal(scene.tunnel.state, "draining");
    scene.clock.advance(1);
    assert.equal(scene.tunnel.state, "disconnected");
  });

  /** It may have been our own greeting, read late. */
  async function fencedOnce(scene: Scene): Promise<void> {
    const agent = await scene.streaming();
    agent.send({ type: "goaway", stream: 0, code: GOAWAY_CODE.fenced });
    await scene.tunnel.reaches("disconnected");
    await agent.closed();
    assert.equal(scene.tunnel.lastError?.code, "TUNNEL_FENCED");
    await scene.dialsIn(15_000);
  }

  test("[TP27] [RI2] fenced once it is back within 30 s, each time that comes after a day without", async () => {
    await using scene = await Scene.open();
    await fencedOnce(scene);
    for (let hours = 0; hours < 24; hours++) {
      const before = await scene.streaming();
      const code = GOAWAY_CODE.overload;
      before.send({ type: "goaway", stream: 0, code, retryAfterMs: 3_600_000 });
      await scene.tunnel.reaches("disconnected");
      await scene.dialsIn(3_615_000);
    }
    const agent = await scene.streaming();
    agent.send({ type: "goaway", stream: 0, code: GOAWAY_CODE.fenced });
    await scene.tunnel.reaches("disconnected");
    await scene.dialsIn(15_000);
    await scene.streaming();
  });

  const STICKY: readonly (readonly [keyof typeof GOAWAY_CODE, ErrorCode, string?])[] = [
    ["fenced", "TUNNEL_FENCED"],
    ["duplicateIdentity", "TUNNEL_DUPLICATE_IDENTITY"],
    ["version", "TUNNEL_VERSION"],
    ["denied", "TUNNEL_REFUSED", "CERT_DENIED"],
    ["certExpired", "TUNNEL_REFUSED", "CERT_HAS_EXPIRED"],
  ];
  for (const [name, expected, reason] of STICKY) {
    test(`[TP27] ${name} is sticky as ${expected}: a person must look, and it is tried all the same`, async () => {
      await using scene = await Scene.open();
      if (name === "fenced") await fencedOnce(scene);
      const agent = await scene.streaming();
      const code: GoawayCode = GOAWAY_CODE[name];
      agent.send({ type: "goaway", stream: 0, code });
      await scene.tunnel.reaches("sticky");
      await agent.closed();
      assert.equal(scene.tunnel.conditions.list()[0]?.condition, "tunnelDown");
      const { code: shown, facts } = scene.tunnel.lastError ?? {};
      assert.deepEqual([shown, facts?.["code"]], [expected, reason]);
      await scene.dialsIn(225_000);
      await scene.streaming();
    });
  }

  test("[TP27, 06 10] an operator does not wait: from a sticky state and between attempts it dials at once, and nothing else moves", async () => {
    await using scene = await Scene.open();
    const agent = await scene.streaming();
    const { tunnel } = scene.tunnel;
    assert.deepEqual(tunnel.dialNow(), { was: "streaming", dials: false });
    agent.send({ type: "goaway", stream: 0, code: GOAWAY_CODE.version });
    await scene.tunnel.reaches("sticky");
    assert.deepEqual(tunnel.dialNow(), { was: "sticky", dials: true });
    assert.deepEqual(tunnel.dialNow(), { was: "connecting", dials: false });
    const again = await scene.streaming();
    again.socket.terminate();
    await scene.tunnel.reaches("disconnected");
    assert.deepEqual(tunnel.dialNow(), { was: "disconnected", dials: true });
    await scene.streaming();
    assert.deepEqual(scene.tunnel.conditions.list(), []);
  });

  const REFUSED: readonly (readonly [string, ErrorCode, string, number])[] = [
    ["401 Unauthorized\r\nHoldfast-Reason: UNKNOWN_AGENT", "TUNNEL_REFUSED", "sticky", 225_000],
    ["400 Bad Request", "TUNNEL_VERSION", "sticky", 225_000],
    ["503 Busy\r\nRetry-After: 30", "TUNNEL_OVERLOADED", "disconnected", 45_000],
    ["503 Busy\r\nRetry-After: 90000", "TUNNEL_OVERLOADED", "disconnected", 3_615_000],
    ["503 Busy", "TUNNEL_OVERLOADED", "disconnected", 500],
    ["502 Bad Gateway", "TUNNEL_RECEIVER_FAILING", "disconnected", 500],
    ["302 Found", "TUNNEL_NOT_A_RECEIVER", "disconnected", 500],
  ];
  for (const [answer, code, state, delayMs] of REFUSED) {
    test(`[TP27, TP2, TP5] the upgrade answered ${answer.replaceAll("\r\n", ", ")} leaves it ${state} for ${delayMs} ms`, async () => {
      await using scene = await Scene.open([], 0.5, { answer });
      await scene.tunnel.reaches(state);
      assert.equal(scene.tunnel.lastError?.code, code);
      const conditions = scene.tunnel.conditions.list();
      const down = conditions.find(({ condition }) => condition === "tunnelDown");
      assert.equal(down?.facts["code"], code);
      const refused = conditions.find(({ condition }) => condition === "identityRefused");
      const reason = code === "TUNNEL_REFUSED" ? "UNKNOWN_AGENT" : undefined;
      assert.equal(refused?.facts["code"], reason);
      assert.equal(scene.tunnel.tunnel.standing.nextAttemptInMs, delayMs);
      await scene.dialsIn(delayMs);
      assert.equal(scene.tunnel.tunnel.standing.nextAttemptInMs, undefined);
    });
  }
});

describe("tunnel that is stopped", () => {
  test("[TP32] it says goodbye, waits for ACKs and closes with 1000", async () => {
    await using scene = await Scene.open(["a"]);
    const agent = await scene.streaming();
    await agent.next("data");
    const stopped = scene.tunnel.tunnel[Symbol.asyncDispose]();
    assert.equal((await agent.next("goaway")).code, GOAWAY_CODE.draining);
    agent.ack(1n);
    await stopped;
    await agent.closed();
    assert.deepEqual([agent.closeCode, scene.tunnel.state], [1000, "closed"]);
  });

  test("[TP32] a stop during GOAWAY keeps the ten seconds that had begun", async () => {
    await using scene = await Scene.open(["a"]);
    const agent = await scene.streaming();
    await agent.next("data");
    agent.send({ type: "goaway", stream: 0, code: GOAWAY_CODE.draining });
    await scene.tunnel.reaches("draining");
    const stopped = scene.tunnel.tunnel[Symbol.asyncDispose]();
    assert.equal(scene.tunnel.state, "draining");
    agent.ack(1n);
    await stopped;
    assert.ok(scene.source.heard.includes("acked 1 1"));
  });

  test("it stops at once in every state in which nothing is in flight", async () => {
    for (const at of ["connecting", "helloSent", "resuming", "streaming", "disconnected"]) {
      await using scene = await Scene.open();
      if (at !== "connecting") {
        const agent = await scene.receiver.connection();
        if (at !== "helloSent") await agent.welcome();
        if (at === "streaming") await agent.opened();
        if (at === "disconnected") agent.socket.terminate();
      }
      await scene.tunnel.reaches(at);
      await scene.tunnel.tunnel[Symbol.asyncDispose]();
      assert.equal(scene.tunnel.state, "closed");
    }
  });

  test("[TP20] it is throttled while credit is used up, and streams when there is more", async () => {
    await using scene = await Scene.open(["a", "b"]);
    const agent = await scene.receiver.connection();
    await agent.welcome();
    await agent.opened({ status: OPENED_STATUS.ok, credit: { streamLimit: 100 } });
    await scene.tunnel.reaches("throttled");
    agent.send({ type: "credit", stream: 1, credit: { streamLimit: 10_000 } });
    await scene.tunnel.reaches("streaming");
    await until("both arrived", () => agent.arrivedSeqs.length === 2);
    assert.deepEqual(scene.tunnel.conditions.list(), []);
    assert.ok(!scene.tunnel.logged.includes("tunnelState throttled"), "status shows it, no log");
  });
});
