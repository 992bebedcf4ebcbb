import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { ERROR_CODE, REJECT_CODE, SKIP_REASON } from "#protocol/frame.ts";
import { dataFrames, PlayedAgent, textOf } from "./support/played-agent.ts";
import { ReceiverFolder } from "./support/receiver-folder.ts";

const folder = new ReceiverFolder({ more: "messageLimitBytes: 20000000" });
const receiver = await folder.open();
const { port } = receiver.address;
after(async () => {
  await receiver[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

describe("messages", () => {
  test("[TP8] [I-2] come out byte for byte, in one chunk and in many, streams interleaved", async () => {
    const { identity, stored } = await folder.newAgent();
    await using agent = await PlayedAgent.stream(port, identity);
    await agent.open({ stream: 3, channel: "files" });
    const large = new Uint8Array(300_000).map((_, i) => (i * 7) % 256);
    const one = dataFrames(1, 1n, large);
    const two = dataFrames(3, 1n, large.toReversed());
    for (const [index, frame] of one.entries()) {
      agent.send(frame);
      const other = two[index];
      if (other !== undefined) agent.send(other);
    }
    agent.sendMessages(2n, "", "z");
    await agent.acked(3n);
    const [first, ...rest] = await stored();
    assert.equal(first, Buffer.from(large).toString("latin1"));
    assert.deepEqual(rest.slice(0, 2), ["", "z"]);
  });

  test("[TP24] one ACK answers many messages, and comes within 50 ms of the commit", async () => {
    const { identity } = await folder.newAgent();
    await using agent = await PlayedAgent.stream(port, identity);
    const bodies = Array.from({ length: 500 }, (_, i) => `message ${i}`);
    agent.sendMessages(1n, ...bodies);
    let ackCount = 0;
    for (let last = 0n; last < 500n; ackCount++) last = (await agent.next("ack")).lastSeq;
    assert.ok(ackCount < 100, `${ackCount} ACKs`);
    const sentMs = performance.now();
    agent.sendMessages(501n, "x");
    await agent.acked(501n);
    assert.ok(performance.now() - sentMs < 500);
  });

  test("[TP19] [RI5] a repeat after a lost connection is acknowledged again and stored once", async () => {
    const { identity, stored } = await folder.newAgent();
    for (let round = 0; round < 2; round++) {
      await using agent = await PlayedAgent.stream(port, identity);
      agent.sendMessages(1n, "a", "b");
      await agent.acked(2n);
    }
    assert.deepEqual(await stored(), ["a", "b"]);
  });

  test("[RI1] [TP29] a wrong hash is rejected and not stored; what follows is dropped until it comes", async () => {
    const { identity, stored } = await folder.newAgent();
    await using agent = await PlayedAgent.stream(port, identity);
    agent.sendMessages(1n, "a");
    agent.send(...dataFrames(1, 2n, textOf("b"), { sha256: new Uint8Array(32) }));
    agent.sendMessages(3n, "c");
    const reject = await agent.next("reject");
    assert.deepEqual([reject.seq, reject.code, reject.permanent], [2n, REJECT_CODE.hash, false]);
    agent.sendMessages(4n, "d");
    agent.sendMessages(2n, "b", "c");
    await agent.acked(3n);
    assert.deepEqual(await stored(), ["a", "b", "c"]);
  });

  test("[RI1] a length that is not that of the message is rejected", async () => {
    const { identity, stored } = await folder.newAgent();
    await using agent = await PlayedAgent.stream(port, identity);
    agent.send(...dataFrames(1, 1n, textOf("abc"), { length: 4 }));
    assert.equal((await agent.next("reject")).code, REJECT_CODE.hash);
    assert.deepEqual(await stored(), []);
  });

  test("[TP9] an encoding that is not in force, and a message too large, are refused for good", async () => {
    const { identity, stored } = await folder.newAgent();
    await using agent = await PlayedAgent.stream(port, identity);
    agent.send(...dataFrames(1, 1n, textOf("abc"), { encoding: 1 }));
    const encoded = await agent.next("reject");
    assert.deepEqual([encoded.code, encoded.permanent], [REJECT_CODE.refused, true]);
    const [first] = dataFrames(1, 1n, new Uint8Array(100_000));
    assert.ok(first);
    agent.send({ ...first, total: 20_000_001 });
    const large = await agent.next("reject");
    assert.deepEqual([large.code, large.permanent], [REJECT_CODE.tooLarge, true]);
    agent.sendMessages(1n, "fits");
    await agent.acked(1n);
    assert.deepEqual(await stored(), ["fits"]);
  });

  test("[RI4] [TP29] a gap is rejected; after OPEN the stream goes on", async () => {
    const { identity, stored } = await folder.newAgent();
    await using agent = await PlayedAgent.stream(port, identity);
    agent.sendMessages(2n, "b", "c");
    const reject = await agent.next("reject");
    assert.deepEqual([reject.seq, reject.code, reject.permanent], [2n, REJECT_CODE.gap, false]);
    assert.equal((await agent.open()).lastSeq, 0n);
    agent.sendMessages(1n, "a", "b", "c");
    await agent.acked(3n);
    assert.deepEqual(await stored(), ["a", "b", "c"]);
  });

  test("[RI5] a conflict is rejected for good, and nothing behind it passes", async () => {
    const { identity, stored } = await folder.newAgent();
    await using agent = await PlayedAgent.stream(port, identity);
    agent.sendMessages(1n, "a", "b");
    await agent.acked(2n);
    agent.sendMessages(1n, "a", "other", "c", "d");
    const reject = await agent.next("reject");
    assert.deepEqual([reject.seq, reject.code, reject.permanent], [2n, REJECT_CODE.conflict, true]);
    agent.sendMessages(3n, "c");
    agent.send({ type: "ping", stream: 0, nonce: 1 });
    await agent.next("pong");
    assert.equal((await agent.open()).lastSeq, 2n);
    assert.deepEqual(await stored(), ["a", "b"]);
    assert.ok(folder.logged.some((line) => line.event === "messageConflict"));
  });

  test("[TP29] however the messages behind a conflict are cut into turns, none is acknowledged", async () => {
    const { identity, stored } = await folder.newAgent();
    await using agent = await PlayedAgent.stream(port, identity);
    agent.sendMessages(1n, "a");
    await agent.acked(1n);
    agent.sendMessages(1n, "x");
    for (let seq = 2n; seq < 40n; seq++) {
      agent.sendMessages(seq, `${seq}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal((await agent.next("reject")).seq, 1n);
    assert.equal((await agent.open()).lastSeq, 1n);
    assert.deepEqual(await stored(), ["a"]);
  });

  test("[TP31] SKIP closes a rejected seq, is acknowledged, and shows as a gap", async () => {
    const { identity, stored } = await folder.newAgent();
    await using agent = await PlayedAgent.stream(port, identity);
    agent.send(...dataFrames(1, 1n, textOf("b"), { encoding: 1 }));
    await agent.next("reject");
    agent.send({
      type: "skip",
      stream: 1,
      firstSeq: 1n,
      lastSeq: 1n,
      reason: SKIP_REASON.quarantined,
      chain: new Uint8Array(32).fill(9),
    });
    await agent.acked(1n);
    assert.deepEqual((await agent.open()).chain, new Uint8Array(32).fill(9));
    agent.sendMessages(2n, "b");
    await agent.acked(2n);
    assert.deepEqual(await stored(), ["b"]);
    const gaps = (await folder.export()).filter((row) => row["gap"] === "quarantined");
    assert.deepEqual([gaps[0]?.["firstSeq"], gaps[0]?.["lastSeq"]], [1, 1]);
  });

  test("[TP8] chunks that do not follow each other are answered ERROR", async () => {
    const { identity } = await folder.newAgent();
    const frames = dataFrames(1, 1n, new Uint8Array(100_000));
    const [first, second, third] = frames;
    assert.ok(first && second && third);
    const cases = [
      { what: "no FIRST", sent: [second], code: ERROR_CODE.outOfOrder },
      { what: "second FIRST", sent: [first, first], code: ERROR_CODE.outOfOrder },
      { what: "hole", sent: [first, third], code: ERROR_CODE.outOfOrder },
      { what: "other seq", sent: [first, { ...second, seq: 2n }], code: ERROR_CODE.outOfOrder },
      {
        what: "SKIP inside",
        sent: [
          first,
          { type: "skip", stream: 1, firstSeq: 1n, lastSeq: 1n, reason: 1, chain: null } as const,
        ],
        code: ERROR_CODE.outOfOrder,
      },
    ];
    for (const { what, sent, code } of cases) {
      await using agent = await PlayedAgent.stream(port, identity);
      agent.send(...sent);
      assert.equal((await agent.next("error")).code, code, what);
    }
  });
});

describe("export", () => {
  test("shows a time beyond all dates as the last, and goes on", async () => {
    const { identity } = await folder.newAgent();
    await using agent = await PlayedAgent.stream(port, identity);
    agent.send(...dataFrames(1, 1n, textOf("a"), { receivedAtMs: Number.MAX_SAFE_INTEGER }));
    await agent.acked(1n);
    const times = (await folder.export()).map((row) => row["receivedAt"]);
    assert.ok(times.includes("+275760-09-13T00:00:00.000Z"));
  });
});
