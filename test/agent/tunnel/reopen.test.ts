import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { OPENED_STATUS, type OpenedFrame } from "#protocol/frame.ts";
import type {
  OutgoingMessage,
  OutgoingSkip,
  StreamStanding,
} from "#streams/source/source-stream.ts";
import { FakeReceiver } from "#test/support/fake-receiver.ts";
import { ListedSource } from "#test/support/listed-source.ts";
import { until } from "#test/support/processes.ts";
import { TestTunnel } from "#test/support/test-tunnel.ts";

/** A source that says where it stands, that may have gaps, and that answers OPENED when it is told to. */
class PacedSource extends ListedSource {
  stands: StreamStanding | undefined = {
    ...{ epoch: 1n, nextSeq: 1n, oldestRetainedSeq: null, previous: null },
  };
  skip: OutgoingSkip | undefined;
  answers: Promise<void> = Promise.resolve();

  override standing(): StreamStanding {
    return this.stands as StreamStanding;
  }

  override async opened(frame: OpenedFrame): Promise<boolean> {
    const mayFlow = await super.opened(frame);
    await this.answers;
    return mayFlow;
  }

  override take(): OutgoingMessage {
    const { skip } = this;
    this.skip = undefined;
    return (skip ?? super.take()) as OutgoingMessage;
  }
}

const CHAIN = new Uint8Array(32).fill(9);

describe("stream that is opened again", () => {
  test("[TP17] OPEN names the epoch before, and its end or that nobody knows it", async () => {
    for (const finalSeq of [7n, 0n, 2n ** 53n + 1n, null]) {
      const source = new PacedSource("adt");
      const previous = { epoch: 2n ** 53n - 1n, finalSeq };
      source.stands = { epoch: 2n ** 53n, nextSeq: 5n, oldestRetainedSeq: 2n, previous };
      await using receiver = await FakeReceiver.open();
      await using _tunnel = new TestTunnel(receiver.url, {}, [source]);
      const agent = await receiver.connection();
      await agent.welcome();
      const open = await agent.opened();
      assert.deepEqual([open.epoch, open.nextSeq, open.oldestRetainedSeq], [2n ** 53n, 5n, 2n]);
      assert.deepEqual(open.previousEpoch, previous);
    }
  });

  test("[TP18] a source that is not to be opened now is left alone, the others flow; later it is opened", async () => {
    const [moving, other] = [new PacedSource("adt", "a"), new ListedSource("oru", "b")];
    const stands = moving.stands;
    moving.stands = undefined;
    await using receiver = await FakeReceiver.open();
    await using tunnel = new TestTunnel(receiver.url, {}, [moving, other]);
    const agent = await receiver.connection();
    await agent.welcome();
    assert.equal((await agent.opened()).stream, 3);
    await tunnel.reaches("streaming");
    await until("the other one has sent", () => agent.arrivedSeqs.length === 1);
    assert.equal(agent.history.filter(({ type }) => type === "open").length, 1);
    moving.stands = stands;
    tunnel.tunnel.reopen(moving);
    assert.equal((await agent.opened()).stream, 1);
    await until("it has sent, too", () => agent.arrivedSeqs.length === 2);
  });

  test("[TP14, 06 3] while OPEN is unanswered there is no second one; it follows the answer, which counts for nothing", async () => {
    const source = new PacedSource("adt", "a");
    await using receiver = await FakeReceiver.open();
    await using tunnel = new TestTunnel(receiver.url, {}, [source]);
    const agent = await receiver.connection();
    await agent.welcome();
    const first = await agent.next("open");
    const answered = Promise.withResolvers<void>();
    source.answers = answered.promise;
    tunnel.tunnel.reopen(source);
    agent.frames.unshift(first);
    await agent.opened();
    await until("it was heard", () => source.heard.includes("opened 0 0"));
    tunnel.tunnel.reopen(source);
    source.stands = { epoch: 2n, nextSeq: 1n, oldestRetainedSeq: 1n, previous: null };
    assert.equal(agent.history.filter(({ type }) => type === "open").length, 1);
    answered.resolve();
    const second = await agent.next("open");
    assert.equal(second.epoch, 2n);
    assert.deepEqual(agent.arrivedSeqs, [], "nothing leaves on what the first one said");
    agent.frames.unshift(second);
    await agent.opened({ status: OPENED_STATUS.ok });
    await until("it flows", () => agent.arrivedSeqs.length === 1);
  });

  test("[TP31, TP20] SKIP leaves in its place, as it was given, without credit", async () => {
    const source = new PacedSource("adt", "a", "b");
    source.skip = { firstSeq: 1n, lastSeq: 2n ** 53n + 1n, reason: 4, chain: CHAIN };
    await using receiver = await FakeReceiver.open();
    await using _tunnel = new TestTunnel(receiver.url, {}, [source]);
    const agent = await receiver.connection();
    await agent.welcome({ upstreamCredit: 0 });
    await agent.opened({ credit: { streamLimit: 0 } });
    const skip = await agent.next("skip");
    const { firstSeq, lastSeq, reason } = skip;
    assert.deepEqual([firstSeq, lastSeq, reason], [1n, 2n ** 53n + 1n, 4]);
    assert.deepEqual(new Uint8Array(skip.chain ?? []), CHAIN);
    assert.deepEqual(agent.arrivedSeqs, []);
    const credit = { connectionLimit: 1 << 20, streamLimit: 1 << 20 };
    agent.send({ type: "credit", stream: 1, credit });
    await until("the messages follow", () => agent.arrivedSeqs.length === 2);
  });
});
