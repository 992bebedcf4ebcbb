/** The receiver refuses, stays silent, or gives no credit (T-C05). It is played: only so it is unwilling at will. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CHAIN_START, chainInput } from "#protocol/chain.ts";
import { REJECT_CODE } from "#protocol/frame.ts";
import { issueAgent } from "#test/receiver/support/identities.ts";
import { AgentEnd } from "#test/support/agent-end.ts";
import { type FakeConnection, FakeReceiver } from "#test/support/fake-receiver.ts";
import { latin1 } from "#test/support/messages.ts";
import { until } from "#test/support/processes.ts";
import { sha256 } from "#test/support/test-outbox.ts";

const IDENTITY = await issueAgent("north/ward-1");
/** The streams of the channels adt and oru. */
const ADT = 1;
const ORU = 3;
const FIVE = ["M1", "M2", "M3", "M4", "M5"] as const;
const CREDIT_BYTES = 1 << 20;

/** TP15: the chain behind these messages. */
function chainBehind(bodies: readonly string[]): Uint8Array {
  return bodies.reduce<Uint8Array>(
    (chain, body, index) => sha256(chainInput(chain, 1n, BigInt(index + 1), sha256(latin1(body)))),
    CHAIN_START,
  );
}

/** Where the receiver stands once it has the first two of five. */
const HAS_TWO = { lastSeq: 2n, chain: chainBehind(FIVE.slice(0, 2)) };

/** Seqs of the messages that came on one stream, in order, with repeats. */
const came = ({ history }: FakeConnection, stream = ADT): number[] =>
  history.flatMap((frame) =>
    frame.type === "data" && frame.stream === stream && frame.last ? [Number(frame.seq)] : [],
  );

const cameUpTo = (agent: FakeConnection, count: number, stream = ADT): Promise<void> =>
  until(`${count} messages came`, () => came(agent, stream).length >= count);

class Scene implements AsyncDisposable {
  readonly receiver: FakeReceiver;
  readonly end: AgentEnd;

  private constructor(receiver: FakeReceiver, end: AgentEnd) {
    this.receiver = receiver;
    this.end = end;
  }

  /** Five messages wait. */
  static async open(): Promise<Scene> {
    const scene = new Scene(await FakeReceiver.open(), await AgentEnd.open());
    await scene.end.append(...FIVE);
    await scene.end.connect(scene.receiver.url, IDENTITY);
    return scene;
  }

  /** The next connection: welcomed, and both channels opened as the receiver stands. */
  async connected(
    adt: Parameters<FakeConnection["opened"]>[0] = {},
    welcome: Parameters<FakeConnection["welcome"]>[0] = {},
  ): Promise<FakeConnection> {
    const agent = await this.receiver.connection();
    await agent.welcome(welcome);
    assert.equal((await agent.opened(adt)).stream, ADT);
    assert.equal((await agent.opened()).stream, ORU);
    return agent;
  }

  /** The other channel is not concerned: a message of it comes and is settled. */
  async otherFlows(agent: FakeConnection): Promise<void> {
    await this.end.appendTo(2, ["O1"]);
    await cameUpTo(agent, 1, ORU);
    agent.ack(1n, ORU);
    await until("it is settled", async () => (await this.end.ackedSeq(2)) === 1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end[Symbol.asyncDispose]();
    await this.receiver[Symbol.asyncDispose]();
  }
}

test("[T-C05] [TP29] [TP30] refused for a while: it comes again with all behind it, in order, is not settled, and the fifth time is an alarm", async () => {
  await using scene = await Scene.open();
  const { end } = scene;
  const agent = await scene.connected();
  await cameUpTo(agent, 5);
  agent.ack(2n);
  const expected = [1, 2, 3, 4, 5];
  for (let round = 1; round <= 5; round++) {
    assert.deepEqual(end.conditions, [], `before refusal ${round}`);
    const code = REJECT_CODE.busy;
    agent.send({ type: "reject", stream: ADT, seq: 3n, code, permanent: false });
    await agent.opened(HAS_TWO);
    expected.push(3, 4, 5);
    await cameUpTo(agent, expected.length);
    assert.deepEqual(came(agent), expected);
    assert.equal(await end.ackedSeq(), 2);
  }
  assert.deepEqual(end.conditions, ["channelHeld"]);
  await scene.otherFlows(agent);
  agent.ack(5n);
  await end.settled();
  assert.deepEqual(end.conditions, []);
});

test("[T-C05] [TP30] refused for good: the channel is held with an alarm, nothing passes or is dropped, others flow, a restart begins with it", async () => {
  await using scene = await Scene.open();
  const { end } = scene;
  const agent = await scene.connected();
  await cameUpTo(agent, 5);
  agent.ack(2n);
  const code = REJECT_CODE.refused;
  agent.send({ type: "reject", stream: ADT, seq: 3n, code, permanent: true });
  await until("the alarm is open", () => end.conditions.includes("channelHeld"));
  // Its senders are served all the same.
  await end.append("M6");
  agent.ack(5n);
  await scene.otherFlows(agent);
  await end.store.outbox.probe();
  assert.deepEqual(came(agent), [1, 2, 3, 4, 5]);
  assert.equal(await end.ackedSeq(), 2, "an ack past a refusal settles nothing");
  assert.deepEqual(await end.store.bodies(), [...FIVE, "M6"]);

  await end.connect(scene.receiver.url, IDENTITY);
  const again = await scene.connected(HAS_TWO);
  await cameUpTo(again, 4);
  assert.deepEqual(came(again), [3, 4, 5, 6]);
  again.ack(6n);
  await end.settled();
});

test("[T-C05] [TP26] it takes everything and says nothing: hung up on, all sent again in order, none settled before its ack", async () => {
  await using scene = await Scene.open();
  const { end } = scene;
  for (let round = 1; round <= 2; round++) {
    const deaf = await scene.connected({}, { heartbeatMs: 500, session: round });
    await cameUpTo(deaf, 5);
    await deaf.closed();
    assert.deepEqual(came(deaf), [1, 2, 3, 4, 5]);
    assert.equal(end.tunnel.lastError?.code, "TUNNEL_SILENT");
    assert.equal(await end.ackedSeq(), 0);
  }
  const agent = await scene.connected({}, { session: 3 });
  await cameUpTo(agent, 5);
  agent.ack(5n);
  await end.settled();
  assert.deepEqual(end.conditions, []);
});

test("[T-C05] [TP20] no credit: nothing is sent, senders and the other channel are served, and all leaves in order when it comes", async () => {
  await using scene = await Scene.open();
  const { end } = scene;
  const agent = await scene.receiver.connection();
  await agent.welcome();
  await agent.opened({ credit: { streamLimit: 0 } });
  // Held back already while the other channel is not open yet.
  agent.send({ type: "ping", stream: 0, nonce: 7 });
  await until("the first is open", () => agent.history.some(({ type }) => type === "pong"));
  await end.store.outbox.probe();
  await end.store.outbox.probe();
  await agent.opened();
  await end.tunnel.reaches("throttled");
  await end.append("M6");
  await scene.otherFlows(agent);
  assert.deepEqual(came(agent), []);
  assert.equal(await end.ackedSeq(), 0);
  agent.send({ type: "credit", stream: ADT, credit: { streamLimit: CREDIT_BYTES } });
  await cameUpTo(agent, 6);
  assert.deepEqual(came(agent), [1, 2, 3, 4, 5, 6]);
  agent.ack(6n);
  await end.settled();
  await end.tunnel.reaches("streaming");
});
